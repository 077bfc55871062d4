//! Power cuts: the history checker where each kill also takes away whatever was not synced, by a library that the server is
//! started with (`powercut.c`). A kill alone never shows a missing sync, since the page cache survives it.
//!
//! `SESSIOND_CUT_OPERATIONS` says how many operations, of which about every four hundredth is a cut; 3,000 unless it is set.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirEntry, File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::UNIX_EPOCH;

use tempfile::TempDir;

use super::setup::Home;
use super::{Report, Run, SETTINGS, number, tell};
use crate::contract::dice::Dice;
use crate::shims::compile;

const OPERATIONS: u64 = 3_000;
/// Each sync copies a whole file, so the database has to stay small.
const ROUND: u64 = 3_000;

/// One name of a folder: what it names.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Node {
    is_folder: bool,
    id: String,
}

type Names = BTreeMap<String, Node>;

/// Leaves of the data folder what was synced. With `dice`, some of the rest is left, too, as the system may have written any
/// part of it by itself: names one by one, and files whole.
pub fn cut(home: &Home, dice: Option<&Dice>) {
    let (data, kept, gone) = (home.data(), home.kept(), home.data().with_file_name("gone"));
    // Without a root no process has begun to keep, so none has changed anything.
    if let Ok(root) = fs::read_to_string(kept.join("root")) {
        fs::rename(&data, &gone).unwrap();
        Cut { kept: &kept, dice }.restore(&root, Some(&gone), &data);
        fs::remove_dir_all(gone).unwrap();
    }
    if kept.exists() {
        fs::remove_dir_all(kept).unwrap();
    }
}

struct Cut<'a> {
    kept: &'a Path,
    dice: Option<&'a Dice>,
}

impl Cut<'_> {
    /// Whether something that was not synced is on disk all the same.
    fn survives(&self) -> bool {
        self.dice.is_some_and(|dice| dice.below(3) == 0)
    }

    /// The names of a folder that are durable. One that was never synced is empty.
    fn durable(&self, folder: &str) -> Names {
        let lines = fs::read_to_string(self.kept.join("folders").join(folder)).unwrap_or_default();
        let name = |line: &str| {
            let mut parts = line.splitn(3, ' ');
            let (kind, id, name) = (parts.next()?, parts.next()?, parts.next()?);
            Some((name.to_owned(), Node { is_folder: kind == "d", id: id.to_owned() }))
        };
        lines.lines().map(|line| name(line).unwrap_or_else(|| panic!("a line that nobody wrote: {line}"))).collect()
    }

    /// Makes a folder of what is left of it. `last`: where it was before, if it had a name then.
    fn restore(&self, folder: &str, last: Option<&Path>, to: &Path) {
        fs::create_dir(to).unwrap();
        let (durable, present) = (self.durable(folder), last.map(present).unwrap_or_default());
        let names: BTreeSet<_> = durable.keys().chain(present.keys()).collect();
        for name in names {
            let (synced, now) = (durable.get(name), present.get(name));
            let node = if synced != now && self.survives() { now } else { synced };
            let Some(Node { is_folder, id }) = node else { continue };
            // The same bytes under the same name before the cut.
            let last = last.filter(|_| node == now).map(|last| last.join(name));
            let to = to.join(name);
            if *is_folder {
                self.restore(id, last.as_deref(), &to);
            } else {
                self.restore_file(id, last.as_deref(), &to);
            }
        }
    }

    fn restore_file(&self, id: &str, last: Option<&Path>, to: &Path) {
        let synced = self.kept.join("files").join(id);
        match last.filter(|_| self.survives()) {
            Some(last) => drop(fs::copy(last, to).unwrap()),
            None if synced.exists() => drop(fs::copy(synced, to).unwrap()),
            // A file that was never synced is empty.
            None => drop(OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).unwrap()),
        }
    }
}

/// The names of a folder as a process saw them last, with the library's ids.
fn present(folder: &Path) -> Names {
    let node = |entry: DirEntry| {
        let status = entry.metadata().unwrap();
        let born = status.created().unwrap().duration_since(UNIX_EPOCH).unwrap();
        let id = format!("{}-{}.{:09}", status.ino(), born.as_secs(), born.subsec_nanos());
        (entry.file_name().into_string().unwrap(), Node { is_folder: status.is_dir(), id })
    };
    fs::read_dir(folder).unwrap().map(|entry| node(entry.unwrap())).collect()
}

/// A run of power cuts; `bug` is one that the build must have.
pub fn run(bug: Option<&str>) -> Report {
    let folder = TempDir::new().unwrap();
    let mut run = Run { round: ROUND, ..Run::new(SETTINGS) };
    run.setup.powercut = Some(compile("powercut.c", folder.path()));
    run.setup.more.extend(bug.map(|bug| ("SESSIOND_BUG".to_owned(), bug.to_owned())));
    let budget = || number("SESSIOND_CUT_OPERATIONS").unwrap_or(OPERATIONS);
    run.rounds(if bug.is_some() { 4 * OPERATIONS } else { budget() })
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
        cut(&home, None);
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

/// Every file below, with its bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for (name, node) in present(folder) {
        let path = folder.join(&name);
        if node.is_folder {
            found.extend(files(&path).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
        } else {
            found.insert(name, fs::read(path).unwrap());
        }
    }
    found
}

#[test]
fn sleds_settings_file_and_all_others_are_durable_once_a_first_process_has_ended() {
    let folder = TempDir::new().unwrap();
    let mut setup = Run::new(SETTINGS).setup;
    setup.clock = None;
    setup.powercut = Some(compile("powercut.c", folder.path()));
    let home = Home::new();
    setup.people(&home, 1);
    let mut before = files(&home.data());
    cut(&home, None);
    let mut after = files(&home.data());
    // May lag behind by design: it can hide a loss and never invents one.
    for files in [&mut before, &mut after] {
        assert!(files.remove("ends/confirmed").is_some());
    }
    let lost: Vec<_> =
        before.iter().filter(|(name, bytes)| after.get(*name) != Some(bytes)).map(|(name, _)| name).collect();
    let revived: Vec<_> = after.keys().filter(|name| !before.contains_key(*name)).collect();
    assert!(lost.is_empty() && revived.is_empty(), "lost: {lost:?}, revived: {revived:?}");
}
