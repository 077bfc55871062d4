//! `--server`: the same verbs from afar, by an API key, and what is not to be had that way.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use super::keys::{created, id, listed};
use super::program::Exited;
use super::refusals::assert_told;
use super::tls::Proxy;
use super::{EMAIL, PASSWORD, Program, Server};

const BOB: &str = "bob@example.com";
const NEW: &str = "seven brave otters juggle";

fn server() -> (TempDir, Server) {
    let data = TempDir::new().unwrap();
    let mut server = Program::serve(data.path()).listen();
    server.set_up();
    (data, server)
}

/// A verb on the server at `address`, on a machine that has nothing of it.
fn at(address: SocketAddr, key: &str, words: &[&str]) -> Program {
    elsewhere(&format!("http://{address}"), key, words)
}

fn elsewhere(server: &str, key: &str, words: &[&str]) -> Program {
    // A setting that would stop every verb here is nobody's business there.
    let program = Program::new(Path::new("/")).env("ROCKET_SESSIOND", "{idel=1}").env("SESSIOND_KEY", key);
    program.args(words.iter().copied()).args(["--server", server])
}

fn done(program: Program) -> String {
    let exited = program.run_typing(&format!("{NEW}\n"));
    assert_eq!((exited.code, exited.stderr.as_str()), (Some(0), ""), "{exited:?}");
    exited.stdout
}

