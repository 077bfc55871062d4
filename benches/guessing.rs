//! Whether the time of a failed sign-in tells if there is such a user.
//!
//! `cargo bench --bench guessing` times the whole `POST /login`, at the default cost of hashing and on the sled store, with a
//! wrong password each time: 1,000 tries at addresses that nobody has, and 1,000 at each kind of user, all shuffled by a seeded
//! generator so that a slow moment of the machine hits every kind alike. The requests go to the server in this process, without
//! a socket: whoever measures over a network sees the same times with noise added.
//!
//! The area under the ROC curve (AUC, Mann–Whitney) is the chance that a try at a user takes longer than one at nobody: 0.5
//! tells nothing, 0 and 1 tell everything. Outside of 0.45 to 0.55 the exit code is 1, but for the kinds that are printed as
//! known to differ. `SESSIOND_SAMPLES` takes another number for each kind, `SESSIOND_SEED` another seed.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark measures the machine's time"
)]

#[path = "guessing/auc.rs"]
mod auc;
#[path = "guessing/door.rs"]
mod door;
#[path = "guessing/people.rs"]
mod people;

use std::process::ExitCode;
use std::time::Duration;

use self::auc::Auc;
use self::door::Door;
use self::people::{Kind, People};

/// What an AUC may be.
const BOUNDS: std::ops::RangeInclusive<f64> = 0.45..=0.55;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn median(times: &[Duration]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    milliseconds(sorted[sorted.len() / 2])
}

#[rocket::main]
async fn main() -> ExitCode {
    let samples = usize::try_from(number("SESSIOND_SAMPLES", 1000)).unwrap();
    let mut dice = people::Dice(number("SESSIOND_SEED", 7));
    let door = Door::open().await;
    let people = People::create(&door.service, &mut dice).await;

    let mut order: Vec<Kind> = Kind::ALL.into_iter().flat_map(|kind| std::iter::repeat_n(kind, samples)).collect();
    dice.shuffle(&mut order);
    // The first ones find everything cold.
    for _ in 0..20 {
        door.try_as(people.anybody(Kind::Nobody, &mut dice)).await;
    }
    let mut times: Vec<Vec<Duration>> = vec![Vec::with_capacity(samples); Kind::ALL.len()];
    for kind in order {
        times[kind as usize].push(door.try_as(people.anybody(kind, &mut dice)).await);
    }
    door.close().await;

    let nobody = &times[Kind::Nobody as usize];
    println!("{:<48} {:>8} {:>12} {:>7}   95 % interval", "a wrong password for", "samples", "median", "AUC");
    println!("{:<48} {:>8} {:>9.3} ms", Kind::Nobody.told(), nobody.len(), median(nobody));
    let mut told_apart = false;
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Nobody) {
        let those = &times[kind as usize];
        let Auc { value, low, high } = Auc::of(those, nobody);
        let good = BOUNDS.contains(&value);
        told_apart |= !good && !kind.is_known_to_differ();
        let verdict = match (good, kind.is_known_to_differ()) {
            (true, _) => "",
            (false, true) => "  (known to differ: docs/security.md)",
            (false, false) => "  TOLD APART",
        };
        let (told, median) = (kind.told(), median(those));
        println!("{told:<48} {:>8} {median:>9.3} ms {value:>7.3}   {low:.3} to {high:.3}{verdict}", those.len());
    }
    if told_apart { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
