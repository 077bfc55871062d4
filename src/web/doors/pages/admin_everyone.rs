//! `/admin/sessions/everyone`: ending everyone's sessions but one's own, with the password.

use rocket::http::Status;
use rocket::{FromForm, Route, get, post, routes};
use serde_json::json;

use super::login::welcome;
use crate::domain::ending::Note;
use crate::domain::listing::{Filter, Total};
use crate::domain::password::Password;
use crate::service::auth::SignInError;
use crate::service::proofs::Proof;
use crate::service::sessions::Order;
use crate::web::Core;
use crate::web::answer::{Answer, Page, SeeOther};
use crate::web::error::PageError;
use crate::web::filled::Filled;
use crate::web::flash::Flash;
use crate::web::guards::{AdminSession, Caller, Server};
use crate::web::later;
use crate::web::text::wrong_proof;

pub fn routes() -> Vec<Route> {
    routes![page, end]
}

#[get("/admin/sessions/everyone")]
async fn page(server: Server<'_>, _admin: AdminSession<'_>) -> Result<Page, PageError> {
    form(server.0, "", None).await
}

#[derive(FromForm)]
struct Fields {
    password: String,
    #[field(default = String::new())]
    code: String,
    note: Option<String>,
}

#[post("/admin/sessions/everyone", data = "<fields>")]
async fn end(
    server: Server<'_>,
    caller: Caller<'_>,
    admin: AdminSession<'_>,
    fields: Filled<Fields>,
) -> Result<Answer, PageError> {
    let core = server.0;
    let Fields { password, code, note: typed } = fields.0;
    let typed = typed.unwrap_or_default();
    let note = match Note::parse(&typed) {
        Ok(note) => note,
        Err(error) => {
            let page = form(core, &typed, Some(&error.to_string())).await?;
            return Ok(page.status(Status::UnprocessableEntity).into());
        }
    };
    let order = Order { by: admin.actor(), note, from: caller.address };
    let proof = Proof { password: Password::typed(password), code };
    let (status, told) = match core.service.revoke_everyone_else(admin.live(), proof, &order, caller.client()).await {
        Ok((count, Some(signed_in))) => {
            let there = SeeOther::to("/admin/sessions").flash(core, Flash::Everyone(count));
            return Ok(welcome(core, &signed_in, there).into());
        }
        // Everyone's sessions ended, this one too; the next request tells the person so.
        Ok((_, None)) | Err(SignInError::Stale | SignInError::Blocked | SignInError::OneTimeOver) => {
            return Ok(SeeOther::to("/admin/sessions").into());
        }
        Err(SignInError::Later(later)) => {
            let told = later::told(later, core.service.clock().now());
            let page = form(core, &typed, Some(&told)).await?;
            return Ok(later::answer(later, &told, page, caller.json));
        }
        Err(SignInError::Wrong) => (Status::Unauthorized, format!("{}. Nothing was ended.", wrong_proof(admin.live()))),
        Err(SignInError::Busy(_)) => (
            Status::ServiceUnavailable,
            "Too many people are signing in at this moment. Nothing was ended; try again in a second.".to_owned(),
        ),
        Err(SignInError::Store(error)) => return Err(error.into()),
    };
    Ok(form(core, &typed, Some(&told)).await?.status(status).into())
}

async fn form(core: &Core, note: &str, error: Option<&str>) -> Result<Page, PageError> {
    let (Total::Exactly(all) | Total::MoreThan(all)) = core.service.count(&Filter::default()).await?;
    let context = json!({ "count": all.saturating_sub(1), "error": error, "note": note });
    Ok(Page::new("pages/admin_everyone.html", "End everyone's sessions", context))
}
