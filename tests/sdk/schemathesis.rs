//! schemathesis: every operation of the `OpenAPI` file with what it allows and with what it does not, and in chains.

use std::fs;

use tempfile::TempDir;

use super::Live;
use super::tools::python_program;
use crate::process::{Exited, Program};

/// What it says at its end: a line that begins so, and what comes after.
fn line<'t>(told: &'t str, start: &str) -> &'t str {
    let lines = told.lines().map(str::trim);
    lines.filter_map(|line| line.strip_prefix(start)).next_back().unwrap_or_else(|| panic!("no `{start}` in\n{told}"))
}

/// Runs it with all checks, which must find nothing: its report, and what became of sessions after they were deleted.
fn run(more_settings: &str, words: &[&str]) -> (String, Vec<String>) {
    let live = Live::start();
    let folder = TempDir::new().unwrap();
    let settings = folder.path().join("schemathesis.toml");
    let hooks = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/schemathesis_hooks.py");
    let text = include_str!("schemathesis.toml").replace("HOOKS", hooks);
    fs::write(&settings, format!("{text}\n{more_settings}\n")).unwrap();
    let program = Program::at(&python_program("schemathesis"), folder.path()).arg("--config-file").arg(&settings);
    // Deterministic: each run sends the same.
    let program = program.args(["run", "--checks", "all", "--generation-deterministic", "--request-timeout", "60"]);
    // A busy machine is no failure of the API's.
    let program = program.args(["--suppress-health-check", "too_slow"]);
    let program = program.arg("--no-color").args(words.iter().copied()).arg(format!("{}/openapi.json", live.origin()));
    let Exited { code, stdout, stderr } = live.told(program).run();
    // The requests of failures may have thousands of characters.
    let cut = |line: &str| line.chars().take(400).collect::<String>();
    let report = stdout.lines().chain(stderr.lines()).map(cut).collect::<Vec<_>>().join("\n");
    println!("{report}");
    assert_eq!(code, Some(0), "{report}");
    let after = fs::read_to_string(folder.path().join("after-delete")).unwrap_or_default();
    (report, after.lines().map(str::to_owned).collect())
}

/// How many cases there were.
fn cases(report: &str) -> u32 {
    let line = report.lines().map(str::trim).find(|line| line.contains(" generated, ")).expect("how many cases");
    line.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("a number: {line}"))
}

#[test]
fn schemathesis_finds_no_failure() {
    let (report, _) = run("", &["--max-examples", "12"]);
    assert!(cases(&report) >= 1000, "{report}");
    let (selected, tested) = (line(&report, "Selected: "), line(&report, "Tested: "));
    assert_eq!(selected.split('/').next(), Some(tested), "{report}");
}

/// The operations of one session's life, and between them only the links that the file has.
const LIFE: &str = "^(createEmailPasswordSession|getAccountSession|deleteAccountSession|createUser|createUserSession|\
    listUserSessions|deleteUserSession|getSession|deleteSession)$";

/// What is created, is there; what is deleted, is not.
#[test]
fn schemathesis_follows_the_links_from_creating_a_session_to_deleting_it() {
    let settings = "[phases.stateful]\ninference.algorithms = []";
    let words = ["--phases", "stateful", "--max-examples", "60", "--include-operation-id-regex", LIFE];
    let (report, after) = run(settings, &words);
    // `API Links:    7 covered / 7 selected / 14 total`
    let links = line(&report, "API Links:").split_whitespace().next().and_then(|number| number.parse().ok());
    assert!(links.is_some_and(|links: u32| links >= 5), "{report}");
    assert!(after.iter().any(|what| what == "getAccountSession 404"), "{after:?}\n{report}");
    assert!(after.iter().all(|what| what.contains(" 4")), "a deleted session is there: {after:?}");
}
