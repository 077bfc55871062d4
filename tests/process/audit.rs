//! The audit log from the command line, in the server's start, and as a file that breaks off.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use sessiond::domain::audit::{Action, Detail, Draft, Outcome};
use sessiond::domain::clock::{OsEntropy, SystemClock};
use sessiond::domain::ending::{Actor, Note};
use sessiond::domain::lifetime::Limits;
use sessiond::store::sled::Sled;
use sessiond::store::{Audit, Environment, Store};
use tempfile::TempDir;

use super::refusals::assert_told;
use super::verbs::with_sessions;
use super::{Client, EMAIL, PASSWORD, Program};

const BOB: &str = "bob@example.com";

fn told(data: &TempDir, words: &[&str]) -> String {
    let exited = Program::verb(data.path(), words.iter().copied()).run();
    assert_eq!((exited.code, exited.stderr.as_str()), (Some(0), ""), "{words:?}");
    exited.stdout
}

fn lines(data: &TempDir, more: &[&str]) -> Vec<Value> {
    let words = [&["audit", "--json"], more].concat();
    told(data, &words).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn actions(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["action"].as_str().unwrap()).collect()
}

/// Writes events into a database that nobody has open.
fn write(data: &Path, count: usize, draft: &(dyn Fn(usize) -> Draft + Sync)) {
    let runtime = rocket::tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let limits = Limits::default();
        let environment = Environment { clock: Arc::new(SystemClock::new()), entropy: Arc::new(OsEntropy), limits };
        let store = Arc::new(Sled::open(data, environment).await.unwrap());
        let mut running = rocket::tokio::task::JoinSet::new();
        for number in 0..count {
            let (store, draft) = (Arc::clone(&store), draft(number));
            running.spawn(async move { store.record(draft).await });
        }
        for done in running.join_all().await {
            done.unwrap();
        }
        store.close().await.unwrap();
    });
}

/// What the verb says must not depend on whether a server has the database open.
fn assert_reads(data: &TempDir, session: &str) {
    let all = lines(data, &["--direction", "asc"]);
    assert_eq!(actions(&all)[..5], ["user.create", "user.create", "server.start", "session.create", "session.create"]);
    let mut backwards = lines(data, &[]);
    backwards.reverse();
    assert_eq!(backwards, all);
    for (more, found) in [
        (&["--user", BOB][..], &["session.end", "session.create", "user.create"][..]),
        (&["--actor", BOB], &["session.create"]),
        (&["--target", BOB, "--actor", "operator"], &["session.end", "user.create"]),
        (
            &["--action", "server.start", "--action", "session.end", "--to", "2099-01-01"],
            &["session.end", "server.start"],
        ),
        (&["--session", session], &["session.end", "session.create"]),
        (&["--address", "127.0.0.0/8"], &["session.create", "session.create"]),
        (&["--outcome", "denied"], &[]),
        (&["--from", "2099-01-01"], &[]),
    ] {
        let mut got = lines(data, more);
        // A server that runs now has started once more.
        got.retain(|line| line["number"].as_u64().unwrap() <= 6);
        assert_eq!(actions(&got), found, "{more:?}");
    }
    let ended = lines(data, &["--action", "session.end"]);
    assert_eq!(
        (&ended[0]["actor"], &ended[0]["note"], &ended[0]["ended"]),
        (&"operator".into(), &"gone".into(), &1.into())
    );
    let table = told(data, &["audit", "--user", BOB]);
    assert!(table.starts_with("NUMBER ") && table.lines().count() == 4, "{table}");
    assert!(table.contains("revoked; 1 ended; ") && table.contains("“gone”"), "{table}");
}

#[test]
fn the_log_is_read_by_the_verb_on_a_stopped_and_under_a_running_server() {
    let (data, [_, bob]) = with_sessions([EMAIL, BOB]);
    let session = bob.session_id();
    told(&data, &["session", "revoke", &session, "--reason", "gone"]);
    assert_reads(&data, &session);
    let server = Program::serve(data.path()).listen();
    assert_reads(&data, &session);
    assert_eq!(actions(&lines(&data, &["--action", "server.start"])), ["server.start"; 2]);
    assert_eq!(server.stop().code, Some(0));
    for (words, code, parts) in [
        (&["audit", "--outcome", "luck"][..], 2, &["outcome: one of success"][..]),
        (&["audit", "--action", "dream"], 2, &["`dream` is none; one of session.create"]),
        (&["audit", "--from", "soon"], 2, &["from: a date like"]),
        (&["audit", "--user", "nobody@example.com"], 2, &["user: nobody is known by that"]),
    ] {
        assert_told(&Program::verb(data.path(), words.iter().copied()).run(), code, parts);
    }
}

