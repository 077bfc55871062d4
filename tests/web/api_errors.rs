//! Whatever goes wrong below `/v1` is told in one shape; [`super::api`] looks at each answer.

use rocket::http::Method;
use serde_json::json;

use super::api::{ADA, App, fails, told};
use crate::harness::{Ask, PASSWORD, Server};

const INVALID: &str = "general_argument_invalid";

#[tokio::test]
async fn an_unknown_route_is_404_and_a_wrong_method_405_with_what_is_right() {
    let server = Server::start().await;
    let app = App::keyed(&server, "all").await;
    for path in ["", "/", "/nothing", "/users/ada/nothing", "/account/sessions/x/y", "/%FF", "/openapi.json"] {
        for method in [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete, Method::Trace] {
            let answer = app.send(Ask::new(method, format!("/v1{path}")).body("application/json", "{}")).await;
            fails(&answer, 404, "general_route_not_found", "");
        }
    }
    fails(&app.get("/users/%FF").await, 400, INVALID, "`userId`");
    let all = [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete, Method::Trace];
    for (path, allow) in [
        ("/ping", "GET"),
        ("/account", "GET, POST"),
        ("/account/sessions", "DELETE, GET"),
        ("/account/sessions/current", "DELETE, GET, PATCH"),
        ("/users", "GET, POST"),
        ("/users/ada", "DELETE, GET"),
        ("/users/ada/labels", "PUT"),
        ("/users/ada/prefs", "GET, PATCH"),
        ("/users/ada/sessions", "DELETE, GET, POST"),
        ("/users/ada/sessions/x", "DELETE"),
        ("/users/ada/tokens", "POST"),
    ] {
        for method in all.into_iter().filter(|method| !allow.contains(method.as_str())) {
            let answer = app.send(Ask::new(method, format!("/v1{path}")).body("application/json", "{}")).await;
            fails(&answer, 405, "general_method_not_allowed", allow);
            assert_eq!(answer.header("allow"), Some(allow), "{}", answer.shown());
        }
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_and_says_where() {
    let server = Server::start().await;
    let app = App::keyed(&server, "all").await;
    let deep = format!("{{\"prefs\":{{\"a\":{}{}}}}}", "[".repeat(200), "]".repeat(200));
    for (body, part) in [
        ("{", "no JSON object"),
        ("nothing", "no JSON object"),
        ("null", "no JSON object"),
        ("[]", "no JSON object"),
        ("\"x\"", "no JSON object"),
        ("{}{}", ""),
        ("{\"userId\":\"a\",\"userId\":\"b\",\"email\":\"a@x\"}", "userId"),
        ("{\"userId\":\"a\",\"email\":\"a@x\",\"admin\":true}", "`admin`"),
        ("{\"userId\":\"a\"}", "Param \"email\" is not optional."),
        ("{\"userId\":5,\"email\":\"a@x\"}", "`userId`"),
        ("", "is not optional"),
        ("   ", "is not optional"),
        ("\u{feff}{}", ""),
    ] {
        let answer = app.send(Ask::post("/v1/users").body("application/json", body)).await;
        fails(&answer, 400, INVALID, part);
    }
    let answer = app.send(Ask::post("/v1/users").body("application/json", vec![b'"', 0xFF, b'"'])).await;
    fails(&answer, 400, INVALID, "");
    let patch = Ask::new(Method::Patch, "/v1/users/ada/prefs").body("application/json", deep);
    fails(&app.send(patch).await, 400, INVALID, "");
    let large = format!("{{\"prefs\":{{\"a\":\"{}\"}}}}", "x".repeat(64 << 10));
    let patch = Ask::new(Method::Patch, "/v1/users/ada/prefs").body("application/json", large);
    fails(&app.send(patch).await, 413, INVALID, "65536");
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let answer = app.send(Ask::post("/v1/users").body(kind, "{\"userId\":\"a\",\"email\":\"a@x\"}")).await;
        fails(&answer, 415, INVALID, "application/json");
    }
    assert_eq!(told(app.get("/users").await.is(200))["total"], 0);
    // Without a type, or with one that says more, it is JSON.
    let body = |id: &str| json!({ "userId": id, "email": format!("{id}@x") }).to_string();
    let bare = Ask { body: body("a").into_bytes(), ..Ask::post("/v1/users") };
    app.send(bare).await.is(201);
    app.send(Ask::post("/v1/users").body("application/json; charset=utf-8", body("b"))).await.is(201);
    // Clients send an empty type where there is nothing to say.
    app.send(Ask::get("/v1/users/a").header("Content-Type", "")).await.is(200);
    app.send(Ask::new(Method::Delete, "/v1/users/a").header("Content-Type", "")).await.is(204);
}

#[tokio::test]
async fn what_is_no_request_is_told_in_the_same_shape() {
    let server = Server::start().await;
    let app = App::new(&server);
    let two = Ask::get("/v1/account").header("Host", "127.0.0.1:8000").header("Host", "evil.example");
    fails(&app.send(two).await, 400, INVALID, "two hosts");
    let large = Ask::get("/v1/account").header("X-Large", "x".repeat(40_000));
    fails(&app.send(large).await, 431, INVALID, "headers");
    let chunked = Ask::post("/v1/account").header("Transfer-Encoding", "chunked");
    fails(&app.send(chunked).await, 411, INVALID, "how long");
    let short = Ask::post("/v1/account").header("Content-Length", "100").body("application/json", "{\"userId\":");
    fails(&app.send(short).await, 400, INVALID, "broke off");
}

#[tokio::test]
async fn asvs_16_5_3_without_the_store_nobody_is_signed_out_and_everybody_is_told_to_try_again() {
    let server = Server::start().await;
    let ada = App::signed_in(&server, ADA).await;
    server.faults().fail(true);
    for (method, path) in [
        (Method::Get, "/account"),
        (Method::Get, "/account/sessions"),
        (Method::Get, "/account/sessions/current"),
        (Method::Patch, "/account/sessions/current"),
        (Method::Delete, "/account/sessions/current"),
        (Method::Delete, "/account/sessions"),
        (Method::Get, "/account/prefs"),
    ] {
        let answer = ada.ask(method, path, &json!({})).await;
        fails(&answer, 503, "general_service_unavailable", "");
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(answer.cookies().is_empty(), "{}", answer.shown());
    }
    fails(&App::new(&server).signs_in(ADA, PASSWORD).await, 503, "general_service_unavailable", "");
    server.faults().fail(false);
    ada.get("/account").await.is(200);
    server.faults().fail_writes(true);
    fails(&ada.delete("/account/sessions/current").await, 503, "general_service_unavailable", "try again");
    fails(&ada.delete("/account/sessions").await, 503, "general_service_unavailable", "try again");
    server.faults().fail_writes(false);
}

#[tokio::test]
async fn another_project_is_not_found_and_ours_may_be_named() {
    let server = Server::start().await;
    let app = App::keyed(&server, "all").await;
    for project in ["", "default"] {
        app.clone().with("X-Appwrite-Project", project).get("/users").await.is(200);
    }
    for path in ["/users", "/account", "/ping"] {
        let answer = app.clone().with("X-Appwrite-Project", "another").get(path).await;
        fails(&answer, 404, "project_not_found", "`project`");
    }
    let named = Server::with(crate::harness::On::Memory, "project = \"shop\"").await;
    let app = App::new(&named);
    assert_eq!(app.clone().with("X-Appwrite-Project", "shop").get("/ping").await.is(200).body, "Pong!");
    fails(&app.with("X-Appwrite-Project", "default").get("/ping").await, 404, "project_not_found", "");
}

/// A route below the API that fails as only a mistake can.
#[rocket::get("/mistake")]
fn mistake() -> &'static str {
    panic!("a handler's own mistake")
}

#[tokio::test]
async fn a_panic_is_told_in_the_shape_of_errors_and_tells_nothing() {
    let build = |figment, service, config| {
        let sessiond = sessiond::Sessiond::new(service, config).expect("a folder for the keys");
        sessiond.attach(rocket::custom(figment).mount("/v1", rocket::routes![mistake])).expect("a folder")
    };
    let server = Server::of(crate::harness::On::Memory, "", build).await;
    let answer = server.anonymous().get("/v1/mistake").await;
    assert_eq!(answer.is(500).header("content-type"), Some("application/json"), "{}", answer.shown());
    let told: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!((&told["code"], &told["type"]), (&serde_json::json!(500), &serde_json::json!("general_unknown")));
    assert!(!answer.body.contains("mistake"), "{}", answer.shown());
    assert!(answer.header("x-content-type-options").is_some(), "{}", answer.shown());
}
