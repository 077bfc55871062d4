//! Damaged data folders: each is refused in one sentence, repaired, or opened with everyone signed out; an ended session
//! never comes back, and a live one is never lost without a word.
//!
//! `SESSIOND_DAMAGES` says how many folders; 48 unless it is set. `SESSIOND_SEED` repeats a run's choices:
//!
//! ```sh
//! SESSIOND_DAMAGES=1000 cargo test --test tests faults::damage -- --nocapture
//! ```

mod judge;
mod kind;
mod prepared;

use std::fmt;

use tempfile::TempDir;

use self::judge::{Outcome, judge};
use self::kind::damage;
use self::prepared::Prepared;
use super::{Dice, number, tell};
use crate::process::copy_folder;

const TRIES: u64 = 48;
const SEED: u64 = 20_260;

#[derive(Default)]
struct Counts {
    tried: u64,
    refused: u64,
    signed_out: u64,
    repaired: u64,
    harmless: u64,
    violations: Vec<String>,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tried, refused, signed_out, repaired, harmless, violations } = self;
        write!(
            f,
            "{tried} damaged data folders: {refused} refused, {signed_out} with everyone signed out, {repaired} repaired, \
             {harmless} harmless, {} violations",
            violations.len()
        )
    }
}

#[test]
fn damaged_data_folders_bring_no_ended_session_back_and_lose_none_without_a_word() {
    let tries = number("SESSIOND_DAMAGES").unwrap_or(TRIES);
    let seed = number("SESSIOND_SEED").unwrap_or(SEED);
    let prepared = Prepared::new();
    let mut counts = Counts::default();
    for number in 0..tries {
        // A try's choices hang on its own number, so that one can be looked at alone.
        let dice = Dice::new(seed.wrapping_mul(1_000_003).wrapping_add(number));
        let home = TempDir::new().unwrap();
        let data = home.path().join("data");
        let state = prepared.state(&dice);
        copy_folder(&state, &data);
        let what = damage(&data, prepared.older(), number, &dice);
        let outcome = judge(&data, &prepared, number % 4 == 0);
        counts.tried += 1;
        match outcome {
            Ok(Outcome::Refused) => counts.refused += 1,
            Ok(Outcome::SignedOut) => counts.signed_out += 1,
            Ok(Outcome::Repaired) => counts.repaired += 1,
            Ok(Outcome::Harmless) => counts.harmless += 1,
            Err(why) => {
                tell(&format!("try {number}, {}: {what}: {why}", state.display()));
                counts.violations.push(format!("try {number}: {what}: {why}"));
            }
        }
    }
    tell(&format!("fault: {counts} (SESSIOND_SEED={seed})"));
    assert_eq!(counts.violations, [""; 0]);
    assert!(counts.refused > 0 && counts.signed_out > 0, "it has damaged nothing that counts");
}
