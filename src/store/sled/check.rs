//! Checking: every record of a database and what must agree between them, on a copy, since opening writes.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::backup::Totals;
use super::database::open_fresh;
use super::folder::lock_existing;
use super::open::{self, Carried, OpenError, Opened, Suspicion};
use super::record::{self, Content};
use super::trees::{EPOCH, PLACES, Place};
use super::upkeep::UpkeepError;
use super::view::View;
use super::{Sled, swap};
use crate::domain::audit::Event;
use crate::domain::epoch::Epoch;
use crate::domain::id::{UserKey, hex};
use crate::domain::key::ApiKey;
use crate::domain::session::{Session, State};
use crate::domain::user::User;
use crate::store::{Environment, Result};

/// What opening reads.
const FOLDERS: [&str; 4] = ["db", "db.old", "db.new", "ends"];
/// The most findings that are told one by one.
const MOST: usize = 1_000;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Report {
    /// One sentence each; the first thousand of them.
    pub findings: Vec<String>,
    /// How many there are in all.
    pub found: u64,
    /// The records that were read.
    pub totals: Totals,
}

impl Report {
    fn add(&mut self, finding: String) {
        self.found += 1;
        if self.findings.len() < MOST {
            self.findings.push(finding);
        }
    }
}

impl Sled {
    /// Reads everything in the database in `folder` and tells what is wrong with it. Works on a copy beside the folder, which
    /// stays as it is.
    ///
    /// # Errors
    /// If there is no database, if somebody else has it open, or if it cannot be copied. What is wrong with the database
    /// itself is a finding.
    pub async fn check(folder: &Path, environment: Environment) -> std::result::Result<Report, UpkeepError> {
        if !swap::occupied(folder) {
            return Err(UpkeepError::Missing(folder.to_owned()));
        }
        let path = folder.to_owned();
        let copied = tokio::task::spawn_blocking(move || {
            let _lock = lock_existing(&path)?;
            copied(&path).map_err(UpkeepError::write(&path))
        });
        let copy = copied.await.map_err(UpkeepError::panicked)??;

        let path = copy.path().to_owned();
        let opened = tokio::task::spawn_blocking(move || open::open(&path, environment, Carried::default())).await;
        let mut report = Report::default();
        match opened.map_err(UpkeepError::panicked)? {
            Ok(opened) => self::opened(&mut report, opened).await,
            Err(error) => report.add(format!("a server would not start: {}", told(&error))),
        }
        let path = copy.path().join("db");
        let read = tokio::task::spawn_blocking(move || {
            match open_fresh(&path) {
                Ok(trees) => all(&mut report, &trees),
                // That it does not open has mostly been told.
                Err(error) if report.found == 0 => report.add(format!("it cannot be read again: {}", told(&error))),
                Err(_) => {}
            }
            report
        });
        read.await.map_err(UpkeepError::panicked)
    }
}

impl Sled {
    /// The same of the open database, as it is at this moment, while requests go on.
    ///
    /// # Errors
    /// If the store is not whole. What is wrong with a record is a finding.
    pub async fn check_open(&self) -> std::result::Result<Report, UpkeepError> {
        let mut report = Report::default();
        self.as_of_now(move |records| {
            all(&mut report, records);
            Ok(report)
        })
        .await
    }
}

/// Why the copy does not open, in words that do not name the copy.
fn told(error: &OpenError) -> String {
    match error {
        OpenError::Damaged { what, .. } => format!("the database is damaged ({what})"),
        OpenError::Newer { found, .. } => format!("the database has the later format {found}"),
        OpenError::Folder { source, .. } => source.to_string(),
        OpenError::Locked(_) => error.to_string(),
    }
}

/// What opening itself noticed.
async fn opened(report: &mut Report, opened: Opened) {
    let Opened { handle, suspicion, put_back } = opened;
    if let Some(Suspicion { why, .. }) = suspicion {
        report.add(format!("a server would end everyone's sessions: {why}"));
    }
    if put_back > 0 {
        report
            .add(format!("the database does not know {put_back} endings of the journal; a server would put them back"));
    }
    handle.committer.close().await;
}

