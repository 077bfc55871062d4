//! How far jobs are.

use rocket::http::Status;
use rocket::serde::json::Json;
use rocket::{Route, get, routes};
use serde::Serialize;
use utoipa::ToSchema;

use super::credentials::{Power, SessionsRead};
use super::error::{Answer, ApiError, ErrorBody};
use crate::domain::job::{Job, JobState};
use crate::domain::timestamp::Timestamp;
use crate::service::jobs::JobSeen;
use crate::web::guards::Server;

/// The most jobs of a list.
const MOST: usize = 100;

pub fn routes() -> Vec<Route> {
    routes![list, job]
}

/// A job. Every field is always there.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Job)]
pub struct JobShape {
    #[serde(rename = "$id")]
    #[schema(pattern = "^[0-9a-f]{16}$")]
    id: String,
    /// When it was accepted: what was created later is not meant.
    #[serde(rename = "$createdAt")]
    #[schema(format = DateTime)]
    created_at: String,
    /// `running`: it goes on, or waits for its turn; `done`: nothing is left that was to end; `failed`: it was given up.
    #[schema(pattern = "^(running|done|failed)$")]
    status: &'static str,
    /// Since when it is over; empty while it is not.
    done_at: String,
    /// So many sessions it has come to.
    examined: u64,
    /// So many of them it has ended; the others were past by then.
    ended: u64,
    /// Who ordered it: `user:` and an id, or `key:` and an id.
    by: String,
    /// Why, as it was ordered.
    reason: String,
    /// The queries, as they were sent.
    queries: String,
    /// Why it was given up, or what it waits for; empty when all is well.
    message: String,
}

impl JobShape {
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl From<&Job> for JobShape {
    fn from(job: &Job) -> Self {
        let (what, progress) = (&job.assignment, &job.progress);
        let message = if let JobState::Failed(_, why) = &progress.state { why.as_str() } else { "" };
        Self {
            id: job.id.to_string(),
            created_at: what.accepted.iso(),
            status: progress.state.code(),
            done_at: progress.state.since().map(Timestamp::iso).unwrap_or_default(),
            examined: progress.examined,
            ended: progress.ended,
            by: what.by.to_string(),
            reason: what.note.as_str().to_owned(),
            queries: what.asked.as_str().to_owned(),
            message: message.to_owned(),
        }
    }
}

impl From<&JobSeen> for JobShape {
    fn from(seen: &JobSeen) -> Self {
        let shape = Self::from(&seen.job);
        match &seen.trouble {
            Some(trouble) => Self { message: trouble.clone(), ..shape },
            None => shape,
        }
    }
}

/// Jobs.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = JobList)]
pub struct JobList {
    /// How many there are in all.
    total: u64,
    /// The newest hundred of them.
    jobs: Vec<JobShape>,
}

/// List the jobs that end sessions
///
/// The newest first; those that are over for as long as the audit log is kept.
#[utoipa::path(
    context_path = "/v1",
    tag = "sessions",
    operation_id = "listJobs",
    responses((status = 200, description = "The jobs", body = JobList))
)]
#[get("/jobs")]
pub async fn list(server: Server<'_>, _power: Power<'_, SessionsRead>) -> Answer<Json<JobList>> {
    let jobs = server.0.service.jobs().await?;
    let total = jobs.len() as u64;
    Ok(Json(JobList { total, jobs: jobs.iter().rev().take(MOST).map(JobShape::from).collect() }))
}

/// Get one job
#[utoipa::path(
    context_path = "/v1",
    tag = "sessions",
    operation_id = "getJob",
    params(("job_id" = String, Path, description = "A job's id", pattern = "^[0-9a-f]{16}$")),
    responses(
        (status = 200, description = "The job", body = JobShape),
        (status = 404, description = "`job_not_found`", body = ErrorBody),
    )
)]
#[get("/jobs/<job_id>")]
pub async fn job(server: Server<'_>, _power: Power<'_, SessionsRead>, job_id: &str) -> Answer<Json<JobShape>> {
    let found = match job_id.parse() {
        Ok(id) => server.0.service.job(id).await?,
        Err(_) => None,
    };
    let none = || ApiError::new(Status::NotFound, "job_not_found", "There is no job with this id.");
    found.as_ref().map(|seen| Json(JobShape::from(seen))).ok_or_else(none)
}
