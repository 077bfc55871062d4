//! Limits on guessing passwords.

use std::time::Duration;

use sessiond::domain::audit::{Action, Event, Outcome};
use sessiond::domain::session::MOST_WRONG_PROOFS;

use super::login::leveled;
use crate::harness::{Answer, Ask, On, PASSWORD, Person, Server};

on_both_stores! {
    asvs_6_3_1_beyond_the_limit_no_password_is_looked_at_and_the_page_says_when_to_come_back,
    asvs_6_3_1_the_owner_signs_in_where_they_have_before_while_a_stranger_uses_the_account_up,
    asvs_16_3_3_a_flood_of_refused_guesses_is_one_event,
}

const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.com";
const WRONG: &str = "not the right words";
/// The default for one account.
const TRIES: usize = 20;
/// A millisecond less than the three minutes in which one of them comes back.
const ALMOST: Duration = Duration::from_millis(179_999);

/// So many wrong passwords, each looked at.
async fn use_up(person: &mut Person<'_>, email: &str, times: usize) {
    for _ in 0..times {
        person.sign_in(email, WRONG).await.is(401);
    }
}

#[track_caller]
fn says_later<'a>(answer: &'a Answer, seconds: &str) -> &'a Answer {
    assert_eq!(answer.is(429).header("retry-after"), Some(seconds), "{}", answer.shown());
    answer.says("too many wrong passwords").says("Nothing is lost: try again in")
}

async fn events(server: &Server, outcome: Outcome) -> Vec<Event> {
    let all = server.service.store().events(None, 10_000).await.expect("events");
    all.into_iter().filter(|event| event.draft.outcome == outcome).collect()
}

async fn asvs_6_3_1_beyond_the_limit_no_password_is_looked_at_and_the_page_says_when_to_come_back(server: Server) {
    server.create(ADA, &[]).await;
    let mut ada = server.anonymous();
    use_up(&mut ada, ADA, TRIES).await;
    let fields = [("email", ADA), ("password", PASSWORD), ("remember", "on")];
    let answer = ada.fill("/login?next=/admin/sessions", "/login", &fields).await;
    says_later(&answer, "180").says("in 3 minutes (from 2026-01-02 03:08 UTC on)").never_says(PASSWORD);
    assert_eq!(ada.credential(), None);
    let form = answer.form("/login");
    assert_eq!((form.field("email"), form.field("next")), (Some(ADA), Some("/admin/sessions")));
    assert_eq!(form.field("remember"), Some("on"));

    // A wrong one is answered alike, from wherever and however the account is spelt; other accounts are not concerned.
    let mut elsewhere = server.anonymous().at("198.51.100.7");
    says_later(&elsewhere.sign_in(" ADA@Example.com", WRONG).await, "180");
    elsewhere.sign_in("carol@example.com", WRONG).await.is(401);

    server.pass(ALMOST);
    says_later(&ada.sign_in(ADA, PASSWORD).await, "1");
    server.pass(Duration::from_millis(1));
    ada.submit(form.fill(&[("password", PASSWORD)])).await.goes_to("/admin/sessions");
}

async fn asvs_6_3_1_the_owner_signs_in_where_they_have_before_while_a_stranger_uses_the_account_up(server: Server) {
    let mut ada = server.user(ADA).await;
    ada.sign_out().await.goes_to("/login");
    let mut stranger = server.anonymous().at("198.51.100.7");
    use_up(&mut stranger, ADA, TRIES).await;
    says_later(&stranger.sign_in(ADA, PASSWORD).await, "180");
    ada.sign_in(ADA, WRONG).await.is(401);
    ada.sign_in(ADA, PASSWORD).await.goes_to("/account");
    // Also from an address that is used up.
    let mut ada = ada.at("198.51.100.7");
    for n in 0..40 {
        stranger.sign_in(&format!("user{n}@example.com"), WRONG).await.is(401);
    }
    says_later(&stranger.sign_in("dora@example.com", WRONG).await, "10");
    ada.sign_in(ADA, PASSWORD).await.goes_to("/account");
    // Not without end: whoever has the browser can guess no more than a stranger can.
    ada.sign_out().await.goes_to("/login");
    use_up(&mut ada, ADA, TRIES - 1).await;
    says_later(&ada.sign_in(ADA, PASSWORD).await, "180");
}

