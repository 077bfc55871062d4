//! `/v1/account`: signing up and in, and one's own sessions, name and preferences.

use std::time::Duration;

use serde_json::{Value, json};

use super::api::{ADA, App, fails, ids, told};
use crate::harness::{Answer, Ask, On, PASSWORD, Server};

on_both_stores! {
    signing_in_begins_a_session_whose_cookie_opens_the_account,
    sessions_are_listed_got_and_ended,
    asvs_7_3_2_renewing_goes_no_further_than_the_absolute_lifetime,
    asvs_7_4_3_all_sessions_end_in_one_step_or_all_but_the_present_one,
    a_one_time_token_opens_one_session,
}

const WRONG: &str = "not the right words";

#[track_caller]
fn secret(answer: &Answer) -> String {
    told(answer.is(201))["secret"].as_str().expect("a secret").to_owned()
}

#[track_caller]
fn id(answer: &Answer) -> String {
    let body = told(answer);
    body["$id"].as_str().unwrap_or_else(|| panic!("no id\n{}", answer.shown())).to_owned()
}

/// What a browser would send back.
#[track_caller]
fn browser<'s>(app: &App<'s>, answer: &Answer) -> App<'s> {
    let cookie = answer.cookie("sessiond").unwrap_or_else(|| panic!("no cookie\n{}", answer.shown()));
    App::new(app.server).with("Cookie", &format!("sessiond={}", cookie.value))
}

#[tokio::test]
async fn nobody_creates_their_own_account_unless_it_is_allowed() {
    let server = Server::start().await;
    let app = App::new(&server);
    let ada = json!({ "userId": "unique()", "email": ADA, "password": PASSWORD });
    fails(&app.post("/account", ada.clone()).await, 403, "user_signup_disabled", "administrator");

    let server = Server::with(On::Memory, "sign_up = true\nlogin_limits = { sign_ups = \"3/1h\" }").await;
    let app = App::new(&server);
    let created = app.post("/account", ada.clone()).await;
    assert_eq!(told(created.is(201))["email"], ADA);
    assert!(created.cookies().is_empty(), "it signs nobody in");
    fails(&app.post("/account", ada.clone()).await, 409, "user_already_exists", "");
    let other = json!({ "userId": id(&created), "email": "bob@example.com", "password": PASSWORD });
    fails(&app.post("/account", other).await, 409, "user_already_exists", "");
    // Who has an account shows by the answers: few are given.
    let later = app.post("/account", ada.clone()).await;
    fails(&later, 429, "general_rate_limit_exceeded", "");
    assert_eq!((later.header("x-ratelimit-limit"), later.header("x-ratelimit-remaining")), (Some("3"), Some("0")));
    let wait: i64 = later.header("retry-after").and_then(|wait| wait.parse().ok()).expect("a time to wait");
    let reset: i64 = later.header("x-ratelimit-reset").and_then(|at| at.parse().ok()).expect("a time");
    assert!((1..=1200).contains(&wait), "{}", later.shown());
    assert!((reset - server.now().millis() / 1000 - wait).abs() <= 1, "{}", later.shown());
    server.pass(Duration::from_mins(20));
    fails(&app.post("/account", ada).await, 409, "user_already_exists", "");
}

async fn signing_in_begins_a_session_whose_cookie_opens_the_account(server: Server) {
    server.create(ADA, &[]).await;
    let app = App::new(&server);
    let answer = app.signs_in("ADA@example.com", PASSWORD).await;
    let session = told(answer.is(201));
    assert_eq!((&session["secret"], &session["current"]), (&json!(""), &json!(true)), "{session}");
    assert_eq!((&session["provider"], &session["providerUid"]), (&json!("email"), &json!(ADA)));
    assert_eq!(session["expire"], "2026-01-02T04:07:50.678+00:00", "an hour and a touch step");
    let cookie = answer.cookie("sessiond").expect("a cookie");
    assert!(cookie.has("httponly") && cookie.attributes.get("path").is_some_and(|path| path == "/"), "{cookie:?}");
    assert!(!session.to_string().contains(&cookie.value), "scripts never see it");

    let own = browser(&app, &answer);
    assert_eq!(told(own.get("/account").await.is(200))["email"], ADA);
    assert_eq!(id(&own.get("/account/sessions/current").await), session["$id"]);
    // One cookie for all doors.
    let page = server
        .send(
            Ask::get("/probe/mine")
                .header("Cookie", format!("sessiond={}", cookie.value))
                .header("Host", "127.0.0.1:8000"),
            [192, 0, 2, 1].into(),
        )
        .await;
    page.is(200);
    // In the same browser the new one takes the place of the old one; a program that shows a header keeps both.
    let again = own.signs_in(ADA, PASSWORD).await;
    again.is(201);
    fails(&own.get("/account").await, 401, "general_unauthorized_scope", "");
    let own = browser(&app, &again);
    let keyed = App::keyed(&server, "sessions.write").await;
    let first = secret(&keyed.signs_in(ADA, PASSWORD).await);
    let header = App::new(&server).with("X-Appwrite-Session", &first);
    header.signs_in(ADA, PASSWORD).await.is(201);
    header.get("/account").await.is(200);
    own.get("/account").await.is(200);
}

