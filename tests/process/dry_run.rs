//! `--dry-run`: what would happen, exactly, and nothing that does.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::refusals::assert_told;
use super::verbs::{accepted, with_sessions};
use super::{Client, EMAIL, PASSWORD, Program};

const BOB: &str = "bob@example.com";
const NEW: &str = "seven brave otters juggle";

fn run(data: &Path, words: &[&str]) -> String {
    let exited = Program::verb(data, words.iter().copied()).run_typing(&format!("{NEW}\n"));
    assert_eq!((exited.code, exited.stderr.as_str()), (Some(0), ""), "{words:?}: {exited:?}");
    exited.stdout
}

fn json(data: &Path, words: &[&str]) -> Value {
    let told = run(data, &[words, &["--json"]].concat());
    assert_eq!(told.lines().count(), 1, "{told}");
    serde_json::from_str(&told).unwrap()
}

/// How many audit events there are.
fn events(data: &Path) -> u64 {
    json(data, &["check"])["totals"]["audit"].as_u64().unwrap()
}

fn everybody<const N: usize>(data: &TempDir, sessions: &[Client; N]) {
    assert_eq!(accepted(data, sessions), [true; N]);
}

/// Each verb that ends sessions, with how many it would end of two of Bob's and one of an administrator's.
const ENDING: [(&[&str], u64); 9] = [
    (&["session", "revoke", "--user", BOB], 2),
    (&["session", "revoke", "--everyone"], 3),
    (&["user", "block", BOB], 2),
    (&["user", "passwd", BOB, "--password-stdin"], 2),
    (&["user", "label", BOB, "--remove", "admin"], 2),
    (&["user", "label", BOB, "--add", "staff"], 0),
    (&["user", "unblock", BOB], 0),
    (&["user", "rename", BOB, "Robert"], 0),
    (&["user", "delete", BOB], 2),
];

#[test]
fn a_dry_run_tells_what_would_end_and_changes_nothing_on_a_stopped_server() {
    let (data, sessions) = with_sessions([EMAIL, BOB, BOB]);
    let before = events(data.path());
    for (words, ended) in ENDING {
        let told = json(data.path(), &[words, &["--dry-run"]].concat());
        assert_eq!((&told["dryRun"], &told["ended"]), (&true.into(), &ended.into()), "{words:?}: {told}");
    }
    assert_eq!(events(data.path()), before, "no event was written");
    everybody(&data, &sessions);
}

#[test]
fn a_dry_run_tells_what_would_end_and_changes_nothing_under_a_running_server() {
    let (data, sessions) = with_sessions([EMAIL, BOB, BOB]);
    let server = Program::serve(data.path()).listen();
    let before = events(data.path());
    for (words, ended) in ENDING {
        let told = json(data.path(), &[words, &["--dry-run"]].concat());
        assert_eq!((&told["dryRun"], &told["ended"]), (&true.into(), &ended.into()), "{words:?}: {told}");
    }
    assert_eq!(events(data.path()), before, "no event was written");
    for session in &sessions {
        assert!(session.at(server.address).get("/account").is_signed_in());
    }
    server.client().sign_in(BOB, PASSWORD);
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn what_was_foreseen_is_what_happens() {
    for (words, ended) in ENDING {
        let (data, sessions) = with_sessions([EMAIL, BOB, BOB]);
        let foreseen = json(data.path(), &[words, &["--dry-run"]].concat());
        let mut done = json(data.path(), words);
        assert_eq!((&done["dryRun"], &done["ended"]), (&false.into(), &ended.into()), "{words:?}");
        done["dryRun"] = true.into();
        assert_eq!(done, foreseen);
        let left = accepted(&data, &sessions).iter().filter(|live| **live).count() as u64;
        assert_eq!(left, 3 - ended, "{words:?}");
    }
}

#[test]
fn a_one_time_password_is_drawn_only_when_it_is_handed_out() {
    let (data, sessions) = with_sessions([EMAIL, BOB, BOB]);
    let reset = ["user", "reset", BOB];
    let told = run(data.path(), &[&reset[..], &["--dry-run"]].concat());
    assert_eq!(told, format!("{BOB} would have a one-time password, 2 sessions would end\n"));
    everybody(&data, &sessions);
    let done = json(data.path(), &reset);
    assert_eq!(done["ended"], 2);
    assert!(done["password"].as_str().is_some_and(|password| !password.is_empty()), "{done}");
    assert_eq!(accepted(&data, &sessions), [true, false, false]);
}

#[test]
fn each_of_the_sessions_that_were_named_is_told() {
    let (data, sessions) = with_sessions([EMAIL, BOB]);
    let [live, gone] = [sessions[0].session_id(), sessions[1].session_id()];
    run(data.path(), &["session", "revoke", &gone]);
    let before = events(data.path());
    let missing = "01900000-0000-7000-8000-000000000000";
    assert_eq!(run(data.path(), &["session", "revoke", &live, "--dry-run"]), format!("{live} would end\n"));
    let words = ["session", "revoke", &live, &gone, &live, missing, "--dry-run"];
    let exited = Program::verb(data.path(), words).run();
    assert_eq!(exited.stdout, format!("{live} would end\n{gone} had ended before\n{live} would end\n"));
    assert_told(&exited, 1, &[missing]);
    let exited = Program::verb(data.path(), words).arg("--json").run();
    assert_told(&exited, 1, &[missing]);
    let told: Value = serde_json::from_str(&exited.stdout).unwrap();
    assert_eq!((&told["ended"], &told["ids"]), (&1.into(), &serde_json::json!([live])));
    assert_eq!(told["missing"], serde_json::json!([missing]));
    assert_eq!(events(data.path()), before);
    assert_eq!(accepted(&data, &sessions), [true, false]);
    let told = json(data.path(), &["session", "revoke", &live, &gone]);
    assert_eq!(
        told,
        serde_json::json!({ "dryRun": false, "ended": 1, "ids": [live], "before": [gone], "missing": [] })
    );
}

#[test]
fn what_would_be_refused_is_refused_beforehand() {
    let (data, sessions) = with_sessions([EMAIL]);
    for words in
        [&["user", "block", EMAIL, "--dry-run"][..], &["user", "label", EMAIL, "--remove", "admin", "--dry-run"]]
    {
        assert_told(&Program::verb(data.path(), words.iter().copied()).run(), 1, &["last administrator"]);
    }
    assert_eq!(run(data.path(), &["user", "email", EMAIL, EMAIL, "--dry-run"]), format!("{EMAIL} was so before\n"));
    assert_told(&Program::verb(data.path(), ["user", "delete", EMAIL, "--dry-run"]).run(), 1, &["last administrator"]);
    let nobody = Program::verb(data.path(), ["session", "revoke", "--user", BOB, "--dry-run"]).run();
    assert_told(&nobody, 1, &[BOB]);
    let short = Program::verb(data.path(), ["user", "passwd", EMAIL, "--password-stdin", "--dry-run"]);
    assert_told(&short.run_typing("short\n"), 2, &["at least 15 characters"]);
    assert_eq!(run(data.path(), &["user", "unblock", EMAIL, "--dry-run"]), format!("{EMAIL} was so before\n"));
    assert_eq!(
        run(data.path(), &["user", "label", EMAIL, "--add", "staff", "--dry-run"]),
        format!("{EMAIL} would change, 0 sessions would end\n")
    );
    assert_eq!(run(data.path(), &["session", "revoke", "--everyone", "--dry-run"]), "would end 1\n");
    everybody(&data, &sessions);
}
