//! All events of a search, page by page, as they were when it began.
//!
//! Nothing of it is kept in memory but one page. Whoever asked must stay signed in: each page asks for that anew.

use crate::domain::audit::search::{Cursor, Filter, Query};
use crate::domain::audit::{Action, Detail, Draft, Event, Outcome};
use crate::domain::credential::Credential;
use crate::domain::ending::Actor;
use crate::domain::id::EventSeq;
use crate::domain::listing::{Direction, Towards};
use crate::service::Service;
use crate::service::sessions::Resolved;
use crate::store::{Result, StoreError};

/// Events that are read at once.
const ROWS: usize = 500;

/// A search with an end: what is written later is not in it. A copy starts where the original is.
#[derive(Debug, Clone)]
pub struct Export {
    query: Query,
    last: EventSeq,
    done: bool,
}

/// What comes next.
#[derive(Debug)]
pub enum Pages {
    /// These, and more may follow.
    Events(Vec<Event>),
    /// That was all.
    Done,
    /// Whoever asked is not signed in any more.
    SignedOut,
}

impl Service {
    /// Everything that `query` means, whatever its place and its rows.
    pub async fn export(&self, query: Query) -> Result<Export> {
        let newest = Query { rows: 1, ..Query::first(Filter::default()) };
        let last = self.find(&newest).await?.rows.first().map_or(EventSeq(0), |event| event.seq);
        // From the end there is now: the other end is the log's own.
        let cursor = match query.direction {
            Direction::Descending => {
                Some(Cursor { towards: Towards::Next, direction: query.direction, at: EventSeq(last.0 + 1) })
            }
            Direction::Ascending => None,
        };
        Ok(Export { query: Query { rows: ROWS, cursor, ..query }, last, done: false })
    }

    /// The next events of an export for whoever has this credential.
    pub async fn next_of(&self, export: &mut Export, credential: &Credential) -> Result<Pages> {
        if export.done {
            return Ok(Pages::Done);
        }
        if !matches!(self.resolve(credential).await?, Resolved::Live(_)) {
            return Ok(Pages::SignedOut);
        }
        let page = self.find(&export.query).await?;
        let beyond = page.rows.iter().any(|event| event.seq > export.last);
        export.query.cursor = page.next;
        export.done = beyond || page.next.is_none();
        Ok(Pages::Events(page.rows.into_iter().filter(|event| event.seq <= export.last).collect()))
    }

    /// Writes down that somebody gets so many events: before they do.
    pub async fn note_export(
        &self,
        by: Actor,
        from: Option<std::net::IpAddr>,
        what: &str,
    ) -> std::result::Result<EventSeq, StoreError> {
        let draft = Draft::new(by, Action::ExportAudit, Outcome::Success);
        self.store.record(Draft { from, detail: Some(Detail::new(what)), ..draft }).await
    }
}
