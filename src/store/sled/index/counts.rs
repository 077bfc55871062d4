//! How many there are.

use super::{Class, Status};

/// How many sessions there are of each status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub live: u64,
    pub ended: u64,
    pub expired: u64,
}

impl Counts {
    pub(super) fn of_mut(&mut self, class: Class) -> &mut u64 {
        match class {
            Class::Live => &mut self.live,
            Class::Ended => &mut self.ended,
            Class::Expired => &mut self.expired,
        }
    }

    /// How many of this status.
    pub const fn of(&self, status: Status) -> u64 {
        match status {
            Status::Live => self.live,
            Status::Ended => self.ended,
            Status::Expired => self.expired,
            Status::Any => self.live + self.ended + self.expired,
        }
    }

    /// The same with so many live ones that have expired.
    pub(super) const fn with_overdue(self, overdue: usize) -> Self {
        let overdue = overdue as u64;
        Self { live: self.live - overdue, expired: self.expired + overdue, ended: self.ended }
    }

    /// The same when all live ones, of which so many have expired, have ended.
    pub(super) const fn withdrawn(self, overdue: usize) -> Self {
        let Self { live, ended, expired } = self.with_overdue(overdue);
        Self { live: 0, ended: ended + live, expired }
    }
}
