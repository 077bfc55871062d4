//! Other people's applications around the gate.

use std::sync::Arc;

use rocket::error::ErrorKind;
use rocket::fairing::AdHoc;
use rocket::{State, get, routes};
use sessiond::{AdminSession, CurrentSession, Sessiond};

use super::gate::METHODS;
use crate::harness::probe::Probe;
use crate::harness::{Ask, On, Server};

#[allow(dead_code, reason = "only the application is of interest, not how it is started")]
#[path = "../../examples/embed.rs"]
mod embed;

const ADA: &str = "ada@example.com";

async fn example() -> Server {
    let build = |figment, service, _| embed::rocket(figment, service).expect("the settings are right");
    Server::of(On::Memory, "", build).await
}

#[tokio::test]
async fn the_example_keeps_its_routes_and_gets_pages_and_guards() {
    let server = example().await;
    let mut stranger = server.anonymous();
    stranger.get("/").await.is(200).says("Open to everybody.");
    stranger.get("/notes").await.goes_to("/login?next=%2Fnotes");
    server.create_named(ADA, "Ada Lovelace", &[]).await;
    let mut ada = server.anonymous().signed_in(ADA).await;
    ada.get("/notes").await.is(200).says("The notes of Ada Lovelace.");
    ada.get("/report").await.is(403);
    ada.open("/account").await.is(200).says("Signed in now 1");
    let mut root = server.administrator("root@example.com").await;
    root.get("/report").await.is(200).says("For administrators like root@example.com.");
}

#[tokio::test]
async fn asvs_7_4_1_an_ended_session_is_turned_away_by_the_example() {
    let server = example().await;
    let mut ada = server.user(ADA).await;
    let mut root = server.administrator("root@example.com").await;
    let id = ada.session().await.to_string();
    let form = root.open("/admin/sessions").await.form("/admin/sessions/end").fill(&[("only", &id)]);
    root.submit(form).await.goes_to("/admin/sessions");
    for path in ["/", "/notes", "/report", "/nowhere"] {
        ada.clone().get(path).await.asks_to_sign_in();
        ada.clone().send(Ask::get(path).json()).await.is(401);
    }
    ada.open("/notes").await.says("An administrator ended your session");
}

/// An application that answers whatever nobody else does, and before anybody else.
#[get("/<_..>")]
fn everything(probe: &State<Arc<Probe>>) -> &'static str {
    probe.run()
}

