//! Commands from afar: what the command line sends with an API key, and other programs may.
//!
//! Nothing but the key counts here. No session opens this door, so no browser can be made to; the gate still judges a
//! request that carries a session's cookie as it judges every other.

use rocket::data::Data;
use rocket::http::{ContentType, Status};
use rocket::{Response, Route, post, routes};

use crate::domain::key::ApiKey;
use crate::service::operator::{self, How, Needs, Operator, carry_out, needs};
use crate::web::answer::Made;
use crate::web::api_key;
use crate::web::control::read;
use crate::web::guards::Server;
use crate::web::keyed::{self, Shown};
use crate::web::{Core, error};

/// A command's text is never longer: what proxies in front let pass.
const LONGEST: u64 = 64 << 10;

pub fn routes() -> Vec<Route> {
    routes![run, dry_run]
}

#[post("/operator/<name>", data = "<text>")]
async fn run(server: Server<'_>, shown: Shown, name: &str, text: Data<'_>) -> Made {
    Made(answer(server.0, &shown, name, text, How::ForGood).await.unwrap_or_else(Refusal::response))
}

/// A path of its own: a server that does not know it must not do what was only to be told.
#[post("/operator/<name>/dry-run", data = "<text>")]
async fn dry_run(server: Server<'_>, shown: Shown, name: &str, text: Data<'_>) -> Made {
    Made(answer(server.0, &shown, name, text, How::DryRun).await.unwrap_or_else(Refusal::response))
}

async fn answer(
    core: &Core,
    shown: &Shown,
    name: &str,
    text: Data<'_>,
    how: How,
) -> Result<Response<'static>, Refusal> {
    admitted(core, shown, name).await?;
    let text = read(text, LONGEST).await;
    // A body may arrive as slowly as its sender likes: a key that was revoked meanwhile must not act through it.
    let key = admitted(core, shown, name).await?;
    let operator = Operator::afar(core.service.clone(), key.id, shown.address);
    let done = match text {
        Ok(text) => carry_out(&operator, name, &text, how).await,
        Err(refused) => Err(refused),
    };
    let (status, text) = match done {
        Ok(text) => (Status::Ok, text),
        Err(refused) => (Status::UnprocessableEntity, json(&refused)),
    };
    let body = std::io::Cursor::new(text);
    Ok(Response::build().status(status).header(ContentType::JSON).sized_body(None, body).finalize())
}

fn json(refused: &operator::Refused) -> String {
    serde_json::to_string(refused).unwrap_or_default()
}

/// The key, if it is good for this command now.
async fn admitted(core: &Core, shown: &Shown, name: &str) -> Result<ApiKey, Refusal> {
    // Who has no key does not learn which commands there are.
    let key = match needs(name) {
        Some(Needs::Scope(scope)) => shown.showing().good_for(core, scope).await,
        Some(Needs::Machine) | None => shown.showing().good(core).await,
    };
    let key = key.map_err(Refusal::Key)?;
    match needs(name) {
        Some(Needs::Scope(_)) => Ok(key),
        Some(Needs::Machine) => Err(Refusal::Machine),
        None => Err(Refusal::NoCommand),
    }
}

/// Why a command was not let in.
enum Refusal {
    Key(api_key::Refusal),
    Machine,
    NoCommand,
}

impl Refusal {
    fn response(self) -> Response<'static> {
        match self {
            Self::Key(refusal) => keyed::refused(refusal),
            Self::Machine => {
                let told = "This concerns the whole machine and is not to be had from afar; run it there.";
                error::json(Status::Forbidden, "general_access_forbidden", told)
            }
            Self::NoCommand => {
                error::json(Status::NotFound, "general_route_not_found", "This server has no such command.")
            }
        }
    }
}
