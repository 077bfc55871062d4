//! `/v1/account`, where it asks who somebody is: second factors, passwords for one use, what needs a fresh proof.

use std::time::Duration;

use rocket::http::Method;
use serde_json::json;
use sessiond::domain::ending::Actor;
use sessiond::domain::password::Password;
use sessiond::service::auth::SignInError;
use sessiond::service::proofs::Proof;
use sessiond::service::sessions::{Order, Resolved};

use super::api::{ADA, App, ROOT, fails, told};
use super::second_factor::set_up;
use crate::harness::{Answer, Ask, On, PASSWORD, Server};

on_both_stores! {
    asvs_7_5_2_what_ends_other_sessions_asks_for_a_fresh_proof,
    asvs_7_4_3_a_new_password_ends_all_other_sessions,
    asvs_6_3_3_a_second_factor_is_asked_for_beside_the_password,
}

const WRONG: &str = "not the right words";
const NEW: &str = "quite another few words";
const STALE: &str = "user_reauthentication_required";

async fn delete(app: &App<'_>, path: &str, body: serde_json::Value) -> Answer {
    app.send(Ask::new(Method::Delete, format!("/v1{path}")).body("application/json", body.to_string())).await
}

async fn asvs_7_5_2_what_ends_other_sessions_asks_for_a_fresh_proof(server: Server) {
    let app = App::signed_in(&server, ADA).await;
    let other = App::signed_in(&server, ADA).await;
    let id = told(other.get("/account/sessions/current").await.is(200))["$id"].as_str().expect("an id").to_owned();
    let path = format!("/account/sessions/{id}");
    server.pass(Duration::from_mins(11));
    for (method, path) in
        [(Method::Delete, &*path), (Method::Delete, "/account/sessions"), (Method::Patch, "/account/status")]
    {
        let answer = app.ask(method, path, &json!({})).await;
        fails(&answer, 401, STALE, "ten minutes");
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert!(challenge.contains("insufficient_user_authentication") && challenge.contains("max_age=600"));
        let wrong = app.ask(method, path, &json!({ "password": WRONG })).await;
        fails(&wrong, 401, "user_invalid_credentials", "");
    }
    other.get("/account").await.is(200);
    // Its own session everybody may end at any time; reading, renewing and naming need no proof either.
    app.patch("/account/name", json!({ "name": "Ada" })).await.is(200);
    app.patch("/account/sessions/current", json!({})).await.is(200);
    delete(&app, &path, json!({ "password": PASSWORD, "code": null })).await.is(204);
    fails(&other.get("/account").await, 401, "general_unauthorized_scope", "");
    // What has been proved holds for ten minutes.
    let other = App::signed_in(&server, ADA).await;
    app.delete("/account/sessions").await.is(204);
    fails(&other.get("/account").await, 401, "general_unauthorized_scope", "");
    let stale = App::signed_in(&server, ADA).await;
    server.pass(Duration::from_mins(11));
    stale.delete("/account/sessions/current").await.is(204);
    // A session that was begun on a program's word has proved nothing, and has no cookie to be expired.
}

async fn asvs_7_4_3_a_new_password_ends_all_other_sessions(server: Server) {
    let header = App::signed_in(&server, ADA).await;
    let other = App::signed_in(&server, ADA).await;
    let change = |password: &str, old: &str| json!({ "password": password, "oldPassword": old });
    fails(&header.patch("/account/password", change(NEW, WRONG)).await, 401, "user_invalid_credentials", "");
    fails(
        &header.patch("/account/password", change("short", PASSWORD)).await,
        400,
        "general_argument_invalid",
        "`password`",
    );
    fails(
        &header.patch("/account/password", change("aaaaaaaaaaaaaaaa", PASSWORD)).await,
        400,
        "general_argument_invalid",
        "`password`",
    );
    fails(
        &header.patch("/account/password", change(PASSWORD, PASSWORD)).await,
        400,
        "general_argument_invalid",
        "`password`",
    );
    fails(
        &header.patch("/account/password", json!({ "password": NEW })).await,
        400,
        "general_argument_invalid",
        "oldPassword",
    );
    other.get("/account").await.is(200);
    server.pass(Duration::from_secs(5));
    let changed = header.patch("/account/password", change(NEW, PASSWORD)).await;
    assert_eq!(told(changed.is(200))["passwordUpdate"], "2026-01-02T03:04:10.678+00:00");
    assert!(changed.cookies().is_empty(), "whoever holds it in a header keeps it\n{}", changed.shown());
    header.get("/account").await.is(200);
    fails(&other.get("/account").await, 401, "general_unauthorized_scope", "");
    fails(&App::new(&server).signs_in(ADA, PASSWORD).await, 401, "user_invalid_credentials", "");

    let answer = App::new(&server).signs_in(ADA, NEW).await;
    let cookie = |answer: &Answer| answer.cookie("sessiond").expect("a cookie").value;
    let browser = |value: String| App::new(&server).with("Cookie", &format!("sessiond={value}"));
    let own = browser(cookie(answer.is(201)));
    let changed = own.patch("/account/password", change(PASSWORD, NEW)).await;
    let fresh = browser(cookie(changed.is(200)));
    fails(&own.get("/account").await, 401, "general_unauthorized_scope", "");
    fails(&header.get("/account").await, 401, "general_unauthorized_scope", "");
    fresh.get("/account").await.is(200);
    assert_eq!(told(fresh.get("/account/sessions").await.is(200))["total"], 1);
}

