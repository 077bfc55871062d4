//! Which program a round runs, on which data, and with which libraries loaded before it.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::steps::Strike;
use super::world::Person;
use crate::process::{PASSWORD, Program};

/// Has the server survive the signal that comes with the limit on the size of files, which stands in for a full disk.
const WITHOUT_SIGNAL: &str = "trap '' XFSZ; exec \"$0\" \"$@\"";

/// Which program, with which settings.
#[derive(Debug, Clone)]
pub struct Setup {
    pub program: PathBuf,
    pub settings: String,
    /// More of its environment.
    pub more: Vec<(String, String)>,
    /// With it, each kill is a power cut: what was not synced is gone.
    pub powercut: Option<PathBuf>,
    /// With it, the wall clock moves.
    pub clock: Option<PathBuf>,
}

/// The folder of a round.
pub struct Home(TempDir);

impl Home {
    pub fn new() -> Self {
        let home = Self(TempDir::new().unwrap());
        std::fs::create_dir(home.data()).unwrap();
        std::fs::write(home.offset(), 0_i64.to_le_bytes()).unwrap();
        home
    }

    pub fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// What a power cut leaves.
    pub fn kept(&self) -> PathBuf {
        self.0.path().join("kept")
    }

    /// By how many seconds the wall clock is wrong.
    pub fn offset(&self) -> PathBuf {
        self.0.path().join("offset")
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

impl Setup {
    fn with_libraries(&self, home: &Home, program: Program) -> Program {
        let libraries: Vec<_> = [&self.powercut, &self.clock].into_iter().flatten().map(|path| text(path)).collect();
        let mut program = program.env("ROCKET_SESSIOND", &self.settings).env("LD_PRELOAD", &libraries.join(":"));
        for (name, value) in &self.more {
            program = program.env(name, value);
        }
        if self.powercut.is_some() {
            program = program.env("POWERCUT_DATA", text(&home.data())).env("POWERCUT_KEPT", text(&home.kept()));
        }
        if self.clock.is_some() {
            program = program.env("CLOCK_OFFSET", text(&home.offset()));
        }
        program
    }

    /// A verb on the data.
    pub fn verb<'a>(&self, home: &Home, words: impl IntoIterator<Item = &'a str>) -> Program {
        let program = Program::at(&self.program, &home.data()).args(words).arg("--data").arg(home.data());
        self.with_libraries(home, program)
    }

    /// A server that may be told to kill itself at a step.
    pub fn serve(&self, home: &Home, strike: Option<&Strike>) -> Program {
        let program = Program::at("/bin/sh".as_ref(), &home.data()).args(["-c", WITHOUT_SIGNAL]).arg(&self.program);
        let program = program.args(["serve", "--address", "127.0.0.1", "--port", "0", "--data"]).arg(home.data());
        let program = self.with_libraries(home, program);
        match strike {
            Some(strike) => program.env("SESSIOND_KILL_AT", &strike.to_string()),
            None => program,
        }
    }

    /// Creates the people of a round; the first is an administrator.
    pub fn people(&self, home: &Home, count: usize) -> Vec<Person> {
        let create = |number| {
            let email = format!("person{number}@example.com");
            let words = ["user", "create", "--email", &email, "--password-stdin"];
            let label: &[&str] = if number == 0 { &["--label", "admin"] } else { &[] };
            let exited = self.verb(home, words.into_iter().chain(label.iter().copied())).run_typing(PASSWORD);
            assert_eq!(exited.code, Some(0), "{exited:?}");
            Person { id: exited.stdout.trim().to_owned(), email }
        };
        (0..count).map(create).collect()
    }
}