async fn asvs_16_3_3_a_flood_of_refused_guesses_is_one_event(server: Server) {
    let user = server.create(ADA, &[]).await.expect("a new user");
    let mut stranger = server.anonymous();
    use_up(&mut stranger, ADA, TRIES).await;
    let form = stranger.open("/login").await.form("/login").fill(&[("email", ADA), ("password", WRONG)]);
    for n in 0..300 {
        let mut elsewhere = stranger.clone().at(&format!("198.51.100.{}", n % 250));
        elsewhere.submit(form.clone()).await.is(429);
    }
    let denied = events(&server, Outcome::Denied).await;
    let [one] = &denied[..] else { panic!("{denied:?}") };
    assert_eq!((one.draft.action, &one.draft.user), (Action::SignIn, &Some(user.id)));
    assert_eq!(one.draft.from, Some([198, 51, 100, 0].into()));
    assert_eq!(events(&server, Outcome::Failure).await.len(), TRIES);
    // It goes on: once more in the limit's own time.
    server.pass(Duration::from_hours(1));
    use_up(&mut stranger, ADA, TRIES).await;
    for _ in 0..20 {
        stranger.submit(form.clone()).await.is(429);
    }
    assert_eq!(events(&server, Outcome::Denied).await.len(), 2);
}

#[tokio::test]
async fn asvs_6_3_8_beyond_the_limit_unknown_and_known_users_get_the_same_page() {
    let server = Server::start().await;
    server.create(ADA, &[]).await;
    let (mut one, mut other) = (server.anonymous(), server.anonymous());
    use_up(&mut one, ADA, TRIES).await;
    use_up(&mut other, "eve@example.com", TRIES).await;
    let (known, unknown) = (one.sign_in(ADA, PASSWORD).await, other.sign_in("eve@example.com", PASSWORD).await);
    says_later(&known, "180");
    assert_eq!(leveled(&known, ADA), leveled(&unknown, "eve@example.com"));
    assert_eq!(events(&server, Outcome::Denied).await.len(), 2, "both are written down");
}

#[tokio::test]
async fn asvs_6_3_1_one_network_does_not_try_one_password_on_everybody() {
    let server = Server::with(On::Memory, "login_limits = { per_ip = \"5/1m\" }").await;
    server.create(ADA, &[]).await;
    for (first, same, other) in
        [("192.0.2.1", "192.0.2.1", "192.0.2.2"), ("2001:db8:0:1::1", "2001:db8:0:1:2:3:4:5", "2001:db8:0:2::1")]
    {
        for n in 0..5 {
            server.anonymous().at(first).sign_in(&format!("user{n}@example.com"), WRONG).await.is(401);
        }
        says_later(&server.anonymous().at(same).sign_in(ADA, PASSWORD).await, "12").says("in 12 seconds");
        server.anonymous().at(other).sign_in(ADA, PASSWORD).await.goes_to("/account");
    }
    // Not to be got round by a header that anybody may send.
    let mut liar = server.anonymous().at("192.0.2.1").sending("X-Forwarded-For", "203.0.113.9");
    liar.sign_in(ADA, PASSWORD).await.is(429);
}

#[tokio::test]
async fn asvs_6_3_1_many_addresses_on_many_accounts_meet_the_limit_of_all() {
    let server = Server::with(On::Memory, "login_limits = { all = \"10/1m\" }").await;
    let mut ada = server.user(ADA).await;
    ada.sign_out().await;
    for n in 0..10 {
        let mut stranger = server.anonymous().at(&format!("198.51.100.{n}"));
        stranger.sign_in(&format!("user{n}@example.com"), WRONG).await.is(401);
    }
    says_later(&server.anonymous().at("198.51.100.99").sign_in(BOB, WRONG).await, "6");
    ada.sign_in(ADA, PASSWORD).await.goes_to("/account");
}

#[tokio::test]
async fn right_passwords_are_never_too_many() {
    let limits = "login_limits = { per_ip = \"2/1h\", per_account = \"2/1h\", all = \"2/1h\" }";
    let server = Server::with(On::Memory, limits).await;
    server.create(ADA, &[]).await;
    for _ in 0..10 {
        server.anonymous().sign_in(ADA, PASSWORD).await.goes_to("/account");
    }
    server.anonymous().sign_in(ADA, WRONG).await.is(401);
    for _ in 0..10 {
        server.anonymous().sign_in(ADA, PASSWORD).await.goes_to("/account");
    }
    server.anonymous().sign_in(ADA, WRONG).await.is(401);
    server.anonymous().sign_in(ADA, PASSWORD).await.is(429);
}

#[tokio::test]
async fn a_blocked_user_who_knows_the_password_is_told_so_each_time() {
    let server = Server::with(On::Memory, "login_limits = { per_account = \"2/1h\" }").await;
    let ada = server.create(ADA, &[]).await.expect("a new user");
    let order =
        sessiond::service::sessions::Order { by: sessiond::domain::ending::Actor::Operator, note: None, from: None };
    let block = sessiond::domain::change::UserChange::Block;
    server.service.change_user(&ada.id, block, &order).await.expect("blocked");
    for _ in 0..5 {
        server.anonymous().sign_in(ADA, PASSWORD).await.is(403);
    }
}

