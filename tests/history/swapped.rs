//! `compact` and `restore`, killed at each of their steps, with and without a power cut: the next start finds one whole
//! database, the old or the new one, and nothing in it is resurrected.

use std::fs;

use super::powercut;
use super::setup::{Home, Setup};
use super::steps::Strike;
use super::struck::{Promised, Sample, belongs_to_copies};

const BOTH: [&str; 6] =
    ["copy-filled", "copy-synced", "copy-in-place", "copy-in-place-synced", "old-removed", "database-opened"];
const COMPACTING: [&str; 3] = ["copy-read", "old-aside", "old-aside-synced"];
const RESTORING: [&str; 3] = ["copy-redrawn", "journal-aside", "journal-anew"];

/// Has a verb strike itself at the step, and perhaps the power go.
fn strike(setup: &Setup, home: &Home, words: &[&str], step: &'static str, cut: bool) {
    let told = Strike { step, count: 1 }.to_string();
    let exited = setup.verb(home, words.iter().copied()).env("SESSIOND_KILL_AT", &told).run();
    assert_eq!(exited.code, None, "{words:?} does not come by {step}: {exited:?}");
    if cut {
        powercut::cut(home, None);
    }
}

/// The next start, and what it leaves.
fn goes_on(sample: &Sample, home: &Home, promised: &Promised, what: &str) {
    let server = sample.plain.serve(home, None).listen();
    promised.holds(&server, what);
    assert_eq!(server.stop().code, Some(0), "{what}");
    for left in ["db.new", "db.old"] {
        assert!(!home.data().join(left).exists(), "{what} leaves {left}");
    }
    let checked = sample.plain.verb(home, ["check"]).run();
    assert_eq!(checked.code, Some(0), "{what}: {checked:?}");
}

#[test]
fn a_compaction_that_is_killed_at_any_step_leaves_one_whole_database() {
    let sample = Sample::new();
    for step in BOTH.into_iter().chain(COMPACTING) {
        for cut in [false, true] {
            let what = format!("{step}, power cut: {cut}");
            let home = sample.copy();
            strike(&sample.watched, &home, &["compact"], step, cut);
            goes_on(&sample, &home, &sample.promised, &what);
        }
    }
}

#[test]
fn a_restore_that_is_killed_at_any_step_leaves_one_whole_database_or_none() {
    let sample = Sample::new();
    let folder = Home::new();
    let file = folder.data().join("backup");
    let file = file.to_str().unwrap();
    assert_eq!(sample.plain.verb(&sample.home, ["backup", file]).run().code, Some(0));
    let mut promised = sample.promised.clone();
    promised.forfeit();
    let (mut whole, mut none) = (0, 0);
    for step in BOTH.into_iter().chain(RESTORING) {
        for cut in [false, true] {
            let what = format!("{step}, power cut: {cut}");
            // The folder of a database that was moved away: its journal is there still.
            let home = sample.copy();
            fs::remove_dir_all(home.data().join("db")).unwrap();
            strike(&sample.watched, &home, &["restore", file], step, cut);
            // Whoever was not told that it is done tries again, and is told that there is a database if there is one.
            let again = sample.plain.verb(&home, ["restore", file]).run();
            if again.code == Some(0) {
                none += 1;
            } else {
                assert!(again.stderr.contains("there is a database in"), "{what}: {again:?}");
                whole += 1;
            }
            goes_on(&sample, &home, &promised, &what);
        }
    }
    assert!(whole > 0 && none > 0, "{whole} times there was a database, and {none} times none");
}

#[test]
fn every_step_of_a_copy_is_tried() {
    let tried: Vec<_> = BOTH.into_iter().chain(COMPACTING).chain(RESTORING).collect();
    let missing: Vec<_> = sessiond::domain::steps::STEPS
        .into_iter()
        .filter(|step| belongs_to_copies(step) && !tried.contains(step))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
