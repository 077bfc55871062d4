//! Requests that are too large or none at all, byte for byte at the socket: refused or closed, with all security headers
//! wherever the answer is the program's own, and the server goes on.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use tempfile::TempDir;

use super::tell;
use crate::process::{Client, Program};

/// An answer that takes longer does not come.
const PATIENCE: Duration = Duration::from_secs(30);
/// What somebody sends who does not stop by himself, in bytes.
const ENDLESS: usize = 64 << 20;
/// What is taken of that at the most: the server's limits and what the system's own buffers hold.
const MOST_TAKEN: usize = 16 << 20;

/// The headers on every answer of the program's own.
const SECURITY: [&str; 6] = [
    "content-security-policy",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "cross-origin-opener-policy",
    "cache-control",
];

/// What came back.
#[derive(Debug)]
struct Back {
    /// `None` if the connection was closed without an answer.
    status: Option<u16>,
    text: String,
    taken: usize,
}

impl Back {
    fn is_secured(&self) -> bool {
        let text = self.text.to_lowercase();
        SECURITY.iter().all(|header| text.contains(&format!("\r\n{header}: ")))
    }
}

/// Sends `start`, then `more` again and again, until there is an answer, an end, or enough.
fn exchange(address: SocketAddr, start: &[u8], more: &[u8], unfinished: bool) -> Back {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut taken = 0;
    let mut open = stream.write_all(start).is_ok();
    taken += start.len();
    while open && !more.is_empty() && taken < ENDLESS {
        match stream.write(more) {
            Ok(length) => taken += length,
            // It takes no more, or is gone.
            Err(_) => open = false,
        }
    }
    if unfinished {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        bytes.extend(&buffer[..length]);
        if is_whole(&bytes) {
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
    Back { status, text, taken }
}

/// Whether the answer is there to its end.
fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    length.is_some_and(|length| body.len() >= length)
}

/// A request, or what somebody takes for one.
struct Try {
    name: &'static str,
    start: Vec<u8>,
    more: Vec<u8>,
    /// Whoever sends it says by hanging up that this was all.
    unfinished: bool,
}

impl Try {
    fn whole(name: &'static str, text: impl Into<Vec<u8>>) -> Self {
        Self { name, start: text.into(), more: Vec::new(), unfinished: false }
    }

    fn unfinished(name: &'static str, text: impl Into<Vec<u8>>) -> Self {
        Self { unfinished: true, ..Self::whole(name, text) }
    }

    fn endless(name: &'static str, start: impl Into<Vec<u8>>, more: impl Into<Vec<u8>>) -> Self {
        Self { more: more.into(), ..Self::whole(name, start) }
    }
}

/// All of them, each with the cookie of somebody who is signed in.
fn tries(credential: &str, token: &str) -> Vec<Try> {
    let cookie = format!("Cookie: sessiond={credential}\r\n");
    let get = |more: &str| format!("GET /account HTTP/1.1\r\nHost: x\r\n{cookie}{more}\r\n");
    let post = |more: &str, body: &str| {
        format!(
            "POST /account/sessions/end HTTP/1.1\r\nHost: x\r\n{cookie}Content-Type: application/x-www-form-urlencoded\r\n\
             {more}\r\n{body}"
        )
    };
    let form = format!("csrf={token}&scope=others");
    let chunked = "Transfer-Encoding: chunked\r\n";
    let large = "x".repeat(64 * 1024);
    let names = |count: usize| (0..count).map(|number| format!("X-{number}: y\r\n")).collect::<Vec<_>>().concat();
    vec![
        Try::whole("a cookie of 64 KiB", get(&format!("Cookie: a={large}\r\n"))),
        Try::whole("a header of 1 MiB", get(&format!("X-Large: {}\r\n", large.repeat(16)))),
        Try::whole("a path of 64 KiB", format!("GET /{large} HTTP/1.1\r\nHost: x\r\n{cookie}\r\n")),
        Try::whole("101 headers", get(&names(99))),
        Try::whole("1,000 headers", get(&names(1_000))),
        Try::whole("the cookie twice", get(&cookie)),
        Try::whole("two hosts", get("Host: y\r\n")),
        Try::whole("two lengths", post(&format!("Content-Length: {}\r\nContent-Length: 3\r\n", form.len()), &form)),
        Try::whole("a length below zero", post("Content-Length: -1\r\n", &form)),
        Try::whole("a length that is no number", post("Content-Length: many\r\n", &form)),
        Try::whole("a length beyond all numbers", post("Content-Length: 99999999999999999999999\r\n", &form)),
        Try::whole("a chunk that is no number", post(chunked, "zz\r\nnonsense\r\n0\r\n\r\n")),
        Try::whole("a chunk beyond all numbers", post(chunked, "ffffffffffffffffff\r\nx")),
        Try::whole("a chunk longer than it says", post(chunked, &format!("3\r\n{form}\r\n0\r\n\r\n"))),
        Try::whole("a coding that nobody knows", post("Transfer-Encoding: gzip, bunched\r\n", &form)),
        Try::unfinished("a body that ends early", post("Content-Length: 4000\r\n", &form)),
        Try::unfinished(
            "a long body that ends early",
            post("Content-Length: 4000\r\n", &format!("{form}&{}", "x".repeat(900))),
        ),
        Try::unfinished("a form that ends early in its chunk", post(chunked, &format!("fff\r\n{form}"))),
        Try::unfinished("chunks that end early", post(chunked, "ff\r\nx")),
        Try::unfinished("HTTP/0.9", "GET /account\r\n"),
        Try::unfinished("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
        Try::whole("a version that nobody knows", format!("GET /account HTTP/3.7\r\nHost: x\r\n{cookie}\r\n")),
        Try::unfinished("a greeting of TLS", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec()),
        Try::whole("null bytes in the path", format!("GET /acc\0ount HTTP/1.1\r\nHost: x\r\n{cookie}\r\n")),
        Try::whole("null bytes in a header", get("X-Null: a\0b\r\n")),
        Try::whole("a header without a colon", get("X-Nothing\r\n")),
        Try::whole("a name with a space", get("X Space: 1\r\n")),
        Try::whole("a space before the colon", format!("GET /account HTTP/1.1\r\nHost : x\r\n{cookie}\r\n")),
        Try::unfinished("null bytes alone", vec![0; 4096]),
        Try::unfinished(
            "noise",
            (0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<_>>(),
        ),
        Try::whole(
            "a body of 40 KiB",
            post(&format!("Content-Length: {}\r\n", form.len() + 40_001), &format!("{form}&{}", "x".repeat(40_000))),
        ),
        Try::endless("headers without end", format!("GET /account HTTP/1.1\r\nHost: x\r\n{cookie}"), names(64)),
        Try::endless(
            "a header without end",
            format!("GET /account HTTP/1.1\r\nHost: x\r\n{cookie}X-Long: "),
            large.clone(),
        ),
        Try::endless("a body without end", post(&format!("Content-Length: {ENDLESS}\r\n"), &form), large.clone()),
        Try::endless("chunks without end", post(chunked, ""), format!("10000\r\n{large}\r\n")),
    ]
}

#[test]
fn oversized_and_malformed_requests_are_refused_and_the_server_goes_on() {
    let home = TempDir::new().unwrap();
    let mut server = Program::serve(home.path()).listen();
    server.set_up();
    let (mut person, mut other) = (server.sign_in(), server.sign_in());
    let token = person.token("/account");
    let (mut refused, mut closed, mut bare, mut most, mut wrong) = (0, 0, Vec::new(), 0, Vec::new());
    let tries = tries(person.credential(), &token);
    let count = tries.len();
    for Try { name, start, more, unfinished } in tries {
        let back = exchange(server.address, &start, &more, unfinished);
        if more.len() + start.len() < ENDLESS && !more.is_empty() {
            most = most.max(back.taken);
        }
        match back.status {
            None => closed += 1,
            Some(400..=499) => refused += 1,
            Some(303) if back.text.to_lowercase().contains("location: /login") => refused += 1,
            _ => wrong.push(format!("{name}: {}", back.text)),
        }
        match back.status {
            Some(_) if back.is_secured() => {}
            Some(status) => bare.push((status, name)),
            None => {}
        }
        let alive = person.get("/account");
        assert!(alive.is_signed_in(), "after {name}: {alive:?}");
    }
    assert!(other.get("/account").is_signed_in(), "one of them has ended a session");
    // What the HTTP library cannot parse it answers itself, with a status line and nothing else.
    let library = |(status, _): &(u16, &str)| matches!(status, 400 | 414 | 431);
    tell(&format!(
        "fault: {count} oversized and malformed requests: {refused} refused, {closed} closed without an answer, {} of them \
         answered by the HTTP library without security headers ({}); at most {most} bytes taken of somebody who never stops",
        bare.len(),
        bare.iter().map(|(status, name)| format!("{name} {status}")).collect::<Vec<_>>().join(", "),
    ));
    assert_eq!(wrong, [""; 0]);
    assert!(bare.iter().all(library), "{bare:?}");
    assert!(most < MOST_TAKEN, "{most} bytes were taken");
    let mut stranger = Client::new(server.address);
    assert_eq!(stranger.get("/login").status, 200);
    assert_eq!(server.stop().code, Some(0));
}

/// A body that broke off within its first 512 bytes was taken for a whole one: whoever's connection failed while they ended
/// some sessions could have ended others.
#[test]
fn a_form_that_broke_off_is_not_acted_upon() {
    let home = TempDir::new().unwrap();
    let mut server = Program::serve(home.path()).listen();
    server.set_up();
    let (mut person, mut other) = (server.sign_in(), server.sign_in());
    let body = format!("csrf={}&scope=others", person.token("/account"));
    for (length, status) in [("Content-Length: 200\r\n", 400), ("Transfer-Encoding: chunked\r\n", 411)] {
        let head = person.head("POST", "/account/sessions/end", body.len(), "");
        let head = head.replace(&format!("Content-Length: {}\r\n", body.len()), length);
        let start = if status == 411 { format!("{head}fff\r\n{body}") } else { format!("{head}{body}") };
        let back = exchange(server.address, start.as_bytes(), b"", true);
        assert_eq!((back.status, back.is_secured()), (Some(status), true), "{}", back.text);
        assert!(other.get("/account").is_signed_in(), "half a form has ended a session");
    }
    let whole = person.try_send("POST", "/account/sessions/end", &body).unwrap();
    assert_eq!(whole.status, 303, "{}", whole.body);
    assert!(!other.get("/account").is_signed_in());
}

#[test]
fn headers_beyond_32_kib_and_a_second_host_are_refused_with_all_security_headers() {
    let home = TempDir::new().unwrap();
    let mut server = Program::serve(home.path()).listen();
    server.set_up();
    let person = server.sign_in();
    for (more, status) in [(format!("X: {}\r\n", "x".repeat(33 * 1024)), 431), ("Host: y\r\n".to_owned(), 400)] {
        let back = exchange(server.address, person.head("GET", "/account", 0, &more).as_bytes(), b"", false);
        assert_eq!((back.status, back.is_secured()), (Some(status), true), "{}", back.text);
    }
}
