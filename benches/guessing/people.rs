//! Whom a stranger may try: nobody, and users of every kind that could answer differently.

use std::collections::BTreeSet;
use std::sync::Arc;

use sessiond::Service;
use sessiond::domain::change::UserChange;
use sessiond::domain::clock::OsEntropy;
use sessiond::domain::ending::{Actor, Ending};
use sessiond::domain::password::{Password, PasswordHash};
use sessiond::domain::user::User;
use sessiond::service::hasher::{Cost, Hasher};
use sessiond::service::users::NewUser;

const PASSWORD: &str = "a few words in a row";
/// So many of each kind, each tried several times.
const EACH: usize = 50;

/// Who is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Nobody,
    Known,
    Blocked,
    LostPepper,
    DearerHash,
    CheaperHash,
}

impl Kind {
    pub const fn told(self) -> &'static str {
        match self {
            Self::Nobody => "an address that nobody has",
            Self::Known => "a user",
            Self::Blocked => "a blocked user",
            Self::LostPepper => "a user whose hash names a pepper that is lost",
            Self::DearerHash => "a user whose hash was made at 3 passes, not 2",
            Self::CheaperHash => "a user whose hash was made at 12 MiB, not 19",
        }
    }
}

/// `SplitMix64`: the same order for the same seed.
pub struct Dice(pub u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % bound as u64).unwrap()
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// All addresses are of one length, and none says of what kind it is.
    fn address(&mut self) -> String {
        let letters: String = (0..12).map(|_| char::from(b'a' + u8::try_from(self.below(26)).unwrap())).collect();
        format!("{letters}@example.com")
    }
}

pub struct People(Vec<Vec<String>>);

impl People {
    pub async fn create(service: &Service, kinds: &[Kind], dice: &mut Dice) -> Self {
        let mut people = Vec::new();
        for kind in kinds {
            let addresses: Vec<String> = (0..EACH).map(|_| dice.address()).collect();
            for email in addresses.iter().filter(|_| *kind != Kind::Nobody) {
                create(service, *kind, email).await;
            }
            people.push(addresses);
        }
        // As at a start.
        service.look_at_hashes().await.unwrap();
        Self(people)
    }

    /// Somebody of the kind with this number.
    pub fn anybody(&self, kind: usize, dice: &mut Dice) -> &str {
        &self.0[kind][dice.below(EACH)]
    }
}

async fn create(service: &Service, kind: Kind, email: &str) {
    let (email, password) = (email.to_owned(), PASSWORD.to_owned());
    let new = NewUser { email, name: String::new(), password, labels: BTreeSet::new(), from: None };
    let user = service.create_user(new, Actor::Operator).await.unwrap();
    let change = match kind {
        Kind::Nobody | Kind::Known => return,
        Kind::Blocked => UserChange::Block,
        Kind::LostPepper => {
            let named = user.password.as_phc().replace(",p=1$", ",p=1,keyid=AAAAAAAAAAA$");
            rehashed(&user, PasswordHash::from_phc(named))
        }
        Kind::DearerHash => rehashed(&user, hashed(Cost { passes: 3, ..Cost::default() }).await),
        Kind::CheaperHash => rehashed(&user, hashed(Cost { memory_kib: 12 * 1024, ..Cost::default() }).await),
    };
    let ending = Ending::new(Actor::Operator, change.reason(), None);
    service.store().change_user(user.key(), change, ending).await.unwrap();
}

fn rehashed(user: &User, fresh: PasswordHash) -> UserChange {
    assert_ne!(user.password, fresh);
    UserChange::Rehash { verified: user.password.clone(), fresh }
}

async fn hashed(cost: Cost) -> PasswordHash {
    let hasher = Hasher::new(cost, Arc::new(OsEntropy)).unwrap();
    hasher.hash(Password::typed(PASSWORD.to_owned())).await.unwrap()
}
