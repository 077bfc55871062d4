//! What a check saw, and what the nemesis did meanwhile.

use std::fmt;

use super::check::Violation;
use super::record::{Deeds, How, Life, Operation, Outcome};

/// What had happened when the first violation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct First {
    /// Operations that had ended.
    pub operations: usize,
    /// Processes that had been killed, also in a start.
    pub kills: usize,
}

/// What a check saw.
#[derive(Debug, Default)]
pub struct Report {
    pub operations: usize,
    pub unanswered: usize,
    /// Processes that were killed while they served, from outside or at a step.
    pub kills: usize,
    /// Of these, how many while an operation had begun and had no answer yet.
    pub in_flight: usize,
    /// Processes that were killed before they served.
    pub starts: usize,
    /// Starts at which everyone had to be signed out, since the clock was behind.
    pub signed_out: usize,
    /// Acknowledged blocks of users.
    pub blocks: usize,
    pub deeds: Deeds,
    pub soon: usize,
    pub violations: Vec<Violation>,
    pub first: Option<First>,
}

impl Report {
    /// Counts the processes that were killed, and what that hit.
    pub fn count_kills(&mut self, lives: &[Life], operations: &[Operation]) {
        for (server, life) in lives.iter().enumerate() {
            let Some(death) = life.death.filter(|death| death.how != How::Asked) else { continue };
            if life.listens.is_none() {
                self.starts += 1;
                continue;
            }
            let own = || operations.iter().filter(|operation| operation.server as usize == server);
            let (earliest, latest) = if death.how == How::Struck {
                // After its last answer.
                let answered = own().filter(|operation| operation.outcome != Outcome::Unanswered);
                (answered.map(|operation| operation.end).max().unwrap_or(0), death.gone)
            } else {
                (death.sent, death.sent)
            };
            self.kills += 1;
            self.in_flight += usize::from(own().any(|operation| {
                operation.outcome == Outcome::Unanswered && operation.start < latest && operation.end > earliest
            }));
        }
    }

    pub fn add(&mut self, other: Self) {
        if self.first.is_none() {
            self.first = other.first.map(|first| First {
                operations: first.operations + self.operations,
                kills: first.kills + self.kills + self.starts,
            });
        }
        self.operations += other.operations;
        self.blocks += other.blocks;
        self.unanswered += other.unanswered;
        self.kills += other.kills;
        self.in_flight += other.in_flight;
        self.starts += other.starts;
        self.signed_out += other.signed_out;
        self.deeds.add(&other.deeds);
        self.soon += other.soon;
        self.violations.extend(other.violations);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operations, unanswered, kills, in_flight, starts, signed_out, blocks, soon, violations, .. } = self;
        let Deeds { struck, fills, unconfirmed, compactions, jumps, shoves } = &self.deeds;
        write!(
            f,
            "history: {operations} operations, {unanswered} of them unanswered, {blocks} blocks, {kills} kills while serving, {in_flight} of \
             them hit a request in flight, {starts} kills in a start, {fills} full disks with {unconfirmed} unconfirmed \
             answers, {compactions} compactions, {jumps} clocks moved between starts and {shoves} under way, everyone signed out by {signed_out} of \
             them, {soon} resolves started within 10 ms after an acknowledged end of the same session, {} violations",
            violations.len()
        )?;
        if !struck.is_empty() {
            write!(f, "; killed at steps:")?;
        }
        struck.iter().try_for_each(|(step, times)| write!(f, " {step} {times}"))
    }
}
