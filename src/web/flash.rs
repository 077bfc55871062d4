//! What the next page has to say, carried by a cookie of one minute: codes and numbers, never text.

use std::str::FromStr;
use std::time::Duration;

use super::told_user::UserDone;
use crate::domain::ending::Reason;
use crate::domain::timestamp::Timestamp;

/// How long it is kept.
pub const LIFETIME: Duration = Duration::from_mins(1);

/// Why somebody was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The session was ended.
    Ended(Reason),
    /// The session ran out.
    Expired,
}

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flash {
    /// Turned away, for this reason, at this time.
    Away(Why, Timestamp),
    /// So many sessions ended; so many had ended before; so many were not found.
    Ended {
        /// Ended now.
        ended: u64,
        /// Ended before.
        already: u64,
        /// Not found.
        unknown: u64,
    },
    /// Everyone else's sessions ended.
    Everyone(u64),
    /// The person signed out here, and so many of their sessions ended in all.
    SignedOut(u64),
    /// The person wanted to sign out everywhere from a session that was over already.
    OverAlready,
    /// Signed in, and so many older sessions had to make room.
    Displaced(u64),
    /// The person has a new password, and so many of their other sessions ended.
    Password(u64),
    /// The person has the password they had, since something else happened to it or to their sessions.
    PasswordKept,
    /// A user was changed, and so many sessions ended by it.
    User(UserDone, u64),
    /// Signed in a moment ago, on the way to somewhere else.
    Onward,
    /// The first administrator was created.
    SetUp,
    /// Done.
    Deed(Deed),
}

/// What was done, where there are no numbers to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// A device has another name, or none.
    DeviceNamed,
    /// The person has another name or e-mail address.
    ProfileChanged,
    /// The person has no second factor any more.
    SecondFactorRemoved,
    /// An API key is revoked.
    KeyRevoked,
}

impl Deed {
    const ALL: [Self; 4] = [Self::DeviceNamed, Self::ProfileChanged, Self::SecondFactorRemoved, Self::KeyRevoked];

    const fn code(self) -> &'static str {
        match self {
            Self::DeviceNamed => "device-named",
            Self::ProfileChanged => "profile-changed",
            Self::SecondFactorRemoved => "second-factor-removed",
            Self::KeyRevoked => "key-revoked",
        }
    }
}

impl Flash {
    /// The cookie's value.
    pub fn encode(self) -> String {
        match self {
            Self::Away(Why::Ended(reason), at) => format!("away~{}~{}", reason.code(), at.millis()),
            Self::Away(Why::Expired, at) => format!("away~expired~{}", at.millis()),
            Self::Ended { ended, already, unknown } => format!("ended~{ended}~{already}~{unknown}"),
            Self::Everyone(count) => format!("everyone~{count}"),
            Self::SignedOut(count) => format!("out~{count}"),
            Self::Displaced(count) => format!("displaced~{count}"),
            Self::Password(count) => format!("password~{count}"),
            Self::PasswordKept => "kept".to_owned(),
            Self::User(done, ended) => format!("user~{}~{ended}", done.code()),
            Self::OverAlready => "over".to_owned(),
            Self::Onward => "onward".to_owned(),
            Self::SetUp => "setup".to_owned(),
            Self::Deed(deed) => format!("deed~{}", deed.code()),
        }
    }
}

impl FromStr for Flash {
    type Err = ();

    fn from_str(value: &str) -> Result<Self, ()> {
        let mut parts = value.split('~');
        let kind = parts.next().ok_or(())?;
        let mut part = || parts.next().ok_or(());
        let number = |text: &str| text.parse::<u64>().map_err(|_| ());
        Ok(match kind {
            "away" => {
                let why = match part()? {
                    "expired" => Why::Expired,
                    code => Why::Ended(code.parse().map_err(|_| ())?),
                };
                Self::Away(why, Timestamp::from_millis(part()?.parse().map_err(|_| ())?))
            }
            "ended" => Self::Ended { ended: number(part()?)?, already: number(part()?)?, unknown: number(part()?)? },
            "everyone" => Self::Everyone(number(part()?)?),
            "out" => Self::SignedOut(number(part()?)?),
            "displaced" => Self::Displaced(number(part()?)?),
            "password" => Self::Password(number(part()?)?),
            "kept" => Self::PasswordKept,
            "user" => Self::User(part()?.parse()?, number(part()?)?),
            "over" => Self::OverAlready,
            "onward" => Self::Onward,
            "setup" => Self::SetUp,
            "deed" => {
                let code = part()?;
                Self::Deed(Deed::ALL.into_iter().find(|deed| deed.code() == code).ok_or(())?)
            }
            _ => return Err(()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let at = Timestamp::from_millis(1_767_323_045_678);
        for flash in [
            Flash::Away(Why::Ended(Reason::Revoked), at),
            Flash::Away(Why::Expired, at),
            Flash::Ended { ended: 3, already: 1, unknown: 0 },
            Flash::Everyone(7),
            Flash::SignedOut(2),
            Flash::OverAlready,
            Flash::Displaced(1),
            Flash::Password(2),
            Flash::PasswordKept,
            Flash::User(UserDone::Deleted, 4),
            Flash::Onward,
            Flash::SetUp,
            Flash::Deed(Deed::ProfileChanged),
        ] {
            assert_eq!(flash.encode().parse(), Ok(flash));
        }
        for bad in [
            "",
            "away",
            "away~<script>~1",
            "ended~-1~0~0",
            "ended~1",
            "everyone~x",
            "deed",
            "deed~x",
            "user~x~1",
            "user~blocked~x",
        ] {
            assert_eq!(bad.parse::<Flash>(), Err(()), "{bad}");
        }
    }
}
