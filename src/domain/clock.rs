//! Time and randomness, handed in. Nothing else in the crate asks the machine for either.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::timestamp::Timestamp;

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// The present time. Never goes backwards within one process.
    fn now(&self) -> Timestamp;

    /// How long it is since some moment that stays the same, in the finest steps there are: for telling how long something
    /// took, and nothing else.
    fn elapsed(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.now().millis()).unwrap_or(0))
    }
}

/// Where secrets come from.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with unpredictable bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// `N` unpredictable bytes.
pub fn random<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

/// Wall time at the start and, after it, time that only goes forward, so that a clock set back or forth while the server
/// runs moves no session's end. Time that the machine spends asleep counts.
pub struct SystemClock {
    wall: Timestamp,
    started: Duration,
}

impl SystemClock {
    /// Reads the wall clock once.
    #[allow(clippy::disallowed_methods, reason = "this is the clock that is handed in")]
    pub fn new() -> Self {
        let wall = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => Timestamp::from_millis(0) + after,
            Err(before) => Timestamp::from_millis(0) - before.duration(),
        };
        Self { wall, started: since_boot() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        self.wall + since_boot().saturating_sub(self.started)
    }

    fn elapsed(&self) -> Duration {
        since_boot()
    }
}

/// `Instant` stands still on Linux while the machine sleeps; this does not.
#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(not(target_os = "linux"))]
#[allow(clippy::disallowed_methods, reason = "this is the clock that is handed in")]
fn since_boot() -> Duration {
    static FIRST: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    FIRST.elapsed()
}

/// A clock that tests move by hand.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.millis()))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.0.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// The operating system's generator.
pub struct OsEntropy;

impl Entropy for OsEntropy {
    /// # Panics
    /// If the operating system has no randomness to give: no credential may be made then.
    #[allow(clippy::disallowed_methods, reason = "this is the entropy that is handed in")]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system's random generator answers");
    }
}
