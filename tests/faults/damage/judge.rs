//! Starts the real program on a damaged folder and looks what it makes of it.

use std::path::Path;

use super::Prepared;
use crate::process::{Client, Exited, Program, Server};

/// What became of it, where nothing is amiss.
pub enum Outcome {
    /// Refused in a sentence that names the folder and the remedy.
    Refused,
    /// Everyone's sessions ended, and the log says so.
    SignedOut,
    /// Nothing is lost, and the log says what was repaired.
    Repaired,
    /// Nothing is lost.
    Harmless,
}

/// Words of which a remedy has one.
const REMEDIES: [&str; 4] = ["restore a backup", "move it away", "move the folder away", "check that it exists"];

/// What the answers to everybody's credentials were.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    live: usize,
    /// Live ones that were turned away.
    lost: usize,
    /// Live ones for whom there was an error.
    failed: usize,
    accepted: usize,
}

fn look(server: &Server, prepared: &Prepared) -> Seen {
    let mut seen = Seen::default();
    let ask = |credential: &String| Client::holding(server.address, credential).get("/account");
    for answer in prepared.live.iter().map(ask) {
        match answer.status {
            _ if answer.is_signed_in() => seen.live += 1,
            303 => seen.lost += 1,
            _ => seen.failed += 1,
        }
    }
    seen.accepted = prepared.past.iter().filter(|credential| ask(credential).is_signed_in()).count();
    seen
}

/// `again`: kills it and starts it once more; what was mended must stay so.
pub fn judge(data: &Path, prepared: &Prepared, again: bool) -> Result<Outcome, String> {
    let server = match Program::serve(data).try_listen() {
        Err(exited) => return refused(&exited, data),
        Ok(server) => server,
    };
    let seen = look(&server, prepared);
    let exited = server.kill();
    let outcome = judged(&seen, &exited, prepared)?;
    if again {
        let server = Program::serve(data).try_listen().map_err(|exited| format!("does not start again: {exited:?}"))?;
        let then = look(&server, prepared);
        server.kill();
        if then != seen {
            return Err(format!("{seen:?} before a kill, and {then:?} after it"));
        }
    }
    Ok(outcome)
}

fn refused(exited: &Exited, data: &Path) -> Result<Outcome, String> {
    let told: Vec<_> = exited.stderr.lines().filter(|line| line.starts_with("sessiond: ")).collect();
    let [told] = told[..] else { return Err(format!("not one sentence: {exited:?}")) };
    let named = told.contains(&*data.to_string_lossy()) && REMEDIES.iter().any(|remedy| told.contains(remedy));
    if exited.code != Some(1) || !named || exited.stderr.contains("panicked at") {
        return Err(format!("not refused as it should be: {exited:?}"));
    }
    Ok(Outcome::Refused)
}

fn judged(seen: &Seen, exited: &Exited, prepared: &Prepared) -> Result<Outcome, String> {
    let loud = exited.stderr.contains("everyone's sessions end, since nobody can vouch for them");
    if seen.accepted > 0 {
        return Err(format!("an ended session is accepted: {seen:?} {exited:?}"));
    }
    if exited.stderr.contains("panicked at") {
        return Err(format!("it panicked: {exited:?}"));
    }
    if loud && seen.live > 0 {
        return Err(format!("everyone was signed out, and some are not: {seen:?} {exited:?}"));
    }
    if !loud && seen.live != prepared.live.len() {
        return Err(format!("sessions are lost without a word: {seen:?} {exited:?}"));
    }
    let repaired = ["put them back", "quarantine"].iter().any(|word| exited.stderr.contains(word));
    Ok(match (loud, repaired) {
        (true, _) => Outcome::SignedOut,
        (false, true) => Outcome::Repaired,
        (false, false) => Outcome::Harmless,
    })
}
