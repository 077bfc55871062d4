//! How far webhooks have got.

use async_trait::async_trait;

use super::Sled;
use super::trees::Place;
use super::view::View;
use crate::domain::id::EventSeq;
use crate::domain::webhook::WebhookName;
use crate::store::{Outbox, Result};

#[async_trait]
impl Outbox for Sled {
    async fn delivered(&self, webhook: &WebhookName) -> Result<Option<EventSeq>> {
        self.handle().await?.shared.trees.get(Place::Delivered, webhook.as_str().as_bytes())
    }

    async fn note_delivered(&self, webhook: &WebhookName, upto: EventSeq) -> Result<()> {
        let key = webhook.as_str().as_bytes().to_vec();
        self.commit(move |step| step.put(Place::Delivered, &key, &upto)).await
    }
}
