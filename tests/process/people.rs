//! `user list`, `show`, `reset`, `unlock`, `email`, `rename`, `remove-second-factor`, `delete`, and creating somebody with a
//! one-time password: on a stopped server and a running one.

use tempfile::TempDir;

use super::program::Exited;
use super::refusals::assert_told;
use super::verbs::{accepted, with_sessions};
use super::{EMAIL, PASSWORD, Program};

const BOB: &str = "bob@example.com";

fn run(data: &TempDir, words: &[&str]) -> Exited {
    Program::verb(data.path(), words.iter().copied()).run()
}

/// What a verb that must work prints.
fn told(data: &TempDir, words: &[&str]) -> String {
    let exited = run(data, words);
    assert_eq!((exited.code, exited.stderr.as_str()), (Some(0), ""), "{words:?}: {exited:?}");
    exited.stdout
}

/// The last line, which is a one-time password.
fn secret(printed: &str) -> String {
    let last = printed.lines().next_back().unwrap_or_default();
    assert!(last.len() == 27 && last.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{printed}");
    last.to_owned()
}

fn shown(data: &TempDir, user: &str) -> serde_json::Value {
    serde_json::from_str(&told(data, &["user", "show", user, "--json"])).unwrap()
}

#[test]
fn users_are_listed_for_people_and_programs() {
    let (data, _sessions) = with_sessions([EMAIL, BOB, BOB]);
    told(&data, &["user", "block", BOB]);
    let table = told(&data, &["user", "list"]);
    let lines: Vec<_> = table.lines().collect();
    assert!(lines.len() == 3 && lines[0].starts_with("ID "), "{table}");
    assert!(lines[1].contains(EMAIL) && lines[1].contains("  1  active, admin"), "{table}");
    assert!(lines[2].contains(BOB) && lines[2].contains("  0  blocked, admin"), "{table}");
    let server = Program::serve(data.path()).listen();
    for (words, emails) in [
        (&["user", "list", "--json"][..], &[EMAIL, BOB][..]),
        (&["user", "list", "BOB", "--json"], &[BOB]),
        (&["user", "list", "--json", "--state", "blocked"], &[BOB]),
        (&["user", "list", "--json", "--state", "administrators", "ada"], &[EMAIL]),
        (&["user", "list", "--json", "--state", "locked"], &[]),
    ] {
        let printed = told(&data, words);
        let rows: Vec<serde_json::Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let found: Vec<_> = rows.iter().map(|row| row["email"].as_str().unwrap_or_default()).collect();
        assert_eq!(found, emails, "{words:?}");
    }
    assert_eq!(server.stop().code, Some(0));
    assert_told(&run(&data, &["user", "list", "--state", "odd"]), 2, &["any, active, blocked"]);
    let row = shown(&data, EMAIL);
    assert_eq!((&row["labels"][0], &row["liveSessions"]), (&"admin".into(), &1.into()));
    let words = told(&data, &["user", "show", EMAIL]);
    assert!(words.contains("e-mail         ada@example.com") && words.contains("their own"), "{words}");
    assert_told(&run(&data, &["user", "show", "nobody@example.com"]), 1, &["nobody@example.com"]);
}

#[test]
fn asvs_6_4_6_a_reset_prints_a_one_time_password_and_ends_all_sessions_on_both_ways() {
    let (data, sessions) = with_sessions([EMAIL, BOB, BOB]);
    let printed = told(&data, &["user", "reset", BOB, "--reason", "forgotten"]);
    assert!(printed.starts_with("bob@example.com has a one-time password, good until 2"), "{printed}");
    assert!(printed.contains("2 sessions ended"), "{printed}");
    let one = secret(&printed);
    assert_eq!(accepted(&data, &sessions), [true, false, false]);
    assert!(shown(&data, BOB)["oneTimePasswordUntil"].is_string());
    let server = Program::serve(data.path()).listen();
    let refused = server.client().submit("/login", "/login", &[("email", BOB), ("password", PASSWORD)]);
    assert_eq!(refused.status, 401, "the old password");
    let other = secret(&told(&data, &["user", "reset", BOB]));
    assert_ne!(one, other);
    let stopped = server.stop();
    assert_eq!(stopped.code, Some(0));
    assert!(!stopped.stderr.contains(&one) && !stopped.stderr.contains(&other), "{}", stopped.stderr);
    assert_told(&run(&data, &["user", "reset", "nobody@example.com"]), 1, &["nobody@example.com"]);
}

#[test]
fn asvs_6_4_1_a_user_is_created_with_a_one_time_password() {
    let (data, _sessions) = with_sessions([EMAIL]);
    let create = ["user", "create", "--email", BOB, "--name", "Bob", "--label", "staff", "--one-time-password"];
    let printed = told(&data, &create);
    let one = secret(&printed);
    let id = printed.lines().next().unwrap_or_default();
    let row = shown(&data, BOB);
    assert_eq!((&row["id"], &row["name"], &row["labels"][0]), (&id.into(), &"Bob".into(), &"staff".into()));
    assert!(row["oneTimePasswordUntil"].is_string() && !row.to_string().contains(&one));
    assert_told(&run(&data, &create), 1, &["e-mail"]);
    let both = ["user", "create", "--email", "c@example.com", "--one-time-password", "--password-stdin"];
    assert_eq!(run(&data, &both).code, Some(2));
    assert_eq!(run(&data, &["user", "create", "--email", "c@example.com"]).code, Some(2), "one of the two");
}

#[test]
fn address_and_name_change_and_sessions_go_on() {
    let (data, sessions) = with_sessions([EMAIL, BOB]);
    let words = ["user", "email", BOB, "Robert@example.com", "--reason", "asked for it"];
    assert_eq!(told(&data, &words), format!("{BOB} changed, 0 sessions ended\n"));
    assert_told(&run(&data, &["user", "email", "robert@example.com", EMAIL]), 1, &["somebody else"]);
    assert_told(&run(&data, &["user", "email", EMAIL, "nobody"]), 2, &["name@example.com"]);
    let server = Program::serve(data.path()).listen();
    let renamed = told(&data, &["user", "rename", "robert@example.com", "Robert R."]);
    assert_eq!(renamed, "robert@example.com changed, 0 sessions ended\n");
    assert!(sessions[1].at(server.address).get("/account").body.contains("Robert R."));
    server.client().sign_in("robert@example.com", PASSWORD);
    for verb in ["unlock", "remove-second-factor"] {
        assert_eq!(told(&data, &["user", verb, EMAIL]), format!("{EMAIL} was so before\n"));
    }
    assert_eq!(server.stop().code, Some(0));
    assert_told(&run(&data, &["user", "rename", EMAIL, ""]), 2, &["1 to 128"]);
}

#[test]
fn asvs_7_4_2_a_deleted_users_sessions_end_on_both_ways_and_the_last_administrator_stays() {
    let (data, sessions) = with_sessions([EMAIL, BOB, BOB, "carol@example.com"]);
    let deleted = told(&data, &["user", "delete", BOB, "--reason", "left"]);
    assert!(deleted.starts_with("bob@example.com deleted, 2 sessions ended"), "{deleted}");
    assert_eq!(accepted(&data, &sessions), [true, false, false, true]);
    let server = Program::serve(data.path()).listen();
    assert!(told(&data, &["user", "delete", "carol@example.com"]).contains("1 sessions ended"));
    assert!(!sessions[3].at(server.address).get("/account").is_signed_in());
    assert_told(&run(&data, &["user", "delete", EMAIL]), 1, &["last administrator", "first"]);
    assert_told(&run(&data, &["user", "delete", BOB]), 1, &[BOB]);
    let refused = server.client().submit("/login", "/login", &[("email", BOB), ("password", PASSWORD)]);
    assert_eq!(refused.status, 401);
    assert_eq!(server.stop().code, Some(0));
    assert_eq!(told(&data, &["user", "list"]).lines().count(), 2);
}
