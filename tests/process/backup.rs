//! `backup` and `restore`.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::program::Exited;
use super::refusals::assert_told;
use super::verbs::{accepted, with_sessions};
use super::{EMAIL, PASSWORD, Program};

fn on_file(verb: &str, data: &Path, file: &Path) -> Program {
    Program::verb(data, [verb]).arg(file)
}

fn done(program: Program) -> Exited {
    let exited = program.run();
    assert_eq!(exited.code, Some(0), "{exited:?}");
    exited
}

fn revoke(data: &Path, id: &str) {
    done(Program::verb(data, ["session", "revoke", id, "--reason", "lost laptop"]));
}

/// What is in a folder, folders below it included.
fn names(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<_> = entries.flat_map(|it| if it.is_dir() { names(&it) } else { vec![it] }).collect();
    names.sort();
    names
}

#[test]
fn what_is_restored_is_what_was_backed_up_with_everyone_signed_out() {
    let (data, sessions) = with_sessions([EMAIL, EMAIL]);
    revoke(data.path(), &sessions[0].session_id());
    let aside = TempDir::new().unwrap();
    let file = aside.path().join("backup");
    let told = done(on_file("backup", data.path(), &file)).stdout;
    assert!(told.contains("1 users, 2 sessions"), "{told}");
    assert_eq!(names(aside.path()), [file.as_path()]);
    assert_eq!(accepted(&data, &sessions), [false, true], "a backup ends nothing");

    let restored = TempDir::new().unwrap();
    let told = done(on_file("restore", restored.path(), &file)).stdout;
    assert!(told.contains("1 users, 2 sessions") && told.contains("SESSIONS HAVE ENDED (1 were live"), "{told}");
    let listed = done(Program::verb(restored.path(), ["session", "list", "--status", "any", "--json"])).stdout;
    let listed: Vec<serde_json::Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ended = |session: usize| {
        let id = sessions[session].session_id();
        let object = listed.iter().find(|object| object["id"] == id).unwrap();
        (object["ended"]["by"].clone(), object["ended"]["reason"].clone(), object["ended"]["note"].clone())
    };
    assert_eq!(ended(0), ("operator".into(), "revoked".into(), "lost laptop".into()));
    assert_eq!(ended(1), ("operator".into(), "safety".into(), serde_json::Value::Null));
    let checked = done(Program::verb(restored.path(), ["check", "--json"])).stdout;
    let checked: serde_json::Value = serde_json::from_str(&checked).unwrap();
    assert!(checked["totals"]["audit"].as_u64().unwrap() >= 6, "the audit log came along: {checked}");

    assert_eq!(accepted(&restored, &sessions), [false, false]);
    let server = Program::serve(restored.path()).listen();
    assert!(server.sign_in().get("/account").is_signed_in());
    assert_eq!(server.client().sign_in(EMAIL, PASSWORD).get("/account").status, 200);
    server.stop();
}

