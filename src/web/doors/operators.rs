//! What those who run the server ask: is it there, and would it take a change?

use std::sync::Arc;
use std::time::Duration;

use rocket::http::{ContentType, Status};
use rocket::response::{self, Responder};
use rocket::{Request, Response, Route, State, get, routes};

use crate::web::{Core, error};

/// How long an answer holds.
const FRESH: Duration = Duration::from_secs(1);

pub fn routes() -> Vec<Route> {
    routes![live, ready]
}

/// The process serves. Nothing else is looked at: a restart mends no disk.
#[get("/health/live")]
const fn live() -> Health {
    Health::Well("live")
}

/// A change would be taken now, or was less than a second ago: each look waits for the disk, and anybody may ask.
#[get("/health/ready")]
async fn ready(core: &State<Arc<Core>>) -> Health {
    let now = core.service.clock().now();
    let mut last = core.readiness.lock().await;
    let told = match &*last {
        Some((at, told)) if now.since(*at) < FRESH => told.clone(),
        _ => {
            let told = core.service.store().ready().await.map_err(|error| error.to_string());
            last.insert((now, told)).1.clone()
        }
    };
    told.map_or_else(Health::Unwell, |()| Health::Well("ready"))
}

enum Health {
    Well(&'static str),
    Unwell(String),
}

impl<'r> Responder<'r, 'static> for Health {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        match self {
            Self::Well(status) => {
                let body = format!("{{\"status\":\"{status}\"}}");
                let body = std::io::Cursor::new(body);
                Response::build().header(ContentType::JSON).sized_body(None, body).ok()
            }
            Self::Unwell(why) => Ok(error::json(Status::ServiceUnavailable, "not_ready", &why)),
        }
    }
}
