//! What those who run the server ask: is it there, and would it take a change?

use std::sync::Arc;

use rocket::http::{ContentType, Status};
use rocket::response::{self, Responder};
use rocket::{Request, Response, Route, State, get, routes};

use crate::web::{Core, error};

pub fn routes() -> Vec<Route> {
    routes![live, ready]
}

/// The process serves. Nothing else is looked at: a restart mends no disk.
#[get("/health/live")]
const fn live() -> Health {
    Health::Well("live")
}

/// A change would be taken now.
#[get("/health/ready")]
async fn ready(core: &State<Arc<Core>>) -> Health {
    match core.service.store().ready().await {
        Ok(()) => Health::Well("ready"),
        Err(error) => Health::Unwell(error.to_string()),
    }
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
