//! What `tests/all.sh` installs for the clients: below the target folder, never on the machine.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A file or folder among what is installed. A test that needs it fails without it.
fn installed(path: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_sessiond")).ancestors().nth(2).expect("target/PROFILE/sessiond");
    let found = target.join("tools").join(path);
    assert!(found.exists(), "{} is not there; run `bash tests/all.sh` once, which installs it", found.display());
    found
}

/// The Python that has the packages of `requirements.txt`.
pub fn python() -> PathBuf {
    installed("python/bin/python")
}

/// A program that came with one of those packages.
pub fn python_program(name: &str) -> PathBuf {
    installed(&format!("python/bin/{name}"))
}

/// The folder of the packages of `package.json`.
pub fn node_packages() -> PathBuf {
    installed("node/node_modules")
}

/// The program in `rust/`.
pub fn rust_sdk() -> PathBuf {
    installed("rust-sdk/debug/rust-sdk")
}

/// A program of the machine's own.
pub fn command(name: &str) -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is not installed; run `bash tests/all.sh` once, which installs it"))
}

/// A copy of one file of this repository, with the packages beside it: that is where `node` looks for them.
pub fn beside_packages(file: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let original = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let copy = folder.path().join(original.file_name().expect("a file"));
    fs::copy(&original, &copy).unwrap_or_else(|error| panic!("{file}: {error}"));
    symlink(node_packages(), folder.path().join("node_modules")).unwrap();
    (folder, copy)
}
