//! The second cookie, which applications behind the proxy may see: it is good at `/verify` and nowhere else.

use std::time::Duration;

use rocket::http::Method;

use super::gate::path;
use super::verify::{tells_nobody, verify};
use crate::harness::{Answer, Ask, On, PASSWORD, Person, Server};

on_both_stores! {
    what_an_application_sees_opens_no_page_and_no_route,
}

const ADA: &str = "ada@example.com";
const NAME: &str = "__Secure-sessiond-proxy";
const SETTINGS: &str = "public_url = \"https://login.example.com\"\ncookie_domain = \"example.com\"";
const DAY: Duration = Duration::from_hours(24);

async fn start() -> Server {
    Server::with(On::Memory, SETTINGS).await
}

/// What the application's host is sent of this browser's cookies.
fn derived(person: &Person<'_>) -> String {
    person.jar.get(NAME).expect("the second cookie").to_owned()
}

async fn asked(server: &Server, cookie: &str) -> Answer {
    server.send(Ask::get("/verify").header("Cookie", cookie), [192, 0, 2, 1].into()).await
}

#[tokio::test]
async fn asvs_3_3_1_the_second_cookie_is_secure_and_for_the_configured_domain() {
    let server = start().await;
    server.create(ADA, &[]).await;
    let mut ada = server.anonymous();
    let answer = ada.sign_in(ADA, PASSWORD).await;
    let cookie = answer.cookie(NAME).expect("the second cookie");
    assert!(cookie.value.len() == 88 && cookie.value.starts_with("p."), "{cookie:?}");
    let whole = format!("{NAME}={}; Path=/; HttpOnly; SameSite=Lax; Secure; Domain=example.com", cookie.value);
    assert!(answer.all("set-cookie").contains(&whole.as_str()), "{}", answer.shown());
    let main = answer.cookie("__Host-sessiond").expect("the pages' own");
    assert!(!main.has("domain") && !cookie.value.contains(&main.value[..]), "{}", answer.shown());
    let out = ada.sign_out().await;
    let gone = format!(
        "{NAME}=; Path=/; HttpOnly; SameSite=Lax; Secure; Domain=example.com; Max-Age=0; \
         Expires=Thu, 01 Jan 1970 00:00:00 GMT"
    );
    assert!(out.all("set-cookie").contains(&gone.as_str()), "{}", out.shown());
    // Kept as long as the pages' own.
    let fields = [("email", ADA), ("password", PASSWORD), ("remember", "on")];
    let kept = server.anonymous().fill("/login", "/login", &fields).await;
    let ages = [NAME, "__Host-sessiond"].map(|name| kept.cookie(name).and_then(|cookie| cookie.max_age()));
    assert_eq!(ages, [Some(30 * 86_400); 2]);
}

#[tokio::test]
async fn without_a_domain_there_is_no_second_cookie() {
    let server = Server::with(On::Memory, "public_url = \"https://login.example.com\"").await;
    let ada = server.user(ADA).await;
    assert_eq!(ada.jar.get(NAME), None);
    verify(&ada, "").await.is(200);
}

#[tokio::test]
async fn with_a_domain_the_door_takes_the_second_cookie_alone() {
    let server = start().await;
    let ada = server.user(ADA).await;
    let (main, second) = (ada.credential().expect("a cookie"), derived(&ada));
    asked(&server, &format!("{NAME}={second}")).await.is(200);
    asked(&server, &format!("__Host-sessiond={main}; {NAME}={second}")).await.is(200);
    asked(&server, &format!("__Host-sessiond=x; {NAME}={second}")).await.is(200);
    let bob = derived(&server.user("bob@example.com").await);
    for cookies in [
        format!("__Host-sessiond={main}"),
        format!("{NAME}={main}"),
        format!("{NAME}=p.{main}"),
        format!("__Host-sessiond={second}"),
        format!("sessiond={second}"),
        format!("__secure-sessiond-proxy={second}"),
        format!("{NAME}={second}; {NAME}={second}"),
        format!("{NAME}={second}; {NAME}=x"),
        format!("{NAME}={}", &second[2..]),
        format!("{NAME}={}{}", &second[..45], &bob[45..]),
        format!("{NAME}={}{}", &bob[..45], &second[45..]),
    ] {
        tells_nobody(&asked(&server, &cookies).await, 401);
    }
    // Another spelling of the path leads not around it.
    let ask = Ask::get("/%76erify").header("Cookie", format!("__Host-sessiond={main}"));
    tells_nobody(&server.send(ask, [192, 0, 2, 1].into()).await, 404);
}

