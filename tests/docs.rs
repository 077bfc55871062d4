//! `docs/security.md` against the sources: what it says is proved must be proved by a test that exists, and what it says of
//! defaults must be the defaults.
//!
//! A row of a table is one requirement: number, level, meaning, how, tests, state. The state begins with one of [`STATES`].

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sessiond::domain::lifetime::{Kind, Limits};
use sessiond::service::throttle::LoginLimits;

const STATES: [&str; 4] = ["met", "partly", "not met", "does not apply"];

/// Every row of the chapter on session management.
const SESSION_MANAGEMENT: [&str; 19] = [
    "7.1.1", "7.1.2", "7.1.3", "7.2.1", "7.2.2", "7.2.3", "7.2.4", "7.3.1", "7.3.2", "7.4.1", "7.4.2", "7.4.3",
    "7.4.4", "7.4.5", "7.5.1", "7.5.2", "7.5.3", "7.6.1", "7.6.2",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document(name: &str) -> String {
    fs::read_to_string(root().join("docs").join(name)).unwrap()
}

/// One requirement.
#[derive(Debug)]
struct Row {
    number: String,
    tests: BTreeSet<String>,
    /// One of [`STATES`].
    state: &'static str,
    /// What is said after it.
    gaps: String,
}

/// The cells of a table's line.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}

fn is_number(text: &str) -> bool {
    let parts: Vec<_> = text.split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

/// What stands between backticks.
fn quoted(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn rows(document: &str) -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::new();
    for line in document.lines() {
        let Some(cells) = cells(line).filter(|cells| is_number(cells[0])) else { continue };
        let [number, _, _, _, tests, told] = cells[..] else { panic!("a row has six cells: {line}") };
        let state = STATES.into_iter().find(|state| told.starts_with(state));
        let state = state.unwrap_or_else(|| panic!("{number} begins its state with one of {STATES:?}: {told}"));
        let gaps = told[state.len()..].trim_matches([' ', ':', '.']).to_owned();
        let row = Row { number: number.to_owned(), tests: quoted(tests), state, gaps };
        assert!(rows.insert(number.to_owned(), row).is_none(), "{number} has two rows");
    }
    rows
}

/// The names of all tests below a folder: what an attribute says is one, and what a list of `on_both_stores!` or
/// `store_contract!` makes one.
fn tests_in(folder: &str) -> BTreeSet<String> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    found.iter().flat_map(|path| tests_of(&fs::read_to_string(path).unwrap())).collect()
}

fn tests_of(source: &str) -> BTreeSet<String> {
    let listed: BTreeSet<_> = source.lines().filter_map(|line| line.strip_prefix("    ")?.strip_suffix(',')).collect();
    let (mut names, mut marked) = (BTreeSet::new(), false);
    for line in source.lines().map(str::trim_start) {
        if line.starts_with("#[") {
            marked |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        } else if let Some((_, rest)) = line.split_once("fn ").filter(|(before, _)| matches!(*before, "" | "async ")) {
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if marked || listed.contains(name.as_str()) {
                names.insert(name);
            }
            marked = false;
        }
    }
    names
}

/// All that may be named as a test.
fn tests() -> BTreeSet<String> {
    let tests: BTreeSet<_> = tests_in("tests").union(&tests_in("src")).cloned().collect();
    assert!(tests.len() > 300, "the sources are where this test looks for them");
    tests
}

/// `7.4.1` of `asvs_7_4_1_an_ended_session_stays_ended`.
fn number_of(test: &str) -> Option<String> {
    let parts: Vec<_> = test.strip_prefix("asvs_")?.splitn(4, '_').collect();
    let number = parts.get(..3)?.join(".");
    is_number(&number).then_some(number)
}

#[test]
fn every_test_that_the_document_names_exists() {
    let tests = tests();
    for row in rows(&document("security.md")).values() {
        for test in &row.tests {
            assert!(tests.contains(test), "{} names the test `{test}`, which does not exist", row.number);
        }
    }
}

#[test]
fn every_test_that_carries_a_number_stands_in_the_row_of_that_number() {
    let rows = rows(&document("security.md"));
    let numbered: Vec<_> = tests().into_iter().filter(|test| test.starts_with("asvs_")).collect();
    assert!(numbered.len() > 100, "{}", numbered.len());
    for test in numbered {
        let number = number_of(&test).unwrap_or_else(|| panic!("`{test}` carries no number like asvs_7_4_1_"));
        let row = rows.get(&number).unwrap_or_else(|| panic!("there is no row {number} for `{test}`"));
        assert!(row.tests.contains(&test), "row {number} does not name `{test}`");
    }
}

#[test]
fn every_row_on_sessions_is_there_and_no_row_claims_without_a_test_or_is_silent_about_a_gap() {
    let rows = rows(&document("security.md"));
    for number in SESSION_MANAGEMENT {
        assert!(rows.contains_key(number), "row {number} is missing");
    }
    for row in rows.values() {
        match row.state {
            "met" => assert!(!row.tests.is_empty(), "{} says met and names no test", row.number),
            _ => assert!(row.gaps.len() > 10, "{} says {} and not why: {}", row.number, row.state, row.gaps),
        }
    }
    // What a browser checks of sessions is more than one chapter.
    let chapters: BTreeSet<_> = rows.keys().filter_map(|number| number.split('.').next()).collect();
    assert!(["3", "4", "6", "7", "8", "11", "14", "15", "16"].iter().all(|chapter| chapters.contains(chapter)));
}

/// `1 h 0 min` and `7 d` as the document writes them.
fn duration(text: &str) -> Duration {
    humantime::parse_duration(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn asvs_7_1_1_the_documented_lifetimes_are_the_compiled_ones() {
    let document = document("security.md");
    let limits = Limits::default();
    let line = |name: &str| {
        let found: Vec<_> = document.lines().filter_map(cells).filter(|cells| cells[0] == name).collect();
        assert_eq!(found.len(), 1, "one row for {name}");
        found[0].iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>()
    };
    for (name, kind) in
        [("ordinary", Kind::Standard), ("kept signed in", Kind::Persistent), ("administrator", Kind::Administrator)]
    {
        let (row, lifetime) = (line(name), limits.of(kind));
        let told = (duration(&row[1]), duration(&row[2]), duration(&row[3]));
        assert_eq!(told, (lifetime.idle, lifetime.absolute, lifetime.touch_step()), "{name}");
    }
    assert_eq!(line("live sessions of one user")[1], limits.sessions_per_user.to_string());
}

#[test]
fn asvs_6_1_1_the_documented_limits_on_guessing_are_the_compiled_ones() {
    let document = document("configuration.md");
    let LoginLimits { per_ip, per_account, all, sign_ups: _ } = LoginLimits::default();
    for (key, rate) in [("per_ip", per_ip), ("per_account", per_account), ("all", all)] {
        let key = format!("`login_limits.{key}`");
        let row = document.lines().filter_map(cells).find(|cells| cells[0] == key).unwrap_or_else(|| panic!("{key}"));
        assert_eq!(row[1].trim_matches(['`', '"']).parse(), Ok(rate), "{key}");
    }
}

#[test]
fn a_document_that_says_too_much_is_found_out() {
    let row = |tests: &str, state: &str| format!("| 7.2.3 | 1 | meaning | how | {tests} | {state} |\n");
    let parsed = rows(&row("`one` `two_three`", "partly: not yet there"));
    let found = &parsed["7.2.3"];
    assert_eq!((found.tests.len(), found.state, found.gaps.as_str()), (2, "partly", "not yet there"));
    assert_eq!(rows("| # | Level |\n|---|---|\n| 7.2 | x |\n").len(), 0);
    assert_eq!(number_of("asvs_7_4_1_an_ended_session"), Some("7.4.1".to_owned()));
    assert_eq!(number_of("asvs_11_4_2_x"), Some("11.4.2".to_owned()));
    assert_eq!((number_of("asvs_7_4_x_y"), number_of("the_7_4_1")), (None, None));
    let source = "list! {\n    one,\n}\nasync fn one() {}\n#[test]\n#[ignore]\nfn two() {}\nfn no_test() {}\npub fn one_more() {}\n";
    assert_eq!(tests_of(source), ["one".to_owned(), "two".to_owned()].into());
    let fails = |text: String| std::panic::catch_unwind(move || rows(&text)).is_err();
    assert!(fails(row("", "surely")) && fails(row("", "met").repeat(2)) && fails("| 7.2.3 | 1 | met |\n".to_owned()));
}
