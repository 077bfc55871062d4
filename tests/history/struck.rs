//! Each named step in turn: a process kills itself there, the power goes or stays, and the next one keeps what was answered.

use std::fs;

use sessiond::domain::steps::STEPS;
use tempfile::TempDir;

use super::powercut;
use super::setup::{Home, Setup};
use super::steps::Strike;
use super::{Run, SETTINGS};
use crate::process::{Client, PASSWORD, Server, copy_folder, session_id};
use crate::shims::compile;

const EMAIL: &str = "person0@example.com";
/// Changes until a step of them must have been reached.
const CHANGES: usize = 50;

/// What was answered about the sessions of one database.
#[derive(Clone)]
pub struct Promised {
    pub live: Vec<String>,
    pub ended: Vec<String>,
}

/// A closed database with a live and an ended session of an administrator, and the programs to run on copies of it.
pub struct Sample {
    pub plain: Setup,
    /// Where each end of a process may be a power cut.
    pub watched: Setup,
    pub home: Home,
    pub promised: Promised,
    _libraries: TempDir,
}

impl Sample {
    pub fn new() -> Self {
        let libraries = TempDir::new().unwrap();
        let plain = Setup { clock: None, ..Run::new(SETTINGS).setup };
        let watched = Setup { powercut: Some(compile("powercut.c", libraries.path())), ..plain.clone() };
        let home = Home::new();
        plain.people(&home, 1);
        let server = plain.serve(&home, None).listen();
        let [mut live, ended] = [(); 2].map(|()| server.client().sign_in(EMAIL, PASSWORD));
        live.revoke(&ended.session_id(), "");
        assert_eq!(server.stop().code, Some(0));
        let promised =
            Promised { live: vec![live.credential().to_owned()], ended: vec![ended.credential().to_owned()] };
        Self { plain, watched, home, promised, _libraries: libraries }
    }

    pub fn copy(&self) -> Home {
        let home = Home::new();
        copy_folder(&self.home.data(), &home.data());
        home
    }
}

impl Promised {
    /// Signs in and revokes until the server gives no answer; `None` if it always does.
    fn change(&mut self, server: &Server) -> Option<()> {
        let administrator = self.live.first().cloned();
        (0..CHANGES).find_map(|_| match self.change_once(server, administrator.as_deref()) {
            Some(()) => None,
            None => Some(()),
        })
    }

    fn change_once(&mut self, server: &Server, administrator: Option<&str>) -> Option<()> {
        let credential = sign_in(server)?;
        let Some(administrator) = administrator else {
            self.live.push(credential);
            return Some(());
        };
        let mut client = Client::holding(server.address, administrator);
        let token = client.try_send("GET", "/admin/sessions", "").ok()?.form_token()?;
        // Nobody knows what became of a revoke without an answer.
        let answer = client.try_submit("/admin/sessions/end", &token, &[("only", &session_id(&credential))]).ok()?;
        assert_eq!(answer.location(), "/admin/sessions", "{answer:?}");
        self.ended.push(credential);
        Some(())
    }

    /// Everyone was signed out.
    pub fn forfeit(&mut self) {
        self.ended.append(&mut self.live);
    }

    pub fn holds(&self, server: &Server, what: &str) {
        let accepted = |credential: &String| Client::holding(server.address, credential).get("/").is_signed_in();
        assert!(self.live.iter().all(accepted), "{what}: an answered sign-in was lost");
        assert!(!self.ended.iter().any(accepted), "{what}: an ended session was accepted");
        assert!(sign_in(server).is_some(), "{what}: nobody can sign in");
    }
}

fn sign_in(server: &Server) -> Option<String> {
    let mut client = server.client();
    let token = client.try_send("GET", "/login", "").ok()?.form_token()?;
    let answer = client.try_submit("/login", &token, &[("email", EMAIL), ("password", PASSWORD)]).ok()?;
    assert_eq!(answer.location(), "/account", "{answer:?}");
    Some(client.credential().to_owned())
}

/// Has a server strike itself at the step.
fn strike(setup: &Setup, home: &Home, step: &'static str, promised: &mut Promised) {
    let exited = match setup.serve(home, Some(&Strike { step, count: 1 })).try_listen() {
        Ok(server) => {
            promised.change(&server).unwrap_or_else(|| panic!("{step} was not reached"));
            server.exited()
        }
        Err(exited) => exited,
    };
    assert_eq!(exited.code, None, "{step}: {exited:?}");
}

/// What has to be so for a server to come by.
fn arrange(setup: &Setup, home: &Home, step: &str, promised: &mut Promised) {
    match step {
        // The database has lost an ending.
        "replaying" => strike(setup, home, "journal-synced", promised),
        // Nobody can vouch for what the database says is live.
        "doubt-created" | "doubt-noted" | "begun-afresh" | "everyone-ended" | "doubt-removed" | "doubt-settled"
        | "rotation-written" | "rotation-synced" => {
            fs::remove_file(home.data().join("ends/ends.1")).unwrap();
            promised.forfeit();
        }
        _ => {}
    }
}

/// These belong to copies of a database; see [`super::swapped`].
pub fn belongs_to_copies(step: &str) -> bool {
    ["copy-", "old-", "journal-aside", "journal-anew"].iter().any(|start| step.starts_with(start))
}

fn each_step(cut: bool) {
    let sample = Sample::new();
    let setup = if cut { &sample.watched } else { &sample.plain };
    // A file of the journal is full after some five thousand endings: that one is the history checker's.
    for step in STEPS.into_iter().filter(|step| !belongs_to_copies(step) && *step != "rotation-due") {
        let home = sample.copy();
        let mut promised = sample.promised.clone();
        arrange(&sample.plain, &home, step, &mut promised);
        strike(setup, &home, step, &mut promised);
        if cut {
            powercut::cut(&home, None);
        }
        let server = sample.plain.serve(&home, None).listen();
        promised.holds(&server, step);
        assert_eq!(server.stop().code, Some(0), "{step}");
    }
}

#[test]
fn a_server_that_is_killed_at_any_step_keeps_what_it_answered() {
    each_step(false);
}

#[test]
fn a_server_whose_power_goes_at_any_step_keeps_what_it_answered() {
    each_step(true);
}
