//! Ending all sessions that match: what it would do, and the order to do it.

use rocket::http::{ContentType, Status};
use rocket::response::{self, Responder, Response};
use rocket::{Request, Route, delete, routes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::wishes::Wishes;
use crate::domain::ending::Note;
use crate::domain::key::Scope;
use crate::domain::listing::Filter;
use crate::domain::password::Password;
use crate::domain::session::Verdict;
use crate::service::auth::SignInError;
use crate::service::jobs::{BulkOrder, JobForeseen};
use crate::service::proofs::Proof;
use crate::service::sessions::LiveSession;
use crate::web::Core;
use crate::web::doors::api::account::{Proven, prove};
use crate::web::doors::api::answer::WithCookies;
use crate::web::doors::api::body::Body;
use crate::web::doors::api::credentials::{Power, Program, SessionsWrite};
use crate::web::doors::api::error::{Answer, ApiError, ErrorBody};
use crate::web::doors::api::jobs::JobShape;
use crate::web::doors::api::queries::{self, QueryText};
use crate::web::doors::api::sessions::listed::ListedSession;
use crate::web::doors::api::values::ReasonText;
use crate::web::guards::Server;
use crate::web::seen::Carrier;
use crate::web::session_cookies;

pub fn routes() -> Vec<Route> {
    routes![end_matching]
}

/// Which sessions are to end, and why.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EndMatching {
    /// As for `GET /v1/sessions`, but for what says nothing of which: no `$id`, order, `limit` or cursor, and of `status` nothing
    /// but `live`. At least one.
    #[serde(default)]
    #[schema(value_type = Vec<QueryText>)]
    queries: Vec<String>,
    /// In the place of `queries`: everyone's, at once.
    #[serde(default)]
    everyone: bool,
    /// For the audit log and in the list; the people whose sessions end do not see it.
    reason: ReasonText,
    /// Tell what would end, and end nothing.
    #[serde(default)]
    dry_run: bool,
    /// An administrator's password, where their last sign-in was more than ten minutes ago; always, to end everyone's.
    #[serde(default)]
    password: Option<String>,
    /// The code, where they have a second factor.
    #[serde(default)]
    code: Option<String>,
}

/// What would end, or what has.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = EndedSessions)]
pub struct Tally {
    /// Whether nothing has ended by this.
    dry_run: bool,
    /// So many would end, or have ended: exactly.
    total: u64,
    /// Up to ten of those that would end, the oldest first. None for a key without the scope `sessions.read`.
    sessions: Vec<ListedSession>,
}

/// What came of it.
pub enum Ordered {
    /// 200.
    Told(WithCookies<Tally>),
    /// 202.
    Accepted(Box<JobShape>),
}

impl<'r> Responder<'r, 'static> for Ordered {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let job = match self {
            Self::Told(told) => return told.respond_to(request),
            Self::Accepted(job) => job,
        };
        let body = serde_json::to_string(&job).map_err(|_| Status::InternalServerError)?;
        Response::build()
            .status(Status::Accepted)
            .header(ContentType::JSON)
            .raw_header("Location", format!("/v1/jobs/{}", job.id()))
            .sized_body(body.len(), std::io::Cursor::new(body))
            .ok()
    }
}

/// End all sessions that match
///
/// It is a job, and goes on after a crash: those end that match and were created before it was accepted, but never the session
/// that asks. `GET /v1/jobs/{job_id}` tells how far it is. With `everyone` all end in one step, an administrator's too, who gives
/// the password and gets a new session in the place of the one in their cookie.
#[utoipa::path(
    context_path = "/v1",
    tag = "sessions",
    operation_id = "deleteSessions",
    request_body = EndMatching,
    responses(
        (status = 200, description = "With `dryRun`: what would end. With `everyone`: what has ended, on disk", body = Tally),
        (
            status = 202,
            description = "Accepted, on disk",
            body = JobShape,
            headers(("Location" = String, description = "Where its progress can be read")),
        ),
        (status = 400, description = "Bad parameter, or nothing that says which sessions", body = ErrorBody),
        (status = 401, description = "No session or key that is good for this, or `user_reauthentication_required`", body = ErrorBody),
        (status = 429, description = "Too many wrong passwords, or `general_queue_full`: sixteen jobs are waiting", body = ErrorBody),
    )
)]
#[delete("/sessions", data = "<order>")]
pub async fn end_matching(
    server: Server<'_>,
    power: Power<'_, SessionsWrite>,
    program: Program<'_>,
    order: Body<EndMatching>,
) -> Answer<Ordered> {
    let core = server.0;
    let EndMatching { queries: typed, everyone, reason, dry_run, password, code } = order.0;
    let filter = meant(&typed, everyone)?;
    let spared = power.live().map(|live| live.session.id());
    if dry_run {
        let JobForeseen { count, sample } = core.service.foresee_job(filter, spared).await?;
        let shown = sample.iter().filter(|_| may_read(&power));
        let sessions = shown.map(|row| ListedSession::new(core, row, &Verdict::Live, spared)).collect();
        let shape = Tally { dry_run, total: count, sessions };
        return Ok(Ordered::Told(WithCookies { shape, cookies: Vec::new() }));
    }
    let note = Note::from(reason);
    if everyone {
        return end_everyone(core, &power, &program, program.carrier, (note, password, code)).await;
    }
    if let Some(live) = power.live() {
        prove(core, live, Proven { password, code }, program.address).await?;
    }
    let (by, from) = (power.actor(), program.address);
    let order = BulkOrder { filter, asked: typed.join(" "), by, note, from, spared };
    let job = core.service.order_job(order).await?.ok_or_else(|| {
        let told = "Sixteen jobs are waiting already. Try again when one of them is done.";
        ApiError::new(Status::TooManyRequests, "general_queue_full", told)
    })?;
    Ok(Ordered::Accepted(Box::new(JobShape::from(&job))))
}

