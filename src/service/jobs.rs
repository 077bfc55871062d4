//! Ending all sessions that a filter means, in the background: what is accepted, in which order it is done, and how far it is.
//!
//! One job at a time, the oldest first. What is left of it is asked of the store and not remembered, so it goes on after a
//! crash where it was.

mod work;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::Service;
use crate::domain::audit::Detail;
use crate::domain::ending::{Actor, Note};
use crate::domain::id::SessionId;
use crate::domain::job::{self, Assignment, Job, JobId, Progress};
use crate::domain::listing::Filter;
use crate::domain::session::Standing;
use crate::store::{JobCreated, Result, StoreError};

/// The most jobs that wait or run.
const MOST_RUNNING: usize = 16;
/// How many sessions a foresight shows.
const SAMPLE: usize = 10;
/// How long it waits after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// What is known of the job that runs and is on no disk yet.
#[derive(Default)]
pub(super) struct Desk {
    wake: Notify,
    current: Mutex<Option<Current>>,
}

#[derive(Clone)]
struct Current {
    id: JobId,
    /// `None` once something failed: nobody knows then how much was done.
    progress: Option<Progress>,
    /// What it waits for.
    trouble: Option<String>,
}

/// An order to end whatever matches.
#[derive(Debug, Clone)]
pub struct BulkOrder {
    /// Which sessions.
    pub filter: Filter,
    /// The same in the words of whoever asks.
    pub asked: String,
    /// Who asks.
    pub by: Actor,
    /// Why.
    pub note: Note,
    /// From where.
    pub from: Option<IpAddr>,
    /// The session in which it is asked for.
    pub spared: Option<SessionId>,
}

/// A job as it is at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSeen {
    /// The job.
    pub job: Job,
    /// What it waits for, if it does.
    pub trouble: Option<String>,
}

/// What a job would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobForeseen {
    /// So many sessions would end, exactly.
    pub count: u64,
    /// The oldest of them.
    pub sample: Vec<Standing>,
}

impl Desk {
    fn change(&self, change: impl FnOnce(&mut Option<Current>)) {
        change(&mut self.current.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn current(&self) -> Option<Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Service {
    /// Accepts a job, durably; `None` if too many are waiting. Whoever signs in after the answer is not meant by it.
    pub async fn order_job(&self, order: BulkOrder) -> Result<Option<Job>> {
        let BulkOrder { filter, asked, by, note, from, spared } = order;
        let (asked, accepted) = (Detail::new(asked), self.clock.now());
        let job = Job::new(JobId::new(self.entropy()), Assignment { filter, asked, by, note, from, spared, accepted });
        match self.store.create_job(job.clone(), MOST_RUNNING).await? {
            JobCreated::Done => {}
            JobCreated::TooMany => return Ok(None),
            JobCreated::IdTaken => return Err(StoreError::Conflict { what: "a fresh job id" }),
        }
        // A sign-in of the same millisecond counts as one before: nobody who heard the answer can be in time for it.
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.desk.wake.notify_one();
        Ok(Some(job))
    }

    /// What a job would end if it were accepted now. Counts in steps, and changes nothing.
    pub async fn foresee_job(&self, filter: Filter, spared: Option<SessionId>) -> Result<JobForeseen> {
        let mut foreseen = JobForeseen { count: 0, sample: Vec::new() };
        let mut query = job::left(&filter, self.clock.now());
        loop {
            let page = self.store.page(&query).await?;
            for (standing, _) in page.rows {
                if Some(standing.session.id()) == spared {
                    continue;
                }
                foreseen.count += 1;
                if foreseen.sample.len() < SAMPLE {
                    foreseen.sample.push(standing);
                }
            }
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => return Ok(foreseen),
            }
        }
    }

    /// A job as it is now.
    pub async fn job(&self, id: JobId) -> Result<Option<JobSeen>> {
        Ok(self.store.job(id).await?.map(|job| self.seen(job)))
    }

    /// All jobs as they are now, the oldest first.
    pub async fn jobs(&self) -> Result<Vec<JobSeen>> {
        Ok(self.store.jobs().await?.into_iter().map(|job| self.seen(job)).collect())
    }

    /// Nearer to the truth than what was written down last.
    fn seen(&self, mut job: Job) -> JobSeen {
        let current = self.desk.current().filter(|current| current.id == job.id && job.is_running());
        let Some(Current { progress, trouble, .. }) = current else { return JobSeen { job, trouble: None } };
        job.progress = progress.unwrap_or(job.progress);
        JobSeen { job, trouble }
    }

    /// Does all jobs that there are.
    pub async fn work(self: &Arc<Self>) -> Result<()> {
        while let Some(job) = self.store.jobs().await?.into_iter().find(Job::is_running) {
            match self.do_job(&job).await {
                Ok(()) => {}
                // Waiting mends nothing, and the others would wait as well.
                Err(error @ StoreError::Corrupt { .. }) => self.give_up(&job, error.to_string()).await?,
                Err(error) => {
                    let trouble = Some(format!("it waits: {error}"));
                    let current = Current { id: job.id, progress: None, trouble };
                    self.desk.change(|place| *place = Some(current));
                    return Err(error);
                }
            }
            self.desk.change(|current| *current = None);
        }
        Ok(())
    }

    /// Does jobs as they come, until the task is dropped.
    pub async fn keep_working(self: Arc<Self>) {
        loop {
            match self.work().await {
                Ok(()) => self.desk.wake.notified().await,
                Err(error) => {
                    tracing::warn!(%error, "a job stopped; it goes on in a moment");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}
