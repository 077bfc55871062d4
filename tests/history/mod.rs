//! The history checker: several clients against a real server over HTTP, a nemesis that kills it, and afterwards a judge
//! who reads what everybody wrote down.
//!
//! Promised, and checked: no resolve that starts after an acknowledged end of its session is accepted, whatever covered it
//! and whatever was killed in between; no acknowledged sign-in is lost; a process that has turned a session away never
//! accepts it again; at the end, after a clean restart, the list's totals agree with what is known.
//!
//! `SESSIOND_OPERATIONS` says how many operations; 12,000 unless it is set. `SESSIOND_SEED` repeats a run's choices, though not
//! the moments at which kills strike. The long run:
//!
//! ```sh
//! SESSIOND_OPERATIONS=1000000 cargo test --release --test tests history_checker -- --nocapture
//! ```

mod by_hand;
mod check;
mod client;
mod nemesis;
mod record;
mod wire;
mod world;

use std::io::Write;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use self::check::{Report, check};
use self::client::Client;
use self::nemesis::{Nemesis, Setup};
use self::record::{History, Moment, nanoseconds, now};
use self::world::World;

const OPERATIONS: u64 = 12_000;
/// A round has a database of its own: it stays small, and what one round tells fits into memory.
const ROUND: u64 = 25_000;
const THREADS: u64 = 6;
const PEOPLE: usize = 4;

/// Nobody makes room for anybody: each session that vanished would be a loss. The shortest idle time has the server write
/// down most often when sessions were seen.
const SETTINGS: &str = "{password_hash={memory_kib=64,passes=1},sessions_per_user=1000000,idle=\"4m\",\
                        administrator={idle=\"4m\"}}";
/// Shorter than that: nothing has run out by then.
const LIFETIME: Duration = Duration::from_secs(225);

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}: a number")))
}

/// Has everybody go home when a thread panics, so that the panic is told instead of waited for.
struct GiveUp<'a>(&'a World);

impl Drop for GiveUp<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.give_up();
        }
    }
}

/// One round on a new database. `hashing`: no password is checked in less.
fn round(setup: &Setup, operations: u64, seed: u64, hashing: Moment) -> History {
    let data = TempDir::new().unwrap();
    let world = World::new(setup.people(data.path(), PEOPLE), operations);
    let mut nemesis = Nemesis::new(setup, data, &world, seed);
    let mut history = History { lifetime: nanoseconds(LIFETIME), ..History::default() };
    thread::scope(|scope| {
        let world = &world;
        let work = |thread| {
            scope.spawn(move || {
                let _home = GiveUp(world);
                Client::new(world, seed ^ (thread + 1) << 32, hashing).work()
            })
        };
        let clients: Vec<_> = (0..THREADS).map(work).collect();
        let _home = GiveUp(world);
        nemesis.work();
        for client in clients {
            history.operations.extend(client.join().unwrap());
        }
    });

    nemesis.restart();
    history.last = now();
    let mut last = Client::new(&world, seed, hashing);
    last.impatient = false;
    // The administrator who looks is one of those who are signed in.
    while history.totals.is_none() {
        history.totals = last.totals();
    }
    for known in world.all() {
        last.resolve(&known);
    }
    history.operations.append(&mut last.operations);
    history.deaths = nemesis.deaths;
    history
}

/// Rounds until there were so many operations, or until a promise was broken.
fn rounds(setup: &Setup, operations: u64, seed: u64, hashing: Moment) -> Report {
    let mut report = Report::default();
    let mut left = operations;
    while left > 0 && report.violations.is_empty() {
        let this = left.min(ROUND);
        report.add(check(&round(setup, this, seed.wrapping_add(left), hashing)));
        left -= this;
        if left > 0 {
            tell(&report.to_string());
        }
    }
    report
}

/// Past the runner's capture: the figures are worth reading when all is well, too.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[test]
fn history_checker() {
    let seed = number("SESSIOND_SEED").unwrap_or_else(|| u64::from(std::process::id()) << 20 ^ now());
    let operations = number("SESSIOND_OPERATIONS").unwrap_or(OPERATIONS);
    let program = env!("CARGO_BIN_EXE_sessiond").into();
    let setup = Setup { program, settings: SETTINGS.to_owned(), more: Vec::new() };
    let report = rounds(&setup, operations, seed, 0);
    tell(&format!("{report} (SESSIOND_SEED={seed})"));
    assert_eq!(report.violations, []);
    assert!(report.kills > 0 && report.soon > 0, "it has not looked where it matters");
}
