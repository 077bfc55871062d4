//! Whether the checker finds what it is there for: each bug that a build with the feature `seeded-bugs` can be told to have
//! must break a promise. Most do within the operations of the short run; chance is given four times as many before it counts
//! as a miss.
//!
//! ```sh
//! cargo test --features seeded-bugs --test tests seeded -- --nocapture
//! ```
//!
//! `SESSIOND_BUG=late-epochs` before it tries that one alone.

use sessiond::domain::seeded::BUGS;

use super::{COSTLY, OPERATIONS, Report, Run, SETTINGS, powercut, tell};

/// Operations between two looks at what was written down.
const LOOK: u64 = 3_000;

fn run(bug: &str) -> Report {
    // The page cache survives a kill.
    if ["no-sync", "directory-not-synced"].contains(&bug) {
        return powercut::run(Some(bug));
    }
    // What an end-all during a password check does shows only while passwords take time.
    let settings = if bug == "late-epochs" { COSTLY } else { SETTINGS };
    let mut run = Run { round: LOOK, ..Run::new(settings) };
    run.setup.more.push(("SESSIOND_BUG".to_owned(), bug.to_owned()));
    run.rounds(4 * OPERATIONS)
}

#[test]
fn seeded_bugs_are_found() {
    let mut unseen = Vec::new();
    let only = std::env::var("SESSIOND_BUG").ok();
    for bug in BUGS.into_iter().filter(|bug| only.as_deref().is_none_or(|only| only == *bug)) {
        let report = run(bug);
        match (report.first, report.violations.first()) {
            (Some(first), Some(violation)) => {
                tell(&format!(
                    "seeded {bug}: found after {} operations and {} kills: {violation:?}",
                    first.operations, first.kills
                ));
            }
            _ => unseen.push(bug),
        }
    }
    assert!(unseen.is_empty(), "not found: {unseen:?}");
}
