//! Opening a store anew that has failed, or whose database has been exchanged, while requests go on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle as Runtime;

use super::mode::Mode;
use super::open::{self, Carried, OpenError};
use super::upkeep::UpkeepError;
use super::{Handle, Inner, Sled, State, space, trusted};

/// How long to wait before what failed is tried once more; twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Never longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A store that has not failed for so long is opened anew at once.
const CALM: Duration = Duration::from_mins(1);
/// The longest rest of one that has.
const LONGEST_REST: Duration = Duration::from_secs(5);
/// How often to look whether the last reader of a store that is let go has gone.
const READER_PAUSE: Duration = Duration::from_millis(1);

/// The right to open the store anew, or to have it to oneself.
pub struct Claim(Arc<Inner>);

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.claimed.store(false, Ordering::Release);
    }
}

impl Sled {
    /// Has the store opened anew once that is of use, unless somebody is at it.
    pub(super) fn mend(&self) {
        if let Some(claim) = self.claim() {
            let runtime = Runtime::current();
            thread::spawn(move || claim.0.mend(&runtime));
        }
    }

    /// Nobody else opens the store anew as long as the claim is held.
    pub(super) fn claim(&self) -> Option<Claim> {
        let taken = self.0.claimed.swap(true, Ordering::AcqRel);
        (!taken).then(|| Claim(Arc::clone(&self.0)))
    }
}

impl Claim {
    /// Puts something else in the place of the database, and opens it. Blocks. Does nothing with a store that was closed
    /// meanwhile: its folder may be somebody else's by now.
    pub fn exchange<T>(
        &self,
        runtime: &Runtime,
        put: impl FnOnce(&Path, &mut Carried) -> Result<T, UpkeepError>,
    ) -> Result<T, UpkeepError> {
        let mut carried = self.0.shut(runtime).ok_or(UpkeepError::Busy)?;
        let done = put(&self.0.folder, &mut carried);
        self.0.reopen(runtime, carried);
        done
    }
}

impl Inner {
    /// Waits until the disk can be written again, and opens the store anew. Until then requests are served from what is
    /// open, as far as it goes.
    fn mend(&self, runtime: &Runtime) {
        let mut pauses = Pauses::default();
        let serves = loop {
            let open = match &*self.state.borrow() {
                State::Open(handle) => Some(handle.committer.mode()),
                State::Reopening => None,
                State::Closed => return,
            };
            match open {
                Some(Mode::Open) => return,
                Some(Mode::NearlyFull | Mode::Failed) => match space::probe(&self.folder) {
                    Ok(()) => break true,
                    Err(error) => pauses.next("the disk cannot be written yet", &error),
                },
                // Upkeep that was broken off: while it lasts, it has the claim.
                Some(Mode::Upkeep | Mode::Stopped) | None => break false,
            }
        };
        if serves {
            thread::sleep(self.rest());
        }
        if let Some(carried) = self.shut(runtime) {
            self.reopen(runtime, carried);
        }
    }

    /// A store that fails again and again is opened anew less and less often: meanwhile it serves as far as it can.
    fn rest(&self) -> Duration {
        let now = self.environment.clock.now();
        let mut mended = self.mended.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, pause) = *mended;
        let pause = if now.since(last) > CALM { Duration::ZERO } else { (pause * 2).clamp(FIRST_PAUSE, LONGEST_REST) };
        *mended = (now, pause);
        pause
    }

    /// Lets go of the database but not of the folder; `None` if it is closed. Requests wait from here on.
    fn shut(&self, runtime: &Runtime) -> Option<Carried> {
        // Whoever reads a snapshot may go on to its end: until then the store serves as far as it can. Not for a store that
        // serves nobody.
        if let State::Open(handle) = &*self.state.borrow()
            && handle.committer.mode() == Mode::Stopped
        {
            handle.shared.trees.break_snapshots();
        }
        let _nobody = runtime.block_on(self.reading.write());
        let mut shut = None;
        self.state.send_if_modified(|state| match state {
            State::Open(handle) => {
                shut = Some(Arc::clone(handle));
                *state = State::Reopening;
                true
            }
            State::Reopening | State::Closed => false,
        });
        let handle = shut?;
        let failed = handle.committer.mode() != Mode::Upkeep;
        runtime.block_on(handle.committer.close());
        let unconfirmed = std::mem::take(&mut *handle.shared.unconfirmed());
        let touches = handle.shared.trees.touches();
        let lock = Some(Arc::clone(&handle.lock));
        let_go(handle);
        if failed {
            space::forget_cached(&self.folder);
        }
        Some(Carried { lock, unconfirmed, touches, newest: self.newest.clone() })
    }

    /// Opens the store, however often it takes, until it is closed. What was open holds sled's lock until its last reader
    /// has gone; opening waits for that.
    fn reopen(&self, runtime: &Runtime, carried: Carried) {
        let mut pauses = Pauses::default();
        while matches!(&*self.state.borrow(), State::Reopening) {
            match self.open(runtime, carried.clone()) {
                Ok(handle) => {
                    let mut handle = Some(Arc::new(handle));
                    self.state.send_if_modified(|state| {
                        let wanted = matches!(state, State::Reopening);
                        if let Some(handle) = handle.take_if(|_| wanted) {
                            *state = State::Open(handle);
                        }
                        wanted
                    });
                    if handle.is_none() {
                        tracing::warn!("the store is open again");
                    }
                    return;
                }
                Err(error) => pauses.next("the store does not open; trying again", &error),
            }
        }
    }

    fn open(&self, runtime: &Runtime, carried: Carried) -> Result<Handle, OpenError> {
        // sled may panic on damaged pages; that is no reason to give up.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let opened = open::open(&self.folder, self.environment.clone(), carried)?;
            runtime.block_on(trusted(opened, &self.folder))
        }));
        opened.unwrap_or_else(|_| {
            let what = "the database panicked".to_owned();
            Err(OpenError::Damaged { folder: self.folder.clone(), what })
        })
    }
}

/// Drops the database once its last reader has gone. sled syncs its file when it is dropped, and panics if it cannot: that
/// must hit nobody's request.
pub fn let_go(mut handle: Arc<Handle>) {
    loop {
        match Arc::try_unwrap(handle) {
            Ok(alone) => {
                let _ = catch_unwind(AssertUnwindSafe(|| drop(alone)));
                return;
            }
            Err(shared) => handle = shared,
        }
        thread::sleep(READER_PAUSE);
    }
}

/// Longer and longer ones, up to a point; each reason is told once.
struct Pauses {
    next: Duration,
    told: String,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { next: FIRST_PAUSE, told: String::new() }
    }
}

impl Pauses {
    fn next(&mut self, what: &str, error: &dyn std::error::Error) {
        let why = open::chain(error);
        if why != self.told {
            tracing::error!("{what}: {why}");
            self.told = why;
        }
        thread::sleep(self.next);
        self.next = (self.next * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests;
