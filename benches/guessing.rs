//! Whether the time of a failed sign-in tells if there is such a user.
//!
//! `cargo bench --bench guessing` times the whole `POST /login`, at the default cost of hashing and on the sled store, with a
//! wrong password each time: 1,000 tries at addresses that nobody has, and 1,000 at each kind of user, all shuffled by a seeded
//! generator so that a slow moment of the machine hits every kind alike. The requests go to the server in this process, without
//! a socket: whoever measures over a network sees the same times with noise added.
//!
//! The area under the ROC curve (AUC, Mann–Whitney) is the chance that a try at a user takes longer than one at nobody: 0.5
//! tells nothing, 0 and 1 tell everything. Outside of 0.45 to 0.55 the exit code is 1. `SESSIOND_SAMPLES` takes another number
//! for each kind, `SESSIOND_SEED` another seed.

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
use self::people::{Dice, Kind, People};

/// Nobody comes first, and everybody else is compared with them.
const ROUNDS: [(&str, &[Kind]); 2] = [
    ("a wrong password for", &[Kind::Nobody, Kind::Known, Kind::Blocked, Kind::LostPepper]),
    ("the same while the cost is being changed", &[Kind::Nobody, Kind::Known, Kind::DearerHash, Kind::CheaperHash]),
];

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
    let mut dice = Dice(number("SESSIOND_SEED", 7));
    let mut told_apart = false;
    for (when, kinds) in ROUNDS {
        let door = Door::open().await;
        let people = People::create(&door.service, kinds, &mut dice).await;
        let times = timed(&door, &people, kinds, samples, &mut dice).await;
        door.close().await;
        println!("{when:<48} {:>8} {:>12} {:>7}   95 % interval", "samples", "median", "AUC");
        let nobody = &times[0];
        for (kind, those) in kinds.iter().zip(&times) {
            let (told, median) = (kind.told(), median(those));
            print!("  {told:<46} {:>8} {median:>9.3} ms", those.len());
            if *kind == Kind::Nobody {
                println!();
                continue;
            }
            let Auc { value, low, high } = Auc::of(those, nobody);
            let good = BOUNDS.contains(&value);
            told_apart |= !good;
            println!(" {value:>7.3}   {low:.3} to {high:.3}{}", if good { "" } else { "  TOLD APART" });
        }
    }
    if told_apart { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// So many tries at each kind, in no order.
async fn timed(door: &Door, people: &People, kinds: &[Kind], samples: usize, dice: &mut Dice) -> Vec<Vec<Duration>> {
    let mut order: Vec<usize> = (0..kinds.len()).flat_map(|kind| std::iter::repeat_n(kind, samples)).collect();
    dice.shuffle(&mut order);
    // The first ones find everything cold.
    for _ in 0..20 {
        door.try_as(people.anybody(0, dice)).await;
    }
    let mut times = vec![Vec::with_capacity(samples); kinds.len()];
    for kind in order {
        times[kind].push(door.try_as(people.anybody(kind, dice)).await);
    }
    times
}
