//! `/logout`: asking, and signing out. Repeating it is no error, and a failure is told.

use rocket::form::Form;
use rocket::{FromForm, FromFormField, Route, delete, get, post, routes};
use serde_json::json;

use crate::service::sessions::{Scope, SignedOut};
use crate::web::Core;
use crate::web::answer::{Answer, Page, SeeOther};
use crate::web::error::PageError;
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
    scope: Option<Reach>,
}

#[post("/logout", data = "<fields>")]
async fn post(server: Server<'_>, caller: Caller<'_>, fields: Option<Form<Fields>>) -> Answer {
    let all = matches!(fields.and_then(|fields| fields.scope), Some(Reach::All));
    sign_out(server.0, &caller, if all { Scope::All } else { Scope::This }).await
}

#[delete("/logout")]
async fn delete(server: Server<'_>, caller: Caller<'_>) -> Answer {
    sign_out(server.0, &caller, Scope::This).await
}

async fn sign_out(core: &Core, caller: &Caller<'_>, scope: Scope) -> Answer {
    let ended = match caller.live {
        None => SignedOut::Already,
        Some(live) => match core.service.sign_out(live, scope, caller.address).await {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "a sign-out could not be confirmed");
                return unconfirmed_sign_out().into();
            }
        },
    };
    let count = if let SignedOut::Done(count) = ended { count } else { 0 };
    signed_out(core, count).into()
}

/// To the sign-in page, without cookie and stored state.
pub fn signed_out(core: &Core, count: u64) -> SeeOther {
    SeeOther::to("/login")
        .cookie(core.names.expire(&core.names.session))
        .flash(core, Flash::SignedOut(count))
        .clear_storage()
}
