//! Method × headers × body: which requests reach a handler that changes something.

use rocket::http::Method;

use crate::harness::{Ask, On, Person, Server};

const FORM: &str = "application/x-www-form-urlencoded";
const OWN: &str = "https://login.example.com";
const SETTINGS: &str = "public_url = \"https://login.example.com\"\nallowed_origins = [\"https://app.example.com\"]";

async fn signed_in(server: &Server) -> (Person<'_>, String) {
    let mut ada = server.user("ada@example.com").await;
    let token = ada.open("/account").await.form("/logout").field("csrf").unwrap_or_default().to_owned();
    (ada, token)
}

/// Whether the request reaches the handler; if not, it must have been refused with 403.
async fn reaches(server: &Server, person: &mut Person<'_>, ask: Ask) -> bool {
    let before = server.probe.ran();
    let answer = person.send(ask).await;
    let ran = server.probe.ran() > before;
    assert_eq!(answer.status.code, if ran { 200 } else { 403 }, "{}", answer.shown());
    ran
}

fn with(mut ask: Ask, site: Option<&str>, origin: Option<&str>) -> Ask {
    for (name, value) in [("Sec-Fetch-Site", site), ("Origin", origin)] {
        if let Some(value) = value {
            ask = ask.header(name, value);
        }
    }
    ask
}

#[tokio::test]
async fn asvs_3_5_2_the_origin_of_a_request_decides() {
    let server = Server::with(On::Memory, SETTINGS).await;
    let (mut ada, token) = signed_in(&server).await;
    let app = Some("https://app.example.com");
    // Site, origin, and whether it passes as: a form with a token, a form without, PUT or DELETE.
    for (site, origin, form, bare, script) in [
        (Some("same-origin"), Some(OWN), true, false, true),
        (Some("same-origin"), None, true, false, true),
        (Some("none"), None, true, false, true),
        (Some("same-site"), Some("https://other.example.com"), false, false, false),
        (Some("same-site"), None, false, false, false),
        (Some("same-site"), app, true, false, true),
        (Some("cross-site"), Some("https://evil.example"), false, false, false),
        (Some("cross-site"), None, false, false, false),
        (Some("cross-site"), Some("null"), false, false, false),
        (Some("cross-site"), app, true, false, true),
        (Some("nonsense"), Some(OWN), false, false, false),
        (Some(""), None, false, false, false),
        (None, Some(OWN), true, false, true),
        (None, app, true, false, true),
        (None, Some("https://evil.example"), false, false, false),
        (None, Some("null"), false, false, false),
        (None, Some(""), false, false, false),
        (None, Some("http://login.example.com"), false, false, false),
        (None, Some("https://login.example.com.evil.example"), false, false, false),
        (None, Some("https://login.example.com:8443"), false, false, false),
        (None, Some("https://LOGIN.example.com"), false, false, false),
        (None, None, true, false, true),
    ] {
        let case = format!("{site:?} {origin:?}");
        let ask = |method| with(Ask::new(method, "/probe/change"), site, origin);
        let token = ask(Method::Post).body(FORM, format!("csrf={token}"));
        assert_eq!(reaches(&server, &mut ada, token).await, form, "POST with a token: {case}");
        assert_eq!(reaches(&server, &mut ada, ask(Method::Post).body(FORM, "a=b")).await, bare, "POST without: {case}");
        for method in [Method::Put, Method::Delete] {
            assert_eq!(reaches(&server, &mut ada, ask(method)).await, script, "{method}: {case}");
        }
        // What changes nothing is nobody's business.
        with(Ask::get("/probe/mine"), site, origin);
        let get = ada.send(with(Ask::get("/probe/mine"), site, origin)).await;
        get.is(200);
        assert!(get.header("access-control-allow-origin").is_none(), "{}", get.shown());
    }
}

