//! Libraries that a process is started with and that stand between it and the system. Made with the C compiler.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::Program;

/// A library, compiled.
pub struct Shim(PathBuf);

impl Shim {
    /// Compiles `tests/faults/SOURCE` into `folder`.
    pub fn compile(source: &str, folder: &Path) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults").join(source);
        let library = folder.join(source.file_stem().unwrap()).with_extension("so");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).arg(source).arg("-ldl");
        assert!(compiler.status().expect("a C compiler").success());
        Self(library)
    }

    /// Loads it into a process.
    pub fn load(&self, program: Program) -> Program {
        program.env("LD_PRELOAD", self.0.to_str().expect("a path that is text"))
    }
}
