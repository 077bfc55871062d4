//! A disk that takes no more, and then does again.
//!
//! Stood in for by the system's limit on the size of a file, which can be moved while the process runs. The journal of
//! endings is never written beyond its first size, so the limit leaves it alone, as a full disk would. (A disk that is really
//! full is in `small`.)
//!
//! `SESSIOND_FULL_CYCLES` says how often it fills; twice unless it is set.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::super::{Stopwatch, number, tell};
use super::people::{Answers, People};
use crate::process::{Program, Server};

const CYCLES: u64 = 2;
/// More than the journal's files, in bytes.
const LEAST: u64 = 1_200_000;
/// What the database may still grow by: some hundred sign-ins.
const ROOM: u64 = 300_000;
pub const SETTINGS: &str = "{password_hash={memory_kib=64,passes=1},sessions_per_user=100000}";
/// Requests until it must have happened; each takes about a millisecond, so this is patience and not time.
pub const TRIES: usize = 60_000;
/// Rounds of requests while it is full.
pub const MEANWHILE: usize = 12;

/// The server, told not to die of the signal that comes with the limit.
fn serve(data: &Path) -> Server {
    let shell = "trap '' XFSZ; exec \"$0\" serve --address 127.0.0.1 --port 0 --data \"$1\"";
    let program = Program::at("/bin/sh".as_ref(), data).env("ROCKET_SESSIOND", SETTINGS);
    program.args(["-c", shell, env!("CARGO_BIN_EXE_sessiond")]).arg(data).listen()
}

fn limit(server: &Server, bytes: &str) {
    let (pid, size) = (server.id().to_string(), format!("--fsize={bytes}:unlimited"));
    let set = Command::new("prlimit").args(["--pid", &pid, &size]).status();
    assert!(set.expect("prlimit, of Debian's util-linux").success());
}

#[test]
fn asvs_16_5_3_a_full_disk_refuses_and_heals_by_itself() {
    let home = TempDir::new().unwrap();
    let mut server = serve(home.path());
    let mut people = People::new(&mut server, 0);
    let (mut meanwhile, mut healing, mut checked) = (Answers::default(), Duration::ZERO, 0);
    let cycles = number("SESSIOND_FULL_CYCLES").unwrap_or(CYCLES);
    for cycle in 0..cycles {
        people.more_victims(&server, MEANWHILE);
        let size = fs::metadata(home.path().join("db/db")).unwrap().len();
        limit(&server, &(size + ROOM).max(LEAST).to_string());
        let before = people.live();
        let full = (0..TRIES)
            .any(|n| !if n % 2 == 0 { people.try_sign_in(&server) } else { people.try_sign_in_over(&server, true) });
        assert!(full, "it is never full");
        assert!(cycle > 0 || people.live() > before + 100, "it was full at once");
        for _ in 0..MEANWHILE {
            meanwhile += people.go_on(&server);
        }

        limit(&server, "unlimited");
        let start = Stopwatch::start();
        let healed = (0..TRIES).any(|_| people.is_well()) && (0..TRIES).any(|_| people.try_sign_in(&server));
        assert!(healed, "it does not heal");
        healing = healing.max(start.elapsed());
        checked += people.check(&server);
    }
    people.more_victims(&server, 1);
    assert!(people.try_revoke(), "a revoke after it healed");
    assert_eq!(server.stop().code, Some(0));
    let server = serve(home.path());
    checked += people.check(&server);
    let Answers { signed_in, not_signed_in, ended, unconfirmed } = meanwhile;
    tell(&format!(
        "fault: {cycles} full disks (a limit stood in): meanwhile {signed_in} sign-ins done and {not_signed_in} refused, \
         {ended} revokes done and {unconfirmed} unconfirmed; {checked} credentials asked afterwards, 0 violations; healed \
         within {} ms",
        healing.as_millis()
    ));
}
