//! `user passwd` on a running server and on a stopped one, and what the verbs say of passwords that will not do.

use tempfile::TempDir;

use super::program::Exited;
use super::refusals::assert_told;
use super::verbs::{accepted, with_sessions};
use super::{EMAIL, PASSWORD, Program};

const BOB: &str = "bob@example.com";
const NEW: &str = "seven brave otters juggle";

fn passwd(data: &TempDir, user: &str, password: &str) -> Exited {
    let words = ["user", "passwd", user, "--password-stdin", "--reason", "forgotten"];
    Program::verb(data.path(), words).run_typing(&format!("{password}\n"))
}

#[test]
fn asvs_7_4_3_the_operators_new_password_ends_all_sessions_on_a_stopped_server_and_a_running_one() {
    let (data, sessions) = with_sessions([EMAIL, BOB, BOB]);
    let exited = passwd(&data, BOB, NEW);
    assert_eq!(
        (exited.code, exited.stdout.as_str()),
        (Some(0), "bob@example.com has a new password, 2 sessions ended\n")
    );
    assert_eq!(exited.stderr, "");
    assert_eq!(accepted(&data, &sessions), [true, false, false]);

    let server = Program::serve(data.path()).listen();
    let refused = server.client().submit("/login", "/login", &[("email", BOB), ("password", PASSWORD)]);
    assert_eq!(refused.status, 401, "the old password");
    let mut bob = server.client().sign_in(BOB, NEW);
    let exited = passwd(&data, BOB, PASSWORD);
    assert_eq!(
        (exited.code, exited.stdout.as_str()),
        (Some(0), "bob@example.com has a new password, 1 sessions ended\n")
    );
    assert_eq!(bob.get("/account").status, 303);
    assert!(bob.get("/login").body.contains("Your password was changed"));
    server.client().sign_in(BOB, PASSWORD);
    let told = server.stop();
    assert_eq!(told.code, Some(0));
    assert!(!told.stderr.contains(NEW) && !told.stderr.contains(PASSWORD));
}

#[test]
fn asvs_6_2_4_the_verbs_refuse_a_password_with_the_reason() {
    let (data, sessions) = with_sessions([BOB]);
    for (password, told) in [
        ("", "at least 15 characters"),
        ("bob@example.com", "your name, your address"),
        ("30 Seconds to Mars", "leaked"),
        ("qwertyuiop1234567", "keyboard"),
        ("bananabananabanana", "over and over"),
    ] {
        let refused = passwd(&data, BOB, password);
        assert_told(&refused, 2, &[told]);
        let create = ["user", "create", "--email", "bob-two@example.com", "--name", "bob", "--password-stdin"];
        let refused = Program::verb(data.path(), create).run_typing(password);
        // Her address is another one.
        if password != BOB {
            assert_told(&refused, 2, &[told]);
        }
    }
    assert_told(&passwd(&data, "nobody@example.com", NEW), 1, &["nobody@example.com"]);
    let without = Program::verb(data.path(), ["user", "passwd", BOB, NEW]).run();
    assert_eq!(without.code, Some(2), "a password is no argument: {without:?}");
    assert_eq!(accepted(&data, &sessions), [true]);
}
