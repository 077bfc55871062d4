//! Where a verb is to be carried out, and how it tells what came of it: the flags that verbs have in common.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::reach::{Address, Afar, Reach};
use super::{Data, Failure};
use crate::config::Config;
use crate::plain;
use crate::service::operator::{Command, How};

const SERVER: &str = "A server elsewhere, such as https://login.example.com; an API key for it stands in SESSIOND_KEY";

/// A data folder, or a server elsewhere.
#[derive(Args)]
pub struct Place {
    #[command(flatten)]
    data: Data,
    #[arg(long, value_name = "URL", conflicts_with = "data", help = SERVER)]
    server: Option<Address>,
    /// Trust a server whose certificate is signed by one of those in this file (PEM), and no other
    #[arg(long, value_name = "FILE", requires = "server")]
    ca: Option<PathBuf>,
    /// Send the key over plain http to another machine: everybody on the way can read it
    #[arg(long, requires = "server")]
    insecure_http: bool,
}

impl Place {
    /// The settings, for a verb that concerns the whole machine.
    pub fn here(&self, verb: &str) -> Result<Config, Failure> {
        if self.server.is_some() {
            return Err(Failure::usage(format!(
                "{verb} concerns the whole machine and is not to be had from afar; run it there, without --server"
            )));
        }
        Ok(self.data.config()?.1)
    }

    /// The server elsewhere, the server that has the folder open, or the database in it.
    pub async fn reach(&self) -> Result<Reach, Failure> {
        match &self.server {
            Some(server) => Ok(Reach::Afar(Afar::new(server, self.ca.as_deref(), self.insecure_http)?)),
            None => Reach::find(&self.data.config()?.1).await,
        }
    }

    /// Has one command carried out there, or told what would become of it.
    pub async fn run<C: Command + 'static>(&self, command: C, how: How) -> Result<C::Answer, Failure> {
        let reach = self.reach().await?;
        let done = reach.run(command, how).await;
        reach.close().await?;
        done
    }
}

/// For verbs that tell a result.
#[derive(Args)]
pub struct Output {
    /// Tell it as JSON: one object, of a list one a line
    #[arg(long)]
    pub json: bool,
}

/// For verbs that end sessions.
#[derive(Args)]
pub struct Trial {
    /// Tell what would change and which sessions would end; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Trial {
    pub const fn how(&self) -> How {
        if self.dry_run { How::DryRun } else { How::ForGood }
    }
}

impl Output {
    /// Tells a result in one of its two forms.
    pub fn tell(&self, json: &Value, words: impl FnOnce() -> String) {
        if self.json {
            println!("{}", plain::json(&json.to_string()));
        } else {
            println!("{}", plain::lines(&words()));
        }
    }
}