#[tokio::test]
async fn asvs_6_3_8_a_wrong_password_and_an_unknown_address_get_the_same_answer() {
    let server = Server::with(On::Memory, "login_limits = { per_account = \"3/1h\" }").await;
    server.create(ADA, &[]).await;
    let app = App::new(&server);
    let (known, unknown) = (app.signs_in(ADA, WRONG).await, app.signs_in("nobody@example.com", WRONG).await);
    fails(&known, 401, "user_invalid_credentials", "");
    assert_eq!((&known.body, &known.headers), (&unknown.body, &unknown.headers));
    assert!(known.cookies().is_empty());
    fails(&app.signs_in("", "").await, 401, "user_invalid_credentials", "");
    app.signs_in(ADA, WRONG).await.is(401);
    app.signs_in(ADA, WRONG).await.is(401);
    let later = app.signs_in(ADA, PASSWORD).await;
    fails(&later, 429, "general_rate_limit_exceeded", "");
    assert_eq!(later.header("x-ratelimit-limit"), Some("3"), "{}", later.shown());
    assert!(later.header("retry-after").is_some() && later.header("x-ratelimit-reset").is_some());
    server.pass(Duration::from_mins(20));
    app.signs_in(ADA, PASSWORD).await.is(201);
    for body in [
        json!({}),
        json!({ "email": ADA }),
        json!({ "email": ADA, "password": 5 }),
        json!({ "email": null, "password": PASSWORD }),
    ] {
        fails(&app.post("/account/sessions/email", body).await, 400, "general_argument_invalid", "");
    }
}

async fn sessions_are_listed_got_and_ended(server: Server) {
    let keyed = App::keyed(&server, "sessions.write").await;
    server.create(ADA, &[]).await;
    let mut all = Vec::new();
    for _ in 0..3 {
        let answer = keyed.signs_in(ADA, PASSWORD).await;
        all.push((secret(&answer), id(&answer)));
        server.pass(Duration::from_secs(1));
    }
    let app = |nth: usize| App::new(&server).with("X-Appwrite-Session", &all[nth].0);
    let listed = app(1).get("/account/sessions").await;
    let expected: Vec<_> = all.iter().map(|(_, id)| id.clone()).collect();
    assert_eq!(ids(&listed, "sessions"), expected, "the oldest first");
    let body = told(&listed);
    assert_eq!(body["total"], 3);
    let rows = body["sessions"].as_array().expect("a list");
    let current: Vec<_> = rows.iter().map(|row| row["current"].as_bool().expect("a flag")).collect();
    assert_eq!(current, [false, true, false]);
    assert!(rows.iter().all(|row| row["secret"] == ""), "{body}");

    for (path, nth) in [("current", 1), (&*all[1].1, 1), (&*all[0].1, 0)] {
        let session = told(app(1).get(&format!("/account/sessions/{path}")).await.is(200));
        assert_eq!((&session["$id"], &session["current"]), (&json!(all[nth].1), &json!(nth == 1)));
        assert_eq!(session["secret"], "");
    }
    let encoded = all[0].1.replace('-', "%2D");
    app(1).get(&format!("/account/sessions/{encoded}")).await.is(200);

    let bob = keyed.clone();
    server.create("bob@example.com", &[]).await;
    let bobs = bob.signs_in("bob@example.com", PASSWORD).await;
    for other in [id(&bobs), "0199f2a4-7d3c-7000-8000-00805f9b34fb".to_owned(), "nothing".to_owned()] {
        let path = format!("/account/sessions/{other}");
        fails(&app(1).get(&path).await, 404, "user_session_not_found", "");
        fails(&app(1).patch(&path, json!({})).await, 404, "user_session_not_found", "");
        fails(&app(1).delete(&path).await, 404, "user_session_not_found", "");
    }
    fails(&app(1).get("/account/sessions/%2F").await, 400, "general_argument_invalid", "`sessionId`");

    let answer = app(1).delete(&format!("/account/sessions/{}", all[0].1)).await;
    assert!(answer.is(204).cookies().is_empty(), "the present one goes on\n{}", answer.shown());
    fails(&app(0).get("/account").await, 401, "general_unauthorized_scope", "");
    fails(&app(1).get(&format!("/account/sessions/{}", all[0].1)).await, 404, "user_session_not_found", "");
    fails(&app(1).delete(&format!("/account/sessions/{}", all[0].1)).await, 404, "user_session_not_found", "");
    let answer = app(1).delete("/account/sessions/current").await;
    assert!(answer.is(204).cookie("sessiond").is_some_and(|cookie| cookie.expires()), "{}", answer.shown());
    fails(&app(1).get("/account").await, 401, "general_unauthorized_scope", "");
    let by_id = app(2).delete(&format!("/account/sessions/{}", all[2].1)).await;
    assert!(by_id.is(204).cookie("sessiond").is_some_and(|cookie| cookie.expires()), "it is the present one");
    App::new(&server).with("X-Appwrite-Session", &secret(&bobs)).get("/account").await.is(200);
}

