//! What must not grow with the number of sessions: pages and totals of every filter, ending all of a user's, signing in.
//!
//! `cargo bench --bench scale` prints medians and ratios of one run, on the sled store in folders of its own, at 1,000 and
//! 1,000,000 sessions (`SESSIOND_SESSIONS` for another number), and audit events; `SESSIOND_SCALE` names one part of it to
//! run: `end`, `lists` or `log`. The clock stands still but for the moments that tell it
//! to go on, so that whatever expires does so when it is meant to.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark measures the machine's time"
)]

#[path = "scale/crowd.rs"]
mod crowd;
#[path = "scale/lists.rs"]
mod lists;
#[path = "scale/log.rs"]
mod log;
#[path = "scale/opening.rs"]
mod opening;

use std::time::{Duration, Instant};

use sessiond::domain::ending::{Actor, Ending, Reason};
use sessiond::store::{EndUser, Sessions, Store};

use self::crowd::Crowd;

const ROUNDS: usize = 5;

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn told(what: &str, size: u32, time: Duration, base: Duration) {
    let ratio = time.as_secs_f64() / base.as_secs_f64();
    println!("{what:<58} {size:>9} {:>10.3} ms {ratio:>8.2} x", time.as_secs_f64() * 1e3);
}

async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    let done = work.await;
    (done, start.elapsed())
}

/// All sizes are filled first and ended in turn, so that each is measured on the same database and a slow moment of the
/// machine hits all of them.
async fn end_all() {
    const SIZES: [u32; 3] = [1, 1_000, 100_000];
    let crowd = Crowd::open().await;
    let mut users = Vec::new();
    for round in 0..ROUNDS {
        for size in SIZES {
            let user = crowd.user(&format!("user{round}x{size}")).await;
            crowd.sessions(&[&user], size).await;
            users.push((size, user));
        }
    }
    // What the filling left to be written in the background is no part of the question.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut times = vec![Vec::new(); SIZES.len()];
    for (number, (size, user)) in users.into_iter().enumerate() {
        let ending = Ending::new(Actor::Operator, Reason::Revoked, None);
        let (ended, time) = timed(crowd.store.end_user(user.key(), None, ending)).await;
        times[number % SIZES.len()].push(time);
        assert!(matches!(ended.unwrap(), EndUser::Done { count, .. } if count == u64::from(size)));
    }
    let base = median(times[0].clone());
    for (times, size) in times.into_iter().zip(SIZES) {
        told("end all of a user's sessions", size, median(times), base);
    }
    crowd.store.close().await.unwrap();
}

#[rocket::main]
async fn main() {
    if opening::if_asked().await {
        return;
    }
    let most = std::env::var("SESSIOND_SESSIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    println!("{:<58} {:>9} {:>13} {:>10}", "", "sessions", "median", "ratio");
    let wants = |part: &str| std::env::var("SESSIOND_SCALE").map_or(true, |wanted| wanted == part);
    if wants("end") {
        end_all().await;
    }
    if wants("lists") {
        lists::compare(1_000, most).await;
    }
    if wants("log") {
        log::compare(1_000, most).await;
    }
}
