//! How long sessions live, told by a clock that the tests move.

use std::time::Duration;

use crate::harness::{Ask, On, PASSWORD, Person, Server};

on_both_stores! {
    asvs_7_3_1_a_session_that_is_not_used_runs_out,
}

const ADA: &str = "ada@example.com";
const ROOT: &str = "root@example.com";
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const SECOND: Duration = Duration::from_secs(1);

/// How far "last seen" may lag behind; see `Lifetime::touch_step`.
fn step(idle: Duration) -> Duration {
    (idle / 16).clamp(Duration::from_secs(15), Duration::from_mins(15))
}

fn just_before(time: Duration) -> Duration {
    time.saturating_sub(SECOND)
}

async fn ran_out(mut person: Person<'_>) {
    assert!(!person.is_signed_in().await);
    let json = person.clone().send(Ask::get("/account").json()).await;
    assert!(json.is(401).header("www-authenticate").is_some(), "{}", json.shown());
    let answer = person.get("/account").await;
    answer.goes_to("/login?next=%2Faccount");
    assert!(answer.cookie("sessiond").is_some_and(|cookie| cookie.expires()), "{}", answer.shown());
    person.follow(answer).await.is(200).says("Your session ran out");
}

/// Signs in with the box ticked.
async fn keep_signed_in(server: &Server) -> Person<'_> {
    server.create(ADA, &[]).await;
    let mut ada = server.anonymous();
    ada.fill("/login", "/login", &[("email", ADA), ("password", PASSWORD), ("remember", "on")]).await.is(303);
    ada
}

async fn asvs_7_3_1_a_session_that_is_not_used_runs_out(server: Server) {
    let ada = server.user(ADA).await;
    server.pass(just_before(HOUR));
    assert!(ada.is_signed_in().await, "idle for a second less than the limit");
    server.pass(HOUR + step(HOUR) + SECOND);
    ran_out(ada).await;
}

// In memory only: sled notes a request a moment after it, and here the clock jumps in that moment.
#[tokio::test]
async fn asvs_7_3_1_use_keeps_a_session_alive() {
    let server = Server::start().await;
    let (ada, unused) = (server.user(ADA).await, server.user(ADA).await);
    for _ in 0..20 {
        server.pass(Duration::from_mins(50));
        assert!(ada.is_signed_in().await);
    }
    ran_out(unused).await;
}

#[tokio::test]
async fn asvs_7_3_1_idle_time_is_never_cut_short_by_the_touch_step() {
    let server = Server::start().await;
    let ada = server.user(ADA).await;
    // This request is too close to the last note to be noted itself.
    server.pass(just_before(step(HOUR)));
    assert!(ada.is_signed_in().await);
    server.pass(HOUR);
    assert!(ada.is_signed_in().await, "an hour after the last request");
}

#[tokio::test]
async fn asvs_7_3_2_a_session_used_every_minute_ends_after_its_longest_time() {
    let server = Server::start().await;
    let ada = server.user(ADA).await;
    for _ in 1..24 * 60 {
        server.pass(Duration::from_mins(1));
        assert!(ada.is_signed_in().await);
    }
    server.pass(Duration::from_secs(59));
    assert!(ada.is_signed_in().await, "a second before");
    server.pass(2 * SECOND);
    ran_out(ada).await;
}

#[tokio::test]
async fn administrators_have_shorter_limits() {
    let server = Server::start().await;
    let idle = Duration::from_mins(15);
    let (root, unused) = (server.administrator(ROOT).await, server.administrator(ROOT).await);
    server.pass(just_before(idle));
    assert!(root.is_signed_in().await);
    server.pass(idle + step(idle) + SECOND);
    ran_out(root).await;
    ran_out(unused).await;

    let root = server.administrator(ROOT).await;
    for _ in 1..12 * 6 {
        server.pass(Duration::from_mins(10));
        assert!(root.is_signed_in().await);
    }
    server.pass(Duration::from_mins(10) + SECOND);
    ran_out(root).await;
}

