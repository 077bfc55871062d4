//! `sessiond user …`.

use std::io::Read;

use clap::{ArgGroup, Args, Subcommand};

use serde_json::json;

use super::place::{Output, Place, Trial};
use super::{Failure, people};
use crate::service::operator::{Change, ChangeUser, Changed, CreateUser, How, InviteUser, SetPassword};

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
    /// List users in the order of their e-mail addresses
    List(people::List),
    /// Show what is known of a user
    Show(people::Show),
    /// Take a user's password away and print a one-time password, alone on the last line; all of their sessions end
    Reset(Named),
    /// Forget the wrong passwords in a row, so that a locked user can try again
    Unlock(Named),
    /// Give a user another e-mail address to sign in with
    Email(Email),
    /// Give a user another name
    Rename(Rename),
    /// Let a user sign in with the password alone; all of their sessions end
    RemoveSecondFactor(Named),
    /// Delete a user and end all of their sessions; the audit log keeps the id and a fingerprint of the e-mail address
    Delete(Named),
    /// Change what a user may do; whoever becomes an administrator or is none any more has to sign in again
    Label(Label),
}

#[derive(Args)]
pub struct Named {
    /// An e-mail address or a user id
    pub user: String,
    /// What to write into the audit log
    #[arg(long, default_value = "")]
    pub reason: String,
    #[command(flatten)]
    pub trial: Trial,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub place: Place,
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
pub struct Email {
    #[command(flatten)]
    named: Named,
    /// The new address
    address: String,
}

#[derive(Args)]
pub struct Rename {
    #[command(flatten)]
    named: Named,
    /// The new name
    name: String,
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
#[command(group(ArgGroup::new("password").args(["password_stdin", "one_time_password"]).required(true)))]
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
    #[arg(long)]
    password_stdin: bool,
    /// Print a password that is good for one use and 24 hours, alone on the last line
    #[arg(long)]
    one_time_password: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    place: Place,
}

pub async fn run(verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Create(create) => self::create(create).await,
        Verb::Block(named) => change(named, Change::Block).await,
        Verb::Unblock(named) => change(named, Change::Unblock).await,
        Verb::List(list) => people::list(list).await,
        Verb::Show(show) => people::show(show).await,
        Verb::Reset(named) => people::reset(named).await,
        Verb::Unlock(named) => change(named, Change::Unlock).await,
        Verb::Email(Email { named, address }) => change(named, Change::Email(address)).await,
        Verb::Rename(Rename { named, name }) => change(named, Change::Name(name)).await,
        Verb::RemoveSecondFactor(named) => change(named, Change::NoSecondFactor).await,
        Verb::Delete(named) => people::delete(named).await,
        Verb::Passwd(Passwd { named, .. }) => passwd(named).await,
        Verb::Label(Label { named, add, remove }) => change(named, Change::Labels { add, remove }).await,
    }
}

impl Named {
    /// Tells that the user is another now, or would be, and how many sessions that ends.
    pub fn tell(&self, what: [&str; 2], ended: Option<u64>) {
        let (Self { user, output, trial, .. }, [done, would]) = (self, what);
        let how = trial.how();
        let changed = ended.is_some();
        let object =
            json!({ "dryRun": how == How::DryRun, "user": user, "changed": changed, "ended": ended.unwrap_or(0) });
        output.tell(&object, || match (ended, how) {
            (None, _) => format!("{user} was so before"),
            (Some(ended), How::ForGood) => format!("{user} {done}, {ended} sessions ended"),
            (Some(ended), How::DryRun) => format!("{user} {would}, {ended} sessions would end"),
        });
    }
}

async fn change(named: Named, change: Change) -> Result<(), Failure> {
    let command = ChangeUser { user: named.user.clone(), change, reason: named.reason.clone() };
    command.check()?;
    let ended = match named.place.run(command, named.trial.how()).await? {
        Changed::Done(ended) => Some(ended),
        Changed::Unchanged => None,
    };
    named.tell(["changed", "would change"], ended);
    Ok(())
}

async fn passwd(named: Named) -> Result<(), Failure> {
    let command = SetPassword { user: named.user.clone(), password: password()?, reason: named.reason.clone() };
    let set = named.place.run(command, named.trial.how()).await?;
    named.tell(["has a new password", "would have a new password"], Some(set.ended));
    Ok(())
}

/// The first line of standard input.
fn password() -> Result<String, Failure> {
    let mut typed = String::new();
    std::io::stdin().take(4096).read_to_string(&mut typed).map_err(Failure::failed)?;
    Ok(typed.lines().next().unwrap_or_default().to_owned())
}

async fn create(create: Create) -> Result<(), Failure> {
    if create.one_time_password {
        let Create { email, name, labels, output, place, .. } = create;
        return people::invite(&place, &output, InviteUser { email, name, labels }).await;
    }
    let password = password()?;
    let Create { email, name, labels, output, place, .. } = create;
    let created = place.run(CreateUser { email, name, password, labels }, How::ForGood).await?;
    output.tell(&json!({ "id": created.id }), || created.id.clone());
    Ok(())
}
