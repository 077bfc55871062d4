//! What was answered holds, whatever happens to the process afterwards.

use std::io::{Read, Write};
use std::net::SocketAddr;

use rocket::http::Method;
use sessiond::config::Config;
use tempfile::TempDir;

use super::client::form;
use super::{Client, EMAIL, PASSWORD, Program};

/// Paths on which an ended session counts as none.
const OPEN: [&str; 9] = [
    "/health/live",
    "/health/ready",
    "/login",
    "/login/forgotten",
    "/login/password",
    "/logout",
    "/metrics",
    "/openapi.json",
    "/setup",
];

/// Where the API signs people in, and answers whoever asks whether it is there.
fn begins(method: Method, path: &str) -> bool {
    match method {
        Method::Post => ["/v1/account", "/v1/account/sessions/email", "/v1/account/sessions/token"].contains(&path),
        _ => path == "/v1/ping",
    }
}

/// Every route of the program, from the route table of the same version; `id` fills in the dynamic parts.
fn routes(id: &str) -> Vec<(Method, String)> {
    let folder = TempDir::new().unwrap();
    let figment = sessiond::figment().merge(("sessiond.data", folder.path()));
    let config = Config::extract(&figment).unwrap();
    let runtime = rocket::tokio::runtime::Runtime::new().unwrap();
    let routes = runtime.block_on(async {
        let service = sessiond::open(&config).await.unwrap();
        let rocket = sessiond::build(figment, service.clone()).unwrap();
        let routes: Vec<_> = rocket.routes().cloned().collect();
        service.store().close().await.unwrap();
        routes
    });
    let path = |path: &str| {
        let parts = path.split('/').map(|part| if part.starts_with('<') { id } else { part });
        parts.collect::<Vec<_>>().join("/")
    };
    routes.iter().map(|route| (route.method, path(route.uri.path()))).collect()
}

/// Programs send a credential in a header: it opens as little as in the cookie.
fn in_headers(address: SocketAddr, credential: &str, method: Method, path: &str) {
    for header in [format!("X-Appwrite-Session: {credential}\r\n"), format!("Authorization: Bearer {credential}\r\n")] {
        let mut program = Client::new(address);
        let mut stream = program.connect().unwrap();
        stream.write_all(program.head(method.as_str(), path, 0, &header).as_bytes()).unwrap();
        let answer = program.read(&mut stream).unwrap();
        assert_eq!(answer.status, 401, "{method} {path}");
        assert!(answer.body.contains("general_unauthorized_scope"), "{method} {path}: {}", answer.body);
    }
}

#[test]
fn asvs_7_4_1_a_revoked_session_is_refused_on_every_route_after_kill_9() {
    let data = TempDir::new().unwrap();
    let mut server = Program::serve(data.path()).listen();
    server.set_up();
    let mut administrator = server.sign_in();
    let revoked = server.sign_in();
    administrator.revoke(&revoked.session_id(), "");
    server.kill();

    let server = Program::serve(data.path()).listen();
    let mut guarded = 0;
    for (method, path) in routes(&administrator.session_id()) {
        // HEAD is answered as GET is, without a body to be read.
        if path.starts_with("/static/") || method == Method::Head {
            continue;
        }
        let mut thief = Client::holding(server.address, revoked.credential());
        let answer = thief.try_send(method.as_str(), &path, "").unwrap();
        assert!(!answer.is_signed_in(), "{method} {path}: {answer:?}");
        if !OPEN.contains(&path.as_str()) && !begins(method, &path) {
            guarded += 1;
            if ["/operator/", "/v1/", "/verify"].iter().any(|door| path.starts_with(door)) {
                assert_eq!(answer.status, 401, "{method} {path}");
            } else {
                assert_eq!(answer.status, 303, "{method} {path}");
                assert!(answer.location().starts_with("/login"), "{method} {path}: {}", answer.location());
            }
            assert_eq!(thief.credential(), "", "{method} {path} leaves the cookie");
            if path.starts_with("/v1/") {
                in_headers(server.address, revoked.credential(), method, &path);
            }
        }
    }
    assert!(guarded >= 10, "only {guarded} routes are guarded");
    let mut administrator = administrator.at(server.address);
    assert!(administrator.get("/admin/sessions").is_signed_in());
}

#[test]
fn a_sign_in_that_was_answered_survives_kill_9() {
    let data = TempDir::new().unwrap();
    let mut server = Program::serve(data.path()).listen();
    server.set_up();
    for _ in 0..3 {
        let signed_in = server.sign_in();
        server.kill();
        server = Program::serve(data.path()).listen();
        assert!(signed_in.at(server.address).get("/account").is_signed_in());
    }
}

#[test]
fn a_sign_out_that_was_answered_survives_kill_9() {
    let data = TempDir::new().unwrap();
    let mut server = Program::serve(data.path()).listen();
    server.set_up();
    let (mut person, stays) = (server.sign_in(), server.sign_in());
    let copied = person.credential().to_owned();
    let answer = person.submit("/account", "/logout", &[("scope", "this")]);
    assert_eq!((answer.status, answer.location()), (303, "/login"));
    server.kill();
    let server = Program::serve(data.path()).listen();
    assert!(!Client::holding(server.address, &copied).get("/account").is_signed_in());
    assert!(stays.at(server.address).get("/account").is_signed_in());
}

#[test]
fn sigterm_finishes_what_is_in_flight_and_exits_0() {
    let data = TempDir::new().unwrap();
    let mut server = Program::serve(data.path()).listen();
    server.set_up();
    let mut person = server.client();
    let token = person.token("/login");
    let body = form(&token, &[("email", EMAIL), ("password", PASSWORD)]);

    // The server answers "100 Continue" once it wants the body: from then on the request is in flight.
    let mut stream = person.connect().unwrap();
    let head = person.head("POST", "/login", body.len(), "Expect: 100-continue\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut told = Vec::new();
    while !told.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        told.extend(byte);
    }
    assert!(told.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&told));
    server.ask_to_stop();
    while server.client().connect().is_ok() {}
    stream.write_all(body.as_bytes()).unwrap();
    let answer = person.read(&mut stream).unwrap();
    assert_eq!((answer.status, answer.location()), (303, "/account"), "{}", answer.body);

    let exited = server.exited();
    assert_eq!(exited.code, Some(0), "{}", exited.stderr);
    let server = Program::serve(data.path()).listen();
    assert!(person.at(server.address).get("/account").is_signed_in());
    assert_eq!(server.stop().code, Some(0));
}
