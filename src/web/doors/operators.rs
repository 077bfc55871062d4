//! What those who run the server ask: is it there, would it take a change, and how has it been doing? Answered among the
//! pages or at an address of its own, with an API key or without, as `sessiond.operators` says.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use rocket::fairing::AdHoc;
use rocket::http::{ContentType, Status};
use rocket::{Build, Request, Response, Rocket, Route, State, catch, catchers, get, routes};

use super::api;
use crate::config::Config;
use crate::domain::key::Scope;
use crate::web::answer::Made;
use crate::web::api_key::Refusal;
use crate::web::keyed::{self, Shown};
use crate::web::listener::{self, Listener};
use crate::web::{Core, Mounted, error, headers};

/// How long an answer holds.
const FRESH: Duration = Duration::from_secs(1);
/// The text format that Prometheus reads.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All of them, wherever they are.
fn routes() -> Vec<Route> {
    routes![live, ready, metrics, description]
}

/// Those among the pages.
pub fn public(config: &Config) -> Vec<Route> {
    if config.operators.apart().is_some() { Vec::new() } else { routes() }
}

/// Whether this path leads to one of them. Without our pages, and where they are elsewhere, it is another application's own.
pub fn is_one(request: &Request<'_>, path: &str) -> bool {
    let state = request.rocket();
    matches!(path, "/health/live" | "/health/ready" | "/metrics" | "/openapi.json")
        && state.state::<Mounted>().is_some()
        && state.state::<Arc<Core>>().is_some_and(|core| core.config.operators.apart().is_none())
}

/// Opens the listener of their own, if they are to have one. It knows these routes and nothing else.
///
/// # Errors
/// If it cannot listen there.
pub async fn open_apart(core: &Arc<Core>) -> std::io::Result<Option<Listener>> {
    let Some(address) = core.config.operators.apart() else { return Ok(None) };
    let rocket: Rocket<Build> = rocket::custom(listener::figment(address))
        .manage(Arc::clone(core))
        .mount("/", routes())
        .register("/", catchers![refused])
        .attach(AdHoc::on_response("security headers", |request, response| {
            Box::pin(async move {
                if let Some(core) = request.rocket().state::<Arc<Core>>() {
                    headers::secure(response, &core.config);
                }
            })
        }));
    Listener::open(rocket).await.map(Some)
}

/// What is asked for: where only the metrics take a key, the rest is open.
pub enum Asked {
    Metrics,
    Rest,
}

/// Whether whoever asks may have it.
///
/// # Errors
/// If a key is needed, and none that is good for it was sent.
pub async fn admitted(core: &Core, shown: &Shown, asked: Asked) -> Result<(), Refusal> {
    let operators = core.config.operators;
    let keyed = match asked {
        Asked::Metrics => operators.metrics_are_keyed(),
        Asked::Rest => operators.the_rest_is_keyed(),
    };
    if keyed {
        shown.showing().good_for(core, Scope::MetricsRead).await?;
    }
    Ok(())
}

/// The process serves. Nothing else is looked at: a restart mends no disk.
#[get("/health/live")]
async fn live(core: &State<Arc<Core>>, shown: Shown) -> Made {
    Made(match admitted(core, &shown, Asked::Rest).await {
        Ok(()) => well("live"),
        Err(refusal) => keyed::refused(refusal),
    })
}

/// A change would be taken now.
#[get("/health/ready")]
async fn ready(core: &State<Arc<Core>>, shown: Shown) -> Made {
    Made(match admitted(core, &shown, Asked::Rest).await {
        Ok(()) => match readiness(core).await {
            Ok(()) => well("ready"),
            Err(why) => error::json(Status::ServiceUnavailable, "not_ready", &why),
        },
        Err(refusal) => keyed::refused(refusal),
    })
}

/// Everything that is counted and measured.
#[get("/metrics")]
async fn metrics(core: &State<Arc<Core>>, shown: Shown) -> Made {
    Made(match admitted(core, &shown, Asked::Metrics).await {
        Ok(()) => exposition(core).await,
        Err(refusal) => keyed::refused(refusal),
    })
}

/// What the API is, for programs.
#[get("/openapi.json")]
async fn description(core: &State<Arc<Core>>, shown: Shown) -> Made {
    Made(match admitted(core, &shown, Asked::Rest).await {
        Ok(()) => json(api::document()),
        Err(refusal) => keyed::refused(refusal),
    })
}

async fn exposition(core: &Core) -> Response<'static> {
    let ready = readiness(core).await.is_ok();
    let mut text = String::new();
    if let Err(error) = encode(&mut text, core.service.measured(ready).await.registry()) {
        tracing::error!(%error, "the metrics could not be written out");
        return error::json(Status::InternalServerError, "error", "The metrics could not be written out.");
    }
    let mut response = Response::build().sized_body(text.len(), Cursor::new(text)).finalize();
    response.set_raw_header("Content-Type", OPEN_METRICS);
    response
}

/// Whether a change would be taken now, or would have been less than a second ago: each look waits for the disk, and anybody
/// may ask.
async fn readiness(core: &Core) -> Result<(), String> {
    let now = core.service.clock().now();
    let mut last = core.readiness.lock().await;
    match &*last {
        Some((at, told)) if now.since(*at) < FRESH => told.clone(),
        _ => {
            let told = core.service.store().ready().await.map_err(|error| error.to_string());
            last.insert((now, told)).1.clone()
        }
    }
}

fn well(status: &str) -> Response<'static> {
    json(format!("{{\"status\":\"{status}\"}}"))
}

fn json(body: impl AsRef<[u8]> + Send + Unpin + 'static) -> Response<'static> {
    let length = body.as_ref().len();
    Response::build().header(ContentType::JSON).sized_body(length, Cursor::new(body)).finalize()
}

/// Whatever else is asked of the listener of their own.
#[catch(default)]
fn refused(status: Status, request: &Request<'_>) -> Made {
    let code = if status == Status::NotFound { "general_route_not_found" } else { "error" };
    let mut response = error::json(status, code, status.reason_lossy());
    if let Some(core) = request.rocket().state::<Arc<Core>>() {
        headers::secure(&mut response, &core.config);
    }
    Made(response)
}
