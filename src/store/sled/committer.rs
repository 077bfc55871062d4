//! The only writer. It takes what waits, makes one transaction for each change, puts the whole group on disk with one
//! `flush` and one `fdatasync` of its own, and then answers everybody.
//!
//! sled's own `flush` starts the writing without waiting for the disk, hence the descriptor of our own. A write or a sync
//! that failed ends all writing to the database: nobody knows what the disk holds, so the store has to be opened anew before
//! anything is written again. Until then, and while the disk is nearly full or the database is being compacted, endings go
//! to the journal alone and stand in front of the database for whoever reads: see [`Mode`].

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::sync::{mpsc, oneshot};

use super::confirmed::Confirmed;
use super::durable::Events;
use super::journal::Journal;
use super::mode::{Mode, Present};
use super::space;
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
    /// It is an ending and nothing else: on disk in the journal, it will be replayed over any database. Or it may be lost
    /// in a crash, as a touch may.
    Journal,
    /// The same, and there must be room for it when others are refused.
    LastResort,
}

impl Proof {
    /// The bytes that must be left in the journal where the database takes nothing.
    const fn room(self) -> usize {
        match self {
            Self::Database => usize::MAX,
            Self::Journal => 256 * 1024,
            Self::LastResort => 4 * 1024,
        }
    }
}