async fn asvs_7_3_2_renewing_goes_no_further_than_the_absolute_lifetime(server: Server) {
    let app = App::signed_in(&server, ADA).await;
    let first = told(app.get("/account/sessions/current").await.is(200));
    let text = |session: &Value| session["expire"].as_str().expect("a time").to_owned();
    server.pass(Duration::from_mins(10));
    let renewed = told(app.patch("/account/sessions/current", json!({})).await.is(200));
    assert!(text(&renewed) > text(&first), "{renewed}");
    assert_eq!(renewed["expire"], "2026-01-02T04:17:50.678+00:00");
    assert_eq!((&renewed["current"], &renewed["$updatedAt"]), (&json!(true), &json!("2026-01-02T03:14:05.678+00:00")));
    // An hour later it would be past without.
    server.pass(Duration::from_mins(59));
    app.patch("/account/sessions/current", json!({})).await.is(200);
    for _ in 0..23 {
        server.pass(Duration::from_mins(55));
        app.patch("/account/sessions/current", json!({})).await.is(200);
    }
    let last = told(app.patch("/account/sessions/current", json!({})).await.is(200));
    server.pass(Duration::from_mins(55));
    let late = told(app.patch("/account/sessions/current", json!({})).await.is(200));
    assert!(text(&late) >= text(&last));
    assert_eq!(late["expire"], "2026-01-03T03:04:05.678+00:00", "a day after it began");
    server.pass(Duration::from_hours(1));
    fails(&app.patch("/account/sessions/current", json!({})).await, 401, "general_unauthorized_scope", "run out");
}

async fn asvs_7_4_3_all_sessions_end_in_one_step_or_all_but_the_present_one(server: Server) {
    let (one, two, three) =
        (App::signed_in(&server, ADA).await, App::signed_in(&server, ADA).await, App::signed_in(&server, ADA).await);
    let keep = one
        .send(
            Ask::new(rocket::http::Method::Delete, "/v1/account/sessions")
                .body("application/json", "{\"current\":false}"),
        )
        .await;
    assert!(keep.is(204).cookies().is_empty(), "{}", keep.shown());
    one.get("/account").await.is(200);
    for gone in [&two, &three] {
        fails(&gone.get("/account").await, 401, "general_unauthorized_scope", "");
    }
    let two = App::signed_in(&server, ADA).await;
    let all = one.delete("/account/sessions").await;
    assert!(all.is(204).cookie("sessiond").is_some_and(|cookie| cookie.expires()), "{}", all.shown());
    for gone in [&one, &two] {
        fails(&gone.get("/account").await, 401, "general_unauthorized_scope", "");
    }
}

