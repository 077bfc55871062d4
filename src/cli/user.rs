//! `sessiond user …`.

use std::io::Read;

use clap::{ArgGroup, Args, Subcommand};

use super::reach::Reach;
use super::{Data, Failure};
use crate::plain;
use crate::service::operator::{Change, ChangeUser, Changed, CreateUser, SetPassword};

#[derive(Subcommand)]
pub enum Verb {
    /// Create a user and print their id
    Create(Create),
    /// End all of a user's sessions and let them sign in no more
    Block(Named),
    /// Let a user sign in again
    Unblock(Named),
    /// Give a user a new password; all of their sessions end
    Passwd(Passwd),
    /// Change what a user may do; whoever becomes an administrator or is none any more has to sign in again
    Label(Label),
}

#[derive(Args)]
pub struct Named {
    /// An e-mail address or a user id
    user: String,
    /// What to write into the audit log
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    data: Data,
}

#[derive(Args)]
pub struct Passwd {
    #[command(flatten)]
    named: Named,
    /// Read the password from standard input, up to the first line end
    #[arg(long, required = true)]
    password_stdin: bool,
}

#[derive(Args)]
#[command(group(ArgGroup::new("labels").args(["add", "remove"]).multiple(true).required(true)))]
pub struct Label {
    #[command(flatten)]
    named: Named,
    /// A label to give, `admin` for administrators; may be repeated
    #[arg(long, value_name = "LABEL")]
    add: Vec<String>,
    /// A label to take away; may be repeated
    #[arg(long, value_name = "LABEL")]
    remove: Vec<String>,
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
    match verb {
        Verb::Create(create) => self::create(create).await,
        Verb::Block(named) => change(named, Change::Block).await,
        Verb::Unblock(named) => change(named, Change::Unblock).await,
        Verb::Passwd(Passwd { named, .. }) => passwd(named).await,
        Verb::Label(Label { named, add, remove }) => change(named, Change::Labels { add, remove }).await,
    }
}

async fn change(Named { user, reason, data }: Named, change: Change) -> Result<(), Failure> {
    let command = ChangeUser { user: user.clone(), change, reason };
    command.check()?;
    let (_, config) = data.config()?;
    let reach = Reach::find(&config).await?;
    let done = reach.run(command).await;
    reach.close().await?;
    match done? {
        Changed::Done(ended) => println!("{} changed, {ended} sessions ended", plain::shown(&user)),
        Changed::Unchanged => println!("{} was so before", plain::shown(&user)),
    }
    Ok(())
}

async fn passwd(Named { user, reason, data }: Named) -> Result<(), Failure> {
    let password = password()?;
    let (_, config) = data.config()?;
    let reach = Reach::find(&config).await?;
    let set = reach.run(SetPassword { user: user.clone(), password, reason }).await;
    reach.close().await?;
    println!("{} has a new password, {} sessions ended", plain::shown(&user), set?.ended);
    Ok(())
}

/// The first line of standard input.
fn password() -> Result<String, Failure> {
    let mut typed = String::new();
    std::io::stdin().take(4096).read_to_string(&mut typed).map_err(Failure::failed)?;
    Ok(typed.lines().next().unwrap_or_default().to_owned())
}

async fn create(create: Create) -> Result<(), Failure> {
    let password = password()?;
    let (_, config) = create.data.config()?;
    let reach = Reach::find(&config).await?;
    let Create { email, name, labels, .. } = create;
    let created = reach.run(CreateUser { email, name, password, labels }).await;
    reach.close().await?;
    println!("{}", created?.id);
    Ok(())
}
