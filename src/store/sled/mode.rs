//! What the store can do, and how it gets less: after a failure, on a full disk, during upkeep.

use std::sync::atomic::{AtomicU8, Ordering};

/// What the store can do at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// Everything.
    Open,
    /// Endings only: there is hardly any room on the disk, and a database that meets a full one has to be opened anew.
    NearlyFull,
    /// Endings only: the database has failed. What was read from it before still holds.
    Failed,
    /// Endings only: the database is being written anew.
    Upkeep,
    /// Nothing: the journal has failed, or sled has panicked, or it is closed. What memory holds may not be so.
    Stopped,
}

impl Mode {
    const ALL: [Self; 5] = [Self::Open, Self::NearlyFull, Self::Failed, Self::Upkeep, Self::Stopped];

    /// Why nothing can be changed now, or nothing but endings.
    pub const fn what(self) -> &'static str {
        match self {
            Self::Open => "the database is open",
            Self::NearlyFull => {
                "the disk is full; until there is room, sessions can be ended and nothing else can be done"
            }
            Self::Failed => {
                "the database has failed; until it is mended, sessions can be ended and nothing else can be done"
            }
            Self::Upkeep => {
                "the database is being written anew; until then, sessions can be ended and nothing else can be done"
            }
            Self::Stopped => "the database has stopped after a failure or because it was closed",
        }
    }
}

/// The mode, shared with whoever hands in changes.
#[derive(Default)]
pub struct Present(AtomicU8);

impl Present {
    pub fn get(&self) -> Mode {
        Mode::ALL.get(usize::from(self.0.load(Ordering::Acquire))).copied().unwrap_or(Mode::Stopped)
    }

    /// Never back to a better one: only opening anew leads there.
    pub fn set(&self, mode: Mode) {
        self.0.fetch_max(mode as u8, Ordering::AcqRel);
    }
}
