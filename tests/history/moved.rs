//! A wall clock that somebody moves, seen from one session.

use super::nemesis::{FAR, NEAR};
use super::setup::Home;
use super::{Run, SETTINGS};
use crate::process::PASSWORD;
use crate::shims::set_clock;

const DAY: i64 = 86_400;

#[test]
fn a_clock_moved_under_a_server_changes_nothing_and_one_behind_at_a_start_signs_everyone_out_loudly() {
    let run = Run::new(SETTINGS);
    let home = Home::new();
    let people = run.setup.people(&home, 1);
    let sign_in = |server: &crate::process::Server| server.client().sign_in(&people[0].email, PASSWORD);

    let server = run.setup.serve(&home, None).listen();
    let mut person = sign_in(&server);
    for seconds in FAR.into_iter().chain(NEAR) {
        set_clock(&home.offset(), seconds);
        assert!(person.get("/account").is_signed_in(), "moved by {seconds} s");
    }
    assert_eq!(server.stop().code, Some(0));

    for seconds in NEAR {
        set_clock(&home.offset(), seconds);
        let server = run.setup.serve(&home, None).listen();
        assert!(person.at(server.address).get("/account").is_signed_in(), "wrong by {seconds} s at a start");
        assert_eq!(server.stop().code, Some(0));
    }

    set_clock(&home.offset(), -DAY);
    let server = run.setup.serve(&home, None).listen();
    assert!(!person.at(server.address).get("/account").is_signed_in());
    let mut later = sign_in(&server);
    assert!(later.get("/account").is_signed_in());
    let exited = server.stop();
    assert!(exited.stderr.contains("everyone's sessions end"), "{exited:?}");

    // Set right again, a day has passed for the one, and the other stays ended.
    set_clock(&home.offset(), 0);
    let server = run.setup.serve(&home, None).listen();
    for client in [&person, &later] {
        assert!(!client.at(server.address).get("/account").is_signed_in());
    }
    assert!(sign_in(&server).get("/account").is_signed_in());
    assert_eq!(server.stop().code, Some(0));
}
