//! `user create`, `session list` and `session revoke` on a database that no server holds.

use tempfile::TempDir;

use super::program::Exited;
use super::refusals::assert_told;
use super::{Client, EMAIL, PASSWORD, Program};

/// What `session revoke --user` and its kind print.
fn told(data: &TempDir, words: &[&str]) -> String {
    let exited = Program::verb(data.path(), words.iter().copied()).run();
    assert_eq!(exited.code, Some(0), "{words:?}: {exited:?}");
    exited.stdout
}

#[test]
fn users_are_blocked_and_unblocked_and_given_rights() {
    const BOB: &str = "bob@example.com";
    let (data, sessions) = with_sessions([EMAIL, BOB, BOB]);
    assert_eq!(told(&data, &["user", "block", BOB, "--reason", "left"]), format!("{BOB} changed, 2 sessions ended\n"));
    assert_eq!(told(&data, &["user", "block", BOB]), format!("{BOB} was so before\n"));
    assert_eq!(accepted(&data, &sessions), [true, false, false]);
    for words in [&["user", "block", EMAIL][..], &["user", "label", EMAIL, "--remove", "admin"]] {
        let refused = Program::verb(data.path(), words.iter().copied()).run();
        assert_told(&refused, 1, &["last administrator", "first"]);
    }
    let server = Program::serve(data.path()).listen();
    let mut bob = server.client();
    let fields = |password| [("email", BOB), ("password", password)];
    let answer = bob.submit("/login", "/login", &fields(PASSWORD));
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("Your account is blocked. Ask an administrator."));
    let answer = bob.submit("/login", "/login", &fields("some other words"));
    assert_eq!(answer.status, 401, "only who knows the password learns it");
    assert!(!answer.body.contains("blocked"));
    let mut turned_away = sessions[1].at(server.address);
    assert_eq!(turned_away.get("/account").status, 303);
    assert!(turned_away.get("/login").body.contains("An administrator blocked your account"));
    // Under the running server, too.
    assert_eq!(told(&data, &["user", "unblock", BOB]), format!("{BOB} changed, 0 sessions ended\n"));
    let mut bob = server.client().sign_in(BOB, PASSWORD);
    assert!(!sessions[1].at(server.address).get("/account").is_signed_in());
    assert_eq!(bob.get("/admin/sessions").status, 200, "an administrator from the start");
    assert_eq!(
        told(&data, &["user", "label", BOB, "--remove", "admin", "--add", "staff"]),
        format!("{BOB} changed, 1 sessions ended\n")
    );
    let mut bob = server.client().sign_in(BOB, PASSWORD);
    assert_eq!(bob.get("/admin/sessions").status, 403);
    assert_eq!(server.stop().code, Some(0));
    let nobody = Program::verb(data.path(), ["user", "block", "nobody@example.com"]).run();
    assert_told(&nobody, 1, &["nobody@example.com"]);
    let wrong = Program::verb(data.path(), ["user", "label", BOB, "--add", "no label"]).run();
    assert_told(&wrong, 2, &["label"]);
}

fn create(data: &TempDir, email: &str, more: &[&str], password: &str) -> Exited {
    let words = ["user", "create", "--email", email, "--password-stdin"];
    Program::verb(data.path(), words).args(more.iter().copied()).run_typing(&format!("{password}\n"))
}

/// A closed database with an administrator, and these people's open sessions.
pub fn with_sessions<const N: usize>(people: [&str; N]) -> (TempDir, [Client; N]) {
    let data = TempDir::new().unwrap();
    for email in std::collections::BTreeSet::from(people) {
        assert_eq!(create(&data, email, &["--label", "admin"], PASSWORD).code, Some(0));
    }
    let server = Program::serve(data.path()).listen();
    let sessions = people.map(|email| server.client().sign_in(email, PASSWORD));
    assert_eq!(server.stop().code, Some(0));
    (data, sessions)
}

/// Which of these sessions a server on this database accepts.
pub fn accepted<const N: usize>(data: &TempDir, sessions: &[Client; N]) -> [bool; N] {
    let server = Program::serve(data.path()).listen();
    let accepted = std::array::from_fn(|at| sessions[at].at(server.address).get("/account").is_signed_in());
    server.stop();
    accepted
}

#[test]
fn user_create_prints_the_id_alone_and_they_can_sign_in() {
    let data = TempDir::new().unwrap();
    let exited = create(&data, "Ada@Example.com", &["--name", "Ada", "--label", "admin"], PASSWORD);
    assert_eq!(exited.code, Some(0), "{exited:?}");
    let id = exited.stdout.trim_end();
    assert!(!id.is_empty() && id.len() <= 36, "{id}");
    assert!(id.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)), "{id}");
    assert_eq!(exited.stderr, "");

    let server = Program::serve(data.path()).listen();
    assert!(server.client().get("/setup").body.contains("Setup is done"));
    server.sign_in();
    assert_eq!(server.stop().code, Some(0));
    let listed = Program::verb(data.path(), ["session", "list", "--json"]).run().stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&listed["user"], &listed["email"]), (&id.into(), &EMAIL.into()));
}

