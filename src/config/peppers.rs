//! Reading peppers from the files that the settings name.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::ConfigError;
use crate::service::hasher::{Pepper, Peppers};

/// More than any pepper needs; whatever is longer is another file.
const LONGEST: u64 = 4096;

/// The pepper of new hashes, and those of earlier ones.
pub(super) fn read(present: Option<&Path>, previous: &[PathBuf]) -> Result<Peppers, ConfigError> {
    let present = present.map(|path| pepper("password_pepper", path)).transpose()?;
    let earlier = previous.iter().map(|path| {
        let key = "password_pepper_previous";
        let pepper = pepper(key, path)?;
        // Whoever names it twice believes that there is another one now.
        if present.as_ref().is_some_and(|present| present.id() == pepper.id()) {
            return Err(impossible(key, path, "holds the pepper that password_pepper names; take it out of the list"));
        }
        Ok(pepper)
    });
    let earlier = earlier.collect::<Result<_, _>>()?;
    Ok(Peppers::new(present, earlier))
}

fn pepper(key: &'static str, path: &Path) -> Result<Pepper, ConfigError> {
    let bytes = secret(key, path, LONGEST)?;
    Pepper::new(bytes).map_err(|error| impossible(key, path, &error.to_string()))
}

/// A file of text that is closed to others.
pub(super) fn secret_text(key: &'static str, path: &Path, longest: u64) -> Result<Zeroizing<String>, ConfigError> {
    let bytes = secret(key, path, longest)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| impossible(key, path, "holds no text"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// A file that is closed to others.
fn secret(key: &'static str, path: &Path, longest: u64) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
    let unreadable = |error| impossible(key, path, &format!("cannot be read: {error}"));
    let file = File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if !about.is_file() {
        return Err(impossible(key, path, "is no file"));
    }
    if let Some(mode) = open_to_others(&about) {
        let told = format!("is open to other users of this machine (mode {mode:o}); take that away with chmod o=,g-w");
        return Err(impossible(key, path, &told));
    }
    // In one piece: memory that is given back while it grows would not be wiped.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(longest).unwrap_or_default() + 1));
    file.take(longest + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > longest {
        return Err(impossible(
            key,
            path,
            &format!("is longer than {longest} bytes, so it is hardly what it should be"),
        ));
    }
    Ok(bytes)
}

/// The file's mode, if others than its owner and group may do anything with it, or its group more than read it.
#[cfg(unix)]
fn open_to_others(about: &Metadata) -> Option<u32> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o777;
    (mode & 0o027 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn open_to_others(_: &Metadata) -> Option<u32> {
    None
}

fn impossible(key: &'static str, path: &Path, problem: &str) -> ConfigError {
    ConfigError::Impossible { key, problem: format!("{} {problem}", path.display()) }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;
    use crate::domain::password::PepperId;

    fn file(folder: &TempDir, name: &str, bytes: &[u8], mode: u32) -> PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("a file");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
        path
    }

    #[test]
    fn the_present_one_and_earlier_ones_are_read_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = |first: u8| (first..first + 40).collect::<Vec<_>>();
        let present = file(&folder, "present", &bytes(3), 0o600);
        let previous = [file(&folder, "one", &bytes(1), 0o440), file(&folder, "two", &bytes(2), 0o400)];
        let peppers = read(Some(&present), &previous).unwrap();
        assert_eq!(peppers.present().map(|pepper| pepper.id().clone()), Some(PepperId::of(&bytes(3))));
        for first in [1, 2, 3] {
            assert!(peppers.find(&PepperId::of(&bytes(first))).is_some());
        }
        assert!(peppers.find(&PepperId::of(&bytes(4))).is_none());
        let given_up = read(None, &previous).unwrap();
        assert!(given_up.present().is_none() && given_up.find(&PepperId::of(&bytes(1))).is_some());
    }

    #[test]
    fn asvs_13_3_2_a_pepper_that_will_not_do_is_refused_with_the_key_and_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let good: Vec<u8> = (0..32).collect();
        let of = |name, bytes: &[u8], mode| file(&folder, name, bytes, mode);
        for (path, told) in [
            (folder.path().join("nowhere"), "cannot be read"),
            (folder.path().to_owned(), "is no file"),
            (of("short", &good[..31], 0o600), "holds 31 bytes and must hold at least 32 random ones"),
            (of("empty", b"", 0o600), "holds 0 bytes"),
            (of("zeros", &[0; 32], 0o600), "the same few bytes over and over"),
            (of("long", &good.repeat(200), 0o600), "longer than 4096 bytes"),
            (of("world", &good, 0o604), "is open to other users of this machine (mode 604)"),
            (of("written", &good, 0o602), "(mode 602)"),
            (of("group", &good, 0o660), "(mode 660)"),
        ] {
            for (key, read) in [
                ("sessiond.password_pepper: ", read(Some(&path), &[])),
                ("sessiond.password_pepper_previous: ", read(None, std::slice::from_ref(&path))),
            ] {
                let error = read.map(drop).expect_err(told).to_string();
                let all = [key, told, &path.display().to_string()].iter().all(|part| error.contains(part));
                assert!(all, "{error}");
            }
        }
    }

    #[test]
    fn a_pepper_that_follows_itself_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, "one", &(0..32).collect::<Vec<_>>(), 0o600);
        let copy = file(&folder, "two", &(0..32).collect::<Vec<_>>(), 0o600);
        let error = read(Some(&path), &[copy]).map(drop).expect_err("the same").to_string();
        assert!(error.contains("sessiond.password_pepper_previous") && error.contains("take it out"), "{error}");
    }
}
