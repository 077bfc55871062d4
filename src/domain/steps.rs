//! Named steps at which a test has the process kill itself, so that a crash strikes there and nowhere else. Only with the
//! feature `seeded-bugs`: in a normal build a step is nothing.
//!
//! `SESSIOND_KILL_AT=journal-written:17` strikes when that step is reached for the seventeenth time.

#[cfg(feature = "seeded-bugs")]
pub use self::armed::{STEPS, reach};

/// Says that a step has been reached.
macro_rules! reached {
    ($step:literal) => {
        #[cfg(feature = "seeded-bugs")]
        $crate::domain::steps::reach($step);
    };
}

pub(crate) use reached;

#[cfg(feature = "seeded-bugs")]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use rustix::process::{Signal, getpid, kill_process};

    /// What `SESSIOND_KILL_AT` may name, in the order in which a process comes by.
    pub const STEPS: [&str; 38] = [
        // Opening.
        "locked",
        "swap-settled",
        "database-opened",
        "doubt-created",
        "doubt-noted",
        "journal-opened",
        "directories-synced",
        "replaying",
        "replayed",
        "replay-flushed",
        "replay-synced",
        "begun-afresh",
        "index-loaded",
        "everyone-ended",
        "doubt-removed",
        "doubt-settled",
        // A group of changes.
        "transaction-due",
        "transaction-made",
        "journal-written",
        "journal-synced",
        "flushed",
        "synced",
        "confirmed",
        "answered",
        // The next file of the journal.
        "rotation-due",
        "rotation-written",
        "rotation-synced",
        // Restoring, and what it shares with compacting.
        "copy-filled",
        "copy-redrawn",
        "copy-read",
        "copy-synced",
        "old-aside",
        "old-aside-synced",
        "copy-in-place",
        "copy-in-place-synced",
        "old-removed",
        "journal-aside",
        "journal-anew",
    ];

    struct Armed {
        step: String,
        /// How often it is still to be reached.
        left: AtomicU64,
    }

    /// Ends this process with SIGKILL if it was told to do so here.
    ///
    /// # Panics
    /// If `SESSIOND_KILL_AT` cannot be read or names no step, or `step` is none: a misspelt step would never be reached.
    pub fn reach(step: &str) {
        static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
        let known = |step: &str| assert!(STEPS.contains(&step), "there is no step called {step}");
        known(step);
        let armed = ARMED.get_or_init(|| {
            let text = std::env::var("SESSIOND_KILL_AT").ok()?;
            let (step, count) = text.split_once(':').expect("SESSIOND_KILL_AT: a step and a number");
            known(step);
            let left = count.parse().expect("SESSIOND_KILL_AT: a number");
            Some(Armed { step: step.to_owned(), left: AtomicU64::new(left) })
        });
        if let Some(armed) = armed
            && armed.step == step
            && armed.left.fetch_sub(1, Ordering::SeqCst) == 1
        {
            // The signal of a plain kill, which nobody can handle.
            let _ = kill_process(getpid(), Signal::KILL);
            loop {
                thread::park();
            }
        }
    }
}
