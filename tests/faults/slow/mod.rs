//! Slow clients, behind the reverse proxies as they are shipped (`deploy/`) and without one.
//!
//! `SESSIOND_SLOW_CLIENTS` says how many; 300 unless it is set. The long run:
//!
//! ```sh
//! SESSIOND_SLOW_CLIENTS=5000 cargo test --release --test tests faults::slow -- --nocapture
//! ```

mod clients;
mod good;
pub mod proxy;

use std::net::SocketAddr;
use std::process::Command;

use tempfile::TempDir;

use self::clients::Slow;
use self::good::Good;
use self::proxy::{Kind, Proxy};
use super::{memory, number, tell};
use crate::process::{Program, Server};

const SLOW: u64 = 300;
const SETTINGS: &str = "password_hash={memory_kib=64,passes=1},sessions_per_user=100000";

fn slow_clients() -> usize {
    usize::try_from(number("SESSIOND_SLOW_CLIENTS").unwrap_or(SLOW)).unwrap()
}

/// Lets this process, and those it starts, have as many descriptors open as the system allows.
fn many_descriptors() {
    let pid = std::process::id().to_string();
    let limits = Command::new("prlimit").args(["--pid", &pid, "--nofile", "--output", "HARD", "--noheadings"]).output();
    let hard = String::from_utf8(limits.expect("prlimit, of Debian's util-linux").stdout).unwrap();
    let hard = hard.trim();
    let set = Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={hard}:{hard}")]).status();
    assert!(set.unwrap().success());
}

/// A server behind this proxy; its own address is the proxy's.
fn behind(kind: Kind, home: &TempDir) -> (Server, Proxy) {
    // Both ports are chosen beforehand: the server must know where browsers reach it, and the proxy where the server is.
    let (port, inner) = (proxy::free_port(), proxy::free_port());
    let settings = format!("{{{SETTINGS},public_url=\"http://127.0.0.1:{port}\",trusted_proxies=[\"127.0.0.1\"]}}");
    let program = Program::new(home.path()).env("ROCKET_SESSIOND", &settings);
    let program = program.args(["serve", "--address", "127.0.0.1", "--port", &inner.to_string(), "--data", "data"]);
    let mut server = program.listen();
    let proxy = Proxy::start(kind, port, SocketAddr::from(([127, 0, 0, 1], inner)), home.path());
    server.set_up();
    (server, proxy)
}

/// Good clients alone, then among slow ones.
fn try_behind(kind: Kind) {
    many_descriptors();
    let home = TempDir::new().unwrap();
    let (server, proxy) = behind(kind, &home);
    let credential = server.sign_in().credential().to_owned();
    let good = Good { address: proxy.address, credential };
    good.ask_all();
    let alone = good.ask_all();
    let before = memory::resident_kib(server.id());
    let slow = Slow::start(proxy.address, slow_clients());
    let among = good.ask_all();
    let after = memory::resident_kib(server.id());
    let held = slow.stop();
    let more = after.saturating_sub(before);
    tell(&format!(
        "fault: {held} slow clients at {}: {} of {} good requests answered, p99 {:.2} times that without them ({:.1} ms), \
         {:.2} KB of sessiond for each",
        kind.name(),
        among.answered,
        among.asked,
        among.p99.as_secs_f64() / alone.p99.as_secs_f64(),
        among.p99.as_secs_f64() * 1e3,
        f64::from(u32::try_from(more).unwrap()) / f64::from(u32::try_from(held).unwrap()),
    ));
    assert_eq!((alone.answered, among.answered), (alone.asked, among.asked));
    proxy.tells_who_asks();
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn good_clients_are_served_among_slow_ones_behind_nginx() {
    try_behind(Kind::Nginx);
}

#[test]
fn good_clients_are_served_among_slow_ones_behind_caddy() {
    try_behind(Kind::Caddy);
}

/// Told, not promised: the server by itself has no time-outs, so each slow client holds a connection for as long as it likes.
#[test]
fn without_a_proxy_slow_clients_cost_memory_and_descriptors() {
    many_descriptors();
    let home = TempDir::new().unwrap();
    let settings = format!("{{{SETTINGS}}}");
    let mut server = Program::serve(home.path()).env("ROCKET_SESSIOND", &settings).listen();
    server.set_up();
    let good = Good { address: server.address, credential: server.sign_in().credential().to_owned() };
    good.ask_all();
    let alone = good.ask_all();
    let before = memory::resident_kib(server.id());
    let slow = Slow::start(server.address, slow_clients());
    let among = good.ask_all();
    let more = memory::resident_kib(server.id()).saturating_sub(before);
    let held = slow.stop();
    tell(&format!(
        "fault: {held} slow clients without a proxy: {} of {} good requests answered, p99 {:.2} times that without them, \
         {:.2} KB for each, held for as long as they like",
        among.answered,
        among.asked,
        among.p99.as_secs_f64() / alone.p99.as_secs_f64(),
        f64::from(u32::try_from(more).unwrap()) / f64::from(u32::try_from(held).unwrap()),
    ));
    assert_eq!(among.answered, among.asked);
    assert_eq!(server.kill().code, None);
}
