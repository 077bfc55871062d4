//! `key create`, `key list` and `key revoke`, on a stopped and on a running server.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::Program;
use super::refusals::assert_told;

fn told(data: &Path, words: &[&str]) -> String {
    let exited = Program::verb(data, words.iter().copied()).run();
    assert_eq!((exited.code, exited.stderr.as_str()), (Some(0), ""), "{words:?}: {exited:?}");
    exited.stdout
}

/// A new key: what stands alone on the last line.
pub fn created(data: &Path, scopes: &str) -> String {
    let told = told(data, &["key", "create", "--name", "a program", "--scope", scopes]);
    told.lines().last().unwrap_or_default().to_owned()
}

/// The public id inside a key.
pub fn id(key: &str) -> &str {
    &key[9..25]
}

/// All keys, as objects.
pub fn listed(data: &Path) -> Vec<Value> {
    told(data, &["key", "list", "--json"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a key's text looks like.
#[track_caller]
fn assert_is_key(text: &str) {
    let letters = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    assert!(text.len() == 69 && text.starts_with("sessiond_") && letters(text), "{text:?}");
}

fn on_both(check: impl Fn(&Path)) {
    let stopped = TempDir::new().unwrap();
    check(stopped.path());
    let data = TempDir::new().unwrap();
    let server = Program::serve(data.path()).listen();
    check(data.path());
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn a_key_is_shown_once_and_listed_without_its_secret() {
    on_both(|data| {
        let whole = told(data, &["key", "create", "--name", "the nightly job", "--scope", "sessions.read,users.write"]);
        let key = whole.lines().last().unwrap();
        assert_is_key(key);
        assert_eq!(whole.matches(&key[26..]).count(), 1, "{whole}");
        let json = told(data, &["key", "create", "--name", "B", "--scope", "all", "--expires", "30d", "--json"]);
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_is_key(json["key"].as_str().unwrap());
        assert_eq!(json["id"], id(json["key"].as_str().unwrap()));
        assert_eq!(json["scopes"].as_array().map(Vec::len), Some(6));
        assert!(json["expires"].as_str().is_some_and(|at| at.ends_with('Z')), "{json}");

        let rows = listed(data);
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0]["id"], id(key));
        assert_eq!((&rows[0]["name"], &rows[0]["status"]), (&"the nightly job".into(), &"live".into()));
        assert_eq!(rows[0]["scopes"], serde_json::json!(["sessions.read", "users.write"]));
        assert_eq!(
            (&rows[0]["by"], &rows[0]["expires"], &rows[0]["lastUsed"]),
            (&"operator".into(), &Value::Null, &Value::Null)
        );
        assert_eq!(rows[1]["expires"], json["expires"]);
        let table = told(data, &["key", "list"]);
        assert_eq!(table.lines().count(), 3, "{table}");
        assert!(table.starts_with("ID ") && table.contains("sessions.read,users.write, the nightly job"), "{table}");
        assert!(!table.contains(&key[26..]) && !rows[0].to_string().contains(&key[26..]));
    });
}

#[test]
fn a_key_is_revoked_once_and_stays_listed_with_its_story() {
    on_both(|data| {
        let (gone, stays) = (created(data, "all"), created(data, "all"));
        let revoke = ["key", "revoke", id(&gone), "--reason", "leaked"];
        assert_eq!(told(data, &revoke), format!("{} revoked\n", id(&gone)));
        assert_eq!(told(data, &revoke), format!("{} was revoked before\n", id(&gone)));
        let json = told(data, &["key", "revoke", id(&gone), "--json"]);
        assert_eq!(json, format!("{{\"id\":\"{}\",\"revoked\":false}}\n", id(&gone)));
        let rows = listed(data);
        assert_eq!((&rows[0]["status"], &rows[1]["status"]), (&"revoked".into(), &"live".into()));
        assert_eq!((&rows[0]["revoked"]["by"], &rows[0]["revoked"]["note"]), (&"operator".into(), &"leaked".into()));
        assert_eq!(rows[1]["id"], id(&stays));
        assert_told(&Program::verb(data, ["key", "revoke", "0000000000000000"]).run(), 1, &["no key 0000000000000000"]);
    });
}

#[test]
fn what_is_no_key_is_refused() {
    let data = TempDir::new().unwrap();
    for (words, told) in [
        (&["key", "create", "--name", "x", "--scope", "users"][..], "`users` is no scope"),
        (&["key", "create", "--name", "x", "--scope", ","], "a key needs a scope"),
        (&["key", "create", "--name", " ", "--scope", "all"], "a name has"),
        (&["key", "create", "--name", "a\u{1b}[31mb", "--scope", "all"], "a name has"),
        (&["key", "create", "--name", "x", "--scope", "all", "--expires", "0s"], "at least a second"),
        (&["key", "create", "--name", "x", "--scope", "all", "--expires", "500000years"], "at most ten years"),
        (&["key", "revoke", "not-an-id"], "16 hexadecimal digits"),
    ] {
        assert_told(&Program::verb(data.path(), words.iter().copied()).run(), 2, &[told]);
    }
    let soon =
        Program::verb(data.path(), ["key", "create", "--name", "x", "--scope", "all", "--expires", "soon"]).run();
    assert!(soon.code == Some(2) && soon.stderr.contains("--expires"), "{soon:?}");
    assert_eq!(listed(data.path()).len(), 0);
}

#[test]
fn a_keys_secret_is_in_no_file() {
    let data = TempDir::new().unwrap();
    let key = created(data.path(), "all");
    let mut files = 0;
    for folder in [data.path().join("db"), data.path().join("ends"), data.path().to_owned()] {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
            files += 1;
            let bytes = fs::read(entry.path()).unwrap();
            let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
            assert!(!holds(&key.as_bytes()[26..]), "{:?}", entry.path());
        }
    }
    assert!(files > 4, "{files}");
}

#[test]
fn a_restore_revokes_every_key_and_says_so() {
    let (data, aside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (gone, key) = (created(data.path(), "all"), created(data.path(), "all"));
    let file = aside.path().join("backup");
    let backup = Program::verb(data.path(), ["backup", "--json"]).arg(&file).run();
    let backup: Value = serde_json::from_str(&backup.stdout).unwrap();
    assert_eq!(backup["totals"]["keys"], 2);
    // After the backup, which does not know of it.
    told(data.path(), &["key", "revoke", id(&gone)]);
    let restore = Program::verb(data.path(), ["restore", "--replace"]).arg(&file).run();
    assert!(restore.stdout.contains("EVERY API KEY IS REVOKED (2 were good"), "{restore:?}");
    let rows = listed(data.path());
    assert_eq!([&rows[0]["id"], &rows[1]["id"]], [id(&gone), id(&key)]);
    assert!(rows.iter().all(|row| row["status"] == "revoked" && row["revoked"]["reason"] == "safety"), "{rows:?}");
    let restore = Program::verb(data.path(), ["restore", "--replace", "--json"]).arg(&file).run();
    let restore: Value = serde_json::from_str(&restore.stdout).unwrap();
    assert_eq!((&restore["keysRevoked"], &restore["ended"]), (&2.into(), &0.into()));
}
