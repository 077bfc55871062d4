//! An application of your own that lets sessiond look after its sessions: `cargo run --example embed`.
//!
//! Its routes are as before, and `/login`, `/account` and `/admin` come with it.

use std::error::Error;
use std::sync::Arc;

use rocket::figment::Figment;
use rocket::{Build, Rocket, get, routes};
use sessiond::{AdminSession, BuildError, Config, CurrentSession, Service, Sessiond, figment};

#[get("/")]
fn start() -> &'static str {
    "Open to everybody."
}

#[get("/notes")]
fn notes(session: CurrentSession<'_>) -> String {
    format!("The notes of {}.", session.name())
}

#[get("/report")]
fn report(session: AdminSession<'_>) -> String {
    format!("For administrators like {}.", session.email())
}

/// The application. `attach` comes last, so that no fairing rewrites a request after the gate has looked at it.
pub fn rocket(figment: Figment, service: Arc<Service>) -> Result<Rocket<Build>, BuildError> {
    let sessiond = Sessiond::new(service, Config::extract(&figment)?)?;
    Ok(sessiond.attach(rocket::custom(figment).mount("/", routes![start, notes, report]))?)
}

#[rocket::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let figment = figment();
    let service = sessiond::open(&Config::extract(&figment)?).await?;
    if let Some(code) = service.offer_setup().await? {
        println!("Create the first administrator at http://127.0.0.1:8000/setup; the code is {code}");
    }
    rocket::tokio::spawn(Arc::clone(&service).keep_reaping());
    rocket(figment, Arc::clone(&service))?.launch().await?;
    Ok(service.store().close().await?)
}
