//! What may happen in a random history.

use std::collections::BTreeSet;
use std::time::Duration;

use super::dice::Dice;
use sessiond::domain::change::UserChange;
use sessiond::domain::id::{SessionId, UserKey};
use sessiond::domain::lifetime::Kind;
use sessiond::domain::timestamp::Timestamp;
use sessiond::domain::user::{Email, Label, User};

pub const PEOPLE: [&str; 3] = ["ada", "bob", "cleo"];

/// A change, the same for both stores.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Reads the epochs for a slow sign-in of this user.
    Begin(usize),
    SignIn {
        user: usize,
        /// With the epochs that were read by the last `Begin`.
        slow: bool,
        replaces: Option<SessionId>,
        seed: u64,
        kind: Kind,
        address: [u8; 4],
        /// Which of the devices.
        device: usize,
    },
    CreateAgain(SessionId),
    End(usize, SessionId),
    EndUser(usize, Option<SessionId>),
    EndEveryone,
    Touch(usize, SessionId),
    Reauthenticate(usize, SessionId),
    Reap(usize),
    AddUser(usize),
    DeleteUser(usize),
    /// A wrong try, of somebody who is known or not.
    Fail(usize, bool),
    Admit(usize, bool),
    Change(usize, UserChange),
    /// A new password, or the same one hashed anew.
    Password {
        user: usize,
        /// For whoever asks themselves: in which session, and what the next one is drawn from.
        asked: Option<(SessionId, u64)>,
        rehash: bool,
        /// With the epochs that were read by the last `Begin`.
        slow: bool,
        /// With the password that the user has.
        right: bool,
        number: u64,
    },
    Wait(Duration),
    Reopen,
}

/// A change that concerns one of the sessions known so far, or a new one.
pub fn next(dice: &Dice, known: &[(UserKey, SessionId)], people: &[User]) -> Operation {
    let user = dice.below(PEOPLE.len());
    let at_random = |dice: &Dice| match dice.pick(known) {
        // Mostly under its own user, now and then under another one.
        Some((key, id)) if dice.below(10) > 0 => (people.iter().position(|p| p.key() == *key).unwrap_or(user), *id),
        Some((_, id)) => (user, *id),
        None => (user, SessionId::new(Timestamp::from_millis(0), dice)),
    };
    let some_of = |dice: &Dice| {
        let own: Vec<_> = known.iter().filter(|(key, _)| *key == people[user].key()).map(|(_, id)| *id).collect();
        let from = own.len().saturating_sub(6);
        dice.pick(&own[from..]).copied()
    };
    let ((owner, id), kind) = (at_random(dice), [Kind::Standard, Kind::Persistent, Kind::Administrator]);
    match dice.below(100) {
        0..5 => Operation::Begin(user),
        5..40 => Operation::SignIn {
            user,
            slow: dice.below(5) == 0,
            replaces: (dice.below(4) == 0).then(|| some_of(dice)).flatten(),
            seed: dice.next(),
            kind: kind[dice.below(3)],
            address: [10, u8::try_from(dice.below(3)).unwrap_or(0), 0, 1],
            device: dice.below(3),
        },
        40..42 => Operation::CreateAgain(id),
        42..50 => Operation::End(owner, id),
        50..56 => Operation::EndUser(user, (dice.below(2) == 0).then(|| some_of(dice)).flatten()),
        56..58 => Operation::EndEveryone,
        58..70 => Operation::Touch(owner, id),
        70..74 => Operation::Reauthenticate(owner, id),
        74..80 => Operation::Reap(dice.below(6)),
        80..83 => Operation::AddUser(user),
        83 => Operation::DeleteUser(user),
        84..86 => Operation::Reopen,
        86..89 => Operation::Change(user, change(dice)),
        92 => Operation::Fail(user, dice.below(2) == 0),
        93 => Operation::Admit(user, dice.below(2) == 0),
        89..92 => Operation::Password {
            user,
            asked: some_of(dice).filter(|_| dice.below(3) > 0).map(|id| (id, dice.next())),
            rehash: dice.below(4) == 0,
            slow: dice.below(4) == 0,
            right: dice.below(5) > 0,
            number: dice.next(),
        },
        _ => {
            let longest = [1, 1_000, 60_000, 600_000, 3_600_000][dice.below(5)];
            Operation::Wait(Duration::from_millis(dice.next() % longest))
        }
    }
}

fn change(dice: &Dice) -> UserChange {
    match dice.below(7) {
        3 => UserChange::Email(email(dice)),
        4 => UserChange::Name(["Ada", "Bob", "Nobody"][dice.below(3)].parse().expect("a name")),
        5 => UserChange::Unlock,
        0 => UserChange::Block,
        1 => UserChange::Labels(BTreeSet::from([Label::admin()])),
        2 => UserChange::Labels(BTreeSet::new()),
        _ => UserChange::Unblock,
    }
}

/// One of few, so that they meet.
fn email(dice: &Dice) -> Email {
    let name = ["ada", "bob", "cleo", "zoe"][dice.below(4)];
    format!("{name}@example.com").parse().expect("an address")
}