async fn asvs_6_3_3_a_second_factor_is_asked_for_beside_the_password(server: Server) {
    let mut ada = server.user(ADA).await;
    let (secret, _) = set_up(&server, &mut ada).await;
    server.pass(Duration::from_secs(30));
    let app = App::new(&server);
    let keyed = App::keyed(&server, "sessions.write").await;
    let body = |code: &str| json!({ "email": ADA, "password": PASSWORD, "code": code });
    let with = "/account/sessions/email";
    let without = app.signs_in(ADA, PASSWORD).await;
    fails(&without, 401, "user_invalid_credentials", "");
    let wrong = app.post(with, body("000000")).await;
    assert_eq!(wrong.is(401).body, without.body, "nobody learns which was wrong");
    let code = secret.code(server.now());
    let session = told(keyed.post(with, body(&code)).await.is(201));
    assert_eq!(session["factors"], json!(["password", "totp"]));
    assert_eq!(session["mfaUpdatedAt"], session["$createdAt"]);
    app.post(with, body(&code)).await.is(401);
    let own = App::new(&server).with("X-Appwrite-Session", session["secret"].as_str().expect("a secret"));
    assert_eq!(told(own.get("/account").await.is(200))["mfa"], true);
    // And where a fresh proof is asked for.
    server.pass(Duration::from_mins(11));
    fails(
        &delete(&own, "/account/sessions", json!({ "password": PASSWORD })).await,
        401,
        "user_invalid_credentials",
        "",
    );
    let code = secret.code(server.now());
    delete(&own, "/account/sessions", json!({ "password": PASSWORD, "code": code })).await.is(204);
}

#[tokio::test]
async fn asvs_6_4_1_a_password_for_one_use_opens_no_session() {
    let server = Server::start().await;
    server.create(ADA, &[]).await;
    let user = server.service.named(ADA).await.expect("the store answers").expect("there she is");
    let order = Order { by: Actor::Operator, note: None, from: None };
    let (one_time, _) = server.service.reset_password(&user, &order).await.expect("it is reset");
    let answer = App::new(&server).signs_in(ADA, &one_time.secret).await;
    fails(&answer, 412, "user_password_reset_required", "pages");
    assert!(answer.cookies().is_empty(), "{}", answer.shown());
    server.pass(Duration::from_hours(25));
    let answer = App::new(&server).signs_in(ADA, &one_time.secret).await;
    fails(&answer, 412, "user_password_reset_required", "run out");
}

#[tokio::test]
async fn another_address_asks_for_the_password_and_few_answers_tell_who_has_one() {
    let server = Server::with(On::Memory, "").await;
    let app = App::signed_in(&server, ADA).await;
    server.create("bob@example.com", &[]).await;
    let to = |email: &str, password: &str| json!({ "email": email, "password": password });
    fails(&app.patch("/account/email", to("new@example.com", WRONG)).await, 401, "user_invalid_credentials", "");
    fails(&app.patch("/account/email", to("bob@example.com", PASSWORD)).await, 409, "user_email_already_exists", "");
    fails(&app.patch("/account/email", to("new", PASSWORD)).await, 400, "general_argument_invalid", "`email`");
    fails(
        &app.patch("/account/email", json!({ "email": "new@example.com" })).await,
        400,
        "general_argument_invalid",
        "password",
    );
    let changed = told(app.patch("/account/email", to("New@Example.com", PASSWORD)).await.is(200));
    assert_eq!((&changed["email"], &changed["emailVerification"]), (&json!("new@example.com"), &json!(false)));
    app.get("/account").await.is(200);
    App::new(&server).signs_in("new@example.com", PASSWORD).await.is(201);
    fails(&App::new(&server).signs_in(ADA, PASSWORD).await, 401, "user_invalid_credentials", "");
}

#[tokio::test]
async fn whoever_blocks_themselves_is_signed_out_everywhere_and_the_last_administrator_does_not() {
    let server = Server::start().await;
    let (app, other) = (App::signed_in(&server, ADA).await, App::signed_in(&server, ADA).await);
    let blocked = app.patch("/account/status", json!({})).await;
    assert_eq!(told(blocked.is(200))["status"], false);
    assert!(blocked.cookie("sessiond").is_some_and(|cookie| cookie.expires()), "{}", blocked.shown());
    for app in [app, other] {
        fails(&app.get("/account").await, 401, "general_unauthorized_scope", "");
    }
    fails(&App::new(&server).signs_in(ADA, PASSWORD).await, 403, "user_blocked", "");
    let root = server.administrator(ROOT).await.credential().expect("a cookie");
    let root = App::new(&server).with("X-Appwrite-Session", &root);
    fails(&root.patch("/account/status", json!({})).await, 409, "user_last_administrator", "");
    root.get("/account").await.is(200);
}

#[tokio::test]
async fn asvs_7_5_1_a_password_that_was_changed_meanwhile_proves_nothing_in_a_session_that_goes_on() {
    let server = Server::start().await;
    let app = App::signed_in(&server, ADA).await;
    let other = App::keyed(&server, "sessions.write").await.signs_in(ADA, PASSWORD).await;
    let secret = told(other.is(201))["secret"].as_str().expect("a secret").to_owned();
    let credential = secret.parse().expect("a credential");
    let Ok(Resolved::Live(asking)) = server.service.resolve(&credential).await else { panic!("it is live") };
    // A request that began before, and whose body arrives after.
    let own = App::new(&server).with("X-Appwrite-Session", &secret);
    own.patch("/account/password", json!({ "password": NEW, "oldPassword": PASSWORD })).await.is(200);
    fails(&app.get("/account").await, 401, "general_unauthorized_scope", "");
    own.get("/account").await.is(200);
    let proof = |password: &str| Proof { password: Password::typed(password.to_owned()), code: String::new() };
    let proved = server.service.reauthenticate(&asking, proof(PASSWORD), None).await;
    assert!(matches!(proved, Err(SignInError::Wrong)), "{proved:?}");
    server.service.reauthenticate(&asking, proof(NEW), None).await.expect("the present one");
}
