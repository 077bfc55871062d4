//! The server of a round, and who kills it, stops it for a moment, and starts it again on the same data.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::powercut::Shim;
use super::record::{Death, Moment, Server as Number, now};
use super::world::{Person, World};
use crate::contract::dice::Dice;
use crate::process::{PASSWORD, Program, Server};

/// Operations between two kills, on average.
const BETWEEN: usize = 800;

/// Which program, with which settings.
#[derive(Debug, Clone)]
pub struct Setup {
    pub program: PathBuf,
    pub settings: String,
    /// More of its environment.
    pub more: Vec<(String, String)>,
    /// With it, each kill is a power cut: what was not synced is gone.
    pub shim: Option<Shim>,
}

impl Setup {
    fn command(&self, data: &Path) -> Program {
        let program = Program::at(&self.program, data).env("ROCKET_SESSIOND", &self.settings);
        let program = self.more.iter().fold(program, |program, (name, value)| program.env(name, value));
        match &self.shim {
            Some(shim) => shim.watch(program, data),
            None => program,
        }
    }

    fn serve(&self, data: &Path) -> Program {
        self.command(data).args(["serve", "--address", "127.0.0.1", "--port", "0", "--data"]).arg(data)
    }

    /// Creates the people of a round; the first is an administrator.
    pub fn people(&self, data: &Path, count: usize) -> Vec<Person> {
        let create = |number| {
            let email = format!("person{number}@example.com");
            let words = ["user", "create", "--email", &email, "--password-stdin"];
            let label: &[&str] = if number == 0 { &["--label", "admin"] } else { &[] };
            let program = self.command(data).args(words).args(label.iter().copied()).arg("--data").arg(data);
            let exited = program.run_typing(PASSWORD);
            assert_eq!(exited.code, Some(0), "{exited:?}");
            Person { id: exited.stdout.trim().to_owned(), email }
        };
        (0..count).map(create).collect()
    }
}

/// The data folder of a round.
pub fn data_in(home: &TempDir) -> PathBuf {
    let data = home.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    data
}

pub struct Nemesis<'a> {
    setup: &'a Setup,
    home: TempDir,
    world: &'a World,
    dice: Dice,
    server: Option<Server>,
    pub deaths: Vec<Death>,
}

impl<'a> Nemesis<'a> {
    pub fn new(setup: &'a Setup, home: TempDir, world: &'a World, seed: u64) -> Self {
        let mut nemesis = Self { setup, home, world, dice: Dice::new(seed), server: None, deaths: Vec::new() };
        nemesis.start();
        nemesis
    }

    fn number(&self) -> Number {
        Number::try_from(self.deaths.len()).expect("a number")
    }

    fn start(&mut self) {
        let server = self.setup.serve(&data_in(&self.home)).listen();
        self.world.serve(self.number(), server.address);
        self.server = Some(server);
    }

    /// Kills and stops, until there have been enough operations.
    pub fn work(&mut self) {
        let mut next_kill = self.between(BETWEEN);
        let mut next_stop = self.between(BETWEEN / 2);
        while !self.world.is_over() {
            if self.world.count() >= next_stop {
                self.stop_for_a_moment();
                next_stop = self.world.count() + self.between(BETWEEN / 2);
            }
            if self.world.count() >= next_kill {
                self.kill();
                if self.dice.below(4) == 0 {
                    self.kill_on_the_way_up();
                }
                self.start();
                next_kill = self.world.count() + self.between(BETWEEN);
            }
            thread::sleep(Duration::from_micros(self.dice.next() % 500));
        }
    }

    fn between(&self, average: usize) -> u64 {
        (average / 2 + self.dice.below(average)) as u64
    }

    fn kill(&mut self) {
        let Some(server) = self.server.take() else { return };
        self.world.doom(self.number());
        let sent = now();
        server.kill();
        self.lose_what_was_not_synced();
        self.died(sent, true);
    }

    fn died(&mut self, sent: Moment, killed: bool) {
        self.deaths.push(Death { sent, gone: now(), killed });
    }

    /// Strikes once a start has opened so many files. No request has reached it, so it needs no number.
    fn kill_on_the_way_up(&self) {
        let files = 4 + self.dice.below(10);
        let mut starting = self.setup.serve(&data_in(&self.home)).spawn("");
        while !starting.listens() && starting.descriptors().is_some_and(|open| open < files) {
            thread::yield_now();
        }
        let exited = starting.kill();
        assert_eq!(exited.code, None, "it did not start: {exited:?}");
        self.lose_what_was_not_synced();
    }

    fn lose_what_was_not_synced(&self) {
        if self.setup.shim.is_some() {
            Shim::cut(&data_in(&self.home));
        }
    }

    fn stop_for_a_moment(&self) {
        let Some(server) = &self.server else { return };
        signal(server.id(), "STOP");
        thread::sleep(Duration::from_millis(1 + self.dice.next() % 60));
        signal(server.id(), "CONT");
    }

    /// A clean end and one more start, for the last questions.
    pub fn restart(&mut self) {
        let server = self.server.take().expect("a server");
        self.world.doom(self.number());
        let sent = now();
        let exited = server.stop();
        assert_eq!(exited.code, Some(0), "{exited:?}");
        self.died(sent, false);
        self.start();
    }
}

fn signal(process: u32, name: &str) {
    let told = Command::new("sh").args(["-c", "kill -\"$0\" \"$1\"", name, &process.to_string()]).status();
    assert!(told.expect("a shell").success());
}
