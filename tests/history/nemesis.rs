//! Who makes a round's life hard: kills the server at any time, while it starts and at named steps, stops it, fills its disk,
//! moves its clock, and starts it again on the same data.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::powercut;
use super::record::{Death, Deeds, How, Life, Moment, Server as Number, now};
use super::setup::{Home, Setup};
use super::steps::{self, Finds, Strike};
use super::world::World;
use crate::contract::dice::Dice;
use crate::process::{Exited, Server};
use crate::shims::set_clock;

/// Operations between two kills, on average; between two power cuts, which take longer to make than to survive.
const BETWEEN: usize = 600;
const BETWEEN_CUTS: usize = 400;
/// The same for full disks.
const BETWEEN_FILLS: usize = 5_000;
/// A disk is full until so many answers said that nothing could be confirmed, or until there were so many operations: the
/// database has some room left within its file.
const FULL_FOR: u64 = 150;
const ROOM_FOR: u64 = 3_000;
/// The journal's files are as large as this and never grow, so a full disk leaves them alone.
const JOURNAL: u64 = 1024 * 1024;
/// Bytes at the end of such a file.
const NEARLY_FULL: usize = 160 * 1024;
/// Seconds that a clock may be wrong without anybody being signed out: any two are less than five minutes apart.
pub const NEAR: [i64; 5] = [-120, -60, 0, 60, 120];
/// Seconds that sign everyone out: by the clock that is behind, or since everybody was idle for too long.
pub const FAR: [i64; 5] = [-3 * 86_400, -3_600, -600, 3_600, 86_400];

pub struct Nemesis<'a> {
    setup: &'a Setup,
    home: Home,
    world: &'a World,
    dice: Dice,
    server: Option<Server>,
    /// When it was last seen alive.
    seen: Moment,
    strike: Option<Strike>,
    /// By how many seconds the clock is wrong at a start.
    offset: i64,
    pub lives: Vec<Life>,
    pub deeds: Deeds,
    pub stuck: Option<String>,
}

impl<'a> Nemesis<'a> {
    pub fn new(setup: &'a Setup, home: Home, world: &'a World, seed: u64) -> Self {
        let mut nemesis = Self {
            setup,
            home,
            world,
            dice: Dice::new(seed),
            server: None,
            seen: 0,
            strike: None,
            offset: 0,
            lives: Vec::new(),
            deeds: Deeds::default(),
            stuck: None,
        };
        nemesis.start(true);
        nemesis
    }

    /// The number of the newest process.
    fn number(&self) -> Number {
        Number::try_from(self.lives.len() - 1).expect("a number")
    }

    fn begin(&mut self) {
        set_clock(&self.home.offset(), self.offset);
        let offset = self.offset * 1_000_000_000;
        self.lives.push(Life { begun: now(), listens: None, offset, death: None });
    }

    /// Starts a server; one that strikes itself before it listens is followed by another. `peaceful`: none does.
    fn start(&mut self, peaceful: bool) {
        let mut finds = Finds::default();
        loop {
            if !peaceful {
                finds.mending |= self.move_clock();
                finds.mending |= self.strike.as_ref().is_some_and(|strike| strike.step == "journal-synced");
                finds.rotation = journal_is_nearly_full(&self.home);
            }
            self.strike = if peaceful { None } else { steps::choose(&self.dice, finds) };
            self.begin();
            match self.setup.serve(&self.home, self.strike.as_ref()).try_listen() {
                Ok(server) => {
                    let listens = now();
                    self.seen = listens;
                    self.lives.last_mut().expect("just begun").listens = Some(listens);
                    self.world.serve(self.number(), server.address, server.id());
                    self.server = Some(server);
                    return;
                }
                Err(exited) if exited.code.is_none() && self.strike.is_some() => {
                    self.died(self.seen, How::Struck);
                }
                Err(exited) => return self.does_not_start(&exited),
            }
        }
    }