#[test]
fn the_verbs_for_people_and_keys_work_from_afar() {
    let (data, server) = server();
    let key = created(data.path(), "all");
    let run = |words: &[&str]| done(at(server.address, &key, words));
    let created = run(&["user", "create", "--email", BOB, "--password-stdin"]);
    let mut bob = server.client().sign_in(BOB, NEW);
    let rows = run(&["session", "list", "--json", "--user", BOB]);
    let row: Value = serde_json::from_str(&rows).unwrap();
    assert_eq!((&row["id"], &row["user"]), (&bob.session_id().into(), &created.trim().into()));
    assert!(run(&["session", "list"]).contains(&bob.session_id()));

    assert_eq!(run(&["user", "block", BOB, "--dry-run"]), format!("{BOB} would change, 1 sessions would end\n"));
    assert!(bob.get("/account").is_signed_in());
    assert_eq!(run(&["user", "block", BOB, "--reason", "left"]), format!("{BOB} changed, 1 sessions ended\n"));
    assert!(!bob.get("/account").is_signed_in());
    assert_eq!(run(&["user", "unblock", BOB]), format!("{BOB} changed, 0 sessions ended\n"));
    assert_eq!(run(&["user", "label", BOB, "--add", "admin"]), format!("{BOB} changed, 0 sessions ended\n"));
    let passwd = run(&["user", "passwd", BOB, "--password-stdin", "--json"]);
    let wanted = format!("{{\"changed\":true,\"dryRun\":false,\"ended\":0,\"user\":\"{BOB}\"}}\n");
    assert_eq!(passwd, wanted);

    let (mut one, mut two) = (server.sign_in(), server.sign_in());
    let id = one.session_id();
    assert_eq!(run(&["session", "revoke", &id, "--dry-run"]), format!("{id} would end\n"));
    assert_eq!(run(&["session", "revoke", &id]), format!("{id} ended\n"));
    assert!(!one.get("/account").is_signed_in() && two.get("/account").is_signed_in());
    assert_eq!(run(&["session", "revoke", "--everyone", "--dry-run"]), "would end 1\n");
    assert_eq!(run(&["session", "revoke", "--everyone"]), "ended 1\n");
    assert!(!two.get("/account").is_signed_in());
    let missing = at(server.address, &key, &["session", "revoke", "--user", "nobody@example.com"]).run();
    assert_told(&missing, 1, &["nobody@example.com"]);

    let row: Value = serde_json::from_str(&run(&["key", "list", "--json"])).unwrap();
    assert_eq!((&row["id"], &row["status"]), (&super::keys::id(&key).into(), &"live".into()));
    assert!(row["lastUsed"].is_string(), "{row}");
    // Who did it stands beside what they did.
    let ended = run(&["session", "list", "--status", "ended", "--json", "--user", BOB]);
    let ended: Value = serde_json::from_str(ended.lines().next().unwrap()).unwrap();
    assert_eq!(ended["ended"]["by"], format!("key:{}", super::keys::id(&key)));
    assert_eq!(ended["ended"]["note"], "left");
    assert_eq!(run(&["key", "revoke", super::keys::id(&key)]), format!("{} revoked\n", super::keys::id(&key)));
    let refused = at(server.address, &key, &["key", "list"]).run();
    assert_told(&refused, 1, &["401", "has been revoked"]);
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn asvs_7_4_1_a_revoked_key_is_refused_at_once_and_after_kill_9() {
    let (data, mut server) = server();
    let (gone, stays) = (created(data.path(), "sessions.read"), created(data.path(), "sessions.read"));
    done(at(server.address, &gone, &["session", "list"]));
    let revoked = Program::verb(data.path(), ["key", "revoke", id(&gone)]).run();
    assert_eq!(revoked.stdout, format!("{} revoked\n", id(&gone)), "{revoked:?}");
    for _ in 0..3 {
        let refused = at(server.address, &gone, &["session", "list"]).run();
        assert_told(&refused, 1, &["401", "has been revoked"]);
        done(at(server.address, &stays, &["session", "list"]));
        server.kill();
        server = Program::serve(data.path()).listen();
    }
    // Revoked and killed in the same breath.
    let revoked = Program::verb(data.path(), ["key", "revoke", id(&stays)]).run();
    server.kill();
    assert_eq!(revoked.code, Some(0), "{revoked:?}");
    let server = Program::serve(data.path()).listen();
    assert_told(&at(server.address, &stays, &["session", "list"]).run(), 1, &["401", "has been revoked"]);
}

#[test]
fn asvs_7_4_1_a_key_that_is_revoked_while_its_request_arrives_changes_nothing() {
    let (data, server) = server();
    let person = server.sign_in();
    let key = created(data.path(), "all");
    let body = format!("{{\"Everyone\":{{\"reason\":\"{}\"}}}}", "x".repeat(100));
    let padded = format!("{body}{}", " ".repeat(2_000));
    let head = format!(
        "POST /operator/session-revoke HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        server.address,
        padded.len()
    );
    let mut client = server.client();
    let mut stream = client.connect().unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    let (first, rest) = padded.as_bytes().split_at(padded.len() - 1);
    stream.write_all(first).unwrap();
    // The key is looked at, and its use noted, before the body has arrived whole.
    while listed(data.path())[0]["lastUsed"].is_null() {}
    assert_eq!(Program::verb(data.path(), ["key", "revoke", id(&key)]).run().code, Some(0));
    stream.write_all(rest).unwrap();
    let answer = client.read(&mut stream).unwrap();
    assert_eq!(answer.status, 401, "{}", answer.body);
    assert!(person.at(server.address).get("/account").is_signed_in());
}

#[test]
fn a_key_without_the_scope_and_none_at_all_are_told_apart() {
    let (data, server) = server();
    let key = created(data.path(), "sessions.read,audit.read");
    let refused = at(server.address, &key, &["session", "revoke", "--everyone"]).run();
    assert_told(&refused, 1, &["401", "lacks the scope sessions.write"]);
    let refused = at(server.address, &key, &["user", "block", EMAIL]).run();
    assert_told(&refused, 1, &["401", "lacks the scope users.write"]);
    let other = format!("{}{}", &key[..26], "A".repeat(43));
    assert_told(&at(server.address, &other, &["session", "list"]).run(), 1, &["401", "no api key of this server"]);
    assert!(server.sign_in().get("/account").is_signed_in());
}

#[test]
fn what_concerns_the_machine_and_what_cannot_be_is_refused_before_anything_is_sent() {
    let (address, heard) = stranger("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    let key = format!("sessiond_0123456789abcdef_{}", "A".repeat(43));
    for (words, verb) in [
        (&["backup", "file"][..], "backup"),
        (&["restore", "file"], "restore"),
        (&["compact"], "compact"),
        (&["check"], "check"),
        (&["key", "create", "--name", "x", "--scope", "all"], "key create"),
    ] {
        let refused = at(address, &key, words).run();
        assert_told(&refused, 2, &[verb, "concerns the whole machine", "--server"]);
    }
    for wrong in ["", "sessiond_x", &key[1..], PASSWORD] {
        let refused = at(address, wrong, &["session", "list"]).run();
        assert_told(&refused, 2, &["SESSIOND_KEY", "not an API key"]);
        assert!(wrong.is_empty() || !refused.stderr.contains(wrong), "{refused:?}");
    }
    let server = format!("http://{address}");
    let without = Program::new(Path::new("/")).args(["session", "list", "--server", &server]).run();
    assert_told(&without, 2, &["SESSIOND_KEY", "key create"]);
    for plain in ["http://login.example.com", "http://192.0.2.7:8000", "http://127.0.0.1.example.com"] {
        let refused = elsewhere(plain, &key, &["session", "list"]).run();
        assert_told(&refused, 2, &["plain http", "--insecure-http"]);
    }
    for wrong in ["login.example.com", "https://login.example.com/path", "https://user@login.example.com"] {
        let refused = elsewhere(wrong, &key, &["session", "list"]).run();
        assert!(refused.code == Some(2) && refused.stderr.contains("a scheme and a host"), "{refused:?}");
    }
    let both = at(address, &key, &["session", "list", "--data", "x"]).run();
    assert!(both.code == Some(2) && both.stderr.contains("--data"), "{both:?}");
    let alone = Program::new(Path::new("/")).args(["session", "list", "--insecure-http"]).run();
    assert!(alone.code == Some(2) && alone.stderr.contains("--server"), "{alone:?}");
    assert_eq!(heard.lock().unwrap().len(), 0, "nothing was sent");
}

/// Somebody who answers everything with `answer`, and writes down what comes.
fn stranger(answer: &str) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, heard) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
    let (hears, answer) = (Arc::clone(&heard), answer.to_owned());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut bytes) = (stream.unwrap(), [0; 8192]);
            let read = stream.read(&mut bytes).unwrap_or(0);
            hears.lock().unwrap().push(String::from_utf8_lossy(&bytes[..read]).into_owned());
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (address, heard)
}