/// Whoever may end sessions may not see them by it.
fn may_read(power: &Power<'_, SessionsWrite>) -> bool {
    match power {
        Power::Key(key) => key.key.scopes.contain(Scope::SessionsRead),
        Power::Administrator(_) => true,
    }
}

/// Which sessions: a filter that was forgotten must not mean everybody's.
fn meant(typed: &[String], everyone: bool) -> Answer<Filter> {
    let wishes = Wishes::read(&queries::parse(typed)?)?;
    if wishes.is_more_than_a_filter() {
        return Err(queries::invalid(
            "what ends is all that matches and is live: leave out `$id`, order, `limit` and cursor",
        ));
    }
    match (wishes.is_narrowing(), everyone) {
        (true, false) | (false, true) => Ok(wishes.filter),
        (true, true) => Err(ApiError::argument("everyone", "it means all sessions; leave `queries` out")),
        (false, false) => {
            Err(queries::invalid("say which sessions are to end; to end everyone's, send `\"everyone\": true` instead"))
        }
    }
}

async fn end_everyone(
    core: &Core,
    power: &Power<'_, SessionsWrite>,
    program: &Program<'_>,
    carrier: Carrier,
    (note, password, code): (Note, Option<String>, Option<String>),
) -> Answer<Ordered> {
    let order = power.order(Some(note), program.address);
    let (total, cookies) = match power.live() {
        None => (core.service.revoke_everyone(&order).await?.count, Vec::new()),
        Some(live) => {
            let proof = proof(password, code)?;
            let failed = |error| failed(core, error);
            match carrier {
                Carrier::Cookie => {
                    let ended = core.service.revoke_everyone_else(live, proof, &order, program.client()).await;
                    let (others, fresh) = ended.map_err(failed)?;
                    let cookies = fresh.map_or_else(
                        || session_cookies::take_away(core),
                        |signed_in| session_cookies::hand_out(core, &signed_in),
                    );
                    (others.saturating_add(1), cookies)
                }
                // Whoever holds the credential in a header has no place for a new one.
                Carrier::Header => {
                    prove_anew(core, live, proof, program).await.map_err(failed)?;
                    (core.service.revoke_everyone(&order).await?.count, Vec::new())
                }
            }
        }
    };
    let shape = Tally { dry_run: false, total, sessions: Vec::new() };
    Ok(Ordered::Told(WithCookies { shape, cookies }))
}

async fn prove_anew(core: &Core, live: &LiveSession, proof: Proof, program: &Program<'_>) -> Result<(), SignInError> {
    core.service.reauthenticate(live, proof, program.address).await
}

fn proof(password: Option<String>, code: Option<String>) -> Answer<Proof> {
    let password = password.ok_or_else(|| {
        let told = "Ending everyone's sessions asks for your `password` (and `code`) each time.";
        ApiError::new(Status::Unauthorized, "user_reauthentication_required", told)
    })?;
    Ok(Proof { password: Password::typed(password), code: code.unwrap_or_default() })
}

fn failed(core: &Core, error: SignInError) -> ApiError {
    match error {
        SignInError::Wrong => ApiError::credentials("The password, or the code, is wrong. Nothing was ended."),
        error => ApiError::sign_in(error, core.service.clock().now()),
    }
}
