//! What tells the series of one metric apart. Each label has a few values that are all known when the program is built: no
//! user, address or session is ever one.

use crate::domain::ending::Reason;
use crate::domain::session::Door;
use crate::store::timed::{Operation, Reach};

/// A label.
pub trait Label: Copy + PartialEq + Send + Sync + 'static {
    /// What it is called.
    const NAME: &'static str;

    /// Each value.
    fn all() -> &'static [Self];

    /// How a value is written.
    fn code(self) -> &'static str;

    /// Which of them it is.
    fn place(self) -> usize {
        Self::all().iter().position(|one| *one == self).unwrap_or(0)
    }
}

/// The labels of one metric together.
pub trait Labels: Copy + Send + Sync + 'static {
    /// How many series there are.
    fn series() -> usize;

    /// Which of them.
    fn place(self) -> usize;

    /// Names and values of the series at this place.
    fn told(place: usize) -> Vec<(&'static str, &'static str)>;
}

fn told<L: Label>(place: usize) -> (&'static str, &'static str) {
    (L::NAME, L::all().get(place).map_or("", |value| value.code()))
}

impl<A: Label> Labels for (A,) {
    fn series() -> usize {
        A::all().len()
    }

    fn place(self) -> usize {
        self.0.place()
    }

    fn told(place: usize) -> Vec<(&'static str, &'static str)> {
        vec![told::<A>(place)]
    }
}

impl<A: Label, B: Label> Labels for (A, B) {
    fn series() -> usize {
        A::all().len() * B::all().len()
    }

    fn place(self) -> usize {
        self.0.place() * B::all().len() + self.1.place()
    }

    fn told(place: usize) -> Vec<(&'static str, &'static str)> {
        vec![told::<A>(place / B::all().len()), told::<B>(place % B::all().len())]
    }
}

/// Declares a label of ours with its values.
macro_rules! label {
    ($(#[$doc:meta])* $label:ident is $name:literal: $($(#[$told:meta])* $value:ident = $code:literal,)+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $label {
            $($(#[$told])* $value,)+
        }

        impl Label for $label {
            const NAME: &'static str = $name;

            fn all() -> &'static [Self] {
                &[$(Self::$value,)+]
            }

            fn code(self) -> &'static str {
                match self {
                    $(Self::$value => $code,)+
                }
            }

            fn place(self) -> usize {
                self as usize
            }
        }
    };
}

label! {
    /// How somebody's try to sign in went.
    Tried is "outcome":
    /// They are in.
    Success = "success",
    /// Unknown address, wrong password or code, or too many of them before.
    Wrong = "wrong",
    /// Not looked at: one of `login_limits` was used up.
    Limited = "limited",
    /// Right, and the account is blocked.
    Blocked = "blocked",
    /// Right, and the password was for one use: they may choose another, and are in once they have.
    OneTime = "one-time",
    /// Right, and the password for one use has run out.
    OneTimeOver = "one-time-over",
    /// Right, and all sessions were ended at that very moment.
    Stale = "stale",
    /// Not looked at: too many passwords were being hashed.
    Busy = "busy",
    /// The store did not answer.
    Failed = "failed",
}

label! {
    /// What a session's credential was worth.
    Resolution is "verdict":
    /// It opened a session.
    Live = "live",
    /// Its session had been ended.
    Ended = "ended",
    /// Its session had run out.
    Expired = "expired",
    /// It opened nothing.
    Unknown = "unknown",
    /// Nobody knows: the store did not answer.
    Error = "error",
}

label! {
    /// What an API key was worth.
    KeyResolution is "verdict":
    /// It was good.
    Live = "live",
    /// It had been revoked.
    Revoked = "revoked",
    /// It had run out.
    Expired = "expired",
    /// There is no such key.
    Unknown = "unknown",
    /// Nobody knows: the store did not answer.
    Error = "error",
}

label! {
    /// What became of a password that was to be hashed or compared.
    Hashed is "outcome":
    /// It was.
    Done = "done",
    /// The queue was full.
    Refused = "refused",
}

impl Label for Door {
    const NAME: &'static str = "door";

    fn all() -> &'static [Self] {
        &Self::ALL
    }

    fn code(self) -> &'static str {
        self.code()
    }
}

impl Label for Reason {
    const NAME: &'static str = "reason";

    fn all() -> &'static [Self] {
        &Self::ALL
    }

    fn code(self) -> &'static str {
        self.code()
    }
}

impl Label for Reach {
    const NAME: &'static str = "scope";

    fn all() -> &'static [Self] {
        &Self::ALL
    }

    fn code(self) -> &'static str {
        self.code()
    }
}

impl Label for Operation {
    const NAME: &'static str = "operation";

    fn all() -> &'static [Self] {
        Self::ALL
    }

    fn code(self) -> &'static str {
        self.code()
    }

    fn place(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn each_series_is_told_apart<L: Labels + std::fmt::Debug>(all: impl Iterator<Item = L>) {
        let places: BTreeSet<_> = all.map(|labels| (labels.place(), L::told(labels.place()))).collect();
        let told: BTreeSet<_> = places.iter().map(|(_, told)| told.clone()).collect();
        assert_eq!((places.len(), told.len()), (L::series(), L::series()), "{places:?}");
        assert!(
            places.iter().all(|(place, told)| *place < L::series() && told.iter().all(|(_, code)| !code.is_empty()))
        );
    }

    #[test]
    fn every_series_has_a_place_of_its_own() {
        each_series_is_told_apart(Tried::all().iter().flat_map(|tried| Door::all().iter().map(|door| (*door, *tried))));
        each_series_is_told_apart(Reach::all().iter().flat_map(|reach| Reason::all().iter().map(|why| (*reach, *why))));
        each_series_is_told_apart(Resolution::all().iter().map(|one| (*one,)));
        each_series_is_told_apart(KeyResolution::all().iter().map(|one| (*one,)));
        each_series_is_told_apart(Operation::all().iter().map(|one| (*one,)));
    }
}
