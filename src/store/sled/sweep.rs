//! Removing what is past and old enough, a little at a time.

use std::sync::PoisonError;

use sled::IVec;

use super::step::Step;
use super::trail::concerned;
use super::trees::{Place, session_key};
use super::view::View;
use super::{jobs, keys};
use crate::domain::audit::Event;
use crate::domain::ending::Ended;
use crate::domain::timestamp::Timestamp;
use crate::store::{Result, codec};

/// Looks at up to `most` things that may be older than `before`: sessions first, then API keys, jobs and events, and the log of
/// replaced epochs once no session needs it.
pub fn sweep(step: &mut Step<'_>, before: Timestamp, most: usize) -> Result<usize> {
    match sessions(step, before, most)? {
        0 => {}
        looked => return Ok(looked),
    }
    match keys::sweep(step, before, most)? {
        0 => {}
        removed => return Ok(removed),
    }
    match jobs::sweep(step, before, most)? {
        0 => {}
        removed => return Ok(removed),
    }
    match events(step, before, most)? {
        0 => {}
        removed => return Ok(removed),
    }
    if step.shared.index().is_reaped() { replaced(step, before, most) } else { Ok(0) }
}

fn sessions(step: &mut Step<'_>, before: Timestamp, most: usize) -> Result<usize> {
    let found = step.shared.index().sweepable(before, most);
    for (user, id) in &found {
        let (user, id) = (*user, *id);
        let Some(standing) = step.shared.standing(user, id)? else { continue };
        let verdict = standing.verdict(step.now, &step.shared.environment.limits);
        if verdict.since().is_some_and(|since| since < before) {
            step.remove(Place::Sessions, &session_key(user, id));
            step.remove(Place::Seen, &session_key(user, id));
            step.when_visible(move |shared| shared.index().remove(id));
        }
    }
    Ok(found.len())
}

/// Never the last one: its number is where the next one goes on. One that cannot be read is as old as the next one that can,
/// however far that is.
fn events(step: &mut Step<'_>, before: Timestamp, most: usize) -> Result<usize> {
    let mut old: Vec<(IVec, Option<Event>)> = Vec::new();
    let mut dated = 0;
    let mut newer = false;
    for record in step.shared.trees.iter(Place::Audit) {
        let (key, bytes) = record?;
        let event = codec::decode::<Event>(&key, &bytes).ok();
        let is_old = event.as_ref().is_some_and(|event| event.at < before);
        if old.len() == most && (dated > 0 || event.is_some()) {
            newer = true;
            dated = if is_old { most } else { dated };
            break;
        }
        newer = event.is_some() && !is_old;
        if newer {
            break;
        }
        if old.len() < most {
            old.push((key, event));
            dated = if is_old { old.len() } else { dated };
        }
    }
    old.truncate(dated);
    if !newer {
        old.pop();
    }
    let removed = old.len();
    for (key, _) in &old {
        step.remove(Place::Audit, key);
    }
    step.when_visible(move |shared| {
        let mut trail = shared.trail.write().unwrap_or_else(PoisonError::into_inner);
        for event in old.into_iter().filter_map(|(_, event)| event) {
            trail.forget(event.seq, &concerned(&event.draft).collect::<Vec<_>>());
        }
    });
    Ok(removed)
}

fn replaced(step: &mut Step<'_>, before: Timestamp, most: usize) -> Result<usize> {
    let mut old = Vec::new();
    for record in step.shared.trees.scan::<Ended>(Place::Replaced) {
        let (key, ended) = record?;
        if ended.at < before && old.len() < most {
            old.push(key);
        }
    }
    for key in &old {
        step.remove(Place::Replaced, key);
    }
    Ok(old.len())
}
