//! Jobs, each change one step of the committer.

use async_trait::async_trait;

use super::step::Step;
use super::trees::Place;
use super::view::View;
use super::{Sled, space};
use crate::domain::audit::Draft;
use crate::domain::job::{Job, JobId, Progress};
use crate::domain::timestamp::Timestamp;
use crate::store::{JobCreated, Jobs, Result, StoreError};

#[async_trait]
impl Jobs for Sled {
    async fn create_job(&self, job: Job, most: usize) -> Result<JobCreated> {
        space::check(&self.0.folder)?;
        self.commit(move |step| create(step, &job, most)).await
    }

    async fn job(&self, id: JobId) -> Result<Option<Job>> {
        self.handle().await?.shared.trees.get(Place::Jobs, id.bytes())
    }

    async fn jobs(&self) -> Result<Vec<Job>> {
        self.read(|shared| {
            let mut jobs = readable(&shared.trees).collect::<Result<Vec<_>>>()?;
            jobs.sort_by_key(|job| (job.assignment.accepted, job.id));
            Ok(jobs)
        })
        .await
    }

    async fn note_job(&self, id: JobId, progress: Progress) -> Result<()> {
        self.commit(move |step| note(step, id, progress)).await
    }
}

/// All jobs but those that cannot be read: one of them must not keep the others from being done. `check` tells of it.
fn readable(trees: &impl View) -> impl Iterator<Item = Result<Job>> {
    let all = trees.scan::<Job>(Place::Jobs).map(|record| record.map(|(_, job)| job));
    all.filter(|record| !matches!(record, Err(StoreError::Corrupt { .. })))
}

fn create(step: &mut Step<'_>, job: &Job, most: usize) -> Result<JobCreated> {
    if let Some(there) = step.shared.trees.get::<Job>(Place::Jobs, job.id.bytes())? {
        return Ok(JobCreated::again(&there, job));
    }
    let mut running = 0;
    for job in readable(&step.shared.trees) {
        running += usize::from(job?.is_running());
    }
    if running >= most {
        return Ok(JobCreated::TooMany);
    }
    step.put(Place::Jobs, job.id.bytes(), job)?;
    step.event(Draft::job_ordered(job))?;
    Ok(JobCreated::Done)
}

fn note(step: &mut Step<'_>, id: JobId, progress: Progress) -> Result<()> {
    let Some(job) = step.shared.trees.get::<Job>(Place::Jobs, id.bytes())?.filter(Job::is_running) else {
        return Ok(());
    };
    let job = Job { progress, ..job };
    step.put(Place::Jobs, id.bytes(), &job)?;
    if !job.is_running() {
        step.event(Draft::job_over(&job))?;
    }
    Ok(())
}

/// Removes up to `most` jobs that were over before `before`. Answers how many.
pub fn sweep(step: &mut Step<'_>, before: Timestamp, most: usize) -> Result<usize> {
    let mut old = Vec::new();
    for job in readable(&step.shared.trees) {
        let job = job?;
        if old.len() < most && job.progress.state.since().is_some_and(|since| since < before) {
            old.push(job.id);
        }
    }
    for id in &old {
        step.remove(Place::Jobs, id.bytes());
    }
    Ok(old.len())
}
