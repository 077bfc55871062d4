//! How long sessions live, idle and at most.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Which of the three lifetimes a session has; fixed when it is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// An ordinary sign-in; its cookie goes with the browser.
    Standard,
    /// "Keep me signed in": the cookie survives the browser's end.
    Persistent,
    /// Whoever has the label `admin`, whatever they ticked.
    Administrator,
}

/// The two limits of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetime {
    /// Without a request for this long, it expires.
    pub idle: Duration,
    /// After this long it expires, used or not.
    pub absolute: Duration,
}

impl Lifetime {
    /// The smaller of both, limit by limit.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self { idle: self.idle.min(other.idle), absolute: self.absolute.min(other.absolute) }
    }

    /// The same, but over after this long at the latest.
    #[must_use]
    pub fn within(self, longest: Duration) -> Self {
        self.min(Self { idle: longest, absolute: longest })
    }

    /// How far "last seen" may lag behind: a touch is written once it is this old, so a request does not cost a write.
    pub fn touch_step(self) -> Duration {
        (self.idle / 16).clamp(Duration::from_secs(15), Duration::from_mins(15))
    }
}

/// The limits in force, from the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For [`Kind::Standard`].
    pub standard: Lifetime,
    /// For [`Kind::Persistent`].
    pub persistent: Lifetime,
    /// For [`Kind::Administrator`].
    pub administrator: Lifetime,
    /// Live sessions that one user may have; the next sign-in ends the one that is idle longest.
    pub sessions_per_user: u32,
}

impl Limits {
    /// The limits for a session of this kind.
    pub const fn of(&self, kind: Kind) -> Lifetime {
        match kind {
            Kind::Standard => self.standard,
            Kind::Persistent => self.persistent,
            Kind::Administrator => self.administrator,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        const HOUR: Duration = Duration::from_hours(1);
        const DAY: Duration = Duration::from_hours(24);
        Self {
            standard: Lifetime { idle: HOUR, absolute: DAY },
            persistent: Lifetime { idle: DAY.saturating_mul(7), absolute: DAY.saturating_mul(30) },
            administrator: Lifetime { idle: Duration::from_mins(15), absolute: HOUR.saturating_mul(12) },
            sessions_per_user: 25,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_touch_step_is_a_sixteenth_of_idle_within_bounds() {
        let step = |secs| Lifetime { idle: Duration::from_secs(secs), absolute: Duration::MAX }.touch_step().as_secs();
        assert_eq!(step(3600), 225);
        assert_eq!(step(60), 15);
        assert_eq!(step(7 * 86_400), 900);
    }
}
