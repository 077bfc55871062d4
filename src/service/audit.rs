//! Looking things up in the audit log, and handing it out.

mod export;
mod line;

use super::Service;
use crate::domain::audit::search::{Filter, Page, Query};
use crate::domain::audit::{Event, Meant, SearchError, Typed, parse_actor};
use crate::domain::ending::Actor;
use crate::domain::id::UserId;
use crate::store::{Result, StoreError};

pub use self::export::{Export, Pages};
pub use self::line::Line;

/// Why there is nothing to find.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// What was typed does not parse.
    #[error(transparent)]
    Typed(#[from] SearchError),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Service {
    /// The question that somebody typed.
    pub async fn asked(&self, typed: &Typed) -> std::result::Result<Query, AskError> {
        let meant = Meant {
            user: self.somebody("user", &typed.user).await?,
            actor: self.actor(&typed.actor).await?,
            target: self.somebody("target", &typed.target).await?,
        };
        Ok(typed.query(meant)?)
    }

    /// A user by address or id. Whoever was deleted is still known by the id.
    async fn somebody(&self, field: &'static str, text: &str) -> std::result::Result<Option<UserId>, AskError> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        match self.named(text).await? {
            Some(user) => Ok(Some(user.id)),
            None => Ok(Some(text.parse().map_err(|_| SearchError::User(field))?)),
        }
    }

    async fn actor(&self, text: &str) -> std::result::Result<Option<Actor>, AskError> {
        let text = text.trim();
        if let Some(actor) = parse_actor(text) {
            return Ok(Some(actor));
        }
        // As events name them.
        let text = text.strip_prefix("user:").unwrap_or(text);
        let found = self.somebody("actor", text).await.map_err(|error| match error {
            AskError::Typed(SearchError::User(_)) => SearchError::Actor.into(),
            other => other,
        })?;
        Ok(found.map(Actor::User))
    }

    /// One page of a search.
    pub async fn find(&self, query: &Query) -> Result<Page> {
        self.store.find(query).await
    }

    /// The oldest event there is: how far the log reaches back.
    pub async fn oldest_event(&self) -> Result<Option<Event>> {
        let oldest = Query { rows: 1, ..Query::first(Filter::default()).oldest_first() };
        Ok(self.store.find(&oldest).await?.rows.pop())
    }
}
