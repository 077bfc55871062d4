//! `sessiond user …`.

use std::io::Read;

use clap::{Args, Subcommand};

use super::reach::Reach;
use super::{Data, Failure};
use crate::service::operator::CreateUser;

#[derive(Subcommand)]
pub enum Verb {
    /// Create a user and print their id
    Create(Create),
}

#[derive(Args)]
pub struct Create {
    /// The e-mail address that they sign in with
    #[arg(long)]
    email: String,
    /// What people call them; without it, the address up to the @
    #[arg(long, default_value = "")]
    name: String,
    /// A label, `admin` for administrators; may be repeated
    #[arg(long = "label")]
    labels: Vec<String>,
    /// Read the password from standard input, up to the first line end
    #[arg(long, required = true)]
    password_stdin: bool,
    #[command(flatten)]
    data: Data,
}

pub async fn run(verb: Verb) -> Result<(), Failure> {
    let Verb::Create(create) = verb;
    let mut typed = String::new();
    std::io::stdin().take(4096).read_to_string(&mut typed).map_err(Failure::failed)?;
    let password = typed.lines().next().unwrap_or_default().to_owned();

    let (_, config) = create.data.config()?;
    let reach = Reach::find(&config).await?;
    let Create { email, name, labels, .. } = create;
    let created = reach.run(CreateUser { email, name, password, labels }).await;
    reach.close().await?;
    println!("{}", created?.id);
    Ok(())
}
