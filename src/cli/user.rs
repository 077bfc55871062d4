//! `sessiond user …`.

use std::collections::BTreeSet;
use std::io::Read;

use clap::{Args, Subcommand};

use super::{Data, Failure};
use crate::domain::ending::Actor;
use crate::domain::user::Label;
use crate::open;
use crate::service::users::{NewUser, NewUserError};

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
    let labels = create.labels.iter().map(|label| label.parse::<Label>());
    let labels = labels.collect::<Result<BTreeSet<_>, _>>().map_err(Failure::usage)?;
    let mut typed = String::new();
    std::io::stdin().take(4096).read_to_string(&mut typed).map_err(Failure::failed)?;
    let password = typed.lines().next().unwrap_or_default().to_owned();

    let (_, config) = create.data.config()?;
    let service = open::open(&config).await?;
    let new = NewUser { email: create.email, name: create.name, password, labels, from: None };
    let created = service.create_user(new, Actor::Operator).await;
    service.store().close().await?;
    let user = created.map_err(|error| match error {
        NewUserError::Particulars(_) | NewUserError::Password(_) => Failure::usage(error),
        _ => Failure::failed(error),
    })?;
    println!("{}", user.id);
    Ok(())
}
