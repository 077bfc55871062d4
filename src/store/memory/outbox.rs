//! How far webhooks have got.

use async_trait::async_trait;

use super::super::{Outbox, Result};
use super::{Memory, lock};
use crate::domain::id::EventSeq;
use crate::domain::webhook::WebhookName;

#[async_trait]
impl Outbox for Memory {
    async fn delivered(&self, webhook: &WebhookName) -> Result<Option<EventSeq>> {
        self.read("read a webhook's place", || lock(&self.delivered).get(webhook).copied()).await
    }

    async fn note_delivered(&self, webhook: &WebhookName, upto: EventSeq) -> Result<()> {
        self.write("note a webhook's place", || {
            lock(&self.delivered).insert(webhook.clone(), upto);
        })
        .await
    }
}
