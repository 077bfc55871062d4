//! A database that is damaged, from a later version or not a database: told in one sentence, or opened without bringing
//! an ended session back.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::refusals::assert_told;
use super::{Client, Program};

/// A database that was closed properly, with one live and one ended session.
struct Sample {
    data: TempDir,
    live: String,
    ended: String,
}

impl Sample {
    fn new() -> Self {
        let data = TempDir::new().unwrap();
        let mut server = Program::serve(data.path()).listen();
        server.set_up();
        let (mut administrator, live, ended) = (server.sign_in(), server.sign_in(), server.sign_in());
        for _ in 0..20 {
            server.sign_in();
        }
        administrator.revoke(&ended.session_id(), "taken away");
        assert_eq!(server.stop().code, Some(0));
        Self { data, live: live.credential().to_owned(), ended: ended.credential().to_owned() }
    }

    /// A copy of the data folder.
    fn copy(&self) -> TempDir {
        let copy = TempDir::new().unwrap();
        copy_folder(self.data.path(), copy.path());
        copy
    }

    /// Starts on a damaged copy: it is refused in a sentence, or served without a panic.
    fn start(&self, data: &Path, what: &str) -> Outcome {
        match Program::serve(data).try_listen() {
            Err(exited) => {
                assert_told(&exited, 1, &[&*data.to_string_lossy()]);
                Outcome::Refused
            }
            Ok(server) => {
                let opens = |credential| Client::holding(server.address, credential).get("/account").is_signed_in();
                let (live, ended) = (opens(&self.live), opens(&self.ended));
                let exited = server.kill();
                assert!(!exited.stderr.contains("panicked at"), "{what}: {exited:?}");
                Outcome::Served { live, ended }
            }
        }
    }

    /// Damages the database in one way after the other and tells which of them brought the ended session back.
    fn brought_back(&self, damages: impl IntoIterator<Item = (String, Vec<u8>)>) -> Vec<String> {
        let (mut tried, mut refused, mut back) = (0, 0, Vec::new());
        for (what, bytes) in damages {
            let data = self.copy();
            fs::write(file(data.path()), bytes).unwrap();
            tried += 1;
            match self.start(data.path(), &what) {
                Outcome::Refused => refused += 1,
                Outcome::Served { ended: true, .. } => back.push(what),
                Outcome::Served { .. } => {}
            }
        }
        println!("damaged in {tried} ways: {refused} refused, {} brought the ended session back", back.len());
        back
    }
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Refused,
    Served { live: bool, ended: bool },
}

pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// sled's one big file.
fn file(data: &Path) -> PathBuf {
    data.join("db").join("db")
}

#[test]
fn a_file_that_is_cut_short_brings_no_ended_session_back() {
    let sample = Sample::new();
    let sound = fs::read(file(sample.data.path())).unwrap();
    let length = sound.len();
    let lengths = [0, 1, 100, length / 3, length / 2, length - 4096, length - 64, length - 1];
    let cut = lengths.map(|rest| (format!("{rest} of {length} bytes"), sound[..rest].to_vec()));
    assert_eq!(sample.brought_back(cut), [""; 0]);
}

#[test]
fn flipped_and_zeroed_bytes_bring_no_ended_session_back() {
    let sample = Sample::new();
    let sound = fs::read(file(sample.data.path())).unwrap();
    let used = sound.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let places = (0..24).map(|part| used * part / 24 + part % 7);
    let damages = places.flat_map(|place| [(place, 1), (place, 512)]).map(|(place, length)| {
        let mut bytes = sound.clone();
        for byte in bytes.iter_mut().skip(place).take(length) {
            *byte = if length == 1 { !*byte } else { 0 };
        }
        (format!("{length} bytes at {place} of {used}"), bytes)
    });
    assert_eq!(sample.brought_back(damages), [""; 0]);
}

#[test]
fn an_emptied_database_is_told() {
    let sample = Sample::new();
    fs::write(file(sample.data.path()), "").unwrap();
    assert_eq!(sample.start(sample.data.path(), "an empty file"), Outcome::Refused);
}

#[test]
fn the_leftovers_of_an_unfinished_snapshot_are_put_aside() {
    let sample = Sample::new();
    for bytes in [&b""[..], b"torn", &[0; 4096]] {
        let data = sample.copy();
        let name = "snap.00000000000000FF.generating";
        fs::write(data.path().join("db").join(name), bytes).unwrap();
        assert_eq!(sample.start(data.path(), name), Outcome::Served { live: true, ended: false });
        assert!(data.path().join("db/quarantine").join(name).exists());
    }
}

#[test]
fn a_snapshot_that_is_damaged_is_put_aside_loudly() {
    let sample = Sample::new();
    let snapshots = |data: &Path| {
        let entries = fs::read_dir(data.join("db")).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("snap.")).collect::<Vec<_>>()
    };
    for cut in [0, 7] {
        let data = sample.copy();
        for snapshot in snapshots(data.path()) {
            let bytes = fs::read(&snapshot).unwrap();
            fs::write(&snapshot, &bytes[..bytes.len().min(cut)]).unwrap();
        }
        let outcome = sample.start(data.path(), &format!("snapshots of {cut} bytes"));
        assert_eq!(outcome, Outcome::Served { live: true, ended: false }, "{cut}");
    }
}

#[test]
fn a_database_of_a_later_version_is_told() {
    let sample = Sample::new();
    {
        let db = sled::open(sample.data.path().join("db")).unwrap();
        let meta = db.open_tree("meta").unwrap();
        meta.insert("format", &[6]).unwrap();
        db.flush().unwrap();
    }
    let told = Program::serve(sample.data.path()).run();
    assert_told(&told, 1, &["has format 6", "reads format 5", "use the newer version"]);
    let told = Program::verb(sample.data.path(), ["session", "list"]).run();
    assert_told(&told, 1, &["has format 6"]);
}

#[test]
fn a_file_where_the_folder_should_be_is_told() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    fs::write(&data, "a letter").unwrap();
    let serve = || Program::new(folder.path()).args(["serve", "--address", "127.0.0.1", "--port", "0", "--data"]);
    assert_told(&serve().arg(&data).run(), 1, &["cannot be used", "data"]);
    assert_eq!(fs::read(&data).unwrap(), b"a letter");

    fs::remove_file(&data).unwrap();
    fs::create_dir(&data).unwrap();
    fs::write(data.join("db"), "a letter").unwrap();
    assert_told(&serve().arg(&data).run(), 1, &["cannot be used", "data/db"]);
}

#[test]
fn keys_that_are_damaged_are_told() {
    let sample = Sample::new();
    let flipped = format!("[{{\"made\":{},\"secret\":\"{}*\"}}]", i64::MAX / 2, "A".repeat(42));
    for bytes in [&b""[..], b"nonsense", b"[{\"made\":0,\"secret\":\"short\"}]", flipped.as_bytes()] {
        let data = sample.copy();
        fs::write(data.path().join("keys"), bytes).unwrap();
        let data = &*data.path().to_string_lossy();
        assert_told(&Program::serve(data.as_ref()).run(), 1, &["keys", data, "move it away to have new ones made"]);
    }
}