#[test]
fn asvs_14_2_1_the_key_goes_to_the_server_that_was_named_alone_and_never_into_an_address() {
    let key = format!("sessiond_0123456789abcdef_{}", "A".repeat(43));
    let (other, other_heard) = stranger("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    let points = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{other}/operator/key-list\r\nContent-Length: 0\r\n\r\n"
    );
    let (address, heard) = stranger(&points);
    let refused = at(address, &key, &["key", "list"]).run();
    assert_told(&refused, 1, &["307", &other.to_string(), "the key is not sent there"]);
    assert_eq!(other_heard.lock().unwrap().len(), 0);
    let heard = std::mem::take(&mut *heard.lock().unwrap());
    assert_eq!(heard.len(), 1, "it is asked once");
    assert!(heard[0].starts_with("POST /operator/key-list HTTP/1.1\r\n"), "{}", heard[0]);
    assert!(heard[0].to_lowercase().contains(&format!("authorization: bearer {}", key.to_lowercase())), "{}", heard[0]);

    // Nor does a variable lead it astray.
    let program = |name: &str| at(address, &key, &["key", "list"]).env(name, &format!("http://{other}"));
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy", "HTTPS_PROXY"] {
        assert_told(&program(name).run(), 1, &["307"]);
    }
    assert_eq!(other_heard.lock().unwrap().len(), 0);
}

