//! Processes that kill themselves at a named step. Only a build with the feature `seeded-bugs` can be told to.

use std::fmt;

use crate::contract::dice::Dice;

/// At which step, and how many times it is reached before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strike {
    pub step: &'static str,
    pub count: usize,
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.step, self.count)
    }
}

/// Steps of every start.
#[cfg(feature = "seeded-bugs")]
const OPENING: [&str; 9] = [
    "locked",
    "swap-settled",
    "database-opened",
    "journal-opened",
    "directories-synced",
    "replayed",
    "replay-flushed",
    "replay-synced",
    "index-loaded",
];
/// Steps of a start that finds something to mend.
#[cfg(feature = "seeded-bugs")]
const MENDING: [&str; 3] = ["replaying", "begun-afresh", "everyone-ended"];
/// Steps of each group of changes.
#[cfg(feature = "seeded-bugs")]
pub const CHANGING: [&str; 8] = [
    "transaction-due",
    "transaction-made",
    "journal-written",
    "journal-synced",
    "flushed",
    "synced",
    "confirmed",
    "answered",
];
/// Steps of the journal's next file.
#[cfg(feature = "seeded-bugs")]
const ROTATING: [&str; 3] = ["rotation-due", "rotation-written", "rotation-synced"];
/// Changes before one of the steps of a change strikes, at the most.
#[cfg(feature = "seeded-bugs")]
const PATIENCE: usize = 300;

/// What a process finds that not every one does.
#[derive(Debug, Clone, Copy, Default)]
pub struct Finds {
    /// Something to mend when it starts.
    pub mending: bool,
    /// A file of the journal that will soon be full.
    pub rotation: bool,
}

/// What a process is told, if anything.
#[cfg(feature = "seeded-bugs")]
pub fn choose(dice: &Dice, Finds { mending, rotation }: Finds) -> Option<Strike> {
    let at = |step: Option<&&'static str>, count| step.map(|step| Strike { step, count });
    match dice.below(16) {
        0..=1 => at(dice.pick(&OPENING), 1),
        2..=5 if mending => at(dice.pick(&MENDING), 1),
        4..=11 if rotation => at(dice.pick(&ROTATING), 1),
        2..=11 => at(dice.pick(&CHANGING), 1 + dice.below(PATIENCE)),
        _ => None,
    }
}

#[cfg(not(feature = "seeded-bugs"))]
pub const fn choose(_: &Dice, _: Finds) -> Option<Strike> {
    None
}
