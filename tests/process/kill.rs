//! A standing crash loop: sign in, revoke, kill −9 while further requests are in flight, restart, replay.
//!
//! `SESSIOND_CYCLES` says how often; 20 times unless it is set. The long run:
//! `SESSIOND_CYCLES=200 cargo test --test tests crash_loop -- --nocapture`.

use std::fmt;
use std::io::Write;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use tempfile::TempDir;

use super::client::session_id;
use super::program::Exited;
use super::{Client, PASSWORD, Program, Server};

const CYCLES: u32 = 20;
const WORKER: &str = "worker@example.com";
/// No session may make room for another one: then each that vanished would be a loss.
const SETTINGS: &str = "{password_hash={memory_kib=64,passes=1},sessions_per_user=1000000,administrator={idle=\"6h\"}}";

/// What was answered so far.
#[derive(Default)]
struct Ledger {
    live: Vec<String>,
    ended: Vec<String>,
}

#[derive(Default)]
struct Counts {
    cycles: u32,
    sign_ins: usize,
    revokes: usize,
    in_flight: u32,
    in_start: u32,
    replays: usize,
    accepted: usize,
    lost: usize,
    failed_openings: u32,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cycles, sign_ins, revokes, in_flight, in_start, replays, accepted, lost, failed_openings } = self;
        write!(
            f,
            "crash loop: {cycles} cycles, {sign_ins} sign-ins and {revokes} revokes answered, {in_flight} kills hit a \
             request in flight, {in_start} hit a start, {replays} credentials replayed: {accepted} ended ones accepted, \
             {lost} answered sign-ins lost, {failed_openings} failed openings"
        )
    }
}

/// What one of the storm's threads has to tell.
enum Told {
    SignedIn(String),
    Ended(String),
    /// The connection broke. `sent` says whether the whole request was out, and `revoking` whose end nobody knows now.
    Broken {
        sent: bool,
        revoking: Option<String>,
    },
}

/// Numbers that are the same in each run; what is random here is the moment at which the kill strikes.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

struct Loop {
    data: TempDir,
    administrator: Client,
    ledger: Ledger,
    counts: Counts,
    dice: Dice,
}

impl Loop {
    fn new() -> Self {
        let data = TempDir::new().unwrap();
        let mut server = Program::serve(data.path()).env("ROCKET_SESSIOND", SETTINGS).listen();
        server.set_up();
        let administrator = server.sign_in();
        assert_eq!(server.stop().code, Some(0));
        let words = ["user", "create", "--email", WORKER, "--password-stdin"];
        let created = Program::verb(data.path(), words).run_typing(PASSWORD);
        assert_eq!(created.code, Some(0), "{created:?}");
        Self { data, administrator, ledger: Ledger::default(), counts: Counts::default(), dice: Dice(7) }
    }

    fn start(&mut self) -> Result<Server, Exited> {
        let started = Program::serve(self.data.path()).env("ROCKET_SESSIOND", SETTINGS).try_listen();
        match &started {
            Ok(server) => self.administrator = self.administrator.at(server.address),
            Err(_) => self.counts.failed_openings += 1,
        }
        started
    }

    /// Kills a server somewhere on its way up: once it has opened so many files.
    fn kill_in_start(&mut self) {
        let files = 4 + usize::try_from(self.dice.below(10)).unwrap();
        let mut starting = Program::serve(self.data.path()).env("ROCKET_SESSIOND", SETTINGS).spawn("");
        while !starting.listens() && starting.descriptors().is_some_and(|open| open < files) {
            thread::yield_now();
        }
        let exited = starting.kill();
        // A process that ended by itself before the signal did not open the database.
        self.counts.failed_openings += u32::from(exited.code.is_some());
        self.counts.in_start += 1;
    }

    /// What was answered must be so.
    fn replay(&mut self, server: &Server, ended: &[String], live: &[String]) {
        let opens = |credential: &String| {
            let answer = Client::holding(server.address, credential).get("/");
            assert_eq!(answer.status, 303, "{}", answer.body);
            answer.is_signed_in()
        };
        self.counts.accepted += ended.iter().filter(|credential| opens(credential)).count();
        self.counts.lost += live.iter().filter(|credential| !opens(credential)).count();
        self.counts.lost += usize::from(!opens(&self.administrator.credential().to_owned()));
        self.counts.replays += ended.len() + live.len() + 1;
    }

    fn revoke(&mut self, credential: String) {
        self.administrator.revoke(&session_id(&credential), "crash loop");
        self.ledger.ended.push(credential);
        self.counts.revokes += 1;
    }

