//! The costs at which users' passwords are hashed, so that a wrong password takes as long for everybody.
//!
//! After the configured cost was changed, whoever has not signed in since has a hash at an earlier one, and comparing with it takes
//! another time than comparing with nobody's. So a wrong password is compared with one hash at each cost in use: the user's own
//! first, if there is one, and decoys at the others. Nearly always there is one cost, and nothing is done twice.

use std::sync::{PoisonError, RwLock};

use crate::domain::password::PasswordHash;

/// More at once are hardly ever in use, and each makes every wrong password dearer.
const MOST: usize = 4;

/// See the module.
pub struct Costs {
    /// A salt and a hash, as they end a PHC string.
    ending: String,
    known: RwLock<Vec<String>>,
}

impl Costs {
    /// The cost of `nobody`, whose salt and hash the decoys borrow.
    pub fn new(nobody: &PasswordHash) -> Self {
        let ending = nobody.as_phc().splitn(5, '$').nth(4).unwrap_or_default().to_owned();
        Self { ending, known: RwLock::new(vec![nobody.recipe().cost]) }
    }

    /// Notes that a user's password is hashed at this cost.
    pub fn note(&self, cost: &str) {
        let is_new = |known: &[String]| known.len() < MOST && !known.iter().any(|one| one == cost);
        if is_new(&self.known.read().unwrap_or_else(PoisonError::into_inner)) {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            if is_new(&known) {
                known.push(cost.to_owned());
            }
        }
    }

    /// A hash of nobody's at each cost but this one.
    pub fn besides(&self, cost: &str) -> Vec<PasswordHash> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let others = known.iter().filter(|one| *one != cost);
        others.map(|one| PasswordHash::from_phc(format!("{one}${}", self.ending))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_decoy_at_each_cost_but_ones_own_and_they_have_an_end() {
        let phc = |cost: &str| PasswordHash::from_phc(format!("{cost}$c2FsdA$aGFzaA"));
        let (now, old) = ("$argon2id$v=19$m=8,t=1,p=1", "$argon2id$v=19$m=16,t=1,p=1");
        let costs = Costs::new(&PasswordHash::from_phc(format!("{now},keyid=abc$c2FsdA$aGFzaA")));
        assert_eq!(costs.besides(now), []);
        for _ in 0..3 {
            costs.note(now);
            costs.note(old);
        }
        assert_eq!((costs.besides(now), costs.besides(old)), (vec![phc(old)], vec![phc(now)]));
        (0..100).for_each(|n| costs.note(&format!("$argon2id$v=19$m=8,t={n},p=1")));
        assert_eq!(costs.besides(now).len(), MOST - 1);
    }
}