#[test]
fn many_pages_come_through_whole_from_a_running_server() {
    let (data, []) = with_sessions([]);
    write(data.path(), 1_300, &|number| Draft {
        detail: Some(Detail::new(number.to_string())),
        ..Draft::new(Actor::Anonymous, Action::SignIn, Outcome::Failure)
    });
    let server = Program::serve(data.path()).listen();
    let found = lines(&data, &["--outcome", "failure"]);
    let mut details: Vec<usize> = found.iter().map(|line| line["detail"].as_str().unwrap().parse().unwrap()).collect();
    details.sort_unstable();
    assert_eq!(details, (0..1_300).collect::<Vec<_>>());
    assert!(found.is_sorted_by(|a, b| a["number"].as_u64() > b["number"].as_u64()));
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn asvs_16_2_1_the_start_is_an_event_with_the_settings_in_force() {
    let data = TempDir::new().unwrap();
    let settings = "{idle=\"30m\",retention=\"120d\",allowed_origins=[\"https://app.example.com\"],login_limits={per_ip=\"7/1m\"},\
        password_hash={memory_kib=64,passes=1}}";
    let server = Program::serve(data.path()).env("ROCKET_SESSIOND", settings).listen();
    assert_eq!(server.stop().code, Some(0));
    let started = lines(&data, &["--action", "server.start"]);
    assert_eq!((started.len(), &started[0]["actor"], &started[0]["outcome"]), (1, &"system".into(), &"success".into()));
    let detail = started[0]["detail"].as_str().unwrap();
    for part in [
        concat!("version=", env!("CARGO_PKG_VERSION")),
        "allowed_origins=https://app.example.com",
        "idle/absolute=30m/1d",
        "retention=120d",
        "login_limits=7/1m,",
        "password_hash=64KiB,1,1",
    ] {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    assert!(!detail.contains(data.path().to_str().unwrap()), "{detail}");
}

#[test]
fn asvs_16_4_1_what_others_wrote_moves_no_cursor_on_the_terminal() {
    const EVIL: &str = "red\u{1b}[31m\u{9b}2J\u{202e}\r\nnext\u{7}";
    let acting = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    let data = TempDir::new().unwrap();
    // What the grammar of addresses lets through.
    let email = "ada\u{202e}\u{200b}@example.com";
    let create = ["user", "create", "--email", email, "--label", "admin", "--password-stdin"];
    assert_eq!(Program::verb(data.path(), create).run_typing(PASSWORD).code, Some(0));
    write(data.path(), 1, &|_| Draft {
        note: Note::parse(EVIL).unwrap(),
        detail: Some(Detail::new(EVIL)),
        ..Draft::new(Actor::Operator, Action::ChangeName, Outcome::Success)
    });
    let server = Program::serve(data.path()).listen();
    drop(server.client().sign_in(email, PASSWORD));
    for words in [&["audit"][..], &["audit", "--json"], &["session", "list"], &["session", "list", "--json"]] {
        let said = told(&data, words);
        assert!(!said.contains(acting), "{words:?}: {said:?}");
        assert!(said.contains("\\u{202e}") || said.contains("\\u202e"), "{words:?}: {said}");
    }
    let changed = lines(&data, &["--action", "user.name.change"]);
    assert_eq!((&changed[0]["note"], &changed[0]["detail"]), (&EVIL.into(), &EVIL.into()), "JSON says it as it is");
    assert_eq!(told(&data, &["audit", "--action", "user.name.change"]).lines().count(), 2);
    let blocked = Program::verb(data.path(), ["user", "block", email]).run();
    assert!(blocked.code == Some(1) && !blocked.stderr.contains(acting), "{blocked:?}");
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn an_export_that_is_broken_off_has_no_clean_end() {
    let data = TempDir::new().unwrap();
    // More than the buffers of a connection hold.
    write(data.path(), 20_000, &|_| Draft {
        detail: Some(Detail::new("x".repeat(Detail::LONGEST))),
        ..Draft::new(Actor::System, Action::Start, Outcome::Success)
    });
    let mut server = Program::serve(data.path()).listen();
    server.set_up();
    let ada: Client = server.sign_in();
    let mut stream = ada.connect().unwrap();
    stream.write_all(ada.head("GET", "/admin/audit/export.ndjson", 0, "").as_bytes()).unwrap();
    let mut got = vec![0; 64 * 1024];
    stream.read_exact(&mut got).unwrap();
    let head = String::from_utf8_lossy(&got).split("\r\n\r\n").next().unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200") && !head.contains("transfer-encoding"), "{head}");
    let length: usize =
        head.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap().trim().parse().unwrap();
    assert!(length > 40_000_000, "{length} bytes");
    assert_eq!(told(&data, &["session", "revoke", "--everyone"]), "ended 1\n");
    let mut rest = Vec::new();
    // Closed or reset: either way the length shows it.
    let _ = stream.read_to_end(&mut rest);
    let body = got.len() + rest.len() - head.len() - 4;
    assert!(body < length, "all {length} bytes came");
    let exports = lines(&data, &["--action", "audit.export"]);
    assert_eq!(exports.len(), 1);
    assert!(exports[0]["detail"].as_str().unwrap().starts_with("ndjson, 20003 events"), "{exports:?}");
    assert_eq!(server.stop().code, Some(0));
}