    /// One cycle on a server that runs; it ends with the kill.
    fn cycle(&mut self, server: Server) {
        let from = (self.ledger.ended.len(), self.ledger.live.len());
        let mut settled: Vec<_> =
            (0..6).map(|_| server.client().sign_in(WORKER, PASSWORD).credential().to_owned()).collect();
        self.counts.sign_ins += settled.len();
        for _ in 0..2 {
            let credential = settled.pop().unwrap();
            self.revoke(credential);
        }
        let token = self.administrator.token("/admin/sessions/everyone");
        let (tell, told) = channel();
        for _ in 0..2 {
            let (client, tell) = (server.client(), tell.clone());
            thread::spawn(move || keep_signing_in(client, &tell));
        }
        let victims = settled.split_off(2);
        self.ledger.live.extend(settled);
        let administrator = self.administrator.clone();
        let in_storm = victims.clone();
        thread::spawn(move || keep_revoking(administrator, &token, in_storm, &tell));

        let answers = self.dice.below(12);
        let answered: Vec<_> = told.iter().take(usize::try_from(answers).unwrap()).collect();
        server.kill();
        self.settle(answered, &told, victims);
        self.counts.cycles += 1;
        println!(
            "cycle {}: killed after {answers} answers, {} ended and {} live to replay",
            self.counts.cycles,
            self.ledger.ended.len() - from.0,
            self.ledger.live.len() - from.1,
        );
    }

    /// Books what the storm brought before the kill. Only what was answered counts; the rest may be either way.
    fn settle(&mut self, answered: Vec<Told>, rest: &Receiver<Told>, mut untouched: Vec<String>) {
        let mut hit = false;
        for told in answered.into_iter().chain(rest.iter()) {
            match told {
                Told::SignedIn(credential) => {
                    self.counts.sign_ins += 1;
                    self.ledger.live.push(credential);
                }
                Told::Ended(credential) => {
                    if untouched.contains(&credential) {
                        self.counts.revokes += 1;
                        untouched.retain(|one| *one != credential);
                        self.ledger.ended.push(credential);
                    }
                }
                Told::Broken { sent, revoking } => {
                    hit |= sent;
                    untouched.retain(|one| Some(one) != revoking.as_ref());
                }
            }
        }
        self.ledger.live.extend(untouched);
        self.counts.in_flight += u32::from(hit);
    }
}

/// Signs in until the server is gone.
fn keep_signing_in(mut visitor: Client, tell: &Sender<Told>) {
    let Ok(page) = visitor.try_send("GET", "/login", "") else { return };
    let Some(token) = page.form_token() else { return };
    loop {
        let mut person = visitor.clone();
        let answer = person.try_submit("/login", &token, &[("email", WORKER), ("password", PASSWORD)]);
        let told = match answer {
            Ok(answer) if answer.location() == "/account" => Told::SignedIn(person.credential().to_owned()),
            Ok(answer) => panic!("a sign-in is refused: {answer:?}"),
            Err(error) => Told::Broken { sent: error.kind() != std::io::ErrorKind::ConnectionRefused, revoking: None },
        };
        let over = matches!(told, Told::Broken { .. });
        if tell.send(told).is_err() || over {
            return;
        }
    }
}

/// Ends these sessions one after the other, and then the last one again, until the server is gone.
fn keep_revoking(mut administrator: Client, token: &str, victims: Vec<String>, tell: &Sender<Told>) {
    let last = victims.last().cloned().into_iter().cycle();
    for credential in victims.into_iter().chain(last) {
        let id = session_id(&credential);
        let told = match administrator.try_submit("/admin/sessions/end", token, &[("only", &id)]) {
            Ok(answer) if answer.location() == "/admin/sessions" => Told::Ended(credential),
            Ok(answer) => panic!("a revoke is refused: {answer:?}"),
            Err(error) => {
                Told::Broken { sent: error.kind() != std::io::ErrorKind::ConnectionRefused, revoking: Some(credential) }
            }
        };
        let over = matches!(told, Told::Broken { .. });
        if tell.send(told).is_err() || over {
            return;
        }
    }
}

#[test]
fn crash_loop() {
    let cycles =
        std::env::var("SESSIOND_CYCLES").map_or(CYCLES, |text| text.parse().expect("SESSIOND_CYCLES: a number"));
    let mut run = Loop::new();
    let (mut ended, mut live) = (0, 0);
    for cycle in 0..cycles {
        if cycle % 4 == 3 {
            run.kill_in_start();
        }
        let Ok(server) = run.start() else { break };
        let (fresh_ended, fresh_live) = (run.ledger.ended[ended..].to_vec(), run.ledger.live[live..].to_vec());
        run.replay(&server, &fresh_ended, &fresh_live);
        (ended, live) = (run.ledger.ended.len(), run.ledger.live.len());
        run.cycle(server);
    }
    if let Ok(server) = run.start() {
        let Ledger { ended, live } = std::mem::take(&mut run.ledger);
        run.replay(&server, &ended, &live);
    }
    // Past the runner's capture: the figures are worth reading when all is well, too.
    let _ = writeln!(std::io::stderr(), "{}", run.counts);
    let Counts { cycles: done, accepted, lost, failed_openings, in_flight, .. } = run.counts;
    assert_eq!((done, accepted, lost, failed_openings), (cycles, 0, 0, 0));
    assert!(in_flight * 2 >= cycles, "only {in_flight} of {cycles} kills hit a request in flight");
}
