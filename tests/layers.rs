//! The walls between the layers, read from the imports.

use std::fs;
use std::path::{Path, PathBuf};

/// Each layer with those that it may use. `open` joins settings, store and service; `keys` serves the doors; `private`
/// knows nothing but files, `plain` nothing but text.
const LAYERS: [(&str, &[&str]); 10] = [
    ("domain", &["domain"]),
    ("private", &[]),
    ("plain", &[]),
    ("store", &["store", "domain", "private"]),
    ("service", &["service", "store", "domain"]),
    ("config", &["service", "domain"]),
    ("keys", &["domain", "private"]),
    ("open", &["config", "service", "store", "domain"]),
    ("web", &["web", "config", "keys", "plain", "private", "service", "store", "domain"]),
    ("cli", &["cli", "web", "open", "plain", "config", "service", "store", "domain"]),
];

fn sources() -> Vec<(PathBuf, String)> {
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
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &mut found);
    assert!(found.len() > 50, "the sources are where this test looks for them");
    let read = |path: PathBuf| (path.strip_prefix(&root).unwrap().to_owned(), fs::read_to_string(&path).unwrap());
    found.into_iter().map(read).collect()
}

/// `domain` of `domain/session.rs` and of `domain.rs`.
fn layer(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.strip_suffix(".rs").unwrap_or(&first).to_owned()
}

/// Every layer that follows `crate::` in a source.
fn used(source: &str) -> impl Iterator<Item = &str> {
    source.split("crate::").skip(1).map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap())
}

#[test]
fn nothing_imports_upward() {
    for (path, source) in sources() {
        let own = layer(&path);
        if own == "lib" || own == "main" {
            continue;
        }
        let (_, allowed) = LAYERS.iter().find(|(name, _)| *name == own).unwrap_or_else(|| panic!("{own} is no layer"));
        for name in used(&source) {
            assert!(allowed.contains(&name), "{} uses {name}, which {own} may not know", path.display());
        }
    }
}

#[test]
fn only_the_metrics_and_where_they_are_written_out_name_their_crate() {
    for (path, source) in sources() {
        let may = path.starts_with("service/metrics")
            || path == Path::new("service/metrics.rs")
            || path == Path::new("web/doors/operators.rs");
        assert!(may || !source.contains("prometheus_client"), "{}", path.display());
    }
}

#[test]
fn only_the_sled_backend_names_sled_and_only_the_doors_name_the_framework() {
    for (path, source) in sources() {
        let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            let names_sled = line.contains("sled::")
                && !["store::sled::", "self::sled", "super::sled"].iter().any(|own| line.contains(own));
            assert!(!names_sled || path.starts_with("store/sled"), "{}: {line}", path.display());
            assert!(
                !(line.contains("rocket::") || line.contains("rocket_")) || path.starts_with("web"),
                "{}: {line}",
                path.display()
            );
        }
    }
}
