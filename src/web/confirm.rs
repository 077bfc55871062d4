//! Once more the password, and the code where there is one, before what gives rights or takes an account over: whoever sits
//! down at somebody's open browser does not get that far.

use rocket::FromForm;
use rocket::http::Status;
use serde_json::json;

use super::Core;
use super::answer::{Answer, Made, Page, SeeOther};
use super::error::{self, PageError};
use super::guards::Caller;
use super::later;
use super::text::wrong_proof;
use crate::domain::password::Password;
use crate::service::auth::SignInError;
use crate::service::proofs;
use crate::service::sessions::LiveSession;

/// What proves who somebody is; part of every form that may have to ask for it, as its field `confirm`.
#[derive(FromForm)]
pub struct Proof {
    password: Option<String>,
    code: Option<String>,
}

/// What is about to be done, and the form that does it once more.
pub struct Question {
    /// What is about to be done, as the page's heading.
    pub heading: String,
    /// Where its form is sent to: the address that was asked for.
    pub action: String,
    /// What the button says.
    pub button: &'static str,
    /// Where whoever thinks better of it goes.
    pub cancel: String,
    /// All fields of the form as they were sent, without the proof. They go into the page.
    pub fields: Vec<(&'static str, String)>,
}

/// Whether it may be done.
pub enum Confirmed {
    /// The person has just proved who they are.
    Yes,
    /// They have not: this is to be answered, and nothing is to be done.
    No(Answer),
}

/// Asks whoever last proved more than ten minutes ago who they are to do it again, in the form that they have just sent. Who
/// gives the right password with it has a fresh session from then on.
pub async fn confirmed(
    core: &Core,
    caller: &Caller<'_>,
    live: &LiveSession,
    proof: Proof,
    question: Question,
) -> Result<Confirmed, PageError> {
    let now = core.service.clock().now();
    if live.session.is_fresh(now) {
        return Ok(Confirmed::Yes);
    }
    let Some(password) = proof.password else {
        let told = "Type your password first: it is more than ten minutes since you last did.";
        return Ok(Confirmed::No(refuse(caller, live, question, Status::Unauthorized, None, told)));
    };
    let wrong = format!("{}. Nothing was changed.", wrong_proof(live));
    let proof = proofs::Proof { password: Password::typed(password), code: proof.code.unwrap_or_default() };
    let (status, told) = match core.service.reauthenticate(live, proof, caller.address).await {
        Ok(()) => return Ok(Confirmed::Yes),
        // If the session has ended, the gate tells why.
        Err(SignInError::Stale | SignInError::Blocked) => {
            return Ok(Confirmed::No(SeeOther::to(question.cancel).into()));
        }
        Err(SignInError::Later(later)) => {
            let told = later::told(later, now);
            let page = form(live, question, Some(&told));
            return Ok(Confirmed::No(later::answer(later, &told, page, caller.json)));
        }
        Err(SignInError::Store(error)) => return Err(error.into()),
        Err(SignInError::Busy(_)) => (
            Status::ServiceUnavailable,
            "Too many people are signing in at this moment. Nothing was changed; try again in a second.",
        ),
        Err(_) => (Status::Unauthorized, &*wrong),
    };
    Ok(Confirmed::No(refuse(caller, live, question, status, Some(told), told)))
}

/// The page with the form, or what programs read.
fn refuse(
    caller: &Caller<'_>,
    live: &LiveSession,
    question: Question,
    status: Status,
    error: Option<&str>,
    told: &str,
) -> Answer {
    if caller.json {
        return Made(error::json(status, "confirmation_required", told)).into();
    }
    form(live, question, error).status(status).into()
}

fn asks_code(live: &LiveSession) -> bool {
    live.user.safeguards.second_factor.is_some()
}

fn form(live: &LiveSession, question: Question, error: Option<&str>) -> Page {
    let Question { heading, action, button, cancel, fields } = question;
    let fields: Vec<_> = fields.into_iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let context = json!({
        "heading": heading, "action": action, "button": button, "cancel": cancel, "fields": fields,
        "code": asks_code(live), "error": error,
    });
    Page::new("pages/confirm.html", "Confirm that it is you", context)
}
