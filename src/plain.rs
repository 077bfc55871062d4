//! Text that others have written, made harmless where it is shown: on a terminal, in the log, in a file that somebody opens.
//! What would move the cursor, end the line or turn the direction of writing is spelt out instead.

use std::fmt::{self, Write};

/// Whether a character does something instead of showing something: controls, line and paragraph separators, marks of
/// direction, and those that take no room.
pub const fn acts(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// A text with whatever acts spelt out, as in `a\u{1b}[31m`.
pub fn shown(text: &str) -> String {
    spelt(text, acts)
}

/// The same over several lines.
pub fn lines(text: &str) -> String {
    spelt(text, |c| c != '\n' && acts(c))
}

/// A text with these characters spelt out.
pub fn spelt(text: &str, acts: impl Fn(char) -> bool) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) {
            plain.extend(c.escape_default());
        } else {
            plain.push(c);
        }
    }
    plain
}

/// JSON with whatever acts in the escapes of its strings: outside them there is nothing of the kind. Means the same.
pub fn json(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Memory takes everything.
                let _ = write!(plain, "\\u{unit:04x}");
            }
        } else {
            plain.push(c);
        }
    }
    plain
}

/// Writes what is written through it with whatever acts spelt out.
pub struct Plain<'a>(pub &'a mut dyn fmt::Write);

impl fmt::Write for Plain<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.chars().any(acts) { self.0.write_str(&shown(text)) } else { self.0.write_str(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVIL: &str = "a\r\nb\u{1b}[2J\u{9b}31m\u{7f}\u{202e}c\u{2028}d\u{200b}é€😀\u{e0041}";

    #[test]
    fn asvs_16_4_1_whatever_acts_is_spelt_out_and_the_rest_stays() {
        let shown = shown(EVIL);
        assert!(!shown.chars().any(acts), "{shown:?}");
        assert_eq!(shown, "a\\r\\nb\\u{1b}[2J\\u{9b}31m\\u{7f}\\u{202e}c\\u{2028}d\\u{200b}é€😀\\u{e0041}");
        assert_eq!(lines("a\nb\u{1b}"), "a\nb\\u{1b}");
    }

    #[test]
    fn asvs_16_4_1_json_means_the_same_and_acts_no_more() {
        let written = json(&serde_json::to_string(&[EVIL]).unwrap());
        assert!(!written.chars().any(acts), "{written:?}");
        assert_eq!(serde_json::from_str::<[String; 1]>(&written).unwrap(), [EVIL.to_owned()]);
    }
}