#[test]
fn what_is_no_sessiond_server_is_told() {
    let key = format!("sessiond_0123456789abcdef_{}", "A".repeat(43));
    for (answer, told) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "not as a sessiond server does"),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nhi", "404"),
        ("HTTP/1.1 422 Unprocessable\r\nContent-Length: 2\r\n\r\nhi", "not as a sessiond server does"),
        ("nonsense\r\n\r\n", "did not answer"),
    ] {
        let (address, _) = stranger(answer);
        assert_told(&at(address, &key, &["key", "list"]).run(), 1, &[&address.to_string(), told]);
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_told(&at(closed, &key, &["key", "list"]).run(), 1, &["did not answer"]);
}

#[test]
fn asvs_16_2_5_no_key_is_in_the_logs_of_either_side() {
    for level in ["debug", "trace"] {
        let data = TempDir::new().unwrap();
        let mut server = Program::serve(data.path()).env("SESSIOND_LOG", level).listen();
        server.set_up();
        let (key, gone) = (created(data.path(), "sessions.read"), created(data.path(), "all"));
        let run =
            |key: &str, words: &[&str]| -> Exited { at(server.address, key, words).env("SESSIOND_LOG", level).run() };
        let said = [
            run(&gone, &["key", "revoke", id(&gone)]),
            run(&gone, &["key", "list"]),
            run(&key, &["session", "list"]),
            run(&key, &["session", "revoke", "--everyone"]),
            run(&format!("{}{}", &key[..26], "Q".repeat(43)), &["session", "list"]),
        ];
        assert_eq!(
            said.each_ref().map(|exited| exited.code),
            [Some(0), Some(1), Some(0), Some(1), Some(1)],
            "{said:?}"
        );
        let log = server.stop();
        assert!(log.stderr.contains("with an API key that is revoked or has run out"), "{}", log.stderr);
        assert!(log.stderr.contains("with an API key that lacks the scope"), "{}", log.stderr);
        for exited in said.iter().chain([&log]) {
            for key in [&key, &gone] {
                assert!(
                    !exited.stdout.contains(&key[26..]) && !exited.stderr.contains(&key[26..]),
                    "{level}: {exited:?}"
                );
            }
        }
    }
}

#[test]
fn asvs_12_2_1_over_https_the_key_goes_only_to_a_server_with_a_certificate_that_is_trusted() {
    let (data, server) = server();
    let key = created(data.path(), "all");
    let proxy = Proxy::before(server.address);
    let aside = TempDir::new().unwrap();
    let (file, other) = (aside.path().join("proxy.pem"), aside.path().join("other.pem"));
    proxy.hand_out(&file);
    Proxy::before(server.address).hand_out(&other);
    let ask = |host: &str, ca: Option<&Path>| {
        let program =
            elsewhere(&format!("https://{host}:{}", proxy.address.port()), &key, &["session", "list", "--json"]);
        ca.iter().fold(program, |program, ca| program.arg("--ca").arg(ca)).run()
    };
    let person = server.sign_in();
    let listed: Value = serde_json::from_str(&ask("127.0.0.1", Some(&file)).stdout).unwrap();
    assert_eq!(listed["id"], person.session_id());
    assert_eq!(listed["address"], "127.0.0.1");

    let used = super::keys::listed(data.path());
    // Signed by nobody who is known, by somebody else, and for another name.
    for refused in [ask("127.0.0.1", None), ask("127.0.0.1", Some(&other)), ask("localhost", Some(&file))] {
        assert_told(&refused, 1, &["https://", "did not answer", "certificate"]);
    }
    assert_eq!(super::keys::listed(data.path()), used);
    for (ca, told) in [(aside.path().join("missing"), "missing"), (data.path().join("control"), "holds no certificate")]
    {
        assert_told(&ask("127.0.0.1", Some(&ca)), 2, &["--ca", told]);
    }
    // Somebody who speaks no TLS.
    let plain = elsewhere(&format!("https://{}", server.address), &key, &["session", "list"]).run();
    assert_told(&plain, 1, &["did not answer"]);
}
