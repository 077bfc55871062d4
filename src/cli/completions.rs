//! `sessiond completions` and `sessiond man`: what a shell and `man` know of the command line, made from its definition.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use super::Failure;

#[derive(Args)]
pub struct Completions {
    /// Which shell
    shell: Shell,
}

#[derive(Args)]
pub struct Manual {
    /// Write one page for each verb into this folder, which must exist; without it, all of them go to standard output
    dir: Option<PathBuf>,
}

/// Prints a script that completes verbs and flags.
pub fn completions(arguments: &Completions, mut command: Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "sessiond", &mut script);
    print(&script)
}

/// Writes the manual.
pub fn manual(arguments: &Manual, mut command: Command) -> Result<(), Failure> {
    if let Some(folder) = &arguments.dir {
        return clap_mangen::generate_to(command, folder).map_err(|error| unwritable(folder, &error));
    }
    // Names each page in full: `sessiond session revoke`.
    command.build();
    let mut pages = Vec::new();
    render(&command, &mut pages).map_err(Failure::failed)?;
    print(&pages)
}

fn unwritable(folder: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("the manual cannot be written to {}: {error}; does the folder exist?", folder.display()))
}

fn render(command: &Command, pages: &mut Vec<u8>) -> std::io::Result<()> {
    Man::new(command.clone()).render(pages)?;
    command.get_subcommands().filter(|verb| !verb.is_hide_set()).try_for_each(|verb| render(verb, pages))
}

fn print(text: &[u8]) -> Result<(), Failure> {
    match std::io::stdout().write_all(text) {
        // Whoever reads on may have seen enough.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::failed(error)),
        _ => Ok(()),
    }
}
