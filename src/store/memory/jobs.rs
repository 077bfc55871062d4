//! Jobs.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::super::{JobCreated, Jobs, Result};
use super::{Memory, lock};
use crate::domain::audit::Draft;
use crate::domain::job::{Job, JobId, Progress};
use crate::domain::timestamp::Timestamp;

/// Every job, by its id.
pub(super) type Desk = BTreeMap<JobId, Job>;

#[async_trait]
impl Jobs for Memory {
    async fn create_job(&self, job: Job, most: usize) -> Result<JobCreated> {
        self.write("create a job", || {
            let mut desk = lock(&self.desk);
            if let Some(there) = desk.get(&job.id) {
                return JobCreated::again(there, &job);
            }
            if desk.values().filter(|job| job.is_running()).count() >= most {
                return JobCreated::TooMany;
            }
            lock(&self.log).append(self.environment.clock.now(), Draft::job_ordered(&job));
            desk.insert(job.id, job);
            JobCreated::Done
        })
        .await
    }

    async fn job(&self, id: JobId) -> Result<Option<Job>> {
        self.read("read a job", || lock(&self.desk).get(&id).cloned()).await
    }

    async fn jobs(&self) -> Result<Vec<Job>> {
        self.read("list jobs", || {
            let mut jobs: Vec<_> = lock(&self.desk).values().cloned().collect();
            jobs.sort_by_key(|job| (job.assignment.accepted, job.id));
            jobs
        })
        .await
    }

    async fn note_job(&self, id: JobId, progress: Progress) -> Result<()> {
        self.write("note how far a job has got", || {
            let mut desk = lock(&self.desk);
            let Some(job) = desk.get_mut(&id).filter(|job| job.is_running()) else { return };
            job.progress = progress;
            if !job.is_running() {
                lock(&self.log).append(self.environment.clock.now(), Draft::job_over(job));
            }
        })
        .await
    }
}

impl Memory {
    /// Forgets up to `most` jobs that were over before `before`.
    pub(super) fn sweep_jobs(&self, before: Timestamp, most: usize) -> usize {
        let mut desk = lock(&self.desk);
        let old = |job: &&Job| job.progress.state.since().is_some_and(|since| since < before);
        let gone: Vec<_> = desk.values().filter(old).take(most).map(|job| job.id).collect();
        for id in &gone {
            desk.remove(id);
        }
        gone.len()
    }
}
