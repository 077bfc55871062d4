//! Doing one job.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{Current, Service};
use crate::domain::audit::{Action, Detail, Draft, search};
use crate::domain::ending::{Actor, Reason};
use crate::domain::id::{SessionId, UserKey};
use crate::domain::job::{Assignment, Job, JobState, Progress};
use crate::domain::key::{KeyVerdict, Scope};
use crate::domain::listing::Period;
use crate::store::{End, Result, StoreError};

/// So many endings are under way at a time: the store answers them together.
const AT_ONCE: usize = 64;

impl Service {
    /// Goes on with a job until nothing is left that it is to end, or until whoever ordered it may not any more.
    pub(super) async fn do_job(self: &Arc<Self>, job: &Job) -> Result<()> {
        let mut progress = self.resumed(job).await?;
        loop {
            let before = progress.examined;
            if let Some(why) = self.pass(job, &mut progress).await? {
                progress.state = JobState::Failed(self.clock.now(), Detail::new(why));
                break;
            }
            // Sessions that were being made when it was accepted may have come in behind.
            if progress.examined == before {
                progress.state = JobState::Done(self.clock.now());
                break;
            }
        }
        self.store.note_job(job.id, progress).await
    }

    /// Says that a job is over before it is done.
    pub(super) async fn give_up(&self, job: &Job, why: String) -> Result<()> {
        let ended = self.count_ended(job).await.unwrap_or(job.progress.ended);
        let examined = job.progress.examined.max(ended);
        let state = JobState::Failed(self.clock.now(), Detail::new(why));
        self.store.note_job(job.id, Progress { examined, ended, state }).await
    }

    /// Once through all that is left. Answers why it may not go on.
    async fn pass(self: &Arc<Self>, job: &Job, progress: &mut Progress) -> Result<Option<String>> {
        let assignment = &job.assignment;
        let mut query = assignment.left();
        loop {
            if let Some(why) = self.withdrawn(&assignment.by).await? {
                return Ok(Some(why));
            }
            let page = self.store.page(&query).await?;
            let meant: Vec<_> = page
                .rows
                .iter()
                .map(|(standing, _)| (standing.session.user_key(), standing.session.id()))
                .filter(|(_, id)| Some(*id) != assignment.spared)
                .collect();
            for some in meant.chunks(AT_ONCE) {
                progress.ended += self.end_together(some, assignment).await?;
                progress.examined += some.len() as u64;
                self.told(job, progress, None);
            }
            // Not a reason to stop: a full disk takes endings, and no notes.
            if !meant.is_empty()
                && let Err(error) = self.store.note_job(job.id, progress.clone()).await
            {
                self.told(job, progress, Some(format!("it goes on, but cannot write down how far it is: {error}")));
            }
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => return Ok(None),
            }
        }
    }

    /// Ends these sessions at once. Answers how many were live until then.
    async fn end_together(self: &Arc<Self>, some: &[(UserKey, SessionId)], assignment: &Assignment) -> Result<u64> {
        let mut ends = JoinSet::new();
        for (user, id) in some {
            let (service, user, id, ending) = (Arc::clone(self), *user, *id, assignment.ending());
            ends.spawn(async move { service.store.end(user, id, ending).await });
        }
        let (mut ended, mut failed) = (0, None);
        while let Some(end) = ends.join_next().await {
            match end.map_err(|error| StoreError::unavailable("end a session", error)) {
                Ok(Ok(end)) => ended += u64::from(matches!(end, End::Done(_))),
                Ok(Err(error)) | Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(ended), Err)
    }

    /// How far it is: as it is known in this process, or else by the log, since what was noted last may be behind.
    async fn resumed(&self, job: &Job) -> Result<Progress> {
        let known = self.desk.current().filter(|current| current.id == job.id).and_then(|current| current.progress);
        let progress = if let Some(progress) = known {
            progress
        } else {
            let ended = self.count_ended(job).await?;
            Progress { examined: job.progress.examined.max(ended), ended, state: JobState::Running }
        };
        self.told(job, &progress, None);
        Ok(progress)
    }

    /// How many sessions were ended for it, by the events of their ends: since it was accepted, and since the job before it was
    /// over.
    async fn count_ended(&self, job: &Job) -> Result<u64> {
        let assignment = &job.assignment;
        let filter = search::Filter {
            actions: vec![Action::EndSession, Action::OrderJob, Action::FinishJob],
            period: Period { from: Some(assignment.accepted), to: None },
            ..search::Filter::default()
        };
        let (rows, acceptance) = (search::Query::MOST_EXAMINED, Draft::job_ordered(job));
        let mut query = search::Query { rows, ..search::Query::first(filter) };
        let mut ended = 0;
        loop {
            let page = self.store.find(&query).await?;
            for draft in page.rows.iter().map(|event| &event.draft) {
                if *draft == acceptance || draft.action == Action::FinishJob {
                    return Ok(ended);
                }
                let meant = draft.action == Action::EndSession && draft.reason == Some(Reason::Revoked);
                let by_them = draft.actor == assignment.by && draft.note.as_ref() == Some(&assignment.note);
                ended += u64::from(meant && by_them);
            }
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => return Ok(ended),
            }
        }
    }

    fn told(&self, job: &Job, progress: &Progress, trouble: Option<String>) {
        let current = Current { id: job.id, progress: Some(progress.clone()), trouble };
        self.desk.change(|place| *place = Some(current));
    }

    /// Why whoever ordered it may not end sessions any more, if that is so: what is revoked is not to go on by what it
    /// left behind.
    async fn withdrawn(&self, by: &Actor) -> Result<Option<String>> {
        Ok(match by {
            Actor::Key(id) => match self.store.key(*id).await?.map(|stored| stored.key) {
                Some(key) => match key.verdict(self.clock.now()) {
                    KeyVerdict::Live if key.scopes.contain(Scope::SessionsWrite) => None,
                    KeyVerdict::Live => Some("the API key that ordered it may not end sessions"),
                    KeyVerdict::Revoked(_) => Some("the API key that ordered it has been revoked"),
                    KeyVerdict::Expired(_) => Some("the API key that ordered it has run out"),
                },
                None => Some("the API key that ordered it is gone"),
            },
            Actor::User(id) => match self.store.user(id.key()).await? {
                Some(user) if user.may_administrate() => None,
                Some(_) => Some("whoever ordered it is no administrator any more"),
                None => Some("whoever ordered it has been deleted"),
            },
            Actor::Operator | Actor::System => None,
            Actor::Anonymous => Some("nobody knows who ordered it"),
        }
        .map(str::to_owned))
    }
}