/// One that asks for the session before the gate has looked.
fn impatient() -> AdHoc {
    AdHoc::on_request("impatient", |request, _| {
        Box::pin(async move {
            assert!(!request.guard::<CurrentSession<'_>>().await.is_success(), "nobody is anybody before the gate");
        })
    })
}

#[tokio::test]
async fn nothing_in_an_application_answers_in_place_of_the_gate() {
    let build = |figment, service, config| {
        let sessiond = Sessiond::new(service, config).expect("a folder for the keys");
        let mut catch_all = routes![everything];
        for route in &mut catch_all {
            route.rank = -500;
        }
        let application = rocket::custom(figment).attach(impatient()).mount("/anything", catch_all.clone());
        sessiond.attach(application.mount("/-", catch_all)).expect("a folder")
    };
    let server = Server::of(On::Memory, "", build).await;
    let mut ada = server.user(ADA).await;
    ada.get("/anything/at/all").await.is(200);
    let ran = server.probe.ran();
    let copy = ada.clone();
    ada.sign_out().await.goes_to("/login");
    for method in METHODS {
        for path in ["/anything", "/-/rejected", "/-/other", "/notes"] {
            copy.clone().send(Ask::new(method, path)).await.asks_to_sign_in();
        }
    }
    assert_eq!(server.probe.ran(), ran);
}

/// The gate alone, without pages, in an application with its own ways.
async fn bare() -> Server {
    let build = |figment, service, config| {
        let sessiond = Sessiond::new(service, config).expect("a folder for the keys");
        rocket::custom(figment).attach(sessiond.gate())
    };
    Server::of(On::Memory, "", build).await
}

/// A credential without any page.
async fn credential(server: &Server) -> (sessiond::service::sessions::LiveSession, String) {
    use sessiond::domain::client::Client;
    use sessiond::domain::password::Password;
    use sessiond::domain::session::Door;
    use sessiond::service::auth::{Attempt, Entrance, Entry};
    use sessiond::service::proofs::Proof;
    use sessiond::service::sessions::Resolved;
    use sessiond::service::throttle::Device;
    server.create(ADA, &[]).await;
    let attempt = Attempt {
        email: ADA.to_owned(),
        proof: Proof { password: Password::typed(crate::harness::PASSWORD.to_owned()), code: String::new() },
        entrance: Entrance {
            longest: None,
            keep: false,
            door: Door::Pages,
            client: Client::new(None, "a program"),
            present: None,
            device: Device::fresh(server.service.entropy()),
        },
    };
    let signed_in = match server.service.sign_in(attempt).await {
        Ok(Entry::SignedIn(signed_in)) => signed_in,
        Ok(Entry::MustChoose(_)) => panic!("it is no password for one use"),
        Err(error) => panic!("{error}"),
    };
    let Ok(Resolved::Live(live)) = server.service.resolve(&signed_in.credential).await else {
        panic!("a live session")
    };
    (*live, signed_in.credential.expose())
}

#[tokio::test]
async fn the_gate_works_without_the_pages() {
    let server = bare().await;
    let (live, value) = credential(&server).await;
    let mut ada = server.anonymous();
    ada.jar.set("sessiond", &value);
    ada.get("/probe/mine").await.is(200).says("ran for ada@example.com");
    server.anonymous().get("/probe/mine").await.is(401);

    // Answers are plain text where there are no templates.
    let refused = ada.send(Ask::post("/probe/change").header("Origin", "https://evil.example")).await;
    assert_eq!(refused.is(403).header("content-type"), Some("text/plain; charset=utf-8"));
    refused.says("This request came from another site");
    ada.send(Ask::post("/probe/change").form([("a", "b")]))
        .await
        .is(403)
        .says("Out of date. It stood open for too long");
    // Where we have no door for commands from afar, nothing under its path is let pass.
    let afar = Ask::post("/operator/session-list").header("Authorization", "Bearer x").body("application/json", "{}");
    server.anonymous().send(afar).await.is(403).says("Out of date");
    server.faults().fail(true);
    let failed = ada.get("/probe/open").await;
    failed.is(503).says("The server cannot look sessions up right now.");
    assert_eq!(failed.header("content-type"), Some("text/plain; charset=utf-8"));
    server.faults().fail(false);

    let ran = server.probe.ran();
    server.service.sign_out(&live, sessiond::service::sessions::Scope::This, None).await.expect("the store answers");
    let away = ada.clone().get("/probe/open").await;
    away.goes_to("/login?next=%2Fprobe%2Fopen");
    assert!(away.cookie("sessiond").is_some_and(|cookie| cookie.expires()), "{}", away.shown());
    let json = ada.send(Ask::get("/probe/open").json()).await;
    assert!(json.is(401).header("www-authenticate").is_some());
    assert_eq!(server.probe.ran(), ran);
    for answer in [&refused, &failed, &away, &json] {
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{}", answer.shown());
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.shown());
    }
}

#[get("/current")]
fn current(_session: CurrentSession<'_>) {}

#[get("/administrator")]
fn administrator(_session: AdminSession<'_>) {}

#[get("/perhaps")]
fn perhaps(_session: Option<CurrentSession<'_>>) {}

#[tokio::test]
async fn asvs_7_2_2_an_application_that_asks_for_sessions_does_not_start_without_the_gate() {
    let quiet = || rocket::custom(rocket::Config { log_level: rocket::config::LogLevel::Off, ..Default::default() });
    for (name, route) in [
        ("CurrentSession", routes![current]),
        ("AdminSession", routes![administrator]),
        ("Option<CurrentSession>", routes![perhaps]),
    ] {
        let error = quiet().mount("/", route).ignite().await.expect_err(name);
        assert!(matches!(error.kind(), ErrorKind::SentinelAborts(_)), "{name}: {error}");
    }
}
