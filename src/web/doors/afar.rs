//! Commands from afar: what the command line sends with an API key, and other programs may.
//!
//! Nothing but the key counts here. No session opens this door, so no browser can be made to; the gate still judges a
//! request that carries a session's cookie as it judges every other.

use std::net::IpAddr;

use rocket::data::Data;
use rocket::http::{ContentType, Status};
use rocket::request::{FromRequest, Outcome, Request};
use rocket::{Response, Route, post, routes};

use crate::domain::key::ApiKey;
use crate::service::operator::{self, How, Needs, Operator, carry_out, needs};
use crate::web::answer::Made;
use crate::web::api_key::{self, Presented, Showing};
use crate::web::control::read;
use crate::web::guards::Server;
use crate::web::seen::Seen;
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
    shown.admitted(core, name).await?;
    let text = read(text, LONGEST).await;
    // A body may arrive as slowly as its sender likes: a key that was revoked meanwhile must not act through it.
    let key = shown.admitted(core, name).await?;
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

/// What a request shows, and from where it comes.
struct Shown {
    key: Presented,
    address: Option<IpAddr>,
    path: String,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Shown {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        let seen = Seen::of(request);
        let key = Presented::in_authorization(request.headers());
        Outcome::Success(Self { key, address: seen.address, path: seen.uri.clone() })
    }
}

impl Shown {
    /// The key, if it is good for this command now.
    async fn admitted(&self, core: &Core, name: &str) -> Result<ApiKey, Refusal> {
        let shown = Showing { key: &self.key, address: self.address, method: "POST", path: &self.path };
        // Who has no key does not learn which commands there are.
        let admitted = match needs(name) {
            Some(Needs::Scope(scope)) => shown.good_for(core, scope).await,
            Some(Needs::Machine) | None => shown.good(core).await,
        };
        let key = admitted.map_err(Refusal::Key)?;
        match needs(name) {
            Some(Needs::Scope(_)) => Ok(key),
            Some(Needs::Machine) => Err(Refusal::Machine),
            None => Err(Refusal::NoCommand),
        }
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
        let (status, code, told) = match &self {
            Self::Key(api_key::Refusal::Missing) => {
                (Status::Unauthorized, "key_missing", "Send an API key as Authorization: Bearer.".to_owned())
            }
            Self::Key(api_key::Refusal::Unknown) => {
                (Status::Unauthorized, "key_unknown", "This is no API key of this server.".to_owned())
            }
            Self::Key(api_key::Refusal::Revoked) => {
                (Status::Unauthorized, "key_revoked", "The API key has been revoked.".to_owned())
            }
            Self::Key(api_key::Refusal::Expired) => {
                (Status::Unauthorized, "key_expired", "The API key has run out.".to_owned())
            }
            Self::Key(api_key::Refusal::Scope(scope)) => {
                (Status::Unauthorized, "general_unauthorized_scope", format!("The API key lacks the scope {scope}."))
            }
            Self::Machine => {
                let told = "This concerns the whole machine and is not to be had from afar; run it there.";
                (Status::Forbidden, "general_access_forbidden", told.to_owned())
            }
            Self::NoCommand => {
                (Status::NotFound, "general_route_not_found", "This server has no such command.".to_owned())
            }
            Self::Key(api_key::Refusal::Unavailable) => {
                let told = "API keys cannot be looked up right now; try again.";
                (Status::ServiceUnavailable, "unavailable", told.to_owned())
            }
        };
        let mut response = error::json(status, code, &told);
        if status == Status::Unauthorized {
            response.set_raw_header("WWW-Authenticate", self.challenge());
        }
        response
    }

    /// RFC 6750, section 3.
    fn challenge(&self) -> String {
        match self {
            Self::Key(api_key::Refusal::Missing) => "Bearer realm=\"sessiond\"".to_owned(),
            Self::Key(api_key::Refusal::Scope(scope)) => {
                format!("Bearer realm=\"sessiond\", error=\"insufficient_scope\", scope=\"{scope}\"")
            }
            _ => "Bearer realm=\"sessiond\", error=\"invalid_token\"".to_owned(),
        }
    }
}
