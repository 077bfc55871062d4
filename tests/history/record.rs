//! What was asked of the server, when, and what came of it.

use std::collections::BTreeMap;
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
    /// Nobody can sign in as this user from here on. Never two at once, of whatever users; its end of sessions stands as an
    /// operation of its own.
    Block(User),
    /// They can again.
    Unblock(User),
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

/// One server process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// Before it was started.
    pub begun: Moment,
    /// After it said that it listens; `None` if it never did.
    pub listens: Option<Moment>,
    /// By how many nanoseconds its clock is ahead of [`now`]'s.
    pub offset: i64,
    /// The last one may have none.
    pub death: Option<Death>,
}

/// A process is gone: what ended it came after `sent`, and at `gone` it could do no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Death {
    pub sent: Moment,
    pub gone: Moment,
    pub how: How,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It was asked to.
    Asked,
    /// Somebody killed it, at any time.
    Killed,
    /// It killed itself at a step.
    Struck,
}

/// What the nemesis did beside ending processes.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Deeds {
    /// At which steps processes killed themselves, and how often.
    pub struck: BTreeMap<String, usize>,
    /// How often the disk was full.
    pub fills: usize,
    /// How many answers said in that time that nothing could be confirmed.
    pub unconfirmed: usize,
    /// How often the database was compacted under a process that served.
    pub compactions: usize,
    /// How often a process was started with another clock than the one before.
    pub jumps: usize,
    /// How often the clock was moved under a process that runs.
    pub shoves: usize,
}

impl Deeds {
    pub fn add(&mut self, other: &Self) {
        for (step, times) in &other.struck {
            *self.struck.entry(step.clone()).or_default() += times;
        }
        self.fills += other.fills;
        self.compactions += other.compactions;
        self.unconfirmed += other.unconfirmed;
        self.jumps += other.jumps;
        self.shoves += other.shoves;
    }
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
    /// By process.
    pub lives: Vec<Life>,
    pub deeds: Deeds,
    /// What a process said that did not start on what was there.
    pub stuck: Option<String>,
    /// When the last process was started, after a clean end of the one before, with nobody else asking.
    pub last: Moment,
    pub totals: Option<Totals>,
    /// No session runs out before this time by the server's clock.
    pub lifetime: Moment,
}
