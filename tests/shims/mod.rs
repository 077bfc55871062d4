//! Libraries that a process is started with and that stand between it and the system: a clock that is wrong (`clock.c`), a disk
//! that fails (`io.c`), a power cut (`powercut.c`). Made with the C compiler.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::Program;

/// Compiles a library of this folder.
pub fn compile(source: &str, into: &Path) -> PathBuf {
    let library = into.join(source).with_extension("so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shims").join(source);
    let mut compiler = Command::new("cc");
    compiler.args(["-Wall", "-Werror", "-shared", "-fPIC", "-O2", "-o"]).arg(&library).arg(source).arg("-ldl");
    assert!(compiler.status().expect("a C compiler").success());
    library
}

/// Makes the wall clock of all who read this file wrong by so many seconds, also while they run.
pub fn set_clock(file: &Path, offset: i64) {
    let file = File::options().write(true).create(true).truncate(false).open(file).unwrap();
    file.write_all_at(&offset.to_le_bytes(), 0).unwrap();
}

/// A library, compiled.
pub struct Shim(PathBuf);

impl Shim {
    pub fn compile(source: &str, into: &Path) -> Self {
        Self(compile(source, into))
    }

    /// Loads it into a process.
    pub fn load(&self, program: Program) -> Program {
        program.env("LD_PRELOAD", self.0.to_str().expect("a path that is text"))
    }
}