#[test]
fn user_create_refuses_a_taken_address_and_what_nobody_can_be_called() {
    let data = TempDir::new().unwrap();
    assert_eq!(create(&data, EMAIL, &[], PASSWORD).code, Some(0));
    assert_told(&create(&data, "ADA@example.com", &[], PASSWORD), 1, &["e-mail"]);
    assert_told(&create(&data, "b@example.com", &[], "too short"), 2, &["at least 15 characters"]);
    assert_told(&create(&data, "b@example.com", &[], ""), 2, &["at least 15 characters"]);
    assert_told(&create(&data, "nobody", &[], PASSWORD), 2, &["e-mail"]);
    assert_told(&create(&data, "b@example.com", &["--label", "so/so"], PASSWORD), 2, &["label"]);
}

#[test]
fn session_list_tells_people_and_programs() {
    let (data, sessions) = with_sessions([EMAIL, EMAIL, "bo@example.com"]);
    let listed = |more: &[&str]| {
        let exited = Program::verb(data.path(), ["session", "list"]).args(more.iter().copied()).run();
        assert_eq!((exited.code, exited.stderr.as_str()), (Some(0), ""), "{more:?}");
        exited.stdout
    };
    let table = listed(&[]);
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(table.starts_with("ID "), "{table}");
    assert!(sessions.iter().all(|session| table.contains(&session.session_id())), "{table}");

    for (more, lines) in [
        (&["--created-from", "2020-01-01", "--seen-to", "2099-01-01T12:00Z", "--door", "pages"][..], 4),
        (&["--created-to", "2020-01-01"], 1),
        (&["--device", "no such browser"], 1),
        (&["--user", EMAIL, "--device", "", "--address", "127.0.0.0/8"], 3),
    ] {
        assert_eq!(listed(more).lines().count(), lines, "{more:?}");
    }
    let mut forwards: Vec<_> = table.lines().skip(1).map(str::to_owned).collect();
    let backwards = listed(&["--order", "last-active", "--direction", "asc"]);
    forwards.reverse();
    assert!(backwards.lines().skip(1).eq(forwards), "{backwards}");

    let objects = listed(&["--json", "--user", EMAIL]);
    let objects: Vec<serde_json::Value> = objects.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 2);
    for object in objects {
        assert_eq!(object["email"], EMAIL);
        assert_eq!(object["status"], "live");
        assert_eq!(object["address"], "127.0.0.1");
        assert!(sessions.iter().any(|session| object["id"] == session.session_id()), "{object}");
        assert!(
            object.to_string().len() > 100 && !sessions.iter().any(|s| object.to_string().contains(s.credential()))
        );
    }
    assert_eq!(listed(&["--json", "--status", "ended"]), "");
    assert_eq!(listed(&["--json", "--address", "192.0.2.0/24"]), "");
}

#[test]
fn session_revoke_ends_one_by_its_id() {
    let (data, sessions) = with_sessions([EMAIL, EMAIL]);
    let id = sessions[0].session_id();
    let revoke = || Program::verb(data.path(), ["session", "revoke", &id, "--reason", "left the team"]).run();
    let exited = revoke();
    assert_eq!((exited.code, exited.stdout), (Some(0), format!("{id} ended\n")));
    let exited = revoke();
    assert_eq!((exited.code, exited.stdout), (Some(0), format!("{id} had ended before\n")));
    assert_eq!(accepted(&data, &sessions), [false, true]);

    let unknown = "01900000-0000-7000-8000-000000000000";
    assert_told(&Program::verb(data.path(), ["session", "revoke", unknown]).run(), 1, &[unknown]);
    let ended = Program::verb(data.path(), ["session", "list", "--status", "ended", "--json"]).run().stdout;
    let ended: serde_json::Value = serde_json::from_str(&ended).unwrap();
    assert_eq!((&ended["id"], &ended["ended"]["note"]), (&id.into(), &"left the team".into()));
    assert_eq!(ended["ended"]["by"], "operator");
}

#[test]
fn session_revoke_ends_all_of_a_user_and_everyones() {
    let (data, sessions) = with_sessions([EMAIL, EMAIL, "bo@example.com"]);
    let revoke = |words: &[&str]| {
        let exited = Program::verb(data.path(), ["session", "revoke"]).args(words.iter().copied()).run();
        (exited.code, exited.stdout)
    };
    assert_eq!(revoke(&["--user", EMAIL]), (Some(0), "ended 2\n".to_owned()));
    assert_eq!(accepted(&data, &sessions), [false, false, true]);
    assert_eq!(revoke(&["--user", "nobody@example.com"]).0, Some(1));
    assert_eq!(revoke(&["--everyone"]), (Some(0), "ended 1\n".to_owned()));
    assert_eq!(accepted(&data, &sessions), [false, false, false]);
}