#[tokio::test]
async fn asvs_3_5_2_a_body_that_is_no_form_of_ours_changes_nothing() {
    let server = Server::start().await;
    let (mut ada, token) = signed_in(&server).await;
    let multipart = format!("--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{token}\r\n--x--\r\n");
    for (kind, body) in [
        ("text/plain", "scope=all"),
        ("text/plain", "{\"scope\":\"all\"}"),
        ("text/plain", "csrf=\r\nscope=all"),
        ("multipart/form-data; boundary=x", multipart.as_str()),
        ("application/octet-stream", "scope=all"),
        ("application/xml", "<scope>all</scope>"),
        (FORM, ""),
        (FORM, "csrf"),
        (FORM, "scope=all&csrf=x"),
        ("nonsense", "scope=all"),
    ] {
        for uri in ["/probe/change", "/logout", "/account/sessions/end"] {
            let ask = Ask::post(uri).body(kind, body);
            ada.send(ask.clone()).await.is(403);
            ada.send(with(ask.clone(), Some("same-origin"), None)).await.is(403);
            ada.send(with(ask, Some("cross-site"), Some("https://evil.example"))).await.is(403);
        }
        ada.send(Ask { headers: Vec::new(), ..Ask::post("/probe/change").body(kind, body) }).await.is(403);
    }
    assert_eq!(server.probe.ran(), 0);
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn asvs_3_5_3_json_passes_from_our_own_pages_alone() {
    let server = Server::start().await;
    let (mut ada, _) = signed_in(&server).await;
    let ask = Ask::post("/probe/change").body("application/json", "{}");
    assert!(reaches(&server, &mut ada, with(ask.clone(), Some("same-origin"), None)).await);
    assert!(reaches(&server, &mut ada, with(ask.clone(), None, Some(&server.origin))).await);
    assert!(!reaches(&server, &mut ada, with(ask.clone(), Some("cross-site"), Some("https://evil.example"))).await);
    assert!(!reaches(&server, &mut ada, with(ask.clone(), None, Some("https://evil.example"))).await);
    assert!(!reaches(&server, &mut ada, ask).await, "nobody knows from where");
}

#[tokio::test]
async fn asvs_3_5_3_a_form_cannot_become_another_method() {
    let server = Server::start().await;
    let (mut ada, token) = signed_in(&server).await;
    for body in [
        format!("_method=delete&csrf={token}"),
        format!("_method=put&csrf={token}"),
        format!("_method=DELETE&csrf={token}"),
        format!("&_method=put&csrf={token}"),
        format!("&&_method=put&csrf={token}"),
        format!("&_method=patch&csrf={token}"),
        "_method=delete".to_owned(),
        "&_method=put".to_owned(),
        "_method=post".to_owned(),
    ] {
        for (site, origin) in [
            (Some("same-origin"), Some(server.origin.as_str())),
            (Some("none"), None),
            (None, Some(server.origin.as_str())),
            (None, None),
            (Some("cross-site"), Some("https://evil.example")),
            (None, Some("https://evil.example")),
        ] {
            for uri in ["/probe/change", "/logout"] {
                let answer = ada.send(with(Ask::post(uri).body(FORM, body.as_str()), site, origin)).await;
                assert_eq!(answer.status.code, 403, "{body} {site:?} {origin:?}\n{}", answer.shown());
            }
        }
    }
    assert_eq!(server.probe.ran(), 0);
    assert!(ada.is_signed_in().await);
    // Behind the token it is a field like any other.
    let ask = Ask::post("/probe/change").body(FORM, format!("csrf={token}&_method=delete"));
    assert!(reaches(&server, &mut ada, ask).await);
}

#[tokio::test]
async fn without_a_public_url_our_own_origin_is_the_host_that_was_asked() {
    let server = Server::start().await;
    let (mut ada, token) = signed_in(&server).await;
    let ask = |origin| with(Ask::post("/probe/change").body(FORM, format!("csrf={token}")), None, Some(origin));
    assert!(reaches(&server, &mut ada, ask("http://127.0.0.1:8000")).await);
    for origin in
        ["http://127.0.0.1", "https://127.0.0.1:8000", "http://127.0.0.1:8000.evil.example", "http://localhost:8000"]
    {
        assert!(!reaches(&server, &mut ada, ask(origin)).await, "{origin}");
    }
}
