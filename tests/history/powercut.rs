//! Power cuts: the history checker where each kill also takes away whatever was not synced, by a library that the server is
//! started with (`powercut.c`). A kill alone never shows a missing sync, since the page cache survives it.
//!
//! `SESSIOND_CUT_OPERATIONS` says how many operations, of which about every eight hundredth is a cut; 3,000 unless it is set.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use tempfile::TempDir;

use super::setup::{Home, compile};
use super::{Report, Run, SETTINGS, number, tell};

const OPERATIONS: u64 = 3_000;
/// Each sync copies a whole file, so the database has to stay small.
const ROUND: u64 = 3_000;

/// Leaves of the data folder what was synced, and nothing else.
pub fn cut(home: &Home) {
    let kept = home.kept();
    // Without a root no process has begun to keep, so none has changed anything.
    if let Ok(root) = fs::read_to_string(kept.join("root")) {
        fs::remove_dir_all(home.data()).unwrap();
        restore(&kept, &root, &home.data());
    }
    if kept.exists() {
        fs::remove_dir_all(kept).unwrap();
    }
}

/// Makes a folder of what is durable of it: its names, and the bytes of its files.
fn restore(kept: &Path, folder: &str, to: &Path) {
    fs::create_dir(to).unwrap();
    // A folder that was never synced is empty, and so is a file.
    let names = fs::read_to_string(kept.join("folders").join(folder)).unwrap_or_default();
    for line in names.lines() {
        let mut parts = line.splitn(3, ' ');
        let (Some(kind), Some(id), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
            panic!("a line that nobody wrote: {line}")
        };
        let (to, bytes) = (to.join(name), kept.join("files").join(id));
        if kind == "d" {
            restore(kept, id, &to);
        } else if bytes.exists() {
            fs::copy(bytes, to).unwrap();
        } else {
            drop(OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(to).unwrap());
        }
    }
}

/// A run of power cuts; `bug` is one that the build must have.
pub fn run(bug: Option<&str>) -> Report {
    let folder = TempDir::new().unwrap();
    let mut run = Run { round: ROUND, ..Run::new(SETTINGS) };
    run.setup.powercut = Some(compile("powercut.c", folder.path()));
    run.setup.more.extend(bug.map(|bug| ("SESSIOND_BUG".to_owned(), bug.to_owned())));
    let budget = if bug.is_some() { 4 * OPERATIONS } else { OPERATIONS };
    run.rounds(number("SESSIOND_CUT_OPERATIONS").unwrap_or(budget))
}

#[test]
fn what_was_answered_survives_power_cuts() {
    let report = run(None);
    tell(&format!("power cuts: {report}"));
    assert_eq!(report.violations, []);
    assert!(report.kills > 0);
}

/// A process of its own that changes files in all ways, under the library, and what a power cut leaves of it.
#[test]
fn a_power_cut_takes_what_was_not_synced_and_leaves_what_was() {
    // In the shell: `sync FILE` is fsync of that file or folder.
    let cases: [(&str, &[(&str, &str)]); 8] = [
        ("echo new >file; sync file", &[("kept", "kept\n")]),
        ("echo new >file; sync .", &[("file", ""), ("kept", "kept\n")]),
        ("echo new >file; sync file; sync .", &[("file", "new\n"), ("kept", "kept\n")]),
        ("echo more >>kept", &[("kept", "kept\n")]),
        ("echo more >>kept; sync kept", &[("kept", "kept\nmore\n")]),
        ("mv kept moved", &[("kept", "kept\n")]),
        ("mv kept moved; sync .", &[("moved", "kept\n")]),
        ("rm kept; echo new >other; sync other", &[("kept", "kept\n")]),
    ];
    let folder = TempDir::new().unwrap();
    let library = compile("powercut.c", folder.path());
    for (script, left) in cases {
        let home = Home::new();
        fs::write(home.data().join("kept"), "kept\n").unwrap();
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", script]).current_dir(home.data()).env("LD_PRELOAD", &library);
        shell.env("POWERCUT_DATA", home.data()).env("POWERCUT_KEPT", home.kept());
        assert!(shell.status().unwrap().success(), "{script}");
        cut(&home);
        let mut found: Vec<_> = fs::read_dir(home.data())
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, std::io::read_to_string(File::open(path).unwrap()).unwrap())
            })
            .collect();
        found.sort();
        let found: Vec<_> = found.iter().map(|(name, bytes)| (name.as_str(), bytes.as_str())).collect();
        assert_eq!(found, left, "{script}");
    }
}