async fn what_an_application_sees_opens_no_page_and_no_route(server: Server) {
    let server = server.restarted(SETTINGS).await;
    let root = server.administrator("root@example.com").await;
    let second = derived(&root);
    let stripped = second[2..].to_owned();
    asked(&server, &format!("{NAME}={second}")).await.is(200);
    let carriers = |value: &str| {
        let mut all: Vec<(&str, String)> = Vec::new();
        for name in
            ["__Host-sessiond", "sessiond", "__Secure-sessiond", NAME, "__Host-sessiond-device", "a_session_default"]
        {
            all.push(("Cookie", format!("{name}={value}")));
        }
        for name in ["X-Appwrite-Session", "X-Appwrite-Key", "X-Appwrite-JWT", "X-Sessiond", "Remote-User"] {
            all.push((name, value.to_owned()));
        }
        for scheme in ["Bearer", "Session", "Basic", "bearer"] {
            all.push(("Authorization", format!("{scheme} {value}")));
        }
        all
    };
    let probed = server.probe.ran();
    let mut tried = 0;
    for route in server.routes() {
        let uri = path(&route);
        if ["/static/", "/verify", "/probe/panics"].iter().any(|other| uri.starts_with(other)) {
            continue;
        }
        for value in [&second, &stripped] {
            for (name, value) in carriers(value) {
                // As a script of the application's own could send it, or the application itself.
                let ask = Ask::new(route.method, &uri).json().header("Sec-Fetch-Site", "same-origin");
                let with = server.send(ask.clone().header(name, &value), [192, 0, 2, 1].into()).await;
                let without = server.send(ask, [192, 0, 2, 1].into()).await;
                // What is no key is refused as such before anything else.
                let as_good_as_none = with.status == without.status || with.status.code == 401;
                assert!(as_good_as_none, "{name}: {value}\n{}", with.shown());
                with.never_says("root@example.com");
                tried += 1;
            }
        }
    }
    assert!(tried > 1000, "{tried}");
    for carrier in carriers(&second).iter().map(|(name, value)| Ask::get("/probe/mine").header(name, value)) {
        server.send(carrier, [192, 0, 2, 1].into()).await.asks_to_sign_in();
    }
    // Handlers that ask for no session ran for everybody; none that does.
    let open =
        ["/probe/open", "/probe/change", "/probe/cached", "/probe/cached/cookie", "/probe/fails", "/probe/panics"];
    let mine = ["/probe/mine", "/probe/administrators"];
    assert!(server.routes().iter().any(|route| open.contains(&path(route).as_str())) && server.probe.ran() > probed);
    for uri in mine {
        let ran = server.probe.ran();
        for (name, value) in carriers(&second) {
            server.send(Ask::get(uri).json().header(name, value), [192, 0, 2, 1].into()).await.is(401);
        }
        assert_eq!(server.probe.ran(), ran);
    }
}

