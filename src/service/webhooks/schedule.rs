//! When to try again.

use std::time::Duration;

use crate::domain::clock::{Entropy, random};

/// How long to wait after so many failures in a row; the last one stays.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(5),
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
];
/// A receiver may ask for no longer than this.
const LONGEST_ASKED: Duration = Duration::from_hours(2);

/// The pause after `failures` in a row, a fifth longer or shorter by chance: many servers that were refused at once must not
/// all come back at once. No shorter than what the receiver asked for.
pub fn pause(failures: u32, asked: Option<Duration>, entropy: &dyn Entropy) -> Duration {
    let place = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX).min(PAUSES.len() - 1);
    let chance = u32::from(u16::from_le_bytes(random(entropy)));
    // From 8/10 to 12/10.
    let spread = PAUSES[place].mul_f64(0.8 + 0.4 * f64::from(chance) / f64::from(u16::MAX));
    spread.max(asked.unwrap_or_default().min(LONGEST_ASKED))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Always(u8);

    impl Entropy for Always {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn pauses_grow_to_two_hours_and_are_spread() {
        let seconds = |failures, chance| pause(failures, None, &Always(chance)).as_secs();
        assert_eq!([1, 2, 3, 4, 5, 6, 1_000].map(|n| seconds(n, 0)), [4, 48, 240, 1_440, 5_760, 5_760, 5_760]);
        assert_eq!([1, 2, 3, 4, 5, u32::MAX].map(|n| seconds(n, 255)), [6, 72, 360, 2_160, 8_640, 8_640]);
    }

    #[test]
    fn a_receiver_may_ask_for_more_and_not_for_ever() {
        let asked = |asked| pause(1, Some(Duration::from_secs(asked)), &Always(0)).as_secs();
        assert_eq!([0, 3, 90, 7_200, 1_000_000].map(asked), [4, 4, 90, 7_200, 7_200]);
    }
}
