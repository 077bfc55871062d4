//! `/logout`: asking, and signing out. Repeating it is no error, and a failure is told.

use rocket::http::Status;
use rocket::{FromForm, FromFormField, Route, delete, get, post, routes};
use serde_json::json;

use crate::service::sessions::{Scope, SignedOut};
use crate::store::StoreError;
use crate::web::Core;
use crate::web::answer::{Answer, Page, SeeOther};
use crate::web::error::PageError;
use crate::web::filled::Filled;
use crate::web::flash::Flash;
use crate::web::guards::{Caller, Server};
use crate::web::reject::unconfirmed_sign_out;

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
}

/// Without a body: this session. One that cannot be read may have said more, so it must not look as if that were done.
#[post("/logout", data = "<fields>")]
async fn post(
    server: Server<'_>,
    caller: Caller<'_>,
    fields: Option<Result<Filled<Fields>, Status>>,
) -> Result<Answer, Status> {
    let scope = match fields {
        // 401: the session ended while the body was on its way, which is what was asked for.
        Some(Err(status)) if caller.live.is_some() && status != Status::Unauthorized => return Err(status),
        Some(Ok(Filled(fields))) if matches!(fields.scope, Reach::All) => Scope::All,
        _ => Scope::This,
    };
    Ok(sign_out(server.0, &caller, scope).await)
}

#[delete("/logout")]
async fn delete(server: Server<'_>, caller: Caller<'_>) -> Answer {
    sign_out(server.0, &caller, Scope::This).await
}

async fn sign_out(core: &Core, caller: &Caller<'_>, scope: Scope) -> Answer {
    let ended = match caller.live {
        None if !caller.ended => SignedOut::Already,
        // Another request may be ending it at this moment, and have it on disk or not.
        None => match core.service.settle().await {
            Ok(()) => SignedOut::Already,
            Err(error) => return unconfirmed(&error),
        },
        Some(live) => match core.service.sign_out(live, scope, caller.address).await {
            Ok(ended) => ended,
            Err(error) => return unconfirmed(&error),
        },
    };
    let count = if let SignedOut::Done(count) = ended { count } else { 0 };
    signed_out(core, count).into()
}

fn unconfirmed(error: &StoreError) -> Answer {
    tracing::error!(%error, "a sign-out could not be confirmed");
    unconfirmed_sign_out().into()
}

/// To the sign-in page, without cookie and stored state.
pub fn signed_out(core: &Core, count: u64) -> SeeOther {
    SeeOther::to("/login")
        .cookie(core.names.expire(&core.names.session))
        .flash(core, Flash::SignedOut(count))
        .clear_storage()
}
