//! Pages of other origins, and what they may ask and read.

use rocket::http::Method;
use serde_json::json;

use super::api::{ADA, App, fails, key};
use crate::harness::{Answer, Ask, On, PASSWORD, Server};

const SHOP: &str = "https://shop.example";
const EVIL: &str = "https://evil.example";
const SETTINGS: &str = "allowed_origins = [\"https://shop.example\"]\nsign_up = true";

async fn server() -> Server {
    let server = Server::with(On::Memory, SETTINGS).await;
    server.create(ADA, &[]).await;
    server
}

#[track_caller]
fn may_read(answer: &Answer, origin: &str) {
    assert_eq!(answer.header("access-control-allow-origin"), Some(origin), "{}", answer.shown());
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"), "{}", answer.shown());
    assert!(answer.header("access-control-expose-headers").is_some(), "{}", answer.shown());
    varies(answer);
}

#[track_caller]
fn may_not_read(answer: &Answer) {
    for (name, _) in &answer.headers {
        assert!(!name.to_lowercase().starts_with("access-control"), "{}", answer.shown());
    }
    varies(answer);
}

#[track_caller]
fn varies(answer: &Answer) {
    assert!(answer.all("vary").iter().any(|value| value.contains("Origin")), "{}", answer.shown());
}

fn preflight(path: &str, origin: &str) -> Ask {
    let ask = Ask::new(Method::Options, format!("/v1{path}")).header("Origin", origin);
    let ask = ask.header("Access-Control-Request-Method", "DELETE");
    ask.header("Access-Control-Request-Headers", "content-type,x-appwrite-project,x-sdk-name")
}

#[tokio::test]
async fn a_page_that_may_ask_is_told_so_whatever_the_path() {
    let server = server().await;
    let app = App::new(&server);
    for path in ["/account", "/account/sessions/current", "/users/x/y/z", "/nothing", ""] {
        for origin in [SHOP, "http://127.0.0.1:8000"] {
            let answer = app.send(preflight(path, origin)).await;
            may_read(answer.is(204), origin);
            let list = |name| answer.header(name).unwrap_or_default().to_lowercase();
            for method in ["get", "post", "put", "patch", "delete"] {
                assert!(list("access-control-allow-methods").contains(method), "{}", answer.shown());
            }
            for header in [
                "content-type",
                "x-appwrite-project",
                "x-appwrite-session",
                "x-appwrite-jwt",
                "x-appwrite-key",
                "x-appwrite-locale",
                "x-appwrite-response-format",
                "x-appwrite-dev-key",
                "x-fallback-cookies",
                "x-sdk-name",
                "x-sdk-version",
                "x-sdk-language",
                "x-sdk-platform",
            ] {
                assert!(list("access-control-allow-headers").contains(header), "{header}\n{}", answer.shown());
            }
            assert!(answer.header("access-control-max-age").is_some());
            assert!(answer.header("allow").is_none());
        }
        let foreign = app.send(preflight(path, EVIL)).await;
        may_not_read(&foreign);
    }
    // Another project's name stands in the request itself, not in the question before it.
    app.clone().with("X-Appwrite-Project", "another").send(preflight("/account", SHOP)).await.is(204);
}

#[tokio::test]
async fn asvs_3_4_2_the_answer_names_the_origin_on_errors_too_and_never_every_origin() {
    let server = server().await;
    let shop = App::new(&server).with("Origin", SHOP);
    may_read(shop.get("/ping").await.is(200), SHOP);
    may_read(shop.get("/account").await.is(401), SHOP);
    may_read(shop.get("/nothing").await.is(404), SHOP);
    may_read(shop.put("/account", json!({})).await.is(405), SHOP);
    may_read(shop.post("/account", json!({})).await.is(400), SHOP);
    may_read(shop.signs_in(ADA, "not the right words").await.is(401), SHOP);
    let large = json!({ "email": "x".repeat(65 << 10) });
    may_read(shop.post("/account", large).await.is(413), SHOP);
    let signed_in = shop.signs_in(ADA, PASSWORD).await;
    may_read(signed_in.is(201), SHOP);
    // The page gets the cookie, which its scripts cannot read, and no secret.
    assert!(signed_in.cookie("sessiond").is_some_and(|cookie| cookie.has("httponly")));
    assert!(signed_in.body.contains("\"secret\":\"\""), "{}", signed_in.shown());
    server.faults().fail(true);
    may_read(shop.signs_in(ADA, PASSWORD).await.is(503), SHOP);
    server.faults().fail(false);
    // A program that is no page.
    let answer = App::new(&server).get("/ping").await;
    assert!(answer.header("access-control-allow-origin").is_none());
    varies(&answer);
}