#[tokio::test]
async fn programs_are_told_as_json() {
    let server = Server::start().await;
    let mut person = server.anonymous();
    use_up(&mut person, ADA, TRIES).await;
    let form = person.open("/login").await.form("/login").fill(&[("email", ADA), ("password", WRONG)]);
    let ask = Ask::post("/login").form(form.fields).header("Sec-Fetch-Site", "same-origin").json();
    let answer = person.send(ask).await;
    assert_eq!(answer.is(429).header("retry-after"), Some("180"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.says("\"type\":\"too_many_requests\"").says("\"code\":429").says("try again in 3 minutes (from");
}

#[tokio::test]
async fn the_cookie_of_a_known_browser_opens_nothing_and_is_nobody_elses() {
    let server = Server::start().await;
    let (ada, bob) = (server.user(ADA).await, server.user(BOB).await);
    let of = |person: &Person<'_>| person.jar.get("sessiond-device").expect("a known browser").to_owned();
    let (adas, bobs) = (of(&ada), of(&bob));
    let holding = |value: &str| {
        let mut person = server.anonymous().at("198.51.100.7");
        person.jar.set("sessiond-device", value);
        person
    };
    assert!(!holding(&adas).is_signed_in().await);
    use_up(&mut server.anonymous(), ADA, TRIES).await;
    let mut forged = bobs.clone();
    let (bob_id, ada_id) = (bobs.split('~').nth(1).expect("an id"), adas.split('~').nth(1).expect("an id"));
    forged = forged.replace(bob_id, ada_id);
    for other in [&bobs, &forged, "", "~", &"~".repeat(3000), &format!("{adas}x")] {
        says_later(&holding(other).sign_in(ADA, PASSWORD).await, "180");
    }
    // Twice is none: nobody knows which one is meant.
    let mut twice = holding(&adas);
    let page = twice.open("/login").await;
    let form = page.form("/login").fill(&[("email", ADA), ("password", PASSWORD)]);
    let visitor = twice.jar.get("sessiond-visitor").expect("a visitor").to_owned();
    let cookies = format!("sessiond-visitor={visitor}; sessiond-device={adas}; sessiond-device={adas}");
    let ask = Ask::post("/login").form(form.fields).header("Cookie", cookies).header("Sec-Fetch-Site", "same-origin");
    twice.send(ask).await.is(429);
    holding(&adas).sign_in(ADA, PASSWORD).await.goes_to("/account");
}

#[tokio::test]
async fn asvs_3_3_1_the_cookie_of_a_known_browser_has_every_attribute_and_an_end() {
    let server = Server::with(On::Memory, "public_url = \"https://login.example.com\"").await;
    server.create(ADA, &[]).await;
    let mut browser = server.anonymous();
    let answer = browser.sign_in(ADA, PASSWORD).await;
    let cookie = answer.cookie("__Host-sessiond-device").expect("a cookie");
    assert_eq!(cookie.max_age(), Some(180 * 24 * 3600));
    assert!(cookie.has("secure") && cookie.has("httponly") && !cookie.has("domain"), "{cookie:?}");
    assert_eq!(cookie.attributes.get("samesite").map(String::as_str), Some("Lax"));
    // It outlives the session, and several people may share it.
    let out = browser.sign_out().await;
    assert!(out.cookie("__Host-sessiond-device").is_none(), "{}", out.shown());
    server.create(BOB, &[]).await;
    browser.sign_in(BOB, PASSWORD).await.goes_to("/account");
    use_up(&mut server.anonymous(), ADA, TRIES).await;
    use_up(&mut server.anonymous(), BOB, TRIES).await;
    browser.sign_in(ADA, PASSWORD).await.goes_to("/account");
    browser.sign_in(BOB, PASSWORD).await.goes_to("/account");
}

#[tokio::test]
async fn asvs_6_3_1_whoever_holds_a_session_does_not_guess_its_password_without_end() {
    const PATH: &str = "/admin/sessions/everyone";
    let server = Server::start().await;
    let mut root = server.administrator("root@example.com").await;
    // Strangers do not keep an administrator from ending everyone's sessions.
    use_up(&mut server.anonymous(), "root@example.com", TRIES).await;
    let (mut elsewhere, ada) = (server.administrator("root2@example.com").await, server.user(ADA).await);
    for _ in 0..MOST_WRONG_PROOFS {
        assert!(root.is_signed_in().await);
        root.fill(PATH, PATH, &[("password", WRONG)]).await.is(401);
    }
    root.get(PATH).await.asks_to_sign_in();
    assert!(ada.is_signed_in().await, "nothing was ended");
    elsewhere.fill(PATH, PATH, &[("password", PASSWORD)]).await.goes_to("/admin/sessions");
    assert!(!ada.is_signed_in().await);
}
