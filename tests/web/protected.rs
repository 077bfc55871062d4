//! What holds for every route that there is, whoever adds one: what opens it, what does not, and what it may not do by itself.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rocket::http::Method;
use sessiond::domain::listing::{Filter, Total};

use super::gate::{METHODS, is_exempt, path, paths};
use crate::harness::probe::ROUTE;
use crate::harness::{Answer, Ask, On, PASSWORD, Server};

const ADA: &str = "ada@example.com";

/// All but the session itself: a page that says nothing to a stranger says so whatever else they carry.
fn told(answer: &Answer) -> (u16, Option<String>, Option<String>) {
    let header = |name| answer.header(name).map(str::to_owned);
    (answer.status.code, header("location"), header(ROUTE))
}

/// Asks every guarded path by every method, as a page and as a program, with these headers.
async fn everywhere(server: &Server, headers: &[(&str, &str)]) -> Vec<Answer> {
    let mut all = Vec::new();
    for path in &paths(server) {
        for method in METHODS {
            if is_exempt(method, path) {
                continue;
            }
            let ask = Ask::new(method, path).header("Sec-Fetch-Site", "same-origin");
            let ask = headers.iter().fold(ask, |ask, (name, value)| ask.header(name, *value));
            for ask in [ask.clone(), ask.json()] {
                all.push(server.send(ask, [192, 0, 2, 1].into()).await);
            }
        }
    }
    assert!(all.len() > 300, "{}", all.len());
    all
}

#[track_caller]
fn are_as_to_strangers(strangers: &[Answer], others: &[Answer], with: &str) {
    for (stranger, other) in strangers.iter().zip(others) {
        assert_eq!(told(stranger), told(other), "with {with}\n{}", other.shown());
    }
}

/// What a session opens and nobody else sees.
async fn opened(server: &Server, headers: &[(&str, &str)]) -> Vec<String> {
    let answers = everywhere(server, headers).await;
    let opened = answers.iter().filter(|answer| answer.status.code == 200 && !answer.asked.contains("/probe/"));
    let opened = opened.filter(|answer| !answer.asked.starts_with("HEAD "));
    opened.map(|answer| answer.asked.clone()).collect()
}

#[tokio::test]
async fn asvs_7_2_1_on_every_protected_route_a_credential_that_is_not_quite_right_is_none() {
    let server = Server::start().await;
    let one = server.administrator(ADA).await.credential().expect("a cookie");
    let other = server.user("bob@example.com").await.credential().expect("a cookie");
    let strangers = everywhere(&server, &[]).await;
    let bytes = URL_SAFE_NO_PAD.decode(&one).expect("base64url");
    let flipped = |bit: usize| {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        URL_SAFE_NO_PAD.encode(bytes)
    };
    let swapped = format!("{}{}", &one[..43], &other[43..]);
    // A bit of the user, of the session and of the secret; cut; the secret of another session.
    for value in [flipped(3), flipped(200), flipped(511), one[..85].to_owned(), swapped] {
        let cookie = format!("sessiond={value}");
        are_as_to_strangers(&strangers, &everywhere(&server, &[("Cookie", &cookie)]).await, &value);
    }
    let good = format!("sessiond={one}");
    let shown = opened(&server, &[("Cookie", &good)]).await;
    assert!(shown.iter().any(|asked| asked == "GET /admin/sessions"), "the good one opens them: {shown:?}");
    // The sign-in page itself, by other spellings of its path.
    let others = opened(&server, &[]).await;
    assert!(others.iter().all(|asked| asked.contains("ogin")), "and nothing else does: {others:?}");
}

#[tokio::test]
async fn asvs_7_2_2_no_header_and_no_setting_stands_for_a_session() {
    // As open as it can be configured.
    let settings = "trusted_proxies = [\"0.0.0.0/0\"]\nallowed_origins = [\"https://evil.example\"]\nidle = \"400d\"\n\
                    absolute = \"400d\"\nretention = \"400d\"\nsessions_per_user = 1000000";
    let server = Server::with(On::Memory, settings).await;
    let user = server.create(ADA, &[]).await.expect("a new user");
    let strangers = everywhere(&server, &[]).await;
    let basic = "Basic YWRhQGV4YW1wbGUuY29tOmEgZmV3IHdvcmRzIGluIGEgcm93";
    for (name, value) in [
        ("Authorization", basic),
        ("Authorization", "Bearer ada@example.com"),
        ("X-Appwrite-Key", PASSWORD),
        ("Remote-User", ADA),
        ("X-Forwarded-User", ADA),
        ("X-Forwarded-For", "127.0.0.1"),
        ("Cookie", "sessiond=ada@example.com"),
        ("Cookie", &format!("sessiond={}", user.id)),
    ] {
        are_as_to_strangers(&strangers, &everywhere(&server, &[(name, value)]).await, name);
    }
}

async fn sessions(server: &Server) -> u64 {
    match server.service.count(&Filter::default()).await.expect("the store answers") {
        Total::Exactly(count) | Total::MoreThan(count) => count,
    }
}

#[tokio::test]
async fn asvs_7_6_2_no_safe_request_to_any_route_begins_a_session() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    ada.sign_out().await.goes_to("/login");
    // This browser has signed in before, and says so.
    let known = ada.jar.header(server.now()).expect("a known browser's cookie");
    assert!(known.contains("sessiond-device="), "{known}");
    let before = sessions(&server).await;
    for path in paths(&server) {
        let uri = format!("{path}?email=ada%40example.com&password={}&_method=POST", PASSWORD.replace(' ', "+"));
        for method in [Method::Get, Method::Head, Method::Options, Method::Trace] {
            let ask = Ask::new(method, &uri).header("Cookie", known.clone());
            let ask = ask.header("Authorization", "Basic YWRhQGV4YW1wbGUuY29tOmEgZmV3IHdvcmRzIGluIGEgcm93");
            let answer = server.send(ask, [192, 0, 2, 10].into()).await;
            assert!(answer.cookie("sessiond").is_none_or(|cookie| cookie.expires()), "{}", answer.shown());
        }
    }
    assert_eq!(sessions(&server).await, before);
    server.anonymous().sign_in(ADA, PASSWORD).await.goes_to("/account");
    assert_eq!(sessions(&server).await, before + 1, "an explicit act does");
}

#[tokio::test]
async fn asvs_14_3_2_no_answer_to_somebody_signed_in_is_kept_by_their_browser() {
    let server = Server::start().await;
    let root = server.administrator("root@example.com").await;
    let mut looked = 0;
    for route in server.routes() {
        let path = path(&route);
        // Its application has said for itself that it may be kept.
        if path.starts_with("/static/") || path == "/probe/cached" {
            continue;
        }
        looked += 1;
        // Its head alone: the feed of events has no end.
        let answer = root.begin(Ask::new(route.method, &path).header("Sec-Fetch-Site", "same-origin")).await;
        let kept = answer.headers().get_one("cache-control");
        assert!(kept.is_some_and(|kept| kept.contains("no-store")), "{} {path}: {kept:?}", route.method);
    }
    assert!(looked > 25, "{looked}");
}
