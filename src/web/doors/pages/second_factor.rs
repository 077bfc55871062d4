//! `/account/second-factor`: setting up an authenticator app, replacing and removing it, and recovery codes.

use rocket::http::Status;
use rocket::{FromForm, Route, get, post, routes};
use serde_json::json;

use crate::domain::password::Password;
use crate::domain::second_factor::{SecondFactor, TotpSecret};
use crate::service::passwords::PasswordChangeError;
use crate::service::proofs::Proof;
use crate::service::second_factors::{SecondFactorError, SecondFactorSet};
use crate::web::answer::{Answer, Page, SeeOther};
use crate::web::filled::Filled;
use crate::web::flash::{Deed, Flash};
use crate::web::guards::{Caller, CurrentSession, Server};
use crate::web::session_cookies;
use crate::web::text::{sentence, wrong_proof};
use crate::web::{Core, error, later, qr};

const HERE: &str = "/account/second-factor";

pub fn routes() -> Vec<Route> {
    routes![page, new, set, ask_codes, renew, ask_removal, remove]
}

#[get("/account/second-factor")]
fn page(server: Server<'_>, current: CurrentSession<'_>) -> Page {
    let user = &current.live().user;
    let left = user.safeguards.second_factor.as_ref().map(SecondFactor::recovery_left);
    let context = json!({ "left": left, "required": server.0.service.lacks_second_factor(user) });
    Page::new("pages/second_factor.html", "Second factor", context)
}

#[get("/account/second-factor/new")]
fn new(server: Server<'_>, current: CurrentSession<'_>) -> Page {
    set_up(current, &server.0.service.draw_totp_secret(), None)
}

fn set_up(current: CurrentSession<'_>, secret: &TotpSecret, error: Option<&str>) -> Page {
    let address = qr::address(&current.live().user, secret);
    let letters = secret.base32();
    let groups: Vec<&str> = (0..letters.len()).step_by(4).filter_map(|at| letters.get(at..at + 4)).collect();
    let context = json!({
        "secret": letters, "groups": groups.join(" "), "address": address, "qr": qr::draw(&address), "error": error,
    });
    Page::new("pages/second_factor_new.html", "Set up an authenticator app", context)
}

#[derive(FromForm)]
struct NewFields {
    secret: String,
    shown: String,
    password: String,
    #[field(default = String::new())]
    code: String,
}

#[post("/account/second-factor/new", data = "<fields>")]
async fn set(server: Server<'_>, caller: Caller<'_>, current: CurrentSession<'_>, fields: Filled<NewFields>) -> Answer {
    let core = server.0;
    let NewFields { secret, shown, password, code } = fields.0;
    let Some(secret) = TotpSecret::from_base32(&secret) else {
        return error::page_with(Status::BadRequest, "That does not work", "Begin again.", HERE, "Begin again").into();
    };
    let proof = Proof { password: Password::typed(password), code };
    let set = core.service.set_second_factor(current.live(), proof, secret.clone(), &shown, caller.client()).await;
    match set {
        Ok(set) => codes(core, &set),
        Err(error) => refused(core, &caller, current, error, |told| set_up(current, &secret, Some(told))),
    }
}

/// The only time that the codes are shown.
fn codes(core: &Core, set: &SecondFactorSet) -> Answer {
    let mut page = shown_once(&set.recovery_codes, Some(set.others));
    page.cookies.extend(session_cookies::hand_out(core, &set.signed_in));
    page.session = Some(set.signed_in.session.id());
    page.into()
}

fn shown_once(codes: &[String], others: Option<u64>) -> Page {
    let context = json!({ "codes": codes, "others": others });
    Page::new("pages/recovery_codes.html", "Recovery codes", context)
}

/// A form that asks for nothing but the proof.
struct Ask {
    path: &'static str,
    title: &'static str,
    text: &'static str,
    button: &'static str,
    danger: bool,
}

const CODES: Ask = Ask {
    path: "/account/second-factor/codes",
    title: "New recovery codes",
    text: "You get ten new codes, shown once. The codes that you have now are good no longer.",
    button: "Show new codes",
    danger: false,
};

