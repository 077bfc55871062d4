//! The ways to damage one file.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::Dice;

/// What became of which file.
pub struct Damage {
    file: PathBuf,
    how: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.file.display(), self.how)
    }
}

/// All files below `folder`, sorted, by their paths in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                walk(root, &entry.path(), found);
            } else {
                found.push(entry.path().strip_prefix(root).unwrap().to_owned());
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found.sort();
    found
}

/// Damages one file below `data`: every file gets its turn, the one that holds all records every other time.
pub fn damage(data: &Path, older: &Path, turn: u64, dice: &Dice) -> Damage {
    let files = files(data);
    let turn = usize::try_from(turn).unwrap();
    let file = if turn % 2 == 0 { PathBuf::from("db/db") } else { files[turn / 2 % files.len()].clone() };
    let path = data.join(&file);
    let sound = fs::read(&path).unwrap();
    let used = sound.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let mut bytes = sound.clone();
    let before = older.join(&file);
    let how = match dice.below(8) {
        0 if used > 0 => {
            let (byte, bit) = (dice.below(used), dice.below(8));
            bytes[byte] ^= 1 << bit;
            format!("bit {bit} of byte {byte} flipped")
        }
        1 if used > 0 => {
            let (from, length) = (dice.below(used), [512, 4096, 80 * 1024][dice.below(3)]);
            let end = (from + length).min(bytes.len());
            bytes[from..end].fill(0);
            format!("zeroed from {from} to {end} of {used}")
        }
        2 if used > 0 => {
            let rest = dice.below(used);
            bytes.truncate(rest);
            format!("cut to {rest} of {used}")
        }
        3 if used > 0 => {
            let length = (1 + dice.below(4096)).min(used);
            for byte in &mut bytes[used - length..used] {
                *byte = u8::try_from(dice.below(256)).unwrap();
            }
            format!("its last {length} of {used} bytes torn")
        }
        4 => {
            let length = 1 + dice.below(8192);
            bytes.extend((0..length).map(|_| u8::try_from(dice.below(256)).unwrap()));
            format!("with {length} bytes of rubbish after its end")
        }
        5 if before.exists() => {
            bytes = fs::read(before).unwrap();
            "set back to what it was before".to_owned()
        }
        6 => {
            fs::remove_file(&path).unwrap();
            return Damage { file, how: "removed".to_owned() };
        }
        _ => {
            bytes.clear();
            "emptied".to_owned()
        }
    };
    write(&path, &bytes);
    Damage { file, how }
}

fn write(path: &Path, bytes: &[u8]) {
    let mut file: File = OpenOptions::new().write(true).truncate(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}
