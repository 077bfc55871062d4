//! An ended session is turned away everywhere, before any handler runs.

use rocket::Route;
use rocket::http::Method;

use crate::harness::probe::ROUTE;
use crate::harness::{Answer, Ask, PASSWORD, Person, Server};

on_both_stores! {
    asvs_7_4_1_an_ended_session_is_turned_away_on_every_route_before_any_handler,
    the_doors_to_sign_in_and_out_take_an_ended_session_for_none,
}

const ADA: &str = "ada@example.com";
/// Has the form of a session's and of a user's id.
const ID: &str = "0199f2a4-7d3c-7000-8000-00805f9b34fb";
/// Every method but CONNECT, which has no path.
pub const METHODS: [Method; 8] = {
    use Method::{Delete, Get, Head, Options, Patch, Post, Put, Trace};
    [Get, Head, Post, Put, Delete, Patch, Options, Trace]
};

/// A route's path with its dynamic segments filled in.
pub fn path(route: &Route) -> String {
    let segments = route.uri.path().split('/').map(|segment| match segment {
        "<path..>" => "app.css",
        _ if segment.starts_with('<') => ID,
        _ => segment,
    });
    segments.collect::<Vec<_>>().join("/")
}

/// Whether an ended session counts as none there, so that people can sign in again, and out.
pub fn is_exempt(method: Method, path: &str) -> bool {
    let begins = ["/v1/account", "/v1/account/sessions/email", "/v1/account/sessions/token"];
    matches!(path, "/login" | "/login/forgotten" | "/login/password" | "/logout" | "/setup")
        || path.starts_with("/static/")
        || matches!(path, "/health/live" | "/health/ready" | "/metrics" | "/openapi.json")
        || (method == Method::Post && begins.contains(&path))
        || (matches!(method, Method::Get | Method::Head) && path == "/v1/ping")
}

/// The paths of all routes, and some that no route has.
pub fn paths(server: &Server) -> Vec<String> {
    let mut paths: Vec<_> = server.routes().iter().map(path).collect();
    paths.extend(
        ["/nowhere", "/v1/account", "/account/", "/%61ccount", "/login/", "/static", "/%6Cogin"].map(str::to_owned),
    );
    paths.sort();
    paths.dedup();
    paths
}

/// A browser whose session has ended and that does not know it yet.
pub async fn ended(server: &Server) -> Person<'_> {
    let ada = server.user(ADA).await;
    let mut elsewhere = server.user(ADA).await;
    let form = elsewhere.open("/account").await.form("/account/sessions/end");
    elsewhere.submit(form).await.goes_to("/account");
    ada
}