#[test]
fn a_backup_is_private_and_replaces_no_file_unless_forced() {
    let (data, _) = with_sessions([EMAIL]);
    let aside = TempDir::new().unwrap();
    let file = aside.path().join("backup");
    fs::write(&file, "a letter").unwrap();
    // Left behind by a backup that was killed.
    fs::write(aside.path().join("backup.new"), "half").unwrap();
    assert_told(&on_file("backup", data.path(), &file).run(), 1, &["exists already", "--force"]);
    assert_eq!(fs::read(&file).unwrap(), b"a letter");
    done(on_file("backup", data.path(), &file).arg("--force"));
    assert_eq!(names(aside.path()), [file.as_path()]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let nowhere = aside.path().join("no folder").join("backup");
    assert_told(&on_file("backup", data.path(), &nowhere).run(), 1, &["cannot be written"]);
}

#[test]
fn a_database_is_never_restored_over_another() {
    let (data, sessions) = with_sessions([EMAIL]);
    let aside = TempDir::new().unwrap();
    let file = aside.path().join("backup");
    done(on_file("backup", data.path(), &file));
    assert_told(&on_file("restore", data.path(), &file).run(), 1, &["there is a database in", "already"]);
    assert_eq!(accepted(&data, &sessions), [true]);
}

#[test]
fn a_journal_that_is_left_of_another_database_counts_no_more() {
    let (data, sessions) = with_sessions([EMAIL, EMAIL]);
    let aside = TempDir::new().unwrap();
    let file = aside.path().join("backup");
    done(on_file("backup", data.path(), &file));
    revoke(data.path(), &sessions[0].session_id());
    fs::remove_dir_all(data.path().join("db")).unwrap();
    done(on_file("restore", data.path(), &file));
    let told = done(Program::verb(data.path(), ["check"])).stdout;
    assert!(told.contains("sound"), "{told}");
    assert_eq!(accepted(&data, &sessions), [false, false]);
}

#[test]
fn a_restore_that_was_killed_before_its_end_leaves_a_folder_that_takes_another() {
    let (data, sessions) = with_sessions([EMAIL]);
    let aside = TempDir::new().unwrap();
    let file = aside.path().join("backup");
    done(on_file("backup", data.path(), &file));
    let restored = TempDir::new().unwrap();
    done(on_file("restore", restored.path(), &file));
    // The database was not in its place yet.
    fs::rename(restored.path().join("db"), restored.path().join("db.new")).unwrap();
    fs::remove_dir_all(restored.path().join("ends")).unwrap();
    done(on_file("restore", restored.path(), &file));
    // It was, and its journal was not.
    fs::remove_dir_all(restored.path().join("ends")).unwrap();
    assert_eq!(accepted(&restored, &sessions), [false]);
}

#[test]
fn a_damaged_backup_is_refused_and_nothing_is_written() {
    let (data, _) = with_sessions([EMAIL]);
    let aside = TempDir::new().unwrap();
    let file = aside.path().join("backup");
    done(on_file("backup", data.path(), &file));
    let sound = fs::read(&file).unwrap();
    let flips = (0..150).map(|part| {
        let mut bytes = sound.clone();
        let place = bytes.len() * part / 150;
        bytes[place] ^= 1 << (part % 8);
        (format!("byte {place} flipped"), bytes)
    });
    let cuts = (0..50).map(|part| (format!("cut at {part}/50"), sound[..sound.len() * part / 50].to_vec()));
    let longer = [("longer".to_owned(), [&sound[..], b"\0"].concat()), ("twice".to_owned(), sound.repeat(2))];
    for (what, bytes) in flips.chain(cuts).chain(longer) {
        let damaged = aside.path().join("damaged");
        fs::write(&damaged, bytes).unwrap();
        let target = aside.path().join("target");
        let exited = Program::new(aside.path()).args(["restore", "--data"]).arg(&target).arg(&damaged).run();
        assert_eq!(exited.code, Some(1), "{what}: {exited:?}");
        assert_told(&exited, 1, &["is not restored, since", "nothing was written"]);
        assert!(!target.exists(), "{what}: something was written");
    }
    let letter = aside.path().join("letter");
    fs::write(&letter, "Dear Ada, this is not a backup at all.").unwrap();
    assert_told(&on_file("restore", aside.path(), &letter).run(), 1, &["no backup of sessiond"]);
    assert_told(&on_file("restore", aside.path(), &aside.path().join("none")).run(), 1, &["cannot be read"]);
    assert!(!aside.path().join("db").exists() && !aside.path().join("lock").exists());
}

#[test]
fn a_process_without_an_operators_door_keeps_its_database_to_itself() {
    let (data, sessions) = with_sessions([EMAIL]);
    let aside = TempDir::new().unwrap();
    let (file, other) = (aside.path().join("backup"), aside.path().join("other"));
    done(on_file("backup", data.path(), &file));
    let server = Program::serve(data.path()).listen();
    fs::remove_file(data.path().join("control")).unwrap();
    let verbs = [
        on_file("backup", data.path(), &other),
        on_file("restore", data.path(), &file),
        Program::verb(data.path(), ["compact"]),
        Program::verb(data.path(), ["check"]),
    ];
    let verbs: Vec<_> = verbs.into_iter().map(|program| program.spawn("")).collect();
    for verb in verbs {
        assert_told(&verb.exited(), 1, &["another process has the database"]);
    }
    assert!(sessions[0].at(server.address).get("/account").is_signed_in());
    assert!(!other.exists());
    server.stop();
    let empty = TempDir::new().unwrap();
    for verb in ["compact", "check"] {
        assert_told(&Program::verb(empty.path(), [verb]).run(), 1, &["there is no database in"]);
    }
    assert_eq!(names(empty.path()), [""; 0].map(PathBuf::from));
}