#[tokio::test]
async fn keep_me_signed_in_lasts_for_days() {
    let server = Server::start().await;
    let ada = keep_signed_in(&server).await;
    let unused = keep_signed_in(&server).await;
    server.pass(just_before(7 * DAY));
    assert!(ada.is_signed_in().await);
    server.pass(step(7 * DAY) + 2 * SECOND);
    assert!(ada.is_signed_in().await);
    ran_out(unused).await;
    for _ in 8..30 {
        server.pass(DAY);
        assert!(ada.is_signed_in().await);
    }
    server.pass(DAY);
    // The browser has let go of the cookie by itself; a thief's copy has not.
    assert!(!ada.jar.header(server.now()).unwrap_or_default().contains("sessiond="));
    let mut thief = server.anonymous();
    thief.jar.set("sessiond", &ada.credential().expect("a cookie"));
    ran_out(thief).await;
}

#[tokio::test]
async fn asvs_7_1_1_the_configured_limits_hold() {
    let settings = "idle = \"10m\"\nabsolute = \"1h\"\nsessions_per_user = 2";
    let server = Server::with(On::Memory, settings).await;
    let idle = Duration::from_mins(10);
    let ada = server.user(ADA).await;
    server.pass(just_before(idle));
    assert!(ada.is_signed_in().await);
    server.pass(idle + step(idle) + SECOND);
    ran_out(ada).await;

    let ada = server.user(ADA).await;
    for _ in 0..11 {
        server.pass(Duration::from_mins(5));
        assert!(ada.is_signed_in().await);
    }
    server.pass(Duration::from_mins(5) + SECOND);
    ran_out(ada).await;

    let (first, second, third) = (server.user(ADA).await, server.user(ADA).await, server.user(ADA).await);
    let live = [first.is_signed_in().await, second.is_signed_in().await, third.is_signed_in().await];
    assert_eq!(live.iter().filter(|live| **live).count(), 2, "expired ones do not count, live ones do: {live:?}");
    assert!(live[2]);
}

#[tokio::test]
async fn what_ran_out_cannot_be_ended_or_counted() {
    let server = Server::start().await;
    let mut old = server.user(ADA).await;
    let id = old.session().await.to_string();
    server.pass(2 * HOUR);
    let mut ada = server.user(ADA).await;
    let page = ada.open("/account").await;
    page.says("Signed in now 1").says("It ran out by itself.");
    let mut form = page.form("/account/sessions/end");
    form.action = format!("/account/sessions/{id}/end");
    let answer = ada.submit(form).await;
    ada.follow(answer).await.says("1 had ended before");
    ran_out(old).await;
}

#[tokio::test]
async fn a_form_of_a_session_that_ran_out_changes_nothing() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    let form = ada.open("/account").await.form("/account/sessions/end").fill(&[("scope", "all")]);
    server.pass(2 * HOUR);
    let elsewhere = server.user(ADA).await;
    let answer = ada.submit(form).await;
    ada.follow(answer).await.says("Your session ran out");
    assert!(elsewhere.is_signed_in().await);
}

/// Some of Appwrite's SDKs ask for a length, and send it with a fraction.
#[tokio::test]
async fn a_program_asks_for_a_shorter_session() {
    let server = Server::start().await;
    server.create(ADA, &[]).await;
    let sign_in = |duration: &str| {
        let body = format!(r#"{{"email":"{ADA}","password":"{PASSWORD}","duration":{duration}}}"#);
        Ask::post("/v1/account/sessions/email").body("application/json", body)
    };
    for wrong in ["59", "60.5", "-60", "34560001", "\"60\""] {
        server.anonymous().send(sign_in(wrong)).await.is(400).says("duration");
    }
    let (mut short, mut long) = (server.anonymous(), server.anonymous());
    short.send(sign_in("600.0")).await.is(201);
    long.send(sign_in("34560000")).await.is(201);
    server.pass(just_before(Duration::from_mins(10)));
    assert!(short.is_signed_in().await && long.is_signed_in().await);
    server.pass(SECOND * 2);
    assert!(!short.is_signed_in().await, "used a moment ago, and still over");
    assert!(long.is_signed_in().await);
    server.pass(DAY);
    assert!(!long.is_signed_in().await, "as long as sessions here last, whatever is asked for");
}
