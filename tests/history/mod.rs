//! The history checker: several clients against a real server over HTTP, a nemesis that kills it, and afterwards a judge
//! who reads what everybody wrote down. The nemesis also stops the server, fills its disk and moves its clock; in a build with
//! the feature `seeded-bugs` it also has the server kill itself at named steps.
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

mod answers;
mod by_hand;
mod check;
mod client;
mod clocks;
#[cfg(feature = "seeded-bugs")]
mod keys;
mod moved;
mod nemesis;
mod operator;
mod powercut;
mod record;
mod report;
#[cfg(feature = "seeded-bugs")]
mod seeded;
mod setup;
mod steps;
#[cfg(feature = "seeded-bugs")]
mod struck;
#[cfg(feature = "seeded-bugs")]
mod swapped;
mod sweep;
mod wire;
mod world;

use std::io::Write;
#[cfg(not(feature = "seeded-bugs"))]
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use sessiond::domain::clock::OsEntropy;
use sessiond::domain::password::Password;
use sessiond::service::hasher::{Cost, Hasher};
use tempfile::TempDir;

use self::check::check;
use self::client::Client;
use self::nemesis::Nemesis;
use self::record::{History, Moment, nanoseconds, now};
use self::report::Report;
use self::setup::{Home, Setup};
use self::world::World;
use crate::process::PASSWORD;
use crate::shims::compile;

const OPERATIONS: u64 = 12_000;
/// A round has a database of its own: it stays small, and what one round tells fits into memory. Long enough for the journal
/// to get to its next file.
const ROUND: u64 = 60_000;
const THREADS: u64 = 8;
const PEOPLE: usize = 4;

/// Nobody makes room for anybody: each session that vanished would be a loss. Nobody is told to come back later: where a bug
/// has lost the users, all passwords are wrong. The idle time is short enough for a clock set
/// forth by an hour, and long enough for one that is wrong by minutes.
const SETTINGS: &str = "{password_hash={memory_kib=64,passes=1},sessions_per_user=1000000,idle=\"10m\",\
                        administrator={idle=\"10m\"},\
                        login_limits={per_ip=\"1000000/1s\",per_account=\"1000000/1s\",all=\"1000000/1s\"}}";
/// The same where it takes time to check a password, so that end-alls come in between.
const COSTLY: &str = "{password_hash={memory_kib=32768,passes=2},sessions_per_user=1000000,idle=\"10m\",\
                      administrator={idle=\"10m\"},\
                      login_limits={per_ip=\"1000000/1s\",per_account=\"1000000/1s\",all=\"1000000/1s\"}}";
/// Of a long run no more than so many operations: checking passwords would take most of its time.
const MOST_COSTLY: u64 = 20_000;
/// Shorter than that: nothing has run out by then.
const LIFETIME: Duration = Duration::from_secs(570);

pub fn number(name: &str) -> Option<u64> {
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

/// One run: rounds of operations on a server with these settings.
struct Run {
    setup: Setup,
    seed: u64,
    /// No password is checked in less.
    hashing: Moment,
    round: u64,
    /// Where its libraries are.
    _libraries: TempDir,
}

impl Run {
    fn new(settings: &str) -> Self {
        let program = env!("CARGO_BIN_EXE_sessiond").into();
        let libraries = TempDir::new().unwrap();
        let clock = Some(compile("clock.c", libraries.path()));
        let setup = Setup { program, settings: settings.to_owned(), more: Vec::new(), powercut: None, clock };
        let seed = number("SESSIOND_SEED").unwrap_or_else(|| u64::from(std::process::id()) << 20 ^ now());
        let hashing = if settings == COSTLY { least_time_to_hash() } else { 0 };
        Self { setup, seed, hashing, round: ROUND, _libraries: libraries }
    }

    /// Rounds until there were so many operations, or until a promise was broken.
    fn rounds(&self, operations: u64) -> Report {
        let mut report = Report::default();
        let mut left = operations;
        while left > 0 && report.violations.is_empty() {
            let this = left.min(self.round);
            report.add(check(&self.one(this, self.seed.wrapping_add(left))));
            left -= this;
            if operations > ROUND {
                tell(&format!("{report} (SESSIOND_SEED={})", self.seed));
            }
        }
        report
    }

    /// One round on a new database.
    fn one(&self, operations: u64, seed: u64) -> History {
        let home = Home::new();
        let world = World::new(self.setup.people(&home, PEOPLE), home.data(), operations);
        let mut nemesis = Nemesis::new(&self.setup, home, &world, seed);
        let mut history = History { lifetime: nanoseconds(LIFETIME), ..History::default() };
        thread::scope(|scope| {
            let world = &world;
            let work = |thread| {
                scope.spawn(move || {
                    let _home = GiveUp(world);
                    Client::new(world, seed ^ (thread + 1) << 32, self.hashing).work()
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
        let mut last = Client::new(&world, seed, self.hashing);
        last.impatient = false;
        // The administrator who looks is one of those who are signed in.
        while history.totals.is_none() && !world.is_given_up() && !world.is_emptied() {
            assert!(world.is_served(), "the last process ended by itself");
            history.totals = last.totals();
        }
        for known in world.all() {
            last.resolve(&known);
        }
        history.operations.append(&mut last.operations);
        history.lives = nemesis.lives;
        history.deeds = nemesis.deeds;
        history.deeds.compactions = world.compacted();
        history.stuck = nemesis.stuck;
        history
    }
}

/// Half of the quickest of some: that no check of a password on this machine takes less is certain enough.
fn least_time_to_hash() -> Moment {
    let cost = Cost { memory_kib: 32 * 1024, passes: 2, ..Cost::default() };
    let hasher = Hasher::new(cost, Arc::new(OsEntropy)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let once = || {
        let start = now();
        runtime.block_on(hasher.hash(Password::typed(PASSWORD.to_owned()))).unwrap();
        now() - start
    };
    (0..10).map(|_| once()).min().unwrap_or(0) / 2
}

/// Past the runner's capture: the figures are worth reading when all is well, too.
pub fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(not(feature = "seeded-bugs"))]
#[test]
fn a_normal_build_knows_nothing_of_seeded_bugs_and_of_steps() {
    for word in ["SESSIOND_BUG", "SESSIOND_KILL_AT", "journal-written"] {
        let looked = Command::new("grep").args(["-q", word, env!("CARGO_BIN_EXE_sessiond")]).status();
        assert_eq!(looked.expect("grep").code(), Some(1), "{word}");
    }
}

#[test]
fn history_checker() {
    let operations = number("SESSIOND_OPERATIONS").unwrap_or(OPERATIONS);
    let costly = (operations / 12).min(MOST_COSTLY);
    let mut report = Run::new(COSTLY).rounds(costly);
    report.add(Run::new(SETTINGS).rounds(operations - costly));
    tell(&format!("in all: {report}"));
    assert_eq!(report.violations, []);
    assert!(report.kills > 0 && report.soon > 0, "it has not looked where it matters");
}
