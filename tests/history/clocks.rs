//! What the clocks of the processes explain: sessions that ran out by a clock set forth, and everyone signed out since a
//! clock was behind the newest record. A process reads the wall clock once, when it starts.

use super::record::{Life, Moment, Operation, Outcome, Server, What};
use super::sweep::Sweep;

/// How far a clock may be behind.
const TOLERANCE: i64 = 5 * 60 * SECOND;
/// Between two readings of clocks that somebody compares.
const SLACK: i64 = 5 * SECOND;
const SECOND: i64 = 1_000_000_000;

pub struct Clocks<'a>(pub &'a [Life]);

/// A moment by the clock of this process.
fn by(life: &Life, moment: Moment) -> i64 {
    i64::try_from(moment).unwrap_or(i64::MAX).saturating_add(life.offset)
}

impl Clocks<'_> {
    /// Whether any process up to `last` can have found at `until` that so much time had passed since a moment of the process
    /// `first`.
    pub fn may_have_passed(
        &self,
        time: Moment,
        (first, since): (Server, Moment),
        (last, until): (Server, Moment),
    ) -> bool {
        let Some(lives) = self.0.get(first as usize..=last as usize) else {
            return until.saturating_sub(since) >= time;
        };
        let since = by(&lives[0], since);
        let time = i64::try_from(time).unwrap_or(i64::MAX);
        lives.iter().any(|life| {
            let last = life.death.map_or(until, |death| death.gone.min(until));
            by(life, last).saturating_sub(since) >= time
        })
    }

    /// The starts at which everyone was signed out, or may have been.
    pub fn sweeps(&self, operations: &[Operation]) -> Vec<Sweep> {
        let mut sweeps = Vec::new();
        // The latest stamp that anything can bear, and one that the last event certainly bears at least.
        let (mut newest, mut certain) = (0, None);
        for (number, life) in self.0.iter().enumerate() {
            let over = life.listens.or(life.death.map(|death| death.gone)).unwrap_or(Moment::MAX);
            if newest - by(life, life.begun) > TOLERANCE - SLACK {
                let done = life.listens.is_some_and(|listens| {
                    certain.is_some_and(|stamp: i64| stamp - by(life, listens) > TOLERANCE + SLACK)
                });
                if done {
                    newest = by(life, over);
                }
                certain = None;
                sweeps.push(Sweep { start: life.begun, end: over, until: over, keep: None, done, by_clock: true });
            }
            if life.listens.is_some() {
                let acknowledged = operations.iter().filter(|operation| {
                    operation.server as usize == number
                        && operation.outcome == Outcome::Done
                        && matches!(operation.what, What::SignIn { .. })
                });
                certain = acknowledged.map(|operation| by(life, operation.start)).max();
            }
            if let Some(death) = life.death {
                newest = newest.max(by(life, death.gone));
            }
        }
        sweeps
    }
}