#[tokio::test]
async fn asvs_3_5_1_a_foreign_page_can_neither_ask_nor_read() {
    let server = server().await;
    let mut ada = server.user(ADA).await;
    let cookie = format!("sessiond={}", ada.credential().expect("a cookie"));
    let browser = App::new(&server).with("Cookie", &cookie);
    browser.get("/account").await.is(200);
    for origin in
        [EVIL, "null", "https://shop.example.evil.example", "http://shop.example", "https://shop.example:444", ""]
    {
        let page = browser.clone().with("Origin", origin);
        let body = json!({ "name": "Mallory" }).to_string();
        for ask in [
            Ask::get("/v1/account"),
            Ask::new(Method::Patch, "/v1/account/name").body("application/json", body.clone()),
            Ask::new(Method::Delete, "/v1/account/sessions").body("application/json", "{}"),
            Ask::post("/v1/account/sessions/email")
                .body("text/plain", json!({ "email": ADA, "password": PASSWORD }).to_string()),
            Ask::post("/v1/account").body("text/plain", "{}"),
        ] {
            let answer = page.send(ask).await;
            fails(&answer, 403, "general_unknown_origin", "allowed_origins");
            may_not_read(&answer);
            assert!(answer.cookies().is_empty(), "{}", answer.shown());
        }
    }
    // Two origins are none.
    let two = browser.clone().with("Origin", SHOP).with("Origin", EVIL);
    fails(&two.get("/account").await, 403, "general_unknown_origin", "");
    // A page that sends no origin says where it is all the same.
    for site in ["cross-site", "same-site"] {
        let answer = browser.clone().with("Sec-Fetch-Site", site).delete("/account/sessions").await;
        fails(&answer, 403, "general_unknown_origin", "");
    }
    // Of a page that may ask, a body that a form could send is none.
    let plain = Ask::new(Method::Patch, "/v1/account/name").body("text/plain", json!({ "name": "Ada" }).to_string());
    fails(&browser.clone().with("Origin", SHOP).send(plain).await, 415, "general_argument_invalid", "");
    // A form does not become another method, whatever it says.
    let form = Ask::post("/v1/account/sessions").form([("_method", "delete")]);
    fails(&browser.clone().with("Origin", "http://127.0.0.1:8000").send(form).await, 403, "general_unknown_origin", "");
    assert!(ada.is_signed_in().await);
    let name = browser.get("/account").await;
    assert!(!name.body.contains("Mallory"), "{}", name.shown());
    ada.open("/account").await.is(200);
}

#[tokio::test]
async fn a_key_in_a_header_is_exempt_and_its_answers_are_for_no_page() {
    let server = server().await;
    let (_, secret) = key(&server, "all").await;
    for name in ["X-Appwrite-Key", "Authorization"] {
        let value = if name == "Authorization" { format!("Bearer {secret}") } else { secret.clone() };
        let app = App::new(&server).with(name, &value).with("Origin", EVIL);
        let answer = app.get("/users").await;
        may_not_read(answer.is(200));
        let answer = app
            .with("Sec-Fetch-Site", "cross-site")
            .post("/users", json!({ "userId": "unique()", "email": format!("{}@x", name.to_lowercase()) }))
            .await;
        may_not_read(answer.is(201));
    }
    // What only looks like one opens nothing.
    let app = App::new(&server).with("X-Appwrite-Key", "sessiond_nothing").with("Origin", EVIL);
    fails(&app.get("/users").await, 401, "general_unauthorized_scope", "");
}
