//! The command line: one file for each verb. Exit codes: 0 done, 1 refused or failed, 2 wrong use or configuration.

mod audit;
mod backup;
mod check;
mod compact;
mod completions;
mod demo;
mod key;
mod logs;
mod openapi;
mod people;
mod place;
mod reach;
mod restore;
mod serve;
mod session;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};
use figment::{Figment, Provider};
use serde_json::{Map, Value};

use crate::config::{Config, ConfigError};
use crate::open::StartError;
use crate::plain;
use crate::store::sled::{Totals, UpkeepError};
use crate::web;

/// The one place where a team's sign-in sessions live and die.
#[derive(Parser)]
#[command(name = "sessiond", version, about, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// Serve (what happens without a verb, too)
    Serve(serve::Arguments),
    /// Create and change users
    #[command(subcommand)]
    User(user::Verb),
    /// See and end sessions
    #[command(subcommand)]
    Session(session::Verb),
    /// Read the audit log
    Audit(audit::Arguments),
    /// Create, list and revoke API keys
    #[command(subcommand)]
    Key(key::Verb),
    /// Write the whole database to one file
    Backup(backup::Arguments),
    /// Make a database of a backup; everyone has to sign in again
    Restore(restore::Arguments),
    /// Give back the disk space that the database no longer needs
    Compact(compact::Arguments),
    /// Read every record and tell what is wrong
    Check(check::Arguments),
    /// Print the description of the API (`OpenAPI` 3.1)
    Openapi,
    /// Print a script that completes verbs and flags in a shell
    Completions(completions::Completions),
    /// Print the manual, or write its pages into a folder
    Man(completions::Manual),
}

/// Where the database is.
#[derive(Args)]
struct Data {
    /// The data folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Data {
    /// The settings: this flag over the environment over `Rocket.toml`.
    fn config(&self) -> Result<(Figment, Config), Failure> {
        let figment = web::figment();
        // A file that is no TOML must not pass for one without settings.
        figment.data().map_err(|error| ConfigError::Unreadable(Box::new(error)))?;
        let config = Config::extract(&figment)?;
        let Some(data) = &self.data else { return Ok((figment, config)) };
        // Only now: merged over a setting that is no table, the flag would hide it.
        let figment = figment.merge(("sessiond.data", data));
        let config = Config::extract(&figment)?;
        Ok((figment, config))
    }
}

/// Why a verb did not do what it was told.
#[derive(Debug)]
struct Failure {
    code: u8,
    told: String,
}

impl Failure {
    /// It was refused or went wrong.
    fn failed(told: impl ToString) -> Self {
        Self { code: 1, told: told.to_string() }
    }

    /// It was asked for wrongly.
    fn usage(told: impl ToString) -> Self {
        Self { code: 2, told: told.to_string() }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Cost(_) => Self::usage(error),
            StartError::Database(_) => Self::failed(error),
        }
    }
}

impl From<crate::store::StoreError> for Failure {
    fn from(error: crate::store::StoreError) -> Self {
        Self::failed(error)
    }
}

impl From<UpkeepError> for Failure {
    fn from(error: UpkeepError) -> Self {
        Self::failed(error)
    }
}

/// What there is how many of, for people.
fn counts(totals: &Totals) -> String {
    format!("{} users, {} sessions, {} audit events", totals.of("users"), totals.of("sessions"), totals.of("audit"))
}

/// The same, for programs.
fn totals(totals: &Totals) -> Map<String, Value> {
    totals.iter().map(|(name, count)| (name.to_owned(), Value::from(count))).collect()
}

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    logs::start(matches!(arguments.verb, None | Some(Verb::Serve(_))));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return told(&Failure::failed(error)),
    };
    let done = runtime.block_on(async {
        match arguments.verb {
            None => serve::run(serve::Arguments::default()).await,
            Some(Verb::Serve(arguments)) => serve::run(arguments).await,
            Some(Verb::User(verb)) => user::run(verb).await,
            Some(Verb::Session(verb)) => session::run(verb).await,
            Some(Verb::Audit(arguments)) => audit::run(arguments).await,
            Some(Verb::Key(verb)) => key::run(verb).await,
            Some(Verb::Backup(arguments)) => backup::run(arguments).await,
            Some(Verb::Restore(arguments)) => restore::run(arguments).await,
            Some(Verb::Compact(arguments)) => compact::run(arguments).await,
            Some(Verb::Check(arguments)) => check::run(arguments).await,
            Some(Verb::Openapi) => openapi::run(),
            Some(Verb::Completions(arguments)) => completions::completions(&arguments, Arguments::command()),
            Some(Verb::Man(arguments)) => completions::manual(&arguments, Arguments::command()),
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => told(&failure),
    }
}

fn told(failure: &Failure) -> ExitCode {
    eprintln!("sessiond: {}", plain::lines(&failure.told));
    ExitCode::from(failure.code)
}
