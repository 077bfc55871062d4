//! Records of a CSV file (RFC 4180), harmless to whoever opens them with a spreadsheet or on a terminal.

use csv::{Terminator, WriterBuilder};

use crate::plain;

/// One record with its line end.
pub fn record<T: AsRef<str>>(cells: &[T]) -> Vec<u8> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    // Memory takes everything.
    let _ = writer.write_record(cells.iter().map(|cell| cell.as_ref().as_bytes()));
    writer.into_inner().unwrap_or_default()
}

/// What programs may take for the end of a cell besides the comma: by the country that they are set to, some read semicolons
/// for commas, and then know no quotes in the middle of a line.
const ENDS: [char; 4] = [';', '\t', '\r', '\n'];

/// The text of a cell. What a spreadsheet would take for a formula gets an apostrophe before it, also where it would see a new
/// cell begin; control characters other than line ends and tabs, and those that turn the direction of writing, are spelt out.
/// The other format has them as they are.
pub fn safe(text: &str) -> String {
    let mut cell = String::with_capacity(text.len() + 1);
    if is_formula(text) {
        cell.push('\'');
    }
    for (number, piece) in text.split_inclusive(ENDS).enumerate() {
        if number > 0 && is_formula(piece) && !piece.starts_with(ENDS) {
            cell.push('\'');
        }
        cell.push_str(&plain::spelt(piece, |c| plain::acts(c) && !ENDS.contains(&c)));
    }
    cell
}

fn is_formula(text: &str) -> bool {
    if text.starts_with(['\t', '\r', '\n']) {
        return true;
    }
    // Some programs strip these before they look.
    let stripped = text.trim_start_matches(|c: char| {
        c.is_whitespace() || plain::acts(c) || matches!(c, '"' | '\'' | '“' | '”' | '‘' | '’' | '`')
    });
    stripped.starts_with(['=', '+', '-', '@', '|', '%', '＝', '＋', '－', '＠', '−', '﹢', '﹣', '﹦', '﹫'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asvs_1_2_10_what_a_spreadsheet_takes_for_a_formula_is_text() {
        for bad in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "  =1",
            "\"=1\"",
            "'=1",
            "“=1",
            "\u{feff}=1",
            "\u{200b}=1",
            "＝1",
            "＋1",
            "－1",
            "＠x",
            " \" ＝1",
            "\u{1b}=1",
            "\tx",
            "\rx",
            "|calc",
            "%0A",
        ] {
            assert!(safe(bad).starts_with('\''), "{bad:?} is {:?}", safe(bad));
        }
        for (bad, harmless) in [
            ("x;=1+1;y", "x;'=1+1;y"),
            ("x; -1", "x;' -1"),
            ("x\t@y", "x\t'@y"),
            ("x\r\n=1", "x\r\n'=1"),
            ("a;\"=1\"", "a;'\"=1\""),
        ] {
            assert_eq!(safe(bad), harmless, "where a semicolon, a tab or a line end begins a cell");
        }
        for good in
            ["", "ada", "a=b", "2026-01-02T03:04:05.678Z", "user:ada", "192.0.2.7", "2001:db8::7", "3", "\"quoted\""]
        {
            assert_eq!(safe(good), good);
        }
    }

    #[test]
    fn asvs_16_4_1_controls_are_spelt_out_and_line_ends_stay_in_their_cell() {
        assert_eq!(safe("a\u{1b}[31mb\u{0}\u{9b}\u{202e}c"), "a\\u{1b}[31mb\\u{0}\\u{9b}\\u{202e}c");
        let bytes = record(&[safe("one\r\ntwo"), safe("say \"no\", please"), safe("plain")]);
        assert_eq!(String::from_utf8(bytes.clone()).unwrap(), "\"one\r\ntwo\",\"say \"\"no\"\", please\",plain\r\n");
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&bytes[..]);
        let read = reader.records().next().unwrap().unwrap();
        assert_eq!(read.iter().collect::<Vec<_>>(), ["one\r\ntwo", "say \"no\", please", "plain"]);
    }
}