fn copied(folder: &Path) -> io::Result<TempDir> {
    let beside = folder.canonicalize()?;
    let copy = tempfile::Builder::new().prefix(".sessiond-check-").tempdir_in(beside.parent().unwrap_or(&beside))?;
    for name in FOLDERS.iter().filter(|name| folder.join(name).exists()) {
        copy_folder(&folder.join(name), &copy.path().join(name))?;
    }
    Ok(copy)
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            let _bytes = fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Reads every record.
fn all(report: &mut Report, trees: &impl View) {
    let server = match trees.get::<Epoch>(Place::Meta, EPOCH) {
        Ok(Some(epoch)) => Some(epoch),
        Ok(None) => {
            report.add("meta: the server's epoch is missing".to_owned());
            None
        }
        // Found again below, with its key.
        Err(_) => None,
    };
    for place in PLACES {
        let mut last_event = None;
        for entry in trees.iter(place) {
            let (key, value) = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    report.add(format!("{}: the rest cannot be read: {}", place.name(), open::chain(&error)));
                    break;
                }
            };
            report.totals.count(place);
            let wrong = match record::read(place, &key, &value) {
                Ok(Content::Session(session)) => of_session(trees, &session, server),
                Ok(Content::User(user)) => of_user(trees, &user),
                Ok(Content::Owner(email, owner)) => trees.user(owner).map(|user| {
                    let other = user.is_none_or(|user| user.email != email);
                    other.then(|| format!("the index names an owner of {} who has not that address", email.as_str()))
                }),
                Ok(Content::Event(event)) => {
                    let before = last_event.replace(event.seq.0);
                    let gap = before.filter(|before| before + 1 != event.seq.0);
                    Ok(gap.map(|before| format!("events between {before} and {} are missing", event.seq.0)))
                }
                Ok(Content::Key(key)) => of_key(trees, &key),
                Ok(Content::Other) => Ok(None),
                Err(error) => Ok(Some(format!("the record at {}: {}", hex(&key), open::chain(&error)))),
            };
            // What a record refers to may be damaged; that is found where it stands.
            if let Ok(Some(wrong)) = wrong {
                report.add(format!("{}: {wrong}", place.name()));
            }
        }
    }
}

fn of_session(trees: &impl View, session: &Session, server: Option<Epoch>) -> Result<Option<String>> {
    if *session.state() != State::Live {
        return Ok(None);
    }
    let epochs = session.epochs();
    if trees.replaced(epochs.user)?.is_some() || trees.replaced(epochs.server)?.is_some() {
        return Ok(None);
    }
    let Some(user) = trees.user(session.user_key())? else {
        return Ok(Some(format!("{} belongs to nobody and has not ended", session.id())));
    };
    let withdrawn = user.epoch != epochs.user || server.is_some_and(|server| server != epochs.server);
    Ok(withdrawn.then(|| format!("{} was ended, and nothing tells by whom", session.id())))
}

/// A revoked key names the event of its end, if that has not been swept.
fn of_key(trees: &impl View, key: &ApiKey) -> Result<Option<String>> {
    let Some(ended) = key.revoked() else { return Ok(None) };
    let event = trees.get::<Event>(Place::Audit, &ended.event.0.to_be_bytes())?;
    let other = event.is_some_and(|event| event.draft.key != Some(key.id));
    Ok(other.then(|| format!("the event that key {} names tells of something else", key.id)))
}

fn of_user(trees: &impl View, user: &User) -> Result<Option<String>> {
    let owner = trees.get::<UserKey>(Place::Emails, user.email.as_str().as_bytes())?;
    Ok((owner != Some(user.key())).then(|| format!("{} is not found by the address {}", user.id, user.email)))
}