#[tokio::test]
async fn asvs_7_4_1_the_second_cookie_ends_with_its_session() {
    let server = start().await;
    let (ada, mut elsewhere) = (server.user(ADA).await, server.user(ADA).await);
    let form = elsewhere.open("/account").await.form("/account/sessions/end");
    elsewhere.submit(form).await.goes_to("/account");
    let answer = asked(&server, &format!("{NAME}={}", derived(&ada))).await;
    tells_nobody(&answer, 401);
    assert!(answer.body.contains("session_ended"), "{}", answer.shown());
    for name in [NAME, "__Host-sessiond"] {
        assert!(answer.cookie(name).is_some_and(|cookie| cookie.expires()), "{}", answer.shown());
    }
    // Wherever the pages' own cookie goes, so does this one.
    let turned_away = ada.clone().get("/account").await;
    assert!(turned_away.cookie(NAME).is_some_and(|cookie| cookie.expires()), "{}", turned_away.shown());
    server.pass(Duration::from_hours(2));
    tells_nobody(&asked(&server, &format!("{NAME}={}", derived(&elsewhere))).await, 401);
    let ran_out = elsewhere.get("/account").await;
    assert!(ran_out.cookie(NAME).is_some_and(|cookie| cookie.expires()), "{}", ran_out.shown());
}

#[tokio::test]
async fn a_session_in_the_place_of_another_brings_its_own_second_cookie() {
    let server = start().await;
    let mut ada = server.user(ADA).await;
    let first = derived(&ada);
    let fields =
        [("password", PASSWORD), ("new_password", "seven brave otters"), ("new_password_again", "seven brave otters")];
    ada.fill("/account/password", "/account/password", &fields).await.goes_to("/account");
    let second = derived(&ada);
    assert_ne!(first, second);
    tells_nobody(&asked(&server, &format!("{NAME}={first}")).await, 401);
    verify(&ada, "").await.is(200);
    // The same after the second factor, whose answer is a page.
    let mut bob = server.user("bob@example.com").await;
    let first = derived(&bob);
    super::second_factor::set_up(&server, &mut bob).await;
    tells_nobody(&asked(&server, &format!("{NAME}={first}")).await, 401);
    verify(&bob, "").await.is(200);
}

#[tokio::test]
async fn a_page_mends_a_second_cookie_that_is_lost_or_signed_by_an_old_key() {
    let settings = format!("{SETTINGS}\nretention = \"400d\"\npersistent = {{ idle = \"300d\", absolute = \"400d\" }}");
    let server = Server::with(On::Memory, &settings).await;
    server.create(ADA, &[]).await;
    let mut ada = server.anonymous();
    let fields = [("email", ADA), ("password", PASSWORD), ("remember", "on")];
    ada.fill("/login", "/login", &fields).await.goes_to("/account");
    let first = derived(&ada);
    assert!(ada.get("/account").await.cookie(NAME).is_none(), "a good one is not sent again");
    ada.jar.remove(NAME);
    let mended = ada.get("/account").await;
    assert_eq!(mended.cookie(NAME).map(|cookie| cookie.value), Some(first.clone()));
    ada.jar.set(NAME, "p.nonsense");
    ada.get("/account").await;
    assert_eq!(derived(&ada), first);
    let jar = ada.jar.clone();

    // A start after 90 days makes a new key: the old cookie holds, and the next page has a new one.
    server.pass(91 * DAY);
    let server = server.restarted(&settings).await;
    let mut ada = server.anonymous();
    ada.jar = jar;
    verify(&ada, "").await.is(200);
    let mended = ada.get("/account").await;
    let cookie = mended.cookie(NAME).expect("a new one");
    assert!(cookie.value != first && cookie.max_age() == Some((400 - 91) * 86_400), "{}", mended.shown());
    asked(&server, &format!("{NAME}={first}")).await.is(200);
    let jar = ada.jar.clone();
    // Two keys later the first is nobody's.
    server.pass(91 * DAY);
    let server = server.restarted(&settings).await;
    let mut ada = server.anonymous();
    ada.jar = jar;
    tells_nobody(&asked(&server, &format!("{NAME}={first}")).await, 401);
    verify(&ada, "").await.is(200);
    ada.get("/account").await.is(200);
}

#[tokio::test]
async fn no_answer_at_the_door_hands_out_a_cookie() {
    let server = start().await;
    let ada = server.user(ADA).await;
    for method in [Method::Get, Method::Post] {
        let answer = ada.clone().send(Ask::new(method, "/verify")).await;
        assert!(answer.is(200).cookies().is_empty(), "{}", answer.shown());
    }
}
