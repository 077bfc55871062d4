//! What is done through the operator's door.

use std::thread;

use super::super::record::{Outcome, User, What, now};
use super::{Asked, Client, RESPITE};

impl Client<'_> {
    /// Blocks somebody, tries to sign in as them, and lets them sign in again.
    pub(super) fn block(&mut self) -> Option<()> {
        let _only = self.world.blocking()?;
        let user = User::try_from(self.dice.below(self.world.people.len() - 1) + 1).ok()?;
        let (asked, outcome) = self.change(user, "Block")?;
        self.note(&asked, What::Block(user), outcome);
        self.swept(Some(user), None, &asked, outcome)?;
        if outcome == Outcome::Done {
            self.sign_in(user, true);
        }
        while !self.world.is_over() {
            let Some((asked, outcome)) = self.change(user, "Unblock") else {
                thread::sleep(RESPITE);
                continue;
            };
            self.note(&asked, What::Unblock(user), outcome);
            if outcome == Outcome::Done {
                break;
            }
            thread::sleep(RESPITE);
        }
        Some(())
    }

    /// Has the database written anew under everybody.
    pub(super) fn compact(&self) -> Option<()> {
        let _only = self.world.blocking()?;
        let (_, door) = self.world.operator()?;
        if door.compact() {
            self.world.note_compacted();
        }
        Some(())
    }

    pub(super) fn change(&self, user: User, change: &str) -> Option<(Asked, Outcome)> {
        let (server, door) = self.world.operator()?;
        let start = now();
        let answer = door.change(&self.world.people[usize::from(user)].id, change);
        let asked = Asked { start, end: now(), server, answer };
        let outcome = asked.outcome(|answer| if answer.status == 200 { Outcome::Done } else { Outcome::Either });
        Some((asked, outcome))
    }
}
