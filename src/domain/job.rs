//! Ending many sessions by a filter: a job, which goes on until it is done, also after a crash.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::audit::Detail;
use super::clock::{Entropy, random};
use super::ending::{Actor, Ending, Note, Reason};
use super::id::{SessionId, hex};
use super::listing::{Direction, Filter, Order, Query, Status};
use super::timestamp::Timestamp;

/// A job's public id: 64 random bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobId([u8; 8]);

/// Not a job's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a job's id has 16 hexadecimal digits, like 0199f2a47d3c7000")]
pub struct JobIdError;

impl JobId {
    /// A fresh id.
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self(random(entropy))
    }

    /// The bytes under which it is stored.
    pub const fn bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl FromStr for JobId {
    type Err = JobIdError;

    fn from_str(text: &str) -> Result<Self, JobIdError> {
        let digits = text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let number = digits.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        number.map(|number| Self(number.to_be_bytes())).ok_or(JobIdError)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is to be done. Nothing of it changes once it is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Which sessions are to end: of those that were created before it was accepted.
    pub filter: Filter,
    /// The same in the words of whoever asked.
    pub asked: Detail,
    /// Who asked.
    pub by: Actor,
    /// Why.
    pub note: Note,
    /// From where.
    pub from: Option<IpAddr>,
    /// The session in which it was asked for: it goes on, whether it is meant or not.
    pub spared: Option<SessionId>,
    /// When it was accepted.
    pub accepted: Timestamp,
}

impl Assignment {
    /// The first page of those that are still to end.
    pub fn left(&self) -> Query {
        left(&self.filter, self.accepted)
    }

    /// How each of them ends.
    pub fn ending(&self) -> Ending {
        Ending { note: Some(self.note.clone()), ..Ending::new(self.by.clone(), Reason::Revoked, self.from) }
    }
}

/// The first page of what is still to end of that which `filter` means, where the order was accepted then. In the order of
/// sign-in, in which nothing moves.
pub fn left(filter: &Filter, accepted: Timestamp) -> Query {
    let mut filter = Filter { status: Status::Live, ..filter.clone() };
    // Whoever signed in before they asked may have done so in the same millisecond.
    let after = accepted + Duration::from_millis(1);
    filter.created.to = Some(filter.created.to.map_or(after, |to| to.min(after)));
    let (order, direction) = (Order::SignedIn, Direction::Ascending);
    Query { order, direction, rows: Query::MOST_ROWS, ..Query::first(filter) }
}

/// How far a job has got.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// So many sessions it has come to.
    pub examined: u64,
    /// So many of them it has ended: the others were past by then.
    pub ended: u64,
    /// Whether there is more to do.
    pub state: JobState,
}

/// Whether there is more to do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum JobState {
    /// It goes on, or waits for its turn.
    #[default]
    Running,
    /// No session is left that was to end.
    Done(Timestamp),
    /// It was given up, for this reason. What it has ended stays so.
    Failed(Timestamp, Detail),
}

impl JobState {
    /// Since when it is over, if it is.
    pub const fn since(&self) -> Option<Timestamp> {
        match self {
            Self::Running => None,
            Self::Done(at) | Self::Failed(at, _) => Some(*at),
        }
    }

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done(_) => "done",
            Self::Failed(..) => "failed",
        }
    }
}

/// A job as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its public id.
    pub id: JobId,
    /// What is to be done.
    pub assignment: Assignment,
    /// How far it has got.
    pub progress: Progress,
}

impl Job {
    /// A job of which nothing is done yet.
    pub fn new(id: JobId, assignment: Assignment) -> Self {
        Self { id, assignment, progress: Progress::default() }
    }

    /// Whether there is more to do.
    pub const fn is_running(&self) -> bool {
        self.progress.state.since().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::OsEntropy;
    use super::*;

    #[test]
    fn a_jobs_id_has_one_spelling() {
        let id = JobId::new(&OsEntropy);
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "0199f2a47d3c700", "0199f2a47d3c70000", "+199f2a47d3c7000", "0199F2A47D3C7000"] {
            assert_eq!(bad.parse::<JobId>(), Err(JobIdError), "{bad}");
        }
    }

    #[test]
    fn what_is_left_was_created_by_the_moment_of_acceptance_and_is_live() {
        let at = Timestamp::from_millis;
        let mut assignment = Assignment {
            filter: Filter::default(),
            asked: Detail::new("everything"),
            by: Actor::Operator,
            note: Note::parse("audit").ok().flatten().unwrap(),
            from: None,
            spared: None,
            accepted: at(10),
        };
        assert_eq!(assignment.left().filter.created.to, Some(at(11)));
        assignment.filter.created.to = Some(at(5));
        assignment.filter.status = Status::Any;
        assert_eq!(assignment.left().filter.created.to, Some(at(5)));
        assert_eq!(assignment.left().filter.status, Status::Live);
    }
}