    /// Works until there have been enough operations.
    pub fn work(&mut self) {
        let between_kills = if self.setup.powercut.is_some() { BETWEEN_CUTS } else { BETWEEN };
        let mut next_kill = self.between(between_kills);
        let mut next_stop = self.between(BETWEEN / 2);
        let mut next_fill = self.between(BETWEEN_FILLS);
        while !self.world.is_over() && self.server.is_some() {
            let done = self.world.count();
            if self.server.as_mut().is_some_and(Server::has_ended) {
                self.server = None;
                self.world.doom(self.number());
                self.died(self.seen, How::Struck);
                self.start(false);
            }
            self.seen = now();
            if done >= next_stop {
                self.stop_for_a_moment();
                self.shove_clock();
                next_stop = done + self.between(BETWEEN / 2);
            }
            if done >= next_fill {
                if self.fill_the_disk() {
                    next_kill = 0;
                }
                next_fill = self.world.count() + self.between(BETWEEN_FILLS);
            }
            if done >= next_kill {
                self.kill();
                if self.dice.below(4) == 0 {
                    self.kill_on_the_way_up();
                }
                if self.stuck.is_none() {
                    self.start(false);
                }
                next_kill = done + self.between(between_kills);
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
        self.died(sent, How::Killed);
    }

    fn died(&mut self, sent: Moment, how: How) {
        let life = self.lives.last_mut().expect("a process that began");
        life.death = Some(Death { sent, gone: now(), how });
        if how == How::Struck
            && let Some(strike) = &self.strike
        {
            *self.deeds.struck.entry(strike.step.to_owned()).or_default() += 1;
        }
        if how != How::Asked && self.setup.powercut.is_some() {
            powercut::cut(&self.home, Some(&self.dice));
        }
    }

    fn does_not_start(&mut self, exited: &Exited) {
        self.died(self.seen, How::Asked);
        self.stuck = Some(format!("{exited:?}"));
        self.world.give_up();
    }

    /// Strikes once a start has opened so many files.
    fn kill_on_the_way_up(&mut self) {
        let files = 4 + self.dice.below(10);
        self.begin();
        let sent = now();
        let mut starting = self.setup.serve(&self.home, None).spawn("");
        while !starting.listens() && starting.descriptors().is_some_and(|open| open < files) {
            thread::yield_now();
        }
        let exited = starting.kill();
        if exited.code.is_some() {
            return self.does_not_start(&exited);
        }
        self.died(sent, How::Killed);
    }

    fn stop_for_a_moment(&self) {
        let Some(server) = &self.server else { return };
        signal(server.id(), "STOP");
        thread::sleep(Duration::from_millis(1 + self.dice.next() % 60));
        signal(server.id(), "CONT");
    }

    /// Lets no file grow for a while, which leaves the journal's files alone. Answers whether it stays so: then the process
    /// has to be killed.
    fn fill_the_disk(&mut self) -> bool {
        // The copies that a power cut is made of must be whole.
        let Some(server) = self.server.as_ref().filter(|_| self.setup.powercut.is_none()) else { return false };
        let database = fs::metadata(self.home.data().join("db/db")).map_or(0, |file| file.len());
        let (done, unconfirmed) = (self.world.count(), self.world.unconfirmed());
        limit(server.id(), &database.max(JOURNAL).to_string());
        while self.world.count() < done + ROOM_FOR
            && self.world.unconfirmed() < unconfirmed + FULL_FOR
            && !self.world.is_over()
            && fs::read_link(format!("/proc/{}/exe", server.id())).is_ok()
        {
            thread::sleep(Duration::from_millis(1));
        }
        let stays = self.dice.below(4) == 0;
        if !stays {
            limit(server.id(), "unlimited");
        }
        let told = usize::try_from(self.world.unconfirmed() - unconfirmed).unwrap_or(usize::MAX);
        self.deeds.unconfirmed += told;
        self.deeds.fills += usize::from(told > 0);
        stays
    }

    /// Before a start: perhaps another time of day. Answers whether it goes back further than is tolerated.
    fn move_clock(&mut self) -> bool {
        let before = self.offset;
        if self.setup.clock.is_some() {
            let among: &[i64] = match self.dice.below(16) {
                0..=9 => &[],
                10..=11 => &FAR,
                _ => &NEAR,
            };
            self.offset = self.dice.pick(among).copied().unwrap_or(before);
            self.deeds.jumps += usize::from(self.offset != before);
        }
        self.offset < before - 300
    }

    /// Under a process that runs: it has read the clock, and will not do so again.
    fn shove_clock(&mut self) {
        if self.setup.clock.is_some() {
            let among = if self.dice.below(2) == 0 { &NEAR } else { &FAR };
            set_clock(&self.home.offset(), self.dice.pick(among).copied().unwrap_or(0));
            self.deeds.shoves += 1;
        }
    }

    /// A clean end and one more start, for the last questions.
    pub fn restart(&mut self) {
        let Some(server) = self.server.take() else { return };
        self.world.doom(self.number());
        let sent = now();
        let exited = server.stop();
        // It may have been told to strike itself.
        let struck = exited.code.is_none() && self.strike.is_some();
        assert!(struck || exited.code == Some(0), "{exited:?}");
        self.died(sent, if struck { How::Struck } else { How::Asked });
        self.start(true);
    }
}

/// Whether the newest file of the journal has no room for the endings of more than a kill or two.
fn journal_is_nearly_full(home: &Home) -> bool {
    let files = (0..4).filter_map(|number| fs::read(home.data().join(format!("ends/ends.{number}"))).ok());
    // The generation stands in the header, after the magic.
    let newest =
        files.max_by_key(|file| file.get(8..16).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes));
    newest.is_some_and(|file| file.iter().rev().take(NEARLY_FULL).any(|byte| *byte != 0))
}

fn limit(process: u32, bytes: &str) {
    let (pid, size) = (process.to_string(), format!("--fsize={bytes}:unlimited"));
    // The process may have struck itself.
    let set = Command::new("prlimit").args(["--pid", &pid, &size]).stderr(std::process::Stdio::null()).status();
    assert!(set.is_ok(), "prlimit, of Debian's util-linux");
}

fn signal(process: u32, name: &str) {
    let told = Command::new("sh").args(["-c", "kill -\"$0\" \"$1\"", name, &process.to_string()]).status();
    assert!(told.is_ok(), "a shell");
}
