//! What was asked of the server, when, and what came of it.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Nanoseconds on the one clock of this process, which never goes back.
pub type Moment = u64;

/// A session that somebody holds the credential of, by the order in which they were answered.
pub type Session = u32;

/// A user, by the order of creation.
pub type User = u8;

/// A server process, by the order of starts.
pub type Server = u32;

#[allow(clippy::disallowed_methods, reason = "what is recorded here is real time")]
pub fn now() -> Moment {
    static START: OnceLock<Instant> = OnceLock::new();
    nanoseconds(START.get_or_init(Instant::now).elapsed())
}

pub fn nanoseconds(span: Duration) -> Moment {
    Moment::try_from(span.as_nanos()).unwrap_or(Moment::MAX)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// `session` is known only if it was answered. Epochs replaced by what starts after `stamped` cannot be in it.
    SignIn {
        user: User,
        session: Option<Session>,
        stamped: Moment,
    },
    Resolve(Session),
    End(Session),
    EndUser {
        user: User,
        keep: Option<Session>,
    },
    EndEveryone {
        keep: Option<Session>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Acknowledged; of a resolve: accepted.
    Done,
    /// Nothing was changed; of a resolve: turned away.
    Refused,
    /// Answered, and nobody knows: it has happened by then, or never will.
    Either,
    /// No answer: it may still happen as long as that process lives.
    Unanswered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// Just before the first byte was sent.
    pub start: Moment,
    /// Just after the last byte of the answer, or the end of waiting for it.
    pub end: Moment,
    /// The process at the other end of the connection.
    pub server: Server,
    pub what: What,
    pub outcome: Outcome,
}

/// A process is gone: the signal left after `sent`, and at `gone` it could do no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Death {
    pub sent: Moment,
    pub gone: Moment,
    /// Whether it was killed rather than asked.
    pub killed: bool,
}

/// What the list said at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    pub live: u64,
    pub ended: u64,
    pub expired: u64,
}

/// All of a round.
#[derive(Debug, Default)]
pub struct History {
    /// In any order.
    pub operations: Vec<Operation>,
    /// By process; the last one may have none.
    pub deaths: Vec<Death>,
    /// When the last process was started, after a clean end of the one before, with nobody else asking.
    pub last: Moment,
    pub totals: Option<Totals>,
    /// No session runs out before this time.
    pub lifetime: Moment,
}
