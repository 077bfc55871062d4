//! Bugs on demand, so that the tests which must find them can be shown to. Only with the feature `seeded-bugs`: a normal build
//! knows nothing of them.

use std::sync::OnceLock;

/// What `SESSIOND_BUG` may say.
pub const BUGS: [&str; 8] = [
    "answer-before-durable",
    "positive-cache",
    "fill-after-end",
    "touch-rewrites",
    "check-then-act",
    "late-epochs",
    "no-sync",
    "directory-not-synced",
];

/// Whether this is the bug that was asked for.
///
/// # Panics
/// If `SESSIOND_BUG` names none, or `bug` does: a misspelt bug would look like one that nobody finds.
pub fn has(bug: &str) -> bool {
    static BUG: OnceLock<Option<String>> = OnceLock::new();
    let known = |name: &str| assert!(BUGS.contains(&name), "there is no bug called {name}");
    known(bug);
    let asked = BUG.get_or_init(|| std::env::var("SESSIOND_BUG").ok().inspect(|name| known(name)));
    asked.as_deref() == Some(bug)
}