const REMOVAL: Ask = Ask {
    path: "/account/second-factor/remove",
    title: "Remove the second factor",
    text: "From then on your password alone opens your account. Your sessions on all other devices end at once.",
    button: "Remove it",
    danger: true,
};

impl Ask {
    fn page(&self, error: Option<&str>) -> Page {
        let Self { path, title, text, button, danger } = *self;
        let context = json!({
            "heading": title, "text": text, "action": path, "button": button, "danger": danger, "back": HERE,
            "error": error,
        });
        Page::new("pages/second_factor_ask.html", title, context)
    }
}

#[derive(FromForm)]
struct ProofFields {
    password: String,
    #[field(default = String::new())]
    code: String,
}

impl ProofFields {
    fn proof(self) -> Proof {
        Proof { password: Password::typed(self.password), code: self.code }
    }
}

#[get("/account/second-factor/codes")]
fn ask_codes(current: CurrentSession<'_>) -> Answer {
    if_there_is_one(current, &CODES)
}

#[get("/account/second-factor/remove")]
fn ask_removal(current: CurrentSession<'_>) -> Answer {
    if_there_is_one(current, &REMOVAL)
}

fn if_there_is_one(current: CurrentSession<'_>, ask: &Ask) -> Answer {
    match current.live().user.safeguards.second_factor {
        Some(_) => ask.page(None).into(),
        None => SeeOther::to(HERE).into(),
    }
}

#[post("/account/second-factor/codes", data = "<fields>")]
async fn renew(
    server: Server<'_>,
    caller: Caller<'_>,
    current: CurrentSession<'_>,
    fields: Filled<ProofFields>,
) -> Answer {
    let core = server.0;
    match core.service.renew_recovery_codes(current.live(), fields.0.proof(), &caller.client()).await {
        Ok(codes) => shown_once(&codes, None).into(),
        Err(error) => refused(core, &caller, current, error, |told| CODES.page(Some(told))),
    }
}

#[post("/account/second-factor/remove", data = "<fields>")]
async fn remove(
    server: Server<'_>,
    caller: Caller<'_>,
    current: CurrentSession<'_>,
    fields: Filled<ProofFields>,
) -> Answer {
    let core = server.0;
    match core.service.remove_second_factor(current.live(), fields.0.proof(), caller.client()).await {
        Ok(set) => {
            let there = SeeOther::to(HERE).cookies(session_cookies::hand_out(core, &set.signed_in));
            there.flash(core, Flash::Deed(Deed::SecondFactorRemoved)).into()
        }
        Err(error) => refused(core, &caller, current, error, |told| REMOVAL.page(Some(told))),
    }
}

/// The form once more, with what is wrong.
fn refused(
    core: &Core,
    caller: &Caller<'_>,
    current: CurrentSession<'_>,
    error: SecondFactorError,
    form: impl Fn(&str) -> Page,
) -> Answer {
    let told = format!("{} Nothing was changed.", sentence(&error.to_string()));
    let status = match error {
        SecondFactorError::NotTheApps => Status::UnprocessableEntity,
        SecondFactorError::Required => Status::Forbidden,
        SecondFactorError::Proof(PasswordChangeError::Wrong) => {
            let told = format!("{}. Nothing was changed.", wrong_proof(current.live()));
            return form(&told).status(Status::Unauthorized).into();
        }
        SecondFactorError::Proof(PasswordChangeError::Later(later)) => {
            let told = later::told(later, core.service.clock().now());
            return later::answer(later, &told, form(&told), caller.json);
        }
        SecondFactorError::Proof(PasswordChangeError::Store(error)) => {
            tracing::error!(%error, "a second factor could not be confirmed");
            let told = "The server could not confirm the change. It may have happened or not: look at your second factor, and \
                        begin again if it is not there.";
            return error::page_with(Status::ServiceUnavailable, "Not confirmed", told, HERE, "Look").into();
        }
        SecondFactorError::Proof(PasswordChangeError::Busy(_)) => Status::ServiceUnavailable,
        // If the session has ended, the gate tells why instead.
        SecondFactorError::None | SecondFactorError::Proof(_) => return SeeOther::to(HERE).into(),
    };
    form(&told).status(status).into()
}