/// Without a step the answer is that nothing was tried.
type Work = Box<dyn FnOnce(Option<&mut Step<'_>>) -> (bool, Answer) + Send>;

enum Job {
    Change {
        work: Work,
        sync: bool,
        proof: Proof,
    },
    /// Leave the database alone from here on.
    Hold(oneshot::Sender<bool>),
    Close(oneshot::Sender<()>),
}

/// The files that the committer writes beside the trees.
pub struct Disk {
    /// sled's file, opened again for syncs of our own.
    pub file: File,
    pub journal: Journal,
    pub confirmed: Confirmed,
    /// Where there must be room.
    pub folder: PathBuf,
}

/// Where changes are handed in.
pub struct Committer {
    jobs: mpsc::Sender<Job>,
    present: Arc<Present>,
    thread: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Committer {
    /// Starts the thread. `next` is the first free sequence number.
    pub fn start(shared: Arc<Shared>, disk: Disk, next: EventSeq) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let present = Arc::new(Present::default());
        let synced = EventSeq(next.0.saturating_sub(1));
        let mut writer = Writer { shared, disk, next, synced, present: Arc::clone(&present) };
        let thread = thread::Builder::new().name("committer".to_owned()).spawn(move || writer.run(queue))?;
        Ok(Self { jobs, present, thread: std::sync::Mutex::new(Some(thread)) })
    }

    /// What can be done now.
    pub fn mode(&self) -> Mode {
        self.present.get()
    }

    /// Runs `work` as one step and answers when it is on disk.
    pub async fn commit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Step<'_>) -> Result<T> + Send + 'static,
        proof: Proof,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let present = Arc::clone(&self.present);
        let work: Work = Box::new(move |step| {
            let result = match step {
                Some(step) => work(step),
                None => Err(unavailable(present.get())),
            };
            let done = result.is_ok();
            let answer: Answer = Box::new(move |durable| {
                let result = if durable { result } else { result.and_then(|_| Err(unconfirmed())) };
                // Whoever asked may have gone; the change stands.
                let _ = answer.send(result);
            });
            (done, answer)
        });
        self.jobs.send(Job::Change { work, sync: true, proof }).await.map_err(|_| unavailable(Mode::Stopped))?;
        answered.await.map_err(|_| unconfirmed())?
    }

    /// Runs `work` some time soon, or not at all if there is much to do. Nobody is told.
    pub fn submit(&self, work: impl FnOnce(&mut Step<'_>) -> Result<()> + Send + 'static) {
        let work: Work = Box::new(move |step| {
            let done = step.is_some_and(|step| work(step).is_ok());
            (done, Box::new(|_| ()))
        });
        let _ = self.jobs.try_send(Job::Change { work, sync: false, proof: Proof::Journal });
    }

    /// Puts everything on disk that was handed in before, and leaves the database alone from then on: endings go to the
    /// journal. Answers whether the database is whole.
    pub async fn hold(&self) -> bool {
        let (held, answer) = oneshot::channel();
        self.jobs.send(Job::Hold(held)).await.is_ok() && answer.await.unwrap_or(false)
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

/// Nothing was tried.
pub fn unavailable(mode: Mode) -> StoreError {
    StoreError::Unavailable { what: mode.what(), source: None }
}

fn unconfirmed() -> StoreError {
    StoreError::Unavailable { what: "the change could not be confirmed on disk", source: None }
}

struct Writer {
    shared: Arc<Shared>,
    disk: Disk,
    next: EventSeq,
    /// The last event that is on disk in the database.
    synced: EventSeq,
    present: Arc<Present>,
}

/// What a group has gathered on its way to the disk.
#[derive(Default)]
struct Gathered {
    answers: Vec<(Answer, Proof)>,
    durable: Vec<(Effect, Proof)>,
    events: Events,
}

impl Writer {
    fn run(&mut self, mut queue: mpsc::Receiver<Job>) {
        let _stop = StopOnExit(Arc::clone(&self.present));
        while let Some(first) = queue.blocking_recv() {
            let mut group = vec![first];
            while group.len() < GROUP
                && let Ok(job) = queue.try_recv()
            {
                group.push(job);
            }
            // sled may panic on damaged pages; a panic must not look like an answer.
            match catch_unwind(AssertUnwindSafe(|| self.group(group))) {
                Ok(None) if self.present.get() == Mode::Stopped => return,
                Ok(None) => {}
                Ok(Some(closed)) => {
                    self.present.set(Mode::Stopped);
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
        if self.present.get() == Mode::Open && space::exhausted(&self.disk.folder) {
            tracing::error!("{}", Mode::NearlyFull.what());
            self.present.set(Mode::NearlyFull);
        }
        let mut gathered = Gathered::default();
        let mut sync = false;
        let mut close = None;
        for job in group {
            match job {
                Job::Hold(held) => {
                    self.put_on_disk(std::mem::take(&mut gathered), true);
                    let whole = self.present.get() == Mode::Open;
                    if whole {
                        self.present.set(Mode::Upkeep);
                    }
                    let _ = held.send(whole);
                }
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
        self.put_on_disk(gathered, sync);
        close
    }

    /// Puts what was gathered on disk, and answers.
    fn put_on_disk(&mut self, gathered: Gathered, sync: bool) {
        let Gathered { answers, durable, events } = gathered;
        #[cfg(feature = "seeded-bugs")]
        let answers = answered_early(answers);
        // The journal first: it takes endings even where the database takes nothing any more.
        let journaled = self.journal();
        let healthy = journaled && self.present.get() == Mode::Open && (!sync || self.sync());
        let is_good = |proof| healthy || (proof != Proof::Database && journaled);
        if healthy && sync {
            self.shared.durable.all(self.synced);
        } else if journaled {
            self.shared.durable.journaled(events);
        }
        for (effect, _) in durable.into_iter().filter(|(_, proof)| is_good(*proof)) {
            effect(&self.shared);
        }
        for (answer, proof) in answers {
            answer(is_good(proof));
        }
        reached!("answered");
    }

    fn step(&mut self, work: Work, proof: Proof, gathered: &mut Gathered) {
        let now = self.shared.index().begin_step(&*self.shared.environment.clock);
        self.change(work, proof, now, gathered);
        self.shared.index().end_step();
    }

    fn change(&mut self, work: Work, proof: Proof, now: Timestamp, gathered: &mut Gathered) {
        let mode = self.present.get();
        let refused = mode == Mode::Stopped || (mode != Mode::Open && self.disk.journal.room() < proof.room());
        if refused {
            let (_, answer) = work(None);
            gathered.answers.push((answer, Proof::Database));
            return;
        }
        let mut step = Step::new(&self.shared, now, self.next);
        let (done, answer) = work(Some(&mut step));
        let Outcome { writes, ends, whole, visible, durable, next } = step.finish();
        let proof = if whole { Proof::Journal } else { proof };
        gathered.answers.push((answer, proof));
        if !done {
            return;
        }
        reached!("transaction-due");
        if mode == Mode::Open
            && let Err(error) = self.shared.trees.write(&writes)
        {
            self.fail(Mode::Failed, "write", &error);
        }
        // Part of it may have been written: all of it stands in front, so that nobody reads half of a change. What ended by
        // it goes to the journal and has ended, whatever becomes of the rest.
        if self.present.get() != Mode::Open
            && let Err(error) = self.shared.trees.hold(&writes)
        {
            self.fail(Mode::Stopped, "read", &error);
        }
        reached!("transaction-made");
        gathered.events.note(self.next, next, &ends);
        self.next = next;
        // Before anybody sees them: whatever happens from here on, they are not forgotten.
        #[cfg(feature = "seeded-bugs")]
        let ended = !ends.is_empty();
        self.shared.unconfirmed().extend(ends);
        for effect in visible {
            effect(&self.shared);
        }
        #[cfg(feature = "seeded-bugs")]
        if ended {
            super::seeded::forget();
        }
        gathered.durable.extend(durable.into_iter().map(|effect| (effect, proof)));
    }

    /// Puts the endings of a group into the journal. Those that do not get there stay unconfirmed, and are tried again when
    /// the store is opened anew: somebody may have been turned away by them already.
    fn journal(&mut self) -> bool {
        let mut ends = self.shared.unconfirmed();
        if self.present.get() == Mode::Stopped {
            return false;
        }
        if ends.is_empty() {
            return true;
        }
        if let Err(error) = self.disk.journal.append(&ends, self.synced) {
            self.fail(Mode::Stopped, "the journal of endings", &error);
            return false;
        }
        ends.clear();
        reached!("journal-synced");
        true
    }

    fn sync(&mut self) -> bool {
        let flushed = self.shared.trees.db.flush().map_err(|error| self.fail(Mode::Failed, "flush", &error));
        reached!("flushed");
        let synced = self.sync_file().map_err(|error| self.fail(Mode::Failed, "fdatasync", &error));
        if flushed.is_err() || synced.is_err() {
            return false;
        }
        reached!("synced");
        self.disk.journal.applied();
        self.synced = EventSeq(self.next.0.saturating_sub(1));
        if let Err(error) = self.disk.confirmed.note(self.synced, self.disk.journal.generation()) {
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
        self.disk.file.sync_data()
    }

    fn fail(&self, mode: Mode, what: &str, error: &dyn std::error::Error) {
        let why = super::open::chain(error);
        tracing::error!("{what} failed: {why}; {}", mode.what());
        self.present.set(mode);
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

struct StopOnExit(Arc<Present>);

impl Drop for StopOnExit {
    fn drop(&mut self) {
        self.0.set(Mode::Stopped);
    }
}
