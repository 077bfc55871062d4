//! A wall clock that is wrong when the server starts, and one that jumps while it runs: no session lives beyond its absolute
//! lifetime by more than the tolerance, no ended one comes back, and a clock that is behind signs everyone out, loudly.

use std::fs;
use std::path::PathBuf;

use sessiond::domain::clock::{Clock, SystemClock};
use sessiond::domain::timestamp::Timestamp;
use tempfile::TempDir;

use super::{Shim, tell};
use crate::process::{Client, Program, Server};
use crate::shims::set_clock;

/// Seconds by which a clock may be behind the newest record.
const TOLERANCE: i64 = 300;
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const YEAR: i64 = 365 * 24 * HOUR;
/// Those who sign in are administrators.
const IDLE: i64 = 2 * HOUR;
const SETTINGS: &str = "{password_hash={memory_kib=64,passes=1},administrator={idle=\"2h\",absolute=\"3h\"}}";
const LOUD: &str = "everyone's sessions end, since nobody can vouch for them: the clock is";

/// A server whose wall clock is what the test says.
struct World<'a> {
    home: TempDir,
    shim: &'a Shim,
    live: Vec<String>,
    ended: Vec<String>,
}

/// What a start with some clock led to.
#[derive(Debug)]
struct Start {
    accepted: usize,
    loud: bool,
}

impl<'a> World<'a> {
    fn new(shim: &'a Shim) -> Self {
        let home = TempDir::new().unwrap();
        fs::create_dir(home.path().join("data")).unwrap();
        let mut world = Self { home, shim, live: Vec::new(), ended: Vec::new() };
        world.set(0);
        let mut server = world.serve();
        server.set_up();
        let mut administrator = server.sign_in();
        world.live = (0..3).map(|_| server.sign_in().credential().to_owned()).collect();
        let ended = server.sign_in();
        administrator.revoke(&ended.session_id(), "");
        world.ended.push(ended.credential().to_owned());
        assert_eq!(server.stop().code, Some(0));
        world
    }

    fn offset(&self) -> PathBuf {
        self.home.path().join("offset")
    }

    /// Moves the clock by so many seconds from the right time.
    fn set(&self, offset: i64) {
        set_clock(&self.offset(), offset);
    }

    fn serve(&self) -> Server {
        let program = Program::serve(&self.home.path().join("data")).env("ROCKET_SESSIOND", SETTINGS);
        let offset = self.offset();
        self.shim.load(program).env("CLOCK_OFFSET", offset.to_str().expect("a path that is text")).listen()
    }

    fn accepted(server: &Server, credentials: &[String]) -> usize {
        let opens = |credential: &&String| {
            let answer = Client::holding(server.address, credential).get("/");
            assert_eq!(answer.status, 303, "{}", answer.body);
            answer.is_signed_in()
        };
        credentials.iter().filter(opens).count()
    }

    /// Starts with this clock, looks who is signed in, has somebody sign in, and stops.
    fn start(&mut self, offset: i64) -> Start {
        self.set(offset);
        let server = self.serve();
        let accepted = Self::accepted(&server, &self.live);
        assert_eq!(Self::accepted(&server, &self.ended), 0, "clock {offset:+} s: an ended session is accepted");
        let fresh = server.sign_in().credential().to_owned();
        assert_eq!(Self::accepted(&server, std::slice::from_ref(&fresh)), 1);
        self.live.push(fresh);
        let exited = server.stop();
        assert_eq!(exited.code, Some(0), "{exited:?}");
        Start { accepted, loud: exited.stderr.contains(LOUD) }
    }
}

/// What is expected of sessions of age `age` by the server's clock, in seconds.
fn expected(age: i64, live: usize) -> (usize, bool) {
    match age {
        ..=-301 => (0, true),
        -300..IDLE => (live, false),
        _ => (0, false),
    }
}

#[test]
fn a_wrong_clock_at_the_start_lengthens_no_lifetime_and_brings_nothing_back() {
    let to_1970 = -SystemClock::new().now().since(Timestamp::from_millis(0)).as_secs().cast_signed();
    let folder = TempDir::new().unwrap();
    let shim = Shim::compile("clock.c", folder.path());
    let (mut extra, mut signed_out, mut tried) = (0, 0, 0);
    for offset in [HOUR, -HOUR, YEAR, -YEAR, to_1970, 4 * MINUTE, -4 * MINUTE] {
        let mut world = World::new(&shim);
        let live = world.live.len();
        let wrong = world.start(offset);
        assert_eq!((wrong.accepted, wrong.loud), expected(offset, live), "clock {offset:+} s");
        // Back to the right time: those from before, and one who signed in by the wrong clock.
        let right = world.start(0);
        let (again, loud) = expected(-offset, 1);
        let before = if wrong.accepted > 0 && !loud { live } else { 0 };
        assert_eq!((right.accepted, right.loud), (again + before, loud), "clock {offset:+} s and back");
        tried += 2;
        signed_out += live - wrong.accepted.min(right.accepted).min(live);
        if wrong.accepted + right.accepted > 0 && !wrong.loud && !right.loud {
            extra = extra.max(offset.abs());
        }
    }
    tell(&format!(
        "fault: {tried} starts with the clock at ±4 min, ±1 h, ±1 y and 1970, and back: lifetimes longer by at most {extra} s, \
         {signed_out} sessions ended early, 0 violations"
    ));
    assert!(extra <= TOLERANCE, "a session may live {extra} s longer");
}

#[test]
fn a_clock_that_jumps_while_the_server_runs_moves_nothing() {
    let folder = TempDir::new().unwrap();
    let shim = Shim::compile("clock.c", folder.path());
    let world = World::new(&shim);
    let server = world.serve();
    let mut jumps = 0;
    for offset in [HOUR, -HOUR, YEAR, -YEAR, 0] {
        world.set(offset);
        assert_eq!(World::accepted(&server, &world.live), world.live.len(), "clock {offset:+} s");
        assert_eq!(World::accepted(&server, &world.ended), 0, "clock {offset:+} s");
        assert!(server.sign_in().get("/account").is_signed_in());
        jumps += 1;
    }
    let exited = server.stop();
    assert!(!exited.stderr.contains(LOUD), "{exited:?}");
    tell(&format!("fault: {jumps} jumps of the clock while the server runs: 0 sessions ended early or late"));
}
