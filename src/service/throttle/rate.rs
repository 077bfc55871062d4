//! How many wrong passwords in which time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// So many at once, and as many again within that time, one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    tries: u32,
    period: Duration,
}

/// What is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no rate like \"20/1h\": 1 to {most} wrong passwords at once, and as many again within that time, \
     a second to {days} days",
    most = Rate::MOST,
    days = Rate::LONGEST.as_secs() / 86_400
)]
pub struct RateError(String);

impl Rate {
    /// The most tries.
    pub const MOST: u32 = 1_000_000;
    /// The longest period.
    pub const LONGEST: Duration = Duration::from_hours(24 * 30);

    pub(super) const fn new(tries: u32, period: Duration) -> Self {
        Self { tries, period }
    }

    /// How many at once.
    pub const fn tries(self) -> u32 {
        self.tries
    }

    /// How long one try takes to come back, in microseconds, rounded up: never more tries than were allowed.
    pub(super) fn interval(self) -> i64 {
        let period = i64::try_from(self.period.as_micros()).unwrap_or(i64::MAX);
        let tries = i64::from(self.tries).max(1);
        period / tries + i64::from(period % tries > 0)
    }

    /// How long all of them take, in microseconds.
    pub(super) fn whole(self) -> i64 {
        self.interval().saturating_mul(i64::from(self.tries))
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let rate = || {
            let (tries, period) = text.split_once('/')?;
            let (tries, period) = (tries.trim().parse().ok()?, period.trim());
            // `20/h` is as good as `20/1h`.
            let counted = period.starts_with(|c: char| c.is_ascii_digit());
            let period = if counted { period.to_owned() } else { format!("1{period}") };
            let period = humantime::parse_duration(&period).ok()?;
            let allowed =
                (1..=Self::MOST).contains(&tries) && (Duration::from_secs(1)..=Self::LONGEST).contains(&period);
            allowed.then_some(Self::new(tries, period))
        };
        rate().ok_or_else(|| RateError(text.to_owned()))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tries, humantime::format_duration(self.period))
    }
}

/// How many wrong passwords are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginLimits {
    /// From one IPv4 address, or from one /64 of IPv6.
    pub per_ip: Rate,
    /// For one account, by strangers together; and by each browser in which its user has signed in before.
    pub per_account: Rate,
    /// By all strangers together.
    pub all: Rate,
    /// Accounts that people may create for themselves from one IPv4 address or one /64.
    pub sign_ups: Rate,
}

impl Default for LoginLimits {
    fn default() -> Self {
        Self {
            per_ip: Rate::new(60, Duration::from_mins(10)),
            per_account: Rate::new(20, Duration::from_hours(1)),
            all: Rate::new(3_000, Duration::from_mins(10)),
            sign_ups: Rate::new(10, Duration::from_hours(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_and_a_time() {
        for (text, tries, seconds) in [("20/1h", 20, 3600), ("5 / 10m", 5, 600), ("1/s", 1, 1), ("3/minute", 3, 60)] {
            assert_eq!(text.parse(), Ok(Rate::new(tries, Duration::from_secs(seconds))), "{text}");
        }
        for bad in ["", "20", "0/1h", "-1/1h", "20/", "20/0s", "20/31d", "20/soon", "1000001/1s", "20/1h/1h", "1.5/h"] {
            assert_eq!(bad.parse::<Rate>(), Err(RateError(bad.to_owned())));
        }
        assert_eq!(LoginLimits::default().per_account.to_string(), "20/1h");
    }

    #[test]
    fn no_rounding_gives_more_tries_than_were_allowed() {
        for (tries, period) in [(7, 1), (999_999, 1), (1_000_000, 1), (3, 10)] {
            let rate = Rate::new(tries, Duration::from_secs(period));
            assert!(rate.whole() >= i64::try_from(period).unwrap() * 1_000_000, "{rate}");
        }
    }
}
