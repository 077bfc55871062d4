//! `compact`.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::damage::copy_folder;
use super::verbs::{accepted, with_sessions};
use super::{Client, EMAIL, Program};

/// A closed database with a live and an ended session.
fn sample() -> (TempDir, [Client; 2]) {
    let (data, sessions) = with_sessions([EMAIL, EMAIL]);
    let id = sessions[1].session_id();
    assert_eq!(Program::verb(data.path(), ["session", "revoke", &id]).run().code, Some(0));
    (data, sessions)
}

/// Fills the database with what is removed again.
fn churn(data: &Path) {
    let db = sled::open(data.join("db")).unwrap();
    let tree = db.open_tree("seen").unwrap();
    for round in 0..20_u32 {
        for number in 0..2_000_u32 {
            let mut key = [0xFF; 32];
            key[..4].copy_from_slice(&number.to_be_bytes());
            tree.insert(key, vec![u8::try_from(round).unwrap(); 300]).unwrap();
        }
        db.flush().unwrap();
    }
    for number in 0..2_000_u32 {
        let mut key = [0xFF; 32];
        key[..4].copy_from_slice(&number.to_be_bytes());
        tree.remove(key).unwrap();
    }
    db.flush().unwrap();
}

#[test]
fn compacting_shrinks_a_churned_database_and_changes_nothing_in_it() {
    let (data, sessions) = sample();
    churn(data.path());
    let exited = Program::verb(data.path(), ["compact"]).run();
    assert_eq!(exited.code, Some(0), "{exited:?}");
    let numbers: Vec<u64> = exited.stdout.split(' ').filter_map(|word| word.parse().ok()).collect();
    assert!(numbers[1] < numbers[0] / 2, "{}", exited.stdout);
    assert!(!data.path().join("db.old").exists() && !data.path().join("db.new").exists());
    assert_eq!(Program::verb(data.path(), ["check"]).run().code, Some(0));
    assert_eq!(accepted(&data, &sessions), [true, false]);
}

#[test]
fn a_compaction_that_was_killed_anywhere_leaves_a_database_that_opens() {
    let (data, sessions) = sample();
    let (db, new, old) = ("db", "db.new", "db.old");
    // What is in the folder, and what of it is cut short.
    let states: [(&[&str], &[&str]); 6] = [
        (&[db, new], &[new]),
        (&[db, new], &[]),
        (&[old, new], &[]),
        (&[db, old], &[]),
        (&[db, old], &[old]),
        (&[db, old, new], &[new]),
    ];
    for (there, torn) in states {
        let copy = TempDir::new().unwrap();
        copy_folder(data.path(), copy.path());
        fs::rename(copy.path().join(db), copy.path().join("sound")).unwrap();
        for name in there {
            copy_folder(&copy.path().join("sound"), &copy.path().join(name));
        }
        for name in torn {
            fs::write(copy.path().join(name).join("db"), b"torn").unwrap();
            fs::remove_file(copy.path().join(name).join("conf")).unwrap();
        }
        fs::remove_dir_all(copy.path().join("sound")).unwrap();
        let checked = Program::verb(copy.path(), ["check"]).run();
        assert_eq!(checked.code, Some(0), "{there:?} {torn:?}: {checked:?}");
        assert_eq!(accepted(&copy, &sessions), [true, false], "{there:?} {torn:?}");
        assert!(!copy.path().join(new).exists() && !copy.path().join(old).exists(), "{there:?} {torn:?}");
    }
}
