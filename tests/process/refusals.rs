//! What the program says when it cannot do what it was told: one sentence with the remedy, and the right exit code.

use std::net::TcpListener;
use std::path::Path;

use tempfile::TempDir;

use super::program::Exited;
use super::{Program, Server};

/// One sentence on standard error, and nothing that belongs to programmers.
#[track_caller]
pub fn assert_told(exited: &Exited, code: i32, words: &[&str]) {
    assert_eq!(exited.code, Some(code), "{exited:?}");
    for never in ["panicked at", "stack backtrace", "RUST_BACKTRACE", "unwrap"] {
        assert!(!exited.stderr.contains(never), "{exited:?}");
    }
    let told: Vec<_> = exited.stderr.lines().filter(|line| line.starts_with("sessiond: ")).collect();
    assert_eq!(told.len(), 1, "{exited:?}");
    for word in words {
        // Variables are named in capitals.
        assert!(told[0].to_lowercase().contains(&word.to_lowercase()), "`{word}` is not in: {}", told[0]);
    }
}

fn served(data: &Path) -> Server {
    let mut server = Program::serve(data).listen();
    server.set_up();
    server
}

#[test]
fn a_database_in_use_is_told_to_everybody_else_and_served_on() {
    let data = TempDir::new().unwrap();
    let server = served(data.path());
    let mut person = server.sign_in();
    let id = person.session_id();
    // The operator's way in; without it nobody is let in.
    std::fs::remove_file(data.path().join("control")).unwrap();
    let others = [
        Program::serve(data.path()),
        Program::verb(data.path(), ["session", "list"]),
        Program::verb(data.path(), ["session", "revoke", id.as_str()]),
        Program::verb(data.path(), ["user", "create", "--email", "b@example.com", "--password-stdin"]),
    ];
    // All at once: each waits a while for a lock that a dying process may still hold.
    let others: Vec<_> = others.into_iter().map(|program| program.spawn("a few other words\n")).collect();
    for other in others {
        assert_told(&other.exited(), 1, &["another process", "open; stop that process", "--data"]);
    }
    assert!(person.get("/account").is_signed_in());
}

#[test]
fn a_port_in_use_is_told() {
    let data = TempDir::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let program = Program::new(data.path()).args(["serve", "--address", "127.0.0.1", "--port", &port]);
    let exited = program.arg("--data").arg(data.path()).run();
    assert_told(&exited, 1, &["cannot listen on 127.0.0.1:", &port, "--port"]);
}

#[test]
fn a_setting_that_cannot_be_is_named() {
    for (file, words) in [
        ("idel = \"1h\"", &["idel", "unknown"][..]),
        ("idle = \"soon\"", &["idle", "`soon`", "15m"]),
        ("idle = \"2h\"\nabsolute = \"1h\"", &["sessiond.idle", "absolute must not be shorter"]),
        ("sessions_per_user = 0", &["sessiond.sessions_per_user", "at least 1"]),
        ("sessions_per_user = \"many\"", &["sessions_per_user", "many"]),
        ("public_url = \"login.example.com\"", &["sessiond.public_url", "https://"]),
        ("allowed_origins = [\"*\"]", &["sessiond.allowed_origins", "`*`"]),
        ("trusted_proxies = [\"everyone\"]", &["sessiond.trusted_proxies", "`everyone`"]),
        ("password_hash = { memory = 1 }", &["memory", "memory_kib"]),
        ("administrator = { idel = 1 }", &["idel"]),
        ("idle = ", &["TOML", "line 2"]),
    ] {
        let data = TempDir::new().unwrap();
        std::fs::write(data.path().join("Rocket.toml"), format!("[default.sessiond]\n{file}\n")).unwrap();
        for program in [Program::serve(data.path()), Program::verb(data.path(), ["session", "list"])] {
            let exited = program.env("ROCKET_SESSIOND", "{}").run();
            assert_told(&exited, 2, words);
        }
        assert!(!data.path().join("db").exists(), "{file} has opened a database");
    }
}

#[test]
fn a_hash_cost_that_argon2_does_not_know_is_named() {
    let data = TempDir::new().unwrap();
    let exited = Program::serve(data.path()).env("ROCKET_SESSIOND", "{password_hash={memory_kib=1}}").run();
    assert_told(&exited, 2, &["sessiond.password_hash", "argon2"]);
}

#[test]
fn a_variable_that_cannot_be_is_named() {
    for (name, value, word) in [
        ("ROCKET_SESSIOND", "{idel=\"1h\"}", "idel"),
        ("ROCKET_SESSIOND", "{idle=\"10s\"}", "sessiond.idle"),
        ("ROCKET_SESSIOND", "nonsense", "sessiond"),
        ("ROCKET_WORKERS", "none", "workers"),
        ("ROCKET_KEEP_ALIVE", "long", "keep_alive"),
    ] {
        let data = TempDir::new().unwrap();
        let exited = Program::serve(data.path()).env(name, value).run();
        assert_told(&exited, 2, &[word]);
    }
    let data = TempDir::new().unwrap();
    let program = Program::new(data.path()).args(["serve", "--data"]).arg(data.path());
    assert_told(&program.env("ROCKET_PORT", "99999").run(), 2, &["port"]);
}

#[test]
fn wrong_words_on_the_command_line_are_named() {
    let data = TempDir::new().unwrap();
    for (words, named) in [
        (&["serve", "--prot", "1"][..], "--prot"),
        (&["serve", "--port", "99999"], "99999"),
        (&["serve", "--address", "localhost"], "localhost"),
        (&["serve", "--demo", "--data", "x"], "--demo"),
        (&["sreve"], "sreve"),
        (&["session", "revoke"], "IDS"),
        (&["session", "revoke", "not-an-id"], "not-an-id"),
        (&["session", "list", "--status", "asleep"], "status: one of live, ended, expired, any"),
        (&["session", "list", "--address", "nowhere"], "address: an IP address"),
        (&["session", "list", "--door", "window"], "door: one of pages"),
        (&["session", "list", "--created-from", "soon"], "created_from: a date like"),
        (&["session", "list", "--seen-to", "2026-02-30"], "seen_to: a date like"),
        (&["session", "list", "--order", "random"], "order: one of"),
        (&["session", "list", "--direction", "up"], "direction: one of"),
        (&["user", "create", "--email", "a@example.com"], "--password-stdin"),
    ] {
        let exited = Program::new(data.path()).args(words.iter().copied()).run();
        assert_eq!(exited.code, Some(2), "{words:?}: {exited:?}");
        assert!(exited.stderr.contains(named), "{words:?}: {exited:?}");
        assert!(!exited.stderr.contains("panicked"), "{words:?}: {exited:?}");
    }
    assert!(!data.path().join("data").exists(), "a refused command has opened a database");
}
