//! Webhooks and the feed, across kills: what was answered is told, whatever happens to the process afterwards.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;

use super::keys::{created, id};
use super::refusals::assert_told;
use super::{Client, Program, Server};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Some receivers have a secret in their address.
const PATH: &str = "/hooks/quite-secret";

/// Another program, which can be told to say nothing to what it is sent.
struct Other {
    address: SocketAddr,
    hangs: Arc<AtomicBool>,
    /// Ids, with what came under them. Whatever comes twice must be the same.
    taken: Arc<Mutex<BTreeMap<String, Value>>>,
    came: Receiver<(String, Value)>,
}

impl Other {
    fn listening() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (hangs, taken) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let (send, came) = channel();
        let (hanging, known): (_, Arc<Mutex<BTreeMap<String, Value>>>) = (Arc::clone(&hangs), Arc::clone(&taken));
        thread::spawn(move || {
            let mut kept = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some((id, told)) = read(&stream) else { continue };
                let before = known.lock().unwrap().get(&id).cloned();
                assert!(before.is_none_or(|before| before == told), "{id} is two events");
                if hanging.load(Ordering::SeqCst) {
                    kept.push(stream);
                } else {
                    known.lock().unwrap().insert(id.clone(), told.clone());
                    let _ = stream.write_all(b"HTTP/1.1 204 Thanks\r\n\r\n");
                }
                if send.send((id, told)).is_err() {
                    return;
                }
            }
        });
        Self { address, hangs, taken, came }
    }

    /// The next message that means this.
    fn hears(&self, meant: impl Fn(&Value) -> bool) -> (String, Value) {
        loop {
            let (id, told) = self.came.recv_timeout(PATIENCE).expect("it is told");
            if meant(&told) {
                return (id, told);
            }
        }
    }

    fn settings(&self) -> String {
        format!(
            "{{password_hash={{memory_kib=64,passes=1}},webhooks=[{{name=\"crm\",url=\"http://{}{PATH}\",\
             secret=\"{SECRET}\",allow_private=true,allow_http=true}}]}}",
            self.address
        )
    }

    fn serve(&self, data: &Path) -> Server {
        Program::serve(data).env("ROCKET_SESSIOND", &self.settings()).env("SESSIOND_LOG", "debug").listen()
    }
}

/// Reads a message and looks at its signature, by another implementation than the server's.
fn read(stream: &TcpStream) -> Option<(String, Value)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    assert_eq!(line.trim_end(), format!("POST {PATH} HTTP/1.1"));
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; headers["content-length"].parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).unwrap();
    let (id, time) = (headers["webhook-id"].clone(), &headers["webhook-timestamp"]);
    let key = STANDARD.decode(SECRET.trim_start_matches("whsec_")).unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
    let signature = STANDARD.decode(headers["webhook-signature"].strip_prefix("v1,").unwrap()).unwrap();
    ring::hmac::verify(&key, format!("{id}.{time}.{body}").as_bytes(), &signature).expect("it is signed");
    Some((id, serde_json::from_str(&body).unwrap()))
}

fn ends(id: &str) -> impl Fn(&Value) -> bool {
    move |told| told["type"] == "session.ended" && told["sessionId"] == *id
}

#[test]
fn an_ending_that_was_answered_is_told_after_kill_9_under_the_same_id() {
    let (data, other) = (TempDir::new().unwrap(), Other::listening());
    let mut server = other.serve(data.path());
    server.set_up();
    for _ in 0..3 {
        let mut administrator = server.sign_in();
        let (told, late) = (server.sign_in(), server.sign_in());
        other.hears(|told| told["sessionId"] == *late.session_id());
        other.hangs.store(true, Ordering::SeqCst);
        // Answered although nobody takes the message.
        administrator.revoke(&told.session_id(), "lost laptop");
        let (id, _) = other.hears(ends(&told.session_id()));
        administrator.revoke(&late.session_id(), "");
        let log = server.kill().stderr;
        assert!(!log.contains(SECRET) && !log.contains(PATH), "{log}");
        assert!(!other.taken.lock().unwrap().contains_key(&id));
        other.hangs.store(false, Ordering::SeqCst);
        server = other.serve(data.path());
        let (again, body) = other.hears(ends(&told.session_id()));
        assert_eq!((again, body["reason"].as_str(), body["ended"].as_u64()), (id, Some("revoked"), Some(1)));
        assert!(!body.to_string().contains("laptop"), "{body}");
        other.hears(ends(&late.session_id()));
    }
    assert_eq!(server.stop().code, Some(0));
    // In their order, none left out.
    let taken = other.taken.lock().unwrap();
    let mut numbers: Vec<u64> =
        taken.keys().map(|id| id["evt_".len()..].split('-').next().unwrap().parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers.len(), 3 * 5, "{numbers:?}");
}

