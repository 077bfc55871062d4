//! What is made from the definition of the command line: completions and the manual.

use std::fs;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::Program;
use super::refusals::assert_told;

/// Every verb, and those of the ones that have verbs of their own.
const VERBS: [&str; 11] =
    ["serve", "audit", "backup", "restore", "compact", "check", "openapi", "completions", "man", "user", "session"];
const OF_USERS: [&str; 13] = [
    "create",
    "block",
    "unblock",
    "passwd",
    "list",
    "show",
    "reset",
    "unlock",
    "email",
    "rename",
    "remove-second-factor",
    "delete",
    "label",
];
const OF_SESSIONS: [&str; 2] = ["list", "revoke"];
const OF_KEYS: [&str; 3] = ["create", "list", "revoke"];

fn printed(words: &[&str]) -> String {
    let folder = TempDir::new().unwrap();
    let exited = Program::new(folder.path()).args(words.iter().copied()).run();
    assert_eq!((exited.code, exited.stderr.as_str()), (Some(0), ""), "{words:?}");
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "{words:?} leaves something behind");
    exited.stdout
}

#[test]
fn completions_know_every_verb_and_flag_in_each_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&["completions", shell]);
        let words = VERBS.iter().chain(&OF_USERS).chain(&OF_SESSIONS).chain(&OF_KEYS).chain(&["key"]);
        for word in words.chain(&["dry-run", "json", "server", "everyone", "password-stdin", "scope"]) {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let folder = TempDir::new().unwrap();
    let exited = Program::new(folder.path()).args(["completions", "cmd"]).run();
    assert!(exited.code == Some(2) && exited.stderr.contains("bash"), "{exited:?}");
}

#[test]
fn bash_reads_its_completions_and_offers_verbs() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("sessiond.bash");
    fs::write(&file, printed(&["completions", "bash"])).unwrap();
    let read = Command::new("bash").arg("-n").arg(&file).stderr(Stdio::piped()).output().unwrap();
    assert!(read.status.success() && read.stderr.is_empty(), "{}", String::from_utf8_lossy(&read.stderr));
    // As the shell itself asks when somebody presses the key.
    let asked = "source \"$0\"; COMP_WORDS=(sessiond session re); COMP_CWORD=2; _sessiond sessiond re session; \
                 printf '%s\\n' \"${COMPREPLY[@]}\"";
    let offered = Command::new("bash").args(["-c", asked]).arg(&file).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&offered.stdout), "revoke\n", "{}", String::from_utf8_lossy(&offered.stderr));
}

#[test]
fn the_manual_has_a_page_for_each_verb() {
    let mut pages = vec!["sessiond".to_owned()];
    pages.extend(VERBS.iter().chain(&["key"]).map(|verb| format!("sessiond-{verb}")));
    for (group, verbs) in [("user", &OF_USERS[..]), ("session", &OF_SESSIONS), ("key", &OF_KEYS)] {
        pages.extend(verbs.iter().map(|verb| format!("sessiond-{group}-{verb}")));
    }
    pages.sort();
    let mut names: Vec<_> = pages.iter().map(|page| format!("{page}.1")).collect();
    names.sort();

    let folder = TempDir::new().unwrap();
    let exited = Program::new(folder.path()).arg("man").arg(folder.path()).run();
    assert_eq!((exited.code, exited.stdout.as_str()), (Some(0), ""), "{exited:?}");
    let files = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<_> = files.collect();
    files.sort();
    assert_eq!(files, names);
    let revoke = fs::read_to_string(folder.path().join("sessiond-session-revoke.1")).unwrap();
    assert!(revoke.contains("dry\\-run") && revoke.contains("End sessions"), "{revoke}");

    let all = printed(&["man"]);
    let titles: Vec<_> = all.lines().filter_map(|line| line.strip_prefix(".TH ")).collect();
    let mut titles: Vec<_> = titles.iter().map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect();
    titles.sort();
    assert_eq!(titles, pages);

    let missing = folder.path().join("missing");
    assert_told(&Program::new(folder.path()).arg("man").arg(&missing).run(), 1, &["missing", "does the folder exist"]);
}
