//! SIGTERM under load: what was answered is kept, the process ends by itself with code 0, and soon.
//!
//! `SESSIOND_DRAINS` says how often; 3 times unless it is set.

use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::{Stopwatch, number, tell};
use crate::process::{Client, EMAIL, PASSWORD, Program, session_id};

const CYCLES: u64 = 3;
const SIGNING_IN: usize = 6;
const VICTIMS: usize = 150;
/// Answers until the signal comes.
const BEFORE: usize = 150;
const SETTINGS: &str = "{password_hash={memory_kib=64,passes=1},sessions_per_user=100000,administrator={idle=\"6h\"}}";

enum Told {
    SignedIn(String),
    Ended(String),
    /// Without an answer: may have happened or not.
    Broken(Option<String>),
}

/// Signs in again and again, until the server is gone.
fn keep_signing_in(visitor: Client, token: &str, tell: &Sender<Told>) {
    loop {
        let mut person = visitor.clone();
        let answer = person.try_submit("/login", token, &[("email", EMAIL), ("password", PASSWORD)]);
        let told = match answer {
            Ok(answer) if answer.location() == "/account" => Told::SignedIn(person.credential().to_owned()),
            Ok(answer) => panic!("a sign-in is refused: {answer:?}"),
            Err(_) => Told::Broken(None),
        };
        let over = matches!(told, Told::Broken(_));
        if tell.send(told).is_err() || over {
            return;
        }
    }
}

fn keep_revoking(mut administrator: Client, token: &str, victims: Vec<String>, tell: &Sender<Told>) {
    for victim in victims {
        let told = match administrator.try_submit("/admin/sessions/end", token, &[("only", &session_id(&victim))]) {
            Ok(answer) if answer.location() == "/admin/sessions" => Told::Ended(victim),
            Ok(answer) => panic!("a revoke is refused: {answer:?}"),
            Err(_) => Told::Broken(Some(victim)),
        };
        let over = matches!(told, Told::Broken(_));
        if tell.send(told).is_err() || over {
            return;
        }
    }
}

#[derive(Default)]
struct Counts {
    signed_in: usize,
    ended: usize,
    unanswered: usize,
    slowest: Duration,
}

fn cycle(counts: &mut Counts) {
    let home = TempDir::new().unwrap();
    let serve = || Program::serve(home.path()).env("ROCKET_SESSIOND", SETTINGS).listen();
    let mut server = serve();
    server.set_up();
    let mut administrator = server.sign_in();
    let victims: Vec<_> = (0..VICTIMS).map(|_| server.sign_in().credential().to_owned()).collect();
    let mut untouched = victims.clone();
    let token = administrator.token("/admin/sessions/everyone");
    let (tell, told) = channel();
    let (mut live, mut ended) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        for _ in 0..SIGNING_IN {
            let (mut visitor, tell) = (server.client(), tell.clone());
            let token = visitor.token("/login");
            scope.spawn(move || keep_signing_in(visitor, &token, &tell));
        }
        let (administrator, tell) = (administrator.clone(), tell);
        scope.spawn(move || keep_revoking(administrator, &token, victims, &tell));
        let mut stopping = None;
        for (number, told) in told.iter().enumerate() {
            match told {
                Told::SignedIn(credential) => live.push(credential),
                Told::Ended(credential) => {
                    untouched.retain(|one| *one != credential);
                    ended.push(credential);
                }
                Told::Broken(victim) => {
                    untouched.retain(|one| Some(one) != victim.as_ref());
                    counts.unanswered += 1;
                }
            }
            if number == BEFORE {
                server.ask_to_stop();
                stopping = Some(Stopwatch::start());
            }
        }
        let exited = server.exited();
        counts.slowest = counts.slowest.max(stopping.expect("the load went on until the signal").elapsed());
        assert_eq!(exited.code, Some(0), "{exited:?}");
    });

    let server = serve();
    let opens = |credential: &String| Client::holding(server.address, credential).get("/").is_signed_in();
    assert!(live.iter().all(opens), "an answered sign-in is lost");
    assert!(!ended.iter().any(opens), "an answered revoke is undone");
    assert!(untouched.iter().all(opens), "somebody was signed out by the stop");
    assert_eq!(server.stop().code, Some(0));
    counts.signed_in += live.len();
    counts.ended += ended.len();
}

#[test]
fn sigterm_under_load_keeps_what_was_answered() {
    let mut counts = Counts::default();
    let cycles = number("SESSIOND_DRAINS").unwrap_or(CYCLES);
    for _ in 0..cycles {
        cycle(&mut counts);
    }
    let Counts { signed_in, ended, unanswered, slowest } = counts;
    tell(&format!(
        "fault: {cycles} SIGTERMs under load: {signed_in} sign-ins and {ended} revokes answered, 0 lost, 0 undone; \
         {unanswered} connections refused or without an answer; ended within {} ms",
        slowest.as_millis()
    ));
    assert!(signed_in > 0 && ended > 0, "there was no load");
}

/// The framework said that it was up before it listened for signals, so that such a stop was a kill.
#[test]
fn sigterm_right_after_the_start_is_a_stop_and_no_kill() {
    for _ in 0..5 {
        let home = TempDir::new().unwrap();
        let exited = Program::serve(home.path()).listen().stop();
        assert_eq!(exited.code, Some(0), "{exited:?}");
    }
}