#[test]
fn a_server_stops_while_a_receiver_hangs() {
    let (data, other) = (TempDir::new().unwrap(), Other::listening());
    let mut server = other.serve(data.path());
    server.set_up();
    other.hangs.store(true, Ordering::SeqCst);
    let session = server.sign_in();
    other.hears(|told| told["sessionId"] == *session.session_id());
    let stopped = server.stop();
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
}

#[test]
fn a_webhook_that_cannot_be_stops_the_start_and_no_secret_is_told() {
    let data = TempDir::new().unwrap();
    for (webhook, told) in [
        ("{name=\"crm\",url=\"http://example.com\",secret=\"SECRET\"}", "allow_http"),
        ("{name=\"crm\",url=\"https://10.0.0.1/quite-secret\",secret=\"SECRET\"}", "allow_private"),
        ("{name=\"crm\",url=\"https://example.com\",secret=\"SECRETx!\"}", "a secret is whsec_"),
    ] {
        let settings = format!("{{webhooks=[{}]}}", webhook.replace("SECRET", SECRET));
        let exited = Program::serve(data.path()).env("ROCKET_SESSIOND", &settings).run();
        assert_told(&exited, 2, &["sessiond.webhooks", "`crm`", told]);
        assert!(!exited.stderr.contains(&SECRET[6..20]) && !exited.stderr.contains("quite-secret"), "{exited:?}");
    }
}

/// A feed over a connection of its own.
struct Feed(BufReader<TcpStream>);

impl Feed {
    fn open(address: SocketAddr, key: &str, from: Option<&str>) -> Self {
        let mut stream = Client::new(address).connect().unwrap();
        let from = from.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        write!(stream, "GET /v1/events HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n{from}\r\n")
            .unwrap();
        let mut feed = Self(BufReader::new(stream));
        assert_eq!(feed.line().as_deref(), Some("HTTP/1.1 200 OK"));
        while feed.line().is_some_and(|line| !line.is_empty()) {}
        feed
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// The next event that means this; `None` once the stream has ended.
    fn hears(&mut self, meant: impl Fn(&Value) -> bool) -> Option<Value> {
        loop {
            let line = self.line()?;
            let Some(data) = line.strip_prefix("data:") else { continue };
            let told = serde_json::from_str(data).unwrap();
            if meant(&told) {
                return Some(told);
            }
        }
    }

    /// Whether it ended as a whole answer does, with a last chunk of nothing.
    fn ends_whole(mut self) -> bool {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).is_ok_and(|_| rest.ends_with(b"0\r\n\r\n"))
    }
}

#[test]
fn a_feed_ends_with_the_server_and_goes_on_after_kill_9_where_it_was() {
    let data = TempDir::new().unwrap();
    let mut server = Program::serve(data.path()).listen();
    server.set_up();
    let key = created(data.path(), "sessions.read");
    let mut feed = Feed::open(server.address, &key, None);
    let (mut administrator, gone) = (server.sign_in(), server.sign_in());
    let at = feed.hears(|told| told["sessionId"] == *gone.session_id()).unwrap()["id"].as_str().unwrap().to_owned();
    administrator.revoke(&gone.session_id(), "");
    server.kill();
    let server = Program::serve(data.path()).listen();
    let mut feed = Feed::open(server.address, &key, Some(&at));
    let told = feed.hears(|_| true).unwrap();
    assert!(ends(&gone.session_id())(&told), "{told}");
    // Whoever opens one and does not read is nobody's hindrance.
    let _stalled = Feed::open(server.address, &key, Some("0"));
    server.ask_to_stop();
    assert!(feed.ends_whole());
    assert_eq!(server.exited().code, Some(0));
}

#[test]
fn a_feed_on_the_wire_ends_when_its_key_is_revoked() {
    let data = TempDir::new().unwrap();
    let mut server = Program::serve(data.path()).listen();
    server.set_up();
    let key = created(data.path(), "sessions.read");
    let feed = Feed::open(server.address, &key, None);
    assert_eq!(Program::verb(data.path(), ["key", "revoke", id(&key)]).run().code, Some(0));
    server.sign_in();
    assert!(feed.ends_whole());
    assert_eq!(server.stop().code, Some(0));
}
