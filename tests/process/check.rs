//! `check`.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::damage::copy_folder;
use super::program::Exited;
use super::verbs::with_sessions;
use super::{EMAIL, Program};

fn check(data: &Path) -> Exited {
    Program::verb(data, ["check"]).run()
}

/// Changes one tree by hand and checks what is left.
fn changed(sample: &TempDir, tree: &str, change: impl Fn(&sled::Tree)) -> Exited {
    let data = TempDir::new().unwrap();
    copy_folder(sample.path(), data.path());
    {
        let db = sled::open(data.path().join("db")).unwrap();
        change(&db.open_tree(tree).unwrap());
        db.flush().unwrap();
    }
    check(data.path())
}

#[track_caller]
fn found(exited: &Exited, words: &str) {
    assert_eq!(exited.code, Some(1), "{exited:?}");
    assert!(exited.stdout.lines().any(|line| line.contains(words)), "`{words}` is not in {exited:?}");
    assert!(exited.stderr.contains("is not sound: ") && !exited.stderr.contains("panicked at"), "{exited:?}");
}

fn flip_first(tree: &sled::Tree) {
    let (key, value) = tree.first().unwrap().unwrap();
    let mut bytes = value.to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    tree.insert(key, bytes).unwrap();
}

fn remove_first(tree: &sled::Tree) {
    let (key, _) = tree.first().unwrap().unwrap();
    tree.remove(key).unwrap();
}

#[test]
fn a_sound_database_is_called_sound_and_stays_as_it_is() {
    let (sample, _) = with_sessions([EMAIL, EMAIL, "bo@example.com"]);
    let outside = TempDir::new().unwrap();
    let data = outside.path().join("data");
    copy_folder(sample.path(), &data);
    let bytes = |folder: &str| -> Vec<(PathBuf, Vec<u8>)> {
        let entries = fs::read_dir(data.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> =
            entries.filter(|it| it.is_file()).map(|it| (it.clone(), fs::read(it).unwrap())).collect();
        files.sort();
        files
    };
    let before = (bytes("db"), bytes("ends"));
    let exited = check(&data);
    assert_eq!((exited.code, exited.stderr.as_str()), (Some(0), ""), "{exited:?}");
    assert!(exited.stdout.contains("2 users, 3 sessions") && exited.stdout.contains("is sound"), "{exited:?}");
    let exited = Program::verb(&data, ["check", "--json"]).run();
    let object: serde_json::Value = serde_json::from_str(&exited.stdout).unwrap();
    assert_eq!((&object["sound"], &object["totals"]["sessions"]), (&true.into(), &3.into()));
    assert!(before == (bytes("db"), bytes("ends")), "checking has written");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1, "the copy is still there");
}

#[test]
fn a_damaged_record_is_found_in_every_tree() {
    let (sample, _) = with_sessions([EMAIL, EMAIL]);
    assert_eq!(Program::verb(sample.path(), ["session", "revoke", "--user", EMAIL]).run().code, Some(0));
    for tree in ["sessions", "users", "emails", "replaced", "audit"] {
        found(&changed(&sample, tree, flip_first), &format!("{tree}: the record at "));
    }
    let exited = changed(&sample, "meta", |tree| {
        let mut bytes = tree.get("epoch").unwrap().unwrap().to_vec();
        bytes[7] ^= 1;
        tree.insert("epoch", bytes).unwrap();
    });
    found(&exited, "meta: the record at ");
}

#[test]
fn what_is_missing_is_found() {
    let (sample, _) = with_sessions([EMAIL, EMAIL]);
    found(&changed(&sample, "emails", remove_first), "users: ");
    let exited = changed(&sample, "users", remove_first);
    found(&exited, "sessions: ");
    found(&exited, "emails: ");
    found(&changed(&sample, "meta", |tree| drop(tree.remove("epoch").unwrap())), "sessions: ");
    let second = 2_u64.to_be_bytes();
    let gap = changed(&sample, "audit", |tree| drop(tree.remove(second).unwrap()));
    found(&gap, "audit: events between 1 and 3 are missing");

    assert_eq!(Program::verb(sample.path(), ["session", "revoke", "--user", EMAIL]).run().code, Some(0));
    // The journal would put the last one back.
    found(&changed(&sample, "replaced", remove_first), "the database does not know 1 endings of the journal");
}

#[test]
fn a_journal_that_is_missing_or_damaged_is_found() {
    let (sample, _) = with_sessions([EMAIL]);
    let data = TempDir::new().unwrap();
    copy_folder(sample.path(), data.path());
    fs::remove_file(data.path().join("ends/ends.1")).unwrap();
    found(&check(data.path()), "a server would end everyone's sessions: files of the journal of endings are missing");
    fs::remove_dir_all(data.path().join("ends")).unwrap();
    found(&check(data.path()), "files of the journal of endings are missing");
}

#[test]
fn a_database_that_does_not_open_is_a_finding() {
    let (sample, _) = with_sessions([EMAIL]);
    fs::write(sample.path().join("db/db"), "torn").unwrap();
    let exited = check(sample.path());
    assert_eq!(exited.code, Some(1), "{exited:?}");
    assert!(exited.stdout.contains("a server would "), "{exited:?}");
}
