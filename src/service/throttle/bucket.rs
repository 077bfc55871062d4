//! One budget: the generic cell rate algorithm, which needs one number for it.

use std::time::Duration;

use super::rate::Rate;
use crate::domain::timestamp::Timestamp;

/// Tries that were taken and have not come back yet. An empty one is as good as none.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    /// When all of them will have come back, in microseconds.
    full: i64,
    /// When somebody was last told that there are none left, in microseconds.
    told: i64,
}

impl Default for Bucket {
    fn default() -> Self {
        Self { full: i64::MIN, told: i64::MIN }
    }
}

impl Bucket {
    /// How long until a try is left; `None` if there is one now.
    pub fn wait(&self, rate: Rate, now: Timestamp) -> Option<Duration> {
        let now = micros(now);
        let early = self.full.max(now).saturating_add(rate.interval()).saturating_sub(rate.whole());
        let wait = u64::try_from(early.saturating_sub(now)).unwrap_or(0);
        (wait > 0).then(|| Duration::from_micros(wait))
    }

    /// Takes one.
    pub fn take(&mut self, rate: Rate, now: Timestamp) {
        self.full = self.full.max(micros(now)).saturating_add(rate.interval());
    }

    /// Gives one back.
    pub fn give_back(&mut self, rate: Rate) {
        self.full = self.full.saturating_sub(rate.interval());
    }

    /// Notes that somebody is told that there are none left, unless that was noted less than the rate's period ago.
    pub fn tell(&mut self, rate: Rate, now: Timestamp) -> bool {
        let now = micros(now);
        let due = self.told.saturating_add(rate.whole()) <= now;
        if due {
            self.told = now;
        }
        due
    }

    /// When it will be full again, in microseconds: what is nearest can be forgotten with the least harm.
    pub const fn full(&self) -> i64 {
        self.full
    }

    /// Whether it is full.
    pub fn is_idle(&self, now: Timestamp) -> bool {
        self.full <= micros(now)
    }
}

fn micros(at: Timestamp) -> i64 {
    at.millis().saturating_mul(1000)
}
