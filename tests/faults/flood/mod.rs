//! Floods of requests and of sign-ins, far above what the server can do: it answers or says 503, its memory stays bounded,
//! validation is never wrong, and a revoke in the middle of it is honoured at once.
//!
//! `SESSIOND_FLOOD` says how many requests and how many guesses, and a twentieth of it how many sign-ins without limits; 8,000
//! and 400 unless it is set:
//!
//! ```sh
//! SESSIOND_FLOOD=200000 cargo test --release --test tests faults::flood -- --nocapture
//! ```

mod bystanders;
mod guesses;
mod storm;

use std::thread;

use tempfile::TempDir;

use self::bystanders::{Bystanders, Watched};
use self::storm::{Storm, Tally};
use super::{memory, number, tell};
use crate::process::{Program, Server};

const REQUESTS: u64 = 8_000;
const CONNECTIONS: usize = 200;
/// Requests that a connection sends before it waits for the first answer.
const PIPELINE: usize = 8;
/// Hashes cost what they cost in earnest, and no limit keeps the flood from them.
const SETTINGS: &str = "{sessions_per_user=100000,administrator={idle=\"6h\"},\
                        login_limits={per_ip=\"1000000/1s\",per_account=\"1000000/1s\",all=\"1000000/1s\"}}";

/// Three times what it holds when idle, and 200 MB.
fn bound(idle: u64) -> u64 {
    3 * idle + 200 * 1024
}

/// Runs the storm while bystanders look, and answers both, with the server's memory before and at its highest.
fn weather(server: &Server, storm: Storm) -> (Tally, Watched, Watched, u64, u64) {
    let mut bystanders = Bystanders::new(server);
    let calm = bystanders.look(|| false);
    let idle = memory::resident_kib(server.id());
    let mut highest = idle;
    let (tally, watched) = thread::scope(|scope| {
        let raging = scope.spawn(move || storm.rage());
        let watched = bystanders.look(|| {
            highest = highest.max(memory::resident_kib(server.id()));
            !raging.is_finished()
        });
        (raging.join().unwrap(), watched)
    });
    (tally, calm, watched, idle, highest)
}

#[track_caller]
fn judge(what: &str, server: Server, storm: Storm) {
    let (tally, calm, watched, idle, highest) = weather(&server, storm);
    let per_second = u128::from(tally.served) * 1000 / tally.time.as_millis().max(1);
    tell(&format!(
        "fault: {} {what} over {CONNECTIONS} connections: {} answered ({per_second} a second), {} told to come back later, {} broken \
         off; {} validations meanwhile, {} of them 503, p99 {:.1} times that in calm; {} revokes honoured at once; memory \
         {} MB, in calm {} MB; 0 violations",
        tally.sent,
        tally.served,
        tally.later,
        tally.broken,
        watched.asked,
        watched.unavailable,
        watched.p99().as_secs_f64() / calm.p99().as_secs_f64(),
        watched.revoked,
        highest / 1024,
        idle / 1024,
    ));
    assert_eq!(tally.other, [0; 0], "answers that are neither an answer nor 429 or 503");
    assert_eq!(tally.without_retry_after, 0, "429 or 503 without Retry-After");
    assert_eq!(tally.served + tally.later + tally.broken, tally.sent);
    assert!(watched.asked > 0 && watched.revoked > 0, "nobody has looked");
    assert!(highest <= bound(idle), "{highest} KiB, and {idle} KiB in calm");
    assert_eq!(server.stop().code, Some(0));
}

fn requests() -> u64 {
    number("SESSIOND_FLOOD").unwrap_or(REQUESTS)
}

fn serve(home: &TempDir, settings: &str) -> Server {
    let mut server = Program::serve(home.path()).env("ROCKET_SESSIOND", settings).listen();
    server.set_up();
    server
}

#[test]
fn a_flood_of_requests_makes_no_validation_wrong_and_memory_stays_bounded() {
    let home = TempDir::new().unwrap();
    let server = serve(&home, SETTINGS);
    let storm = Storm::of_requests(server.address, requests());
    judge("requests", server, storm);
}

#[test]
fn asvs_15_2_2_a_flood_of_sign_ins_makes_no_validation_wrong_and_memory_stays_bounded() {
    let home = TempDir::new().unwrap();
    let server = serve(&home, SETTINGS);
    let storm = Storm::of_sign_ins(server.address, requests() / 20);
    judge("sign-ins", server, storm);
}

/// The allocator gave each hash memory of its own, since small things had settled in what the last one had given back.
#[test]
fn memory_does_not_grow_with_each_hash() {
    let home = TempDir::new().unwrap();
    let mut server = Program::serve(home.path()).env("ROCKET_SESSIOND", SETTINGS).listen();
    let start = memory::resident_kib(server.id());
    server.set_up();
    for _ in 0..30 {
        server.sign_in();
    }
    let after = memory::resident_kib(server.id());
    tell(&format!("fault: {} MB at the start, {} MB after 30 sign-ins", start / 1024, after / 1024));
    assert!(after < start + 110 * 1024, "{start} KiB at the start, and {after} KiB after 30 sign-ins");
}