async fn a_one_time_token_opens_one_session(server: Server) {
    let app = App::keyed(&server, "all").await;
    app.post("/users", json!({ "userId": "ada", "email": ADA })).await.is(201);
    let token = async |body: Value| {
        let token = told(app.post("/users/ada/tokens", body).await.is(201));
        token["secret"].as_str().expect("a secret").to_owned()
    };
    let guest = App::new(&server);
    let shows = async |secret: String| {
        guest.post("/account/sessions/token", json!({ "userId": "ada", "secret": secret })).await
    };
    let first = token(json!({})).await;
    assert_eq!(first.len(), 6);
    let answer = shows(first.clone()).await;
    let session = told(answer.is(201));
    assert_eq!((&session["provider"], &session["factors"]), (&json!("token"), &json!(["token"])));
    assert_eq!(session["secret"], "", "the cookie holds it");
    assert_eq!(told(browser(&guest, &answer).get("/account").await.is(200))["$id"], "ada");
    fails(&shows(first.clone()).await, 401, "user_invalid_token", "");

    // Run out, of somebody else, of nobody, ended with all sessions.
    let short = token(json!({ "expire": 60, "length": 32 })).await;
    assert_eq!(short.len(), 32);
    server.pass(Duration::from_mins(1));
    fails(&shows(short).await, 401, "user_invalid_token", "");
    app.post("/users", json!({ "userId": "bob", "email": "bob@example.com" })).await.is(201);
    let adas = token(json!({ "length": 20 })).await;
    for user in ["bob", "nobody", "", "not an id"] {
        let body = json!({ "userId": user, "secret": adas });
        fails(&guest.post("/account/sessions/token", body).await, 401, "user_invalid_token", "");
    }
    // It was sent to an address that is not theirs any more.
    let sent = token(json!({ "length": 20 })).await;
    app.patch("/users/ada/email", json!({ "email": "countess@example.com" })).await.is(200);
    fails(&shows(sent).await, 401, "user_invalid_token", "");
    let adas = token(json!({ "length": 20 })).await;
    app.delete("/users/ada/sessions").await.is(204);
    fails(&shows(adas).await, 401, "user_invalid_token", "");
    // An application that shows its key is handed the credential.
    let handed = token(json!({ "length": 20 })).await;
    let answer = app.post("/account/sessions/token", json!({ "userId": "ada", "secret": handed })).await;
    assert!(answer.is(201).cookies().is_empty(), "{}", answer.shown());
    App::new(&server).with("X-Appwrite-Session", &secret(&answer)).get("/account").await.is(200);
    // Who is blocked meanwhile does not come in.
    let blocked = token(json!({ "length": 20 })).await;
    app.patch("/users/ada/status", json!({ "status": false })).await.is(200);
    let answer = shows(blocked).await;
    assert!(matches!(answer.status.code, 401 | 403), "{}", answer.shown());
}

#[tokio::test]
async fn name_and_preferences_are_ones_own() {
    let server = Server::start().await;
    let app = App::signed_in(&server, ADA).await;
    assert_eq!(told(app.patch("/account/name", json!({ "name": "Ada L" })).await.is(200))["name"], "Ada L");
    assert_eq!(told(app.get("/account").await.is(200))["name"], "Ada L");
    assert_eq!(told(app.get("/account/prefs").await.is(200)), json!({}));
    let prefs = json!({ "theme": "dark", "nothing": null, "huge": 1e300, "deep": [[{}]] });
    let user = told(app.patch("/account/prefs", json!({ "prefs": prefs })).await.is(200));
    assert_eq!((&user["prefs"], &user["email"]), (&prefs, &json!(ADA)), "a user, and not preferences");
    assert_eq!(told(&app.get("/account/prefs").await), prefs);
    let replaced = told(app.patch("/account/prefs", json!({ "prefs": { "a": 1 } })).await.is(200));
    assert_eq!(replaced["prefs"], json!({ "a": 1 }), "replaced, and not merged");
    // As long as may be: 16 KiB with what is around it.
    let most = 16 * 1024 - "{\"a\":\"\"}".len();
    app.patch("/account/prefs", json!({ "prefs": { "a": "x".repeat(most) } })).await.is(200);
    let more = app.patch("/account/prefs", json!({ "prefs": { "a": "x".repeat(most + 1) } })).await;
    fails(&more, 400, "general_argument_invalid", "`prefs`");
    for body in [json!({}), json!({ "prefs": null }), json!({ "prefs": [] }), json!({ "prefs": {}, "more": 1 })] {
        fails(&app.patch("/account/prefs", body).await, 400, "general_argument_invalid", "");
    }
    for body in [json!({}), json!({ "name": null }), json!({ "name": "x".repeat(129) }), json!({ "name": "a\u{7f}" })] {
        fails(&app.patch("/account/name", body).await, 400, "general_argument_invalid", "name");
    }
}
