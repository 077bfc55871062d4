//! Operators' routes of the real program: among the pages, or at an address of their own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use tempfile::TempDir;

use super::keys::created;
use super::refusals::assert_told;
use super::{Client, EMAIL, PASSWORD, Program, Server};
use crate::harness::exposition::Exposition;

const CHEAP: &str = "password_hash={memory_kib=64,passes=1}";
const PATHS: [&str; 4] = ["/metrics", "/health/live", "/health/ready", "/openapi.json"];

fn program(data: &TempDir, operators: &str) -> Program {
    Program::serve(data.path()).env("ROCKET_SESSIOND", &format!("{{{CHEAP},operators={{{operators}}}}}"))
}

/// A server with operators' routes at an address of their own, which it has printed.
fn apart(data: &TempDir, access: &str) -> (Server, SocketAddr) {
    let mut server = program(data, &format!("listen=\"127.0.0.1:0\"{access}")).listen();
    let line = server.line_with("Operators' routes are at http://");
    let address = line.rsplit('/').next().and_then(|text| text.parse().ok()).expect("an address");
    assert_ne!(address, server.address);
    (server, address)
}

struct Told {
    status: u16,
    head: String,
    body: String,
}

fn ask(address: SocketAddr, method: &str, path: &str, key: Option<&str>) -> Told {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a time-out");
    let key = key.map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{key}\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an answer");
    let text = String::from_utf8(bytes).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Told { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

fn scrape(address: SocketAddr, key: Option<&str>) -> Exposition {
    let told = ask(address, "GET", "/metrics", key);
    assert_eq!(told.status, 200, "{}", told.body);
    assert!(told.head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{}", told.head);
    Exposition::parse(&told.body)
}

#[test]
fn what_the_running_server_did_is_counted_and_a_key_from_a_file_reads_it() {
    let data = TempDir::new().unwrap();
    let mut server = Program::serve(data.path()).listen();
    server.set_up();
    let key = created(data.path(), "metrics.read");
    let other = created(data.path(), "audit.read");
    for (key, told) in [(None, "key_missing"), (Some(other.as_str()), "general_unauthorized_scope")] {
        let refused = ask(server.address, "GET", "/metrics", key);
        assert_eq!(refused.status, 401);
        assert!(refused.body.contains(told) && refused.head.contains("www-authenticate: bearer"), "{}", refused.body);
    }
    let mut person = server.sign_in();
    let other = server.sign_in();
    assert_eq!(
        Client::new(server.address).submit("/login", "/login", &[("email", EMAIL), ("password", "no")]).status,
        401
    );
    person.revoke(&other.session_id(), "test");
    let seen = scrape(server.address, Some(&key));
    let sign_ins = |outcome| seen.value("sessiond_sign_ins_total", &[("door", "pages"), ("outcome", outcome)]);
    assert_eq!((sign_ins("success"), sign_ins("wrong")), (2, 1));
    assert_eq!(seen.value("sessiond_live_sessions", &[]), 1);
    assert_eq!(seen.value("sessiond_ready", &[]), 1);
    assert_eq!(seen.value("sessiond_revoke_durable_seconds_count", &[("scope", "session")]), 1);
    assert!(seen.millis("sessiond_revoke_durable_seconds_sum", &[("scope", "session")]) > 0);
    assert_eq!(seen.value("sessiond_build_info", &[("store", "sled"), ("version", env!("CARGO_PKG_VERSION"))]), 1);
    let events = seen.value("sessiond_audit_events_total", &[]);
    let head = ask(server.address, "HEAD", "/metrics", Some(&key));
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert!(head.head.contains("content-length: "), "{}", head.head);
    assert_eq!(server.stop().code, Some(0));

    // Counts begin anew; the audit log's numbers go on, and there is the start as well.
    let server = Program::serve(data.path()).listen();
    let seen = scrape(server.address, Some(&key));
    assert!(seen.counted("sessiond_sign_ins").is_empty());
    assert_eq!(seen.value("sessiond_live_sessions", &[]), 1);
    assert_eq!(seen.value("sessiond_audit_events_total", &[]), events + 1);
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn asvs_13_4_5_at_an_address_of_their_own_they_are_nowhere_else_and_nothing_else_is_there() {
    let data = TempDir::new().unwrap();
    let (mut server, operators) = apart(&data, "");
    server.set_up();
    let mut person = server.sign_in();
    for path in PATHS {
        assert_eq!(ask(operators, "GET", path, None).status, 200, "{path}");
        let head = ask(operators, "HEAD", path, None);
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        assert_eq!(ask(server.address, "GET", path, None).status, 404, "{path}");
        // Nor is it there for somebody who is signed in.
        assert_eq!(person.get(path).status, 404, "{path}");
    }
    assert_eq!(scrape(operators, None).value("sessiond_live_sessions", &[]), 1);
    for path in
        ["/", "/login", "/account", "/static/app.css", "/v1/account", "/operator/session-list", "/ping", "/run/x"]
    {
        for method in ["GET", "POST"] {
            let mut thief = Client::holding(operators, person.credential());
            let told = thief.try_send(method, path, "").expect("an answer");
            assert_eq!(told.status, 404, "{method} {path}");
            assert!(told.body.contains("general_route_not_found"), "{method} {path}: {}", told.body);
            assert_eq!(told.header("x-content-type-options"), Some("nosniff"));
        }
    }
    assert!(ask(operators, "POST", "/metrics", None).status >= 400);

    // A connection that a scraper keeps open does not keep the server from stopping, and nobody listens afterwards.
    let mut kept = TcpStream::connect(operators).expect("it listens");
    kept.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
    let mut first = [0; 12];
    kept.read_exact(&mut first).expect("an answer");
    assert_eq!(&first, b"HTTP/1.1 200");
    assert_eq!(server.stop().code, Some(0));
    assert!(TcpStream::connect(operators).is_err(), "the second listener closes with the server");
}

#[test]
fn at_an_address_of_their_own_they_can_take_a_key_too() {
    let data = TempDir::new().unwrap();
    let (server, operators) = apart(&data, ",access=\"key\"");
    let key = created(data.path(), "metrics.read");
    for path in PATHS {
        assert_eq!(ask(operators, "GET", path, None).status, 401, "{path}");
        assert_eq!(ask(operators, "GET", path, Some(&key)).status, 200, "{path}");
    }
    let revoked = Program::verb(data.path(), ["key", "revoke", super::keys::id(&key)]).run();
    assert_eq!(revoked.code, Some(0), "{revoked:?}");
    assert_eq!(ask(operators, "GET", "/metrics", Some(&key)).status, 401);
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn addresses_that_cannot_be_are_told_with_the_key() {
    let data = TempDir::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().map(|address| (address, taken)).unwrap();
    let exited = program(&data, &format!("listen=\"{}\"", taken.0)).run();
    assert_told(&exited, 1, &["cannot listen on", &taken.0.to_string(), "sessiond.operators.listen"]);
    let port = taken.0.port().to_string();
    drop(taken);
    let same = Program::new(data.path()).args(["serve", "--address", "127.0.0.1", "--port", &port, "--data"]);
    let setting = format!("{{{CHEAP},operators={{listen=\"0.0.0.0:{port}\"}}}}");
    let exited = same.arg(data.path()).env("ROCKET_SESSIOND", &setting).run();
    assert_told(&exited, 2, &["sessiond.operators.listen", "the pages are at 127.0.0.1", "choose another port"]);
    for (setting, words) in [
        ("listen=\"9100\"", ["sessiond.operators.listen", "no address with a port"]),
        ("listen=\"127.0.0.1:9100\",access=\"public\"", ["sessiond.operators.access", "leave one of them out"]),
        ("access=\"nobody\"", ["access", "nobody"]),
    ] {
        assert_told(&program(&data, setting).run(), 2, &words);
    }
    // Nothing of it has kept the database.
    let mut server = Program::serve(data.path()).listen();
    server.set_up();
    let mut person = server.client().sign_in(EMAIL, PASSWORD);
    assert!(person.get("/account").is_signed_in());
}
