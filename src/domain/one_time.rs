//! Passwords for one use: drawn by the server, handed on by somebody else, and good for nothing but choosing another.

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use super::clock::Entropy;
use super::password::Password;
use super::second_factor::drawn_code;

/// See the module. 120 random bits, in groups that can be read out and typed.
#[derive(Clone)]
pub struct OneTime(Zeroizing<String>);

impl OneTime {
    /// How long it is good for.
    pub const LIFETIME: Duration = Duration::from_hours(24);

    /// A fresh one.
    pub fn draw(entropy: &dyn Entropy) -> Self {
        Self(Zeroizing::new(drawn_code(entropy)))
    }

    /// The text, for the one who asked for it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// To be hashed.
    pub fn password(&self) -> Password {
        Password::typed(self.0.to_string())
    }
}

impl fmt::Debug for OneTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTime")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::clock::OsEntropy;

    #[test]
    fn asvs_6_4_1_a_one_time_password_is_long_random_and_easy_to_type() {
        let drawn: BTreeSet<_> = (0..200).map(|_| OneTime::draw(&OsEntropy).expose().to_owned()).collect();
        assert_eq!(drawn.len(), 200);
        for text in drawn {
            let groups: Vec<_> = text.split('-').map(str::len).collect();
            assert_eq!(groups, [6, 6, 6, 6], "24 letters of five bits each: {text}");
            assert!(!text.contains(['0', '1', 'l', 'o', 'O', 'I']), "{text}");
        }
        assert_eq!(format!("{:?}", OneTime::draw(&OsEntropy)), "OneTime");
    }
}
