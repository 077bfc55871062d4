//! A disk that answers with errors, or turns read-only while the server runs: 503 meanwhile, nothing lost or resurrected, and
//! it heals by itself. A library between the program and the system (`io.c`) does that to the database, to the journal of
//! endings, or to both.
//!
//! `SESSIOND_IO_ROUNDS` says how often each case is tried; once unless it is set.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::super::{Shim, Stopwatch, number, tell};
use super::people::{Answers, People};
use crate::process::Program;

/// Nobody makes room for anybody.
const SETTINGS: &str = "{password_hash={memory_kib=64,passes=1},sessions_per_user=100000}";
/// Rounds of requests while the disk fails.
const MEANWHILE: usize = 6;
/// Requests until it must have happened; patience, not time.
const TRIES: usize = 60_000;
const EIO: i32 = 5;
const EROFS: i32 = 30;

/// What fails, and where.
struct Case {
    name: &'static str,
    error: i32,
    letters: &'static str,
    folder: &'static str,
}

const CASES: [Case; 7] = [
    Case { name: "database, syncs", error: EIO, letters: "s", folder: "/db/" },
    Case { name: "database, writes", error: EIO, letters: "w", folder: "/db/" },
    Case { name: "database, all", error: EIO, letters: "rwso", folder: "/db/" },
    Case { name: "journal, syncs", error: EIO, letters: "s", folder: "/ends/" },
    Case { name: "journal, writes", error: EIO, letters: "w", folder: "/ends/" },
    Case { name: "journal, all", error: EIO, letters: "rwso", folder: "/ends/" },
    Case { name: "everything read-only", error: EROFS, letters: "wo", folder: "/" },
];

/// Where the library is told what to do.
struct Order(PathBuf);

impl Order {
    fn fail(&self, case: &Case, data: &Path) {
        let fresh = self.0.with_extension("new");
        fs::write(&fresh, format!("{} {} {}{}", case.error, case.letters, data.display(), case.folder)).unwrap();
        fs::rename(fresh, &self.0).unwrap();
    }

    fn stop(&self) {
        fs::remove_file(&self.0).unwrap();
    }

    /// How many lines it wrote that begin with this word.
    fn told(&self, word: &str) -> usize {
        let log = fs::read_to_string(self.0.with_extension("log")).unwrap_or_default();
        log.lines().filter(|line| line.split(' ').next() == Some(word)).count()
    }
}

#[derive(Default)]
struct Figures {
    cases: u32,
    failures: usize,
    answers: Answers,
    checked: usize,
    again: usize,
    again_sled: usize,
    detection: Duration,
    healing: Duration,
}

/// One case on a server of its own.
fn run(case: &Case, shim: &Shim, figures: &mut Figures) {
    let home = TempDir::new().unwrap();
    let (data, order) = (home.path().join("data"), Order(home.path().join("order")));
    fs::create_dir(&data).unwrap();
    let program = Program::serve(&data).env("ROCKET_SESSIOND", SETTINGS);
    let text = order.0.to_str().expect("a path that is text").to_owned();
    let log = order.0.with_extension("log");
    let mut server = shim.load(program).env("IO_FAULTS", &text).listen();
    let mut people = People::new(&mut server, MEANWHILE + 2);
    assert!(!log.exists());

    order.fail(case, &data);
    let start = Stopwatch::start();
    // A sign-in leaves nothing in the journal of endings.
    let noticed = if case.folder == "/ends/" {
        !people.try_revoke()
    } else {
        (0..TRIES).any(|_| !people.try_sign_in_over(&server, case.folder == "/db/"))
    };
    assert!(noticed, "{}: changes are answered as if nothing had happened", case.name);
    figures.detection = figures.detection.max(start.elapsed());
    for _ in 0..MEANWHILE {
        figures.answers += people.go_on(&server);
    }

    order.stop();
    let start = Stopwatch::start();
    let healed = (0..TRIES).any(|_| people.is_well()) && (0..TRIES).any(|_| people.try_sign_in(&server));
    assert!(healed, "{}: it does not heal", case.name);
    figures.healing = figures.healing.max(start.elapsed());
    figures.checked += people.check(&server);
    assert!(people.try_revoke(), "{}: a revoke after it healed", case.name);
    people.check(&server);
    server.kill();
    let server = Program::serve(&data).env("ROCKET_SESSIOND", SETTINGS).listen();
    figures.checked += people.check(&server);
    figures.cases += 1;
    figures.failures += ["r", "w", "s", "o"].map(|operation| order.told(operation)).iter().sum::<usize>();
    figures.again += order.told("again");
    figures.again_sled += order.told("again-sled");
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn asvs_16_5_3_a_failing_disk_is_503_and_heals_by_itself() {
    let folder = TempDir::new().unwrap();
    let shim = Shim::compile("io.c", folder.path());
    let mut all = Figures::default();
    for _ in 0..number("SESSIOND_IO_ROUNDS").unwrap_or(1) {
        for case in &CASES {
            let before = all.failures;
            run(case, &shim, &mut all);
            assert!(all.failures > before, "{}: nothing has failed", case.name);
        }
    }
    let Figures { cases, failures, answers, checked, again, again_sled, detection, healing } = all;
    let Answers { signed_in, not_signed_in, ended, unconfirmed } = answers;
    tell(&format!(
        "fault: {cases} failing disks, {failures} errors: meanwhile {signed_in} sign-ins done and {not_signed_in} refused, \
         {ended} revokes done and {unconfirmed} unconfirmed; {checked} credentials asked afterwards, 0 violations; noticed \
         within {} ms, healed within {} ms; {again} syncs of a descriptor that had failed, {again_sled} by the database's \
         own thread, on which nothing relies",
        detection.as_millis(),
        healing.as_millis()
    ));
    assert_eq!(again, 0, "a descriptor whose sync failed was synced again");
}

/// sled syncs its file once more when it is dropped, and panics if it cannot. The request that found the database failed
/// was the one to drop it, and got a 500.
#[test]
fn the_panic_of_a_failed_database_that_is_dropped_hits_no_request() {
    let folder = TempDir::new().unwrap();
    let shim = Shim::compile("io.c", folder.path());
    run(&CASES[0], &shim, &mut Figures::default());
}
