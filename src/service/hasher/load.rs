//! How much there is to hash: for those who watch, and for nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// At one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Hashes that wait for a thread.
    pub waiting: u64,
    /// Hashes under way.
    pub running: u64,
    /// Hashes done since the start.
    pub done: u64,
    /// Hashes refused since the start, since too many were waiting.
    pub refused: u64,
}

/// What it is read from.
#[derive(Default)]
pub struct Tally {
    running: AtomicU64,
    done: AtomicU64,
    refused: AtomicU64,
}

impl Tally {
    /// Counts one as running until it is dropped, and then as done, even if it panicked.
    pub fn run(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(Arc::clone(self))
    }

    pub fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// With so many that wait or run.
    pub fn load(&self, admitted: usize) -> Load {
        let running = self.running.load(Ordering::Relaxed);
        let admitted = u64::try_from(admitted).unwrap_or(u64::MAX);
        Load {
            waiting: admitted.saturating_sub(running),
            running,
            done: self.done.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}

/// One hash under way.
pub struct Running(Arc<Tally>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
        self.0.done.fetch_add(1, Ordering::Relaxed);
    }
}
