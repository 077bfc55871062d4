//! The only writer. It takes what waits, makes one transaction for each change, puts the whole group on disk with one
//! `flush` and one `fdatasync` of its own, and then answers everybody.
//!
//! sled's own `flush` starts the writing without waiting for the disk, hence the descriptor of our own. A write or a sync
//! that failed *poisons* the database: nobody knows what the disk holds, so nothing is read or written any more until the
//! store has been opened anew.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use tokio::sync::{mpsc, oneshot};

use super::confirmed::Confirmed;
use super::journal::{Entry, Journal};
use super::step::{Effect, Outcome, Shared, Step};
use crate::domain::id::EventSeq;
use crate::domain::steps::reached;
use crate::domain::timestamp::Timestamp;
use crate::store::{Result, StoreError};

/// Changes that may wait; a further one waits to be let in.
const QUEUE: usize = 1024;
/// The most changes that share one sync.
const GROUP: usize = 256;

/// Answers whoever asked for a change, once its group is on disk or could not be put there.
type Answer = Box<dyn FnOnce(bool) + Send>;

/// What makes a change good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// It is on disk in the database.
    Database,
    /// It is an ending and nothing else: on disk in the journal, it will be replayed over any database.
    Journal,
}

/// Without a step the answer is that nothing was tried.
type Work = Box<dyn FnOnce(Option<&mut Step<'_>>) -> (bool, Answer) + Send>;

enum Job {
    Change { work: Work, sync: bool, proof: Proof },
    Close(oneshot::Sender<()>),
}

/// The files that the committer writes beside the trees.
pub struct Disk {
    /// sled's file, opened again for syncs of our own.
    pub file: File,
    pub journal: Journal,
    pub confirmed: Confirmed,
}

/// Where changes are handed in.
pub struct Committer {
    jobs: mpsc::Sender<Job>,
    poisoned: Arc<AtomicBool>,
    thread: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Committer {
    /// Starts the thread. `next` is the first free sequence number.
    pub fn start(shared: Arc<Shared>, disk: Disk, next: EventSeq) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let poisoned = Arc::new(AtomicBool::new(false));
        let Disk { file, journal, confirmed } = disk;
        let mut writer = Writer { shared, file, journal, confirmed, next, poisoned: Arc::clone(&poisoned) };
        let thread = thread::Builder::new().name("committer".to_owned()).spawn(move || writer.run(queue))?;
        Ok(Self { jobs, poisoned, thread: std::sync::Mutex::new(Some(thread)) })
    }

    /// Fails once the database is poisoned or closed.
    pub fn healthy(&self) -> Result<()> {
        if self.poisoned.load(Ordering::Acquire) { Err(stopped()) } else { Ok(()) }
    }

    /// Runs `work` as one step and answers when it is on disk.
    pub async fn commit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Step<'_>) -> Result<T> + Send + 'static,
        proof: Proof,
    ) -> Result<T> {
        self.healthy()?;
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move |step| {
            let result = step.map_or_else(|| Err(unconfirmed()), work);
            let done = result.is_ok();
            let answer: Answer = Box::new(move |durable| {
                let result = if durable { result } else { result.and_then(|_| Err(unconfirmed())) };
                // Whoever asked may have gone; the change stands.
                let _ = answer.send(result);
            });
            (done, answer)
        });
        self.jobs.send(Job::Change { work, sync: true, proof }).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| unconfirmed())?
    }

    /// Runs `work` some time soon, or not at all if there is much to do. Nobody is told.
    pub fn submit(&self, work: impl FnOnce(&mut Step<'_>) -> Result<()> + Send + 'static) {
        let work: Work = Box::new(move |step| {
            let done = step.is_some_and(|step| work(step).is_ok());
            (done, Box::new(|_| ()))
        });
        let _ = self.jobs.try_send(Job::Change { work, sync: false, proof: Proof::Database });
    }

    /// Does what was handed in before, flushes and stops.
    pub async fn close(&self) {
        let (closed, wait) = oneshot::channel();
        if self.jobs.send(Job::Close(closed)).await.is_ok() {
            let _ = wait.await;
        }
        let thread = self.thread.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable {
        what: "the database has stopped after a failed write or because it was closed",
        source: None,
    }
}

fn unconfirmed() -> StoreError {
    StoreError::Unavailable { what: "the change could not be confirmed on disk", source: None }
}

struct Writer {
    shared: Arc<Shared>,
    file: File,
    journal: Journal,
    confirmed: Confirmed,
    next: EventSeq,
    poisoned: Arc<AtomicBool>,
}

/// What a group has gathered on its way to the disk.
#[derive(Default)]
struct Gathered {
    answers: Vec<(Answer, Proof)>,
    durable: Vec<Effect>,
    ends: Vec<Entry>,
}

impl Writer {
    fn run(&mut self, mut queue: mpsc::Receiver<Job>) {
        let _poison = PoisonOnExit(Arc::clone(&self.poisoned));
        while let Some(first) = queue.blocking_recv() {
            let mut group = vec![first];
            while group.len() < GROUP
                && let Ok(job) = queue.try_recv()
            {
                group.push(job);
            }
            // sled may panic on damaged pages; a panic must not look like an answer.
            match catch_unwind(AssertUnwindSafe(|| self.group(group))) {
                Ok(None) if self.poisoned.load(Ordering::Acquire) => return,
                Ok(None) => {}
                Ok(Some(closed)) => {
                    self.poisoned.store(true, Ordering::Release);
                    let _ = closed.send(());
                    return;
                }
                Err(_) => {
                    tracing::error!("the database panicked while writing; it is closed to all requests");
                    return;
                }
            }
        }
    }

    /// Does a group of changes; the last may be the order to close.
    fn group(&mut self, group: Vec<Job>) -> Option<oneshot::Sender<()>> {
        let mut gathered = Gathered::default();
        let confirmed = EventSeq(self.next.0.saturating_sub(1));
        let mut sync = false;
        let mut close = None;
        for job in group {
            match job {
                Job::Close(closed) => {
                    close = Some(closed);
                    sync = true;
                    break;
                }
                Job::Change { work, sync: wanted, proof } => {
                    self.step(work, proof, &mut gathered);
                    // A refusal waits as well: what it saw may have been written in this very group.
                    sync |= wanted;
                }
            }
        }
        let Gathered { answers, durable, ends } = gathered;
        #[cfg(feature = "seeded-bugs")]
        let answers = answered_early(answers);
        // The journal first: it takes endings even where the database takes nothing any more.
        let journaled = self.journal(&ends, confirmed);
        let healthy = journaled && !self.poisoned.load(Ordering::Acquire) && (!sync || self.sync());
        if healthy {
            for effect in durable {
                effect(&self.shared);
            }
        }
        for (answer, proof) in answers {
            answer(healthy || (proof == Proof::Journal && journaled));
        }
        reached!("answered");
        close
    }

    fn step(&mut self, work: Work, proof: Proof, gathered: &mut Gathered) {
        let now = self.shared.index().begin_step(&*self.shared.environment.clock);
        self.change(work, proof, now, gathered);
        self.shared.index().end_step();
    }

    fn change(&mut self, work: Work, proof: Proof, now: Timestamp, gathered: &mut Gathered) {
        // Once a write has failed, what the trees say is not what a new opening will find: nothing is decided by them.
        if self.poisoned.load(Ordering::Acquire) {
            let (_, answer) = work(None);
            gathered.answers.push((answer, Proof::Database));
            return;
        }
        let mut step = Step::new(&self.shared, now, self.next);
        let (done, answer) = work(Some(&mut step));
        gathered.answers.push((answer, proof));
        if !done {
            return;
        }
        let Outcome { writes, ends, visible, durable, next } = step.finish();
        reached!("transaction-due");
        if let Err(error) = self.shared.trees.write(&writes) {
            self.poison("write", &error);
            if proof == Proof::Database {
                return;
            }
        }
        reached!("transaction-made");
        self.next = next;
        for effect in visible {
            effect(&self.shared);
        }
        #[cfg(feature = "seeded-bugs")]
        if !ends.is_empty() {
            super::seeded::forget();
        }
        gathered.durable.extend(durable);
        gathered.ends.extend(ends);
    }

    /// Puts the endings of a group into the journal. Every event up to `confirmed` is on disk in the database.
    fn journal(&mut self, ends: &[Entry], confirmed: EventSeq) -> bool {
        if ends.is_empty() {
            return true;
        }
        match self.journal.append(ends, confirmed) {
            Ok(()) => {
                reached!("journal-synced");
                true
            }
            Err(error) => {
                self.poison("the journal of endings", &error);
                false
            }
        }
    }

    fn sync(&mut self) -> bool {
        let flushed = self.shared.trees.db.flush().map_err(|error| self.poison("flush", &error));
        reached!("flushed");
        let synced = self.sync_file().map_err(|error| self.poison("fdatasync", &error));
        if flushed.is_err() || synced.is_err() {
            return false;
        }
        reached!("synced");
        self.journal.applied();
        let last = EventSeq(self.next.0.saturating_sub(1));
        if let Err(error) = self.confirmed.note(last, self.journal.generation()) {
            // The number lags then; nothing else depends on it.
            tracing::warn!(%error, "what is confirmed could not be noted");
        }
        reached!("confirmed");
        true
    }

    fn sync_file(&self) -> std::io::Result<()> {
        #[cfg(feature = "seeded-bugs")]
        if crate::domain::seeded::has("no-sync") {
            return Ok(());
        }
        self.file.sync_data()
    }

    fn poison(&self, what: &str, error: &dyn std::error::Error) {
        tracing::error!(%error, "{what} failed; the database is closed to all requests");
        self.poisoned.store(true, Ordering::Release);
    }
}

/// The bug that answers first and writes then, on a disk that takes its time.
#[cfg(feature = "seeded-bugs")]
fn answered_early(mut answers: Vec<(Answer, Proof)>) -> Vec<(Answer, Proof)> {
    if crate::domain::seeded::has("answer-before-durable") {
        answers.drain(..).for_each(|(answer, _)| answer(true));
        thread::sleep(std::time::Duration::from_millis(5));
    }
    answers
}

struct PoisonOnExit(Arc<AtomicBool>);

impl Drop for PoisonOnExit {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
