//! `/logout`: asking, and signing out. Repeating it is no error, and a failure is told.

use rocket::http::{ContentType, Status};
use rocket::{FromForm, FromFormField, Route, delete, get, post, routes};
use serde_json::json;

use crate::service::sessions::{Scope, SignedOut};
use crate::web::Core;
use crate::web::answer::{Answer, Page, SeeOther};
use crate::web::confirm::{Confirmed, Proof, Question, confirmed};
use crate::web::error::PageError;
use crate::web::filled::Filled;
use crate::web::flash::Flash;
use crate::web::guards::{Caller, Server};
use crate::web::reject::unconfirmed_sign_out;
use crate::web::session_cookies;

pub fn routes() -> Vec<Route> {
    routes![ask, post, delete]
}

/// Ends nothing: a link or a prefetch must not sign anybody out.
#[get("/logout")]
async fn ask(server: Server<'_>, caller: Caller<'_>) -> Result<Answer, PageError> {
    let Some(live) = caller.live else { return Ok(SeeOther::to("/login").into()) };
    let sessions = server.0.service.count_live(&live.user.id).await?;
    Ok(Page::new("pages/logout.html", "Sign out", json!({ "sessions": sessions })).into())
}

#[derive(Clone, Copy, FromFormField)]
enum Reach {
    This,
    All,
}

#[derive(FromForm)]
struct Fields {
    #[field(default = Reach::This)]
    scope: Reach,
    confirm: Proof,
}

/// Without a body: this session. One that cannot be read may have said more, so it must not look as if that were done.
#[post("/logout", data = "<fields>")]
async fn post(
    server: Server<'_>,
    caller: Caller<'_>,
    kind: Option<&ContentType>,
    fields: Option<Result<Filled<Fields>, Status>>,
) -> Result<Answer, Status> {
    let scope = match fields {
        Some(Ok(Filled(Fields { scope: Reach::All, confirm }))) => {
            if let Some(live) = caller.live {
                match confirmed(server.0, &caller, live, confirm, everywhere()).await {
                    Ok(Confirmed::Yes) => {}
                    Ok(Confirmed::No(answer)) => return Ok(answer),
                    Err(error) => {
                        tracing::error!(?error, "a sign-out could not be confirmed");
                        return Ok(unconfirmed_sign_out(Some("all")).into());
                    }
                }
            }
            Scope::All
        }
        Some(Err(Status::ServiceUnavailable)) => return Ok(unconfirmed_sign_out(None).into()),
        // 401: the session ended while the body was on its way, which is what was asked for.
        Some(Err(status)) if caller.live.is_some() && status != Status::Unauthorized => return Err(status),
        None if caller.live.is_some() && kind.is_some() => return Err(Status::UnsupportedMediaType),
        _ => Scope::This,
    };
    Ok(sign_out(server.0, &caller, scope).await)
}

/// What ends sessions elsewhere asks who one is, if that was long ago; what ends this one never does.
fn everywhere() -> Question {
    Question {
        heading: "Sign out everywhere?".to_owned(),
        action: "/logout".to_owned(),
        button: "Sign out everywhere",
        cancel: "/logout".to_owned(),
        fields: vec![("scope", "all".to_owned())],
    }
}

#[delete("/logout")]
async fn delete(server: Server<'_>, caller: Caller<'_>) -> Answer {
    sign_out(server.0, &caller, Scope::This).await
}

async fn sign_out(core: &Core, caller: &Caller<'_>, scope: Scope) -> Answer {
    let ended = match (caller.live, caller.past) {
        (Some(live), _) => core.service.sign_out(live, scope, caller.address).await,
        (None, Some(credential)) => core.service.sign_out_past(credential, caller.address).await,
        (None, None) => Ok(SignedOut::Already),
    };
    let count = match ended {
        Ok(SignedOut::Done(count)) => count,
        Ok(SignedOut::Already | SignedOut::NotFound) if scope == Scope::All => {
            return signed_out(core, Flash::OverAlready).into();
        }
        Ok(SignedOut::Already | SignedOut::NotFound) => 0,
        Err(error) => {
            tracing::error!(%error, "a sign-out could not be confirmed");
            return unconfirmed_sign_out(Some(if scope == Scope::All { "all" } else { "this" })).into();
        }
    };
    signed_out(core, Flash::SignedOut(count)).into()
}

/// To the sign-in page, without cookie and stored state.
pub fn signed_out(core: &Core, flash: Flash) -> SeeOther {
    SeeOther::to("/login").cookies(session_cookies::take_away(core)).flash(core, flash).clear_storage()
}
