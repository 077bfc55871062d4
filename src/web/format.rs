//! Times and numbers as people read them.

use std::time::Duration;

use serde::Serialize;

use crate::domain::timestamp::Timestamp;

/// A time for machines, for people, and as a distance from now.
#[derive(Serialize)]
pub struct Time {
    iso: String,
    text: String,
    ago: String,
}

impl Time {
    pub fn new(at: Timestamp, now: Timestamp) -> Self {
        Self { iso: at.to_string(), text: format!("{} UTC", at.minute()), ago: distance(at, now) }
    }
}

fn distance(at: Timestamp, now: Timestamp) -> String {
    let past = at <= now;
    let seconds = if past { now.since(at) } else { at.since(now) }.as_secs();
    let (count, unit) = match seconds {
        0..60 => return if past { "just now" } else { "in a moment" }.to_owned(),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    if past { format!("{count} {unit}{plural} ago") } else { format!("in {count} {unit}{plural}") }
}

/// How long to wait, rounded up: `10 seconds`, `3 minutes`.
pub fn wait(time: Duration) -> String {
    let seconds = time.as_millis().div_ceil(1000).max(1);
    let (count, unit) = if seconds < 60 { (seconds, "second") } else { (seconds.div_ceil(60), "minute") };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// The time as a form's field of date and time shows it, in UTC.
pub fn for_input(at: Timestamp) -> String {
    let text = at.to_string();
    let text = text.strip_suffix('Z').unwrap_or(&text);
    text.strip_suffix(":00").unwrap_or(text).to_owned()
}

/// `1,204`.
pub fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_shows_minutes_and_no_more_than_was_meant() {
        let minute = Timestamp::from_millis(1_767_323_040_000);
        assert_eq!(for_input(minute), "2026-01-02T03:04");
        assert_eq!(for_input(Timestamp::from_millis(1_767_323_045_000)), "2026-01-02T03:04:05");
    }

    #[test]
    fn a_wait_is_never_told_too_short() {
        for (millis, told) in [(1, "1 second"), (9_001, "10 seconds"), (59_001, "1 minute"), (60_001, "2 minutes")] {
            assert_eq!(wait(Duration::from_millis(millis)), told);
        }
    }

    #[test]
    fn numbers_and_distances_read_well() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_204), "1,204");
        assert_eq!(thousands(1_000_000), "1,000,000");
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        assert_eq!(distance(at(0), at(59)), "just now");
        assert_eq!(distance(at(0), at(60)), "1 minute ago");
        assert_eq!(distance(at(7200), at(0)), "in 2 hours");
        assert_eq!(distance(at(0), at(86_400 * 3)), "3 days ago");
    }
}
