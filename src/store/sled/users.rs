//! Users and the audit log.

use std::net::IpAddr;

use async_trait::async_trait;

use super::trees::{Place, View};
use super::{Sled, space};
use crate::domain::audit::{Draft, Event};
use crate::domain::ending::Actor;
use crate::domain::id::{EventSeq, UserKey};
use crate::domain::user::{Email, User};
use crate::store::{Audit, Result, UserCreated, Users};

#[async_trait]
impl Users for Sled {
    async fn user(&self, key: UserKey) -> Result<Option<User>> {
        self.handle().await?.shared.trees.user(key)
    }

    async fn user_by_email(&self, email: &Email) -> Result<Option<User>> {
        self.handle().await?.shared.trees.user_by_email(email)
    }

    async fn has_users(&self) -> Result<bool> {
        Ok(!self.handle().await?.shared.trees.tree(Place::Users).is_empty())
    }

    async fn create_user(&self, user: User, first: bool, by: Actor, from: Option<IpAddr>) -> Result<UserCreated> {
        space::check(&self.0.folder)?;
        self.commit(move |step| {
            let trees = &step.shared.trees;
            if first && !trees.tree(Place::Users).is_empty() {
                return Ok(UserCreated::NotFirst);
            }
            if trees.user(user.key())?.is_some() {
                return Ok(UserCreated::IdTaken);
            }
            if trees.user_by_email(&user.email)?.is_some() {
                return Ok(UserCreated::EmailTaken);
            }
            step.put(Place::Users, user.key().bytes(), &user)?;
            step.put(Place::Emails, user.email.as_str().as_bytes(), &user.key())?;
            step.event(Draft::user_created(&user, by, from))?;
            step.when_visible(move |shared| shared.note_user(&user));
            Ok(UserCreated::Done)
        })
        .await
    }
}

#[async_trait]
impl Audit for Sled {
    async fn record(&self, draft: Draft) -> Result<EventSeq> {
        self.commit(move |step| step.event(draft).map(|event| event.seq)).await
    }

    async fn events(&self, before: Option<EventSeq>, most: usize) -> Result<Vec<Event>> {
        self.read(move |shared| shared.trees.events(before).take(most).collect()).await
    }
}
