//! The operator and the audit log.

use serde::{Deserialize, Serialize};

use super::{Command, Needs, Operator, Refused};
use crate::domain::audit::search::Query;
use crate::domain::audit::{Meant, Typed};
use crate::domain::key::Scope;
use crate::service::audit::{AskError, Line};

/// Events that are answered at once.
const ROWS: usize = 500;

/// One page of events.
#[derive(Serialize, Deserialize, Clone)]
pub struct ListEvents {
    /// Which.
    pub typed: Typed,
}

impl ListEvents {
    /// Whether it can be asked at all.
    pub fn check(&self) -> Result<(), Refused> {
        self.typed.query(Meant::default()).map(drop).map_err(Refused::usage)
    }
}

/// The page.
#[derive(Serialize, Deserialize)]
pub struct Events {
    /// Its rows.
    pub rows: Vec<Line>,
    /// Where the next one starts.
    pub next: Option<String>,
}

impl Command for ListEvents {
    const NAME: &'static str = "audit-list";
    const NEEDS: Needs = Needs::Scope(Scope::AuditRead);
    type Answer = Events;

    async fn run(self, operator: &Operator) -> Result<Events, Refused> {
        let service = &operator.service;
        let query = service.asked(&self.typed).await.map_err(|error| match error {
            AskError::Typed(error) => Refused::usage(error),
            AskError::Store(error) => Refused::failed(error),
        })?;
        let page = service.find(&Query { rows: ROWS, ..query }).await?;
        let rows = page.rows.iter().map(Line::from).collect();
        Ok(Events { rows, next: page.next.map(|cursor| cursor.to_string()) })
    }
}
