//! Power cuts: the history checker where each kill also takes away whatever was not synced, by a library that the server is
//! started with (`powercut.c`). A kill alone never shows a missing sync, since the page cache survives it.
//!
//! `SESSIOND_CUT_OPERATIONS` says how many operations, of which about every eight hundredth is a cut; 3,000 unless it is set.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{Report, Run, SETTINGS, number, tell};
use crate::process::Program;

const OPERATIONS: u64 = 3_000;
/// Each sync copies a whole file, so the database has to stay small.
const ROUND: u64 = 3_000;

/// The library, compiled.
#[derive(Debug, Clone)]
pub struct Shim(PathBuf);

impl Shim {
    fn compile(folder: &Path) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/history/powercut.c");
        let library = folder.join("powercut.so");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).arg(source).arg("-ldl");
        assert!(compiler.status().expect("a C compiler").success());
        Self(library)
    }

    /// Has a process keep what it syncs.
    pub fn watch(&self, program: Program, data: &Path) -> Program {
        let text = |path: &Path| path.to_str().expect("a path that is text").to_owned();
        program
            .env("LD_PRELOAD", &text(&self.0))
            .env("POWERCUT_DATA", &text(data))
            .env("POWERCUT_KEPT", &text(&data.with_file_name("kept")))
    }

    /// Leaves of the data folder what was synced, and nothing else.
    pub fn cut(data: &Path) {
        fs::remove_dir_all(data).unwrap();
        fs::create_dir(data).unwrap();
        copy(&data.with_file_name("kept"), data);
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&from, &to);
        } else if from.extension().is_none_or(|ending| ending != "part") {
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// A run of power cuts; `bug` is one that the build must have.
pub fn run(bug: Option<&str>) -> Report {
    let folder = TempDir::new().unwrap();
    let mut run = Run { round: ROUND, ..Run::new(SETTINGS) };
    run.setup.shim = Some(Shim::compile(folder.path()));
    run.setup.more.extend(bug.map(|bug| ("SESSIOND_BUG".to_owned(), bug.to_owned())));
    let budget = if bug.is_some() { 6 * OPERATIONS } else { OPERATIONS };
    run.rounds(number("SESSIOND_CUT_OPERATIONS").unwrap_or(budget))
}

#[test]
fn what_was_answered_survives_power_cuts() {
    let report = run(None);
    tell(&format!("power cuts: {report}"));
    assert_eq!(report.violations, []);
    assert!(report.kills > 0);
}
