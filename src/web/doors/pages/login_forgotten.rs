//! `/login/forgotten`: the way back in without the password. Nothing is asked and nothing is sent, so nobody learns here who
//! has an account.

use rocket::{Route, get, routes};
use serde_json::json;

use crate::config::ForgottenPassword;
use crate::web::answer::Page;
use crate::web::guards::Server;

pub fn routes() -> Vec<Route> {
    routes![page]
}

#[get("/login/forgotten")]
fn page(server: Server<'_>) -> Page {
    let ForgottenPassword { text, link } = &server.0.config.forgotten_password;
    let paragraphs: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let link = link.as_deref().map(|href| json!({ "href": href, "label": label(href) }));
    Page::new("pages/login_forgotten.html", "Forgotten password", json!({ "paragraphs": paragraphs, "link": link }))
}

/// What stands on the button: the address itself for a mail, so that it can be copied where no mail program opens.
fn label(href: &str) -> String {
    match href.strip_prefix("mailto:") {
        Some(rest) => format!("Write to {}", rest.split('?').next().unwrap_or_default()),
        None => "Ask for help".to_owned(),
    }
}
