//! Floods of guesses, in earnest: few are looked at, the disk does not fill, and the owner signs in meanwhile where they have
//! signed in before.

use std::thread;

use tempfile::TempDir;

use super::storm::{Storm, Tally};
use super::{bound, memory, requests, serve, tell};
use crate::process::{EMAIL, PASSWORD, Program, Server};

/// Nothing comes back while the test runs, or hardly anything. 127.0.0.1 stands for a proxy.
const SETTINGS: &str = "{trusted_proxies=[\"127.0.0.1\"],sessions_per_user=100000,\
                        login_limits={per_ip=\"60/30d\",per_account=\"20/30d\",all=\"200/30d\"}}";

/// Lets the storm rage, and answers how often the owner signed in meanwhile.
fn weather(server: &Server, storm: Storm) -> (Tally, u64) {
    let mut owner = server.sign_in();
    let sign_in = move || {
        let fields = [("email", EMAIL), ("password", PASSWORD)];
        let answer = owner.submit("/login", "/login", &fields);
        // 503: at that moment more passwords were waiting than there is room for.
        assert!(matches!(answer.status, 303 | 503), "the owner is kept out: {} {}", answer.status, answer.body);
        u64::from(answer.status == 303)
    };
    thread::scope(|scope| {
        let raging = scope.spawn(move || storm.rage());
        let (mut signed_in, mut sign_in) = (0, sign_in);
        while !raging.is_finished() || signed_in < 3 {
            signed_in += sign_in();
        }
        (raging.join().unwrap(), signed_in)
    })
}

/// Everything that the audit log holds.
fn events(home: &TempDir) -> u64 {
    let checked = Program::verb(home.path(), ["check", "--json"]).run();
    let report: serde_json::Value = serde_json::from_str(&checked.stdout).unwrap_or_else(|_| panic!("{checked:?}"));
    report["totals"]["audit"].as_u64().unwrap_or_else(|| panic!("{report}"))
}

#[track_caller]
fn judge(what: &str, guesses: impl IntoIterator<Item = (String, String)>, limit: u64) {
    let home = TempDir::new().unwrap();
    let server = serve(&home, SETTINGS);
    let (idle, before) = (memory::resident_kib(server.id()), events(&home));
    let (tally, signed_in) = weather(&server, Storm::of_guesses(server.address, requests(), guesses));
    let (after, resident) = (events(&home), memory::resident_kib(server.id()));
    tell(&format!(
        "fault: {} guesses from {what}: {} looked at, {} told to come back later, {} broken off; the owner signed in {signed_in} \
         times meanwhile; {} audit events; memory {} MB, before {} MB",
        tally.sent,
        tally.served,
        tally.later,
        tally.broken,
        after - before,
        resident / 1024,
        idle / 1024,
    ));
    assert_eq!((tally.other, tally.without_retry_after), (Vec::new(), 0));
    assert!((1..=limit).contains(&tally.served), "{} were looked at", tally.served);
    assert!(tally.later > tally.sent / 2, "the flood was none");
    // Each sign-in ends the session before: two events. Beyond those and the wrong passwords, a few tell of the refusals.
    let told = after - before - tally.served;
    assert!(
        told <= 2 * (signed_in + 1) + tally.broken + 5,
        "{told} events besides the wrong passwords, {signed_in} sign-ins"
    );
    assert!(resident <= bound(idle), "{resident} KiB, and {idle} KiB before");
    // A stranger is kept out even with the right password.
    let stranger = server.client().submit("/login", "/login", &[("email", EMAIL), ("password", PASSWORD)]);
    assert_eq!(stranger.status, 429, "{}", stranger.body);
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn asvs_6_3_1_a_flood_of_guesses_from_one_address_does_not_keep_the_owner_out() {
    judge("one address", [(EMAIL.to_owned(), String::new())], 20);
}

#[test]
fn asvs_6_3_1_a_flood_of_guesses_from_many_addresses_does_not_keep_the_owner_out() {
    let guesses = (0..4_000_u32).map(|n| {
        let account = if n % 2 == 0 { EMAIL.to_owned() } else { format!("user{n}@example.com") };
        (account, format!("X-Forwarded-For: 10.{}.{}.{}\r\n", n / 65_536, n / 256 % 256, n % 256))
    });
    judge("many addresses", guesses, 200);
}
