//! What a store can be told to do wrong, so that a test decides when it fails and in which order calls run.

use std::sync::Mutex;

use tokio::sync::watch;

use super::super::{Result, StoreError};
use super::lock;

/// Whether a call may change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// Whom the gate holds back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Gate {
    #[default]
    Open,
    Writes,
    All,
}

impl Gate {
    fn holds(self, access: Access) -> bool {
        match self {
            Self::Open => false,
            Self::Writes => access == Access::Write,
            Self::All => true,
        }
    }
}

#[derive(Debug, Default)]
struct Plan {
    closed: bool,
    all: bool,
    writes: bool,
    /// Calls that may change something and pass before `writes` is set.
    passing: Option<usize>,
    next: usize,
    after_write: usize,
}

/// Failures and delays on demand. Nothing fails and nothing waits unless told to.
#[derive(Debug, Default)]
pub struct Faults {
    plan: Mutex<Plan>,
    gate: watch::Sender<Gate>,
    held: watch::Sender<usize>,
}

impl Faults {
    /// Whether every call is to fail from now on. A call that fails here has done nothing.
    pub fn fail(&self, fail: bool) {
        lock(&self.plan).all = fail;
    }

    /// Whether every call that may change something is to fail from now on, while reads are answered.
    pub fn fail_writes(&self, fail: bool) {
        lock(&self.plan).writes = fail;
    }

    /// So many calls that may change something pass; those after them fail, until [`Faults::fail_writes`] says otherwise.
    pub fn fail_writes_after(&self, writes: usize) {
        lock(&self.plan).passing = Some(writes);
    }

    /// The next `calls` calls fail and do nothing.
    pub fn fail_next(&self, calls: usize) {
        lock(&self.plan).next = calls;
    }

    /// The next `writes` calls that may change something do it, and then fail: nobody can tell that it happened.
    pub fn fail_after_write(&self, writes: usize) {
        lock(&self.plan).after_write = writes;
    }

    /// Calls from now on wait, before they do anything, until [`Faults::release`].
    pub fn hold(&self) {
        self.gate.send_replace(Gate::All);
    }

    /// Calls that may change something wait from now on; reads pass.
    pub fn hold_writes(&self) {
        self.gate.send_replace(Gate::Writes);
    }

    /// Lets all waiting calls go on, and those that come.
    pub fn release(&self) {
        self.gate.send_replace(Gate::Open);
    }

    /// Waits until at least `calls` calls are waiting at the gate.
    pub async fn held(&self, calls: usize) {
        let mut held = self.held.subscribe();
        // The sender is a field of `self`, so the channel cannot be closed meanwhile.
        let _ = held.wait_for(|now| *now >= calls).await.is_ok();
    }

    /// Every later call fails, and those that wait at the gate once they go on.
    pub(super) fn close(&self) {
        lock(&self.plan).closed = true;
    }

    /// Before the step: waits at the gate, then fails if planned.
    pub(super) async fn enter(&self, what: &'static str, access: Access) -> Result<()> {
        let mut gate = self.gate.subscribe();
        let holds = gate.borrow().holds(access);
        if holds {
            let _waiting = Waiting::at(&self.held);
            if gate.wait_for(|gate| !gate.holds(access)).await.is_err() {
                return Err(unavailable(what));
            }
        }
        let mut plan = lock(&self.plan);
        if access == Access::Write
            && let Some(passing) = plan.passing
        {
            plan.passing = passing.checked_sub(1);
            plan.writes |= plan.passing.is_none();
        }
        if plan.closed || plan.all || (plan.writes && access == Access::Write) {
            return Err(unavailable(what));
        }
        if plan.next > 0 {
            plan.next -= 1;
            return Err(unavailable(what));
        }
        Ok(())
    }

    /// After the step of a write: fails if planned.
    pub(super) fn leave(&self, what: &'static str) -> Result<()> {
        let mut plan = lock(&self.plan);
        if plan.after_write > 0 {
            plan.after_write -= 1;
            return Err(unavailable(what));
        }
        Ok(())
    }
}

const fn unavailable(what: &'static str) -> StoreError {
    StoreError::Unavailable { what, source: None }
}

/// Counts a call as waiting for as long as it is: until it goes on or is given up.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl<'a> Waiting<'a> {
    fn at(held: &'a watch::Sender<usize>) -> Self {
        held.send_modify(|now| *now += 1);
        Self(held)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|now| *now -= 1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    async fn write(faults: &Faults) -> Result<()> {
        faults.enter("write", Access::Write).await?;
        faults.leave("write")
    }

    #[tokio::test]
    async fn failures_come_as_often_as_planned() {
        let faults = Faults::default();
        faults.fail_next(2);
        assert!(write(&faults).await.is_err());
        assert!(faults.enter("read", Access::Read).await.is_err());
        assert!(write(&faults).await.is_ok());

        faults.fail_after_write(1);
        assert!(faults.enter("read", Access::Read).await.is_ok());
        assert!(faults.enter("write", Access::Write).await.is_ok(), "the step is made");
        assert!(faults.leave("write").is_err(), "and its answer kept back");
        assert!(write(&faults).await.is_ok());

        faults.fail_writes(true);
        assert!(faults.enter("read", Access::Read).await.is_ok());
        assert!(write(&faults).await.is_err());
        faults.fail_writes(false);
        assert!(write(&faults).await.is_ok());

        faults.fail_writes_after(1);
        assert!(write(&faults).await.is_ok());
        assert!(write(&faults).await.is_err() && write(&faults).await.is_err());
        assert!(faults.enter("read", Access::Read).await.is_ok());
        faults.fail_writes(false);
        assert!(write(&faults).await.is_ok());
    }

    #[tokio::test]
    async fn held_calls_wait_until_they_are_released() {
        let faults = Arc::new(Faults::default());
        faults.hold_writes();
        let held: Vec<_> = (0..3)
            .map(|_| {
                let faults = Arc::clone(&faults);
                tokio::spawn(async move { write(&faults).await })
            })
            .collect();
        faults.held(3).await;
        assert!(faults.enter("read", Access::Read).await.is_ok());
        assert!(held.iter().all(|call| !call.is_finished()));
        faults.release();
        for call in held {
            assert!(call.await.is_ok_and(|answer| answer.is_ok()));
        }
    }

    #[tokio::test]
    async fn a_call_that_is_held_while_the_store_closes_fails() {
        let faults = Arc::new(Faults::default());
        faults.hold();
        let other = Arc::clone(&faults);
        let held = tokio::spawn(async move { write(&other).await });
        faults.held(1).await;
        faults.close();
        faults.release();
        assert!(held.await.is_ok_and(|answer| answer.is_err()));
    }
}