#[track_caller]
fn was_rejected(answer: &Answer) {
    assert!(answer.header(ROUTE).is_some_and(|route| route.ends_with(" /-/rejected")), "{}", answer.shown());
    let cookie = answer.cookie("sessiond").unwrap_or_else(|| panic!("the cookie stays\n{}", answer.shown()));
    assert!(cookie.expires(), "{}", answer.shown());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

async fn asvs_7_4_1_an_ended_session_is_turned_away_on_every_route_before_any_handler(server: Server) {
    let ada = ended(&server).await;
    let mut guarded = 0;
    for path in paths(&server) {
        for method in METHODS {
            if is_exempt(method, &path) {
                continue;
            }
            guarded += 1;
            let answer = ada.clone().send(Ask::new(method, &path).header("Accept", "text/html")).await;
            if path.starts_with("/v1/") || path.starts_with("/operator/") || path == "/verify" {
                was_rejected(answer.is(401));
                continue;
            }
            was_rejected(answer.asks_to_sign_in());
            let reason = answer.cookie("sessiond-flash").map(|cookie| cookie.value);
            assert!(
                reason.is_some_and(|reason| reason.starts_with("away~signed-out-elsewhere~")),
                "{}",
                answer.shown()
            );
            let goes_back = matches!(method, Method::Get | Method::Head) && !matches!(path.as_str(), "/" | "/login/");
            assert_eq!(answer.location().is_some_and(|to| to.contains("next=")), goes_back, "{}", answer.shown());

            let answer = ada.clone().send(Ask::new(method, &path).json()).await;
            was_rejected(answer.is(401));
            assert_eq!(answer.header("www-authenticate"), Some("Session realm=\"sessiond\""));
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!(answer.body.contains("session_ended"), method != Method::Head, "{}", answer.shown());
        }
    }
    assert!(guarded > 200, "{guarded}");
    assert_eq!(server.probe.ran(), 0, "no handler ran");
}

async fn the_doors_to_sign_in_and_out_take_an_ended_session_for_none(server: Server) {
    let ada = ended(&server).await;
    let mut here = ada.clone();
    here.get("/static/app.css").await.is(200);
    here.get("/setup").await.is(200);
    here.get("/logout").await.goes_to("/login");
    let page = here.get("/login").await;
    page.is(200).says("You ended this session from another device or browser.");
    let form = page.form("/login").fill(&[("email", ADA), ("password", PASSWORD)]);
    here.submit(form).await.goes_to("/account");
    assert!(here.is_signed_in().await);
    let out = ada.clone().send(Ask::post("/logout").form([("scope", "all")])).await;
    out.goes_to("/login");
    assert!(here.is_signed_in().await, "an ended session signs nobody out");
}

#[tokio::test]
async fn the_reason_is_told_once() {
    let server = Server::start().await;
    let mut ada = ended(&server).await;
    ada.open("/account").await.says("You ended this session from another device or browser.");
    ada.open("/login").await.never_says("You ended this session");
    // Nor after the minute that the browser keeps it.
    let mut late = ended(&server).await;
    late.get("/account").await.asks_to_sign_in();
    server.pass(std::time::Duration::from_mins(2));
    late.open("/login").await.never_says("You ended this session");
}

#[tokio::test]
async fn a_forged_reason_puts_no_words_into_the_servers_mouth() {
    let server = Server::start().await;
    for value in ["away~<script>~1", "away~revoked~x", "Call+555-0100", "ended~1", "away~revoked"] {
        let mut person = server.anonymous();
        person.jar.set("sessiond-flash", value);
        let page = person.open("/login").await;
        page.is(200).never_says("<script>").never_says("555-0100").never_says("administrator");
        assert!(page.cookie("sessiond-flash").is_some_and(|cookie| cookie.expires()), "{}", page.shown());
    }
}

#[tokio::test]
async fn the_rejections_own_route_does_not_exist() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    for method in METHODS {
        for path in ["/-/rejected", "/-/rejected/", "/-/rejected?x=y", "/-"] {
            let ask = Ask::new(method, path).header("Sec-Fetch-Site", "same-origin").body("application/json", "{}");
            ada.send(ask.clone()).await.is(404);
            server.anonymous().send(ask).await.is(404);
        }
    }
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn a_page_that_a_stranger_asks_for_is_not_shown_and_its_address_is_kept() {
    let server = Server::start().await;
    let mut nobody = server.anonymous();
    let answer = nobody.get("/admin/sessions?user=a%26b&status=any").await;
    answer.goes_to("/login?next=%2Fadmin%2Fsessions%3Fuser%3Da%2526b%26status%3Dany");
    assert!(answer.cookie("sessiond").is_none() && answer.cookie("sessiond-flash").is_none(), "{}", answer.shown());
    let head = nobody.send(Ask::new(Method::Head, "/account")).await;
    head.goes_to("/login?next=%2Faccount");
    assert_eq!(head.body, "");
    nobody.get(&format!("/account?{}", "x".repeat(600))).await.goes_to("/login");
}

#[tokio::test]
async fn head_tells_what_get_would_without_a_body() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    for path in ["/account", "/login", "/logout", "/probe/mine", "/nowhere", "/static/app.css"] {
        let (get, head) = (ada.clone().get(path).await, ada.send(Ask::new(Method::Head, path)).await);
        assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
}
