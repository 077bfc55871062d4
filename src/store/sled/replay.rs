//! Putting the journal's endings over the database: whatever it has forgotten of them, it knows again.

use super::journal::{Effect, Entry};
use super::open::{newest_readable, seq_of};
use super::trees::{EPOCH, Place, Trees, Write, session_key};
use super::view::View;
use crate::domain::audit::{Action, Draft, Event, Outcome};
use crate::domain::ending::Actor;
use crate::domain::epoch::Epoch;
use crate::domain::id::EventSeq;
use crate::domain::key::ApiKey;
use crate::domain::session::{AlreadyEnded, Session, State};
use crate::domain::steps::reached;
use crate::domain::user::User;
use crate::store::codec::{self, Record};
use crate::store::{Result, StoreError};

/// A crash loses a few groups of changes at the most; more than this is damage and stays to be seen.
const MOST_FILLED: usize = 4_096;

/// Replays all entries, oldest first; repeating it changes nothing. Answers how many of them the database did not have.
pub fn replay(trees: &Trees, entries: &[Entry]) -> Result<usize> {
    let mut missing = 0;
    // What is older than the oldest event has been swept, and nobody misses it.
    let first = trees.iter(Place::Audit).next().transpose()?.map_or(Ok(EventSeq(0)), |(key, _)| seq_of(&key))?;
    for entry in entries {
        // A session that was swept has run out, and its event went with it or before.
        if matches!(entry.effect, Effect::Created { .. }) && entry.event.as_ref().is_some_and(|event| event.seq < first)
        {
            continue;
        }
        let mut writes = Vec::new();
        effect(trees, &entry.effect, first, &mut writes)?;
        if let Some(event) = &entry.event
            && event.seq >= first
            && !is_readable(trees, event.seq)?
        {
            put(&mut writes, Place::Audit, &event.seq.0.to_be_bytes(), event)?;
        }
        if !writes.is_empty() {
            missing += 1;
            trees.write(&writes)?;
            reached!("replaying");
        }
    }
    Ok(missing)
}

/// Writes down that nobody knows the events between `known` and `last` that are still missing: a power cut took changes that
/// nobody had been told of, and later endings from the journal stand after them. A gap would look like damage for ever.
pub fn fill_gaps(trees: &Trees, known: EventSeq, last: EventSeq) -> Result<()> {
    let Some(Event { at, .. }) = newest_readable(trees, known)? else { return Ok(()) };
    let mut writes = Vec::new();
    for seq in (known.0 + 1..=last.0).map(EventSeq) {
        if writes.len() == MOST_FILLED {
            break;
        }
        if trees.bytes(Place::Audit, &seq.0.to_be_bytes())?.is_none() {
            let draft = Draft::new(Actor::System, Action::Lost, Outcome::Failure);
            put(&mut writes, Place::Audit, &seq.0.to_be_bytes(), &Event { seq, at, draft })?;
        }
    }
    trees.write(&writes)
}

/// Whether there is such an event; one that is damaged the journal may put back.
fn is_readable(trees: &Trees, seq: EventSeq) -> Result<bool> {
    match trees.event(seq) {
        Err(StoreError::Corrupt { .. }) => Ok(false),
        found => Ok(found?.is_some()),
    }
}

fn effect(trees: &Trees, effect: &Effect, first: EventSeq, writes: &mut Vec<Write>) -> Result<()> {
    match effect {
        Effect::Session { user, id, ended } => {
            let key = session_key(*user, *id);
            change(trees, &key, writes, |session| session.end(ended.clone()))
        }
        Effect::Expired { user, id, at } => {
            change(trees, &session_key(*user, *id), writes, |session| session.expire(*at))
        }
        Effect::User { user, old, fresh, keep, ended } => {
            if ended.event >= first && trees.replaced(*old)?.is_none() {
                put(writes, Place::Replaced, old.bytes(), ended)?;
            }
            if let Some(mut owner) = trees.user(*user)?.filter(|owner| owner.epoch == *old) {
                owner.epoch = *fresh;
                put(writes, Place::Users, user.bytes(), &owner)?;
                if let Some(id) = keep {
                    let key = session_key(*user, *id);
                    change(trees, &key, writes, |session| {
                        if session.epochs().user == *old { session.restamp(*fresh) } else { Ok(()) }
                    })?;
                }
            }
            Ok(())
        }
        Effect::Changed { user, old, record, ended } => {
            if ended.event >= first && trees.replaced(*old)?.is_none() {
                put(writes, Place::Replaced, old.bytes(), ended)?;
            }
            if let Some(owner) = trees.user(*user)?.filter(|owner| owner.epoch == *old) {
                let mut fresh: User = codec::decode(user.bytes(), record)?;
                readdress(trees, &owner, &mut fresh, writes)?;
                put(writes, Place::Users, user.bytes(), &fresh)?;
            }
            Ok(())
        }
        Effect::Deleted { user, old, ended } => {
            if ended.event >= first && trees.replaced(*old)?.is_none() {
                put(writes, Place::Replaced, old.bytes(), ended)?;
            }
            if let Some(owner) = trees.user(*user)?.filter(|owner| owner.epoch == *old) {
                writes.push(Write { place: Place::Users, key: user.bytes().to_vec(), value: None });
                let key = owner.email.as_str().as_bytes().to_vec();
                writes.push(Write { place: Place::Emails, key, value: None });
            }
            Ok(())
        }
        Effect::Created { user, id, record } => {
            let key = session_key(*user, *id);
            if trees.bytes(Place::Sessions, &key)?.is_none() && trees.user(*user)?.is_some() {
                let session: Session = codec::decode(&key, record)?;
                put(writes, Place::Sessions, &key, &session)?;
            }
            Ok(())
        }
        Effect::Kept { user, id, old, fresh } => change(trees, &session_key(*user, *id), writes, |session| {
            if session.epochs().user == *old { session.restamp(*fresh) } else { Ok(()) }
        }),
        Effect::Key { id, ended } => match trees.get::<ApiKey>(Place::Keys, id.bytes())? {
            Some(mut key) if key.revoked().is_none() => {
                key.revoke(ended.clone());
                put(writes, Place::Keys, id.bytes(), &key)
            }
            _ => Ok(()),
        },
        Effect::Server { old, fresh, ended } => {
            if ended.event >= first && trees.replaced(*old)?.is_none() {
                put(writes, Place::Replaced, old.bytes(), ended)?;
            }
            if trees.get::<Epoch>(Place::Meta, EPOCH)? == Some(*old) {
                put(writes, Place::Meta, EPOCH, fresh)?;
            }
            Ok(())
        }
    }
}

/// A change of address is in no journal, but a later change of the same user knows it. If somebody else has the address in
/// this database, the user keeps the one that they have here.
fn readdress(trees: &Trees, owner: &User, fresh: &mut User, writes: &mut Vec<Write>) -> Result<()> {
    if owner.email == fresh.email {
        return Ok(());
    }
    let key = fresh.email.as_str().as_bytes();
    if trees.bytes(Place::Emails, key)?.is_some() {
        fresh.email = owner.email.clone();
        return Ok(());
    }
    writes.push(Write { place: Place::Emails, key: owner.email.as_str().as_bytes().to_vec(), value: None });
    put(writes, Place::Emails, key, &fresh.key())
}

fn change(
    trees: &Trees,
    key: &[u8],
    writes: &mut Vec<Write>,
    change: impl FnOnce(&mut Session) -> std::result::Result<(), AlreadyEnded>,
) -> Result<()> {
    match trees.get::<Session>(Place::Sessions, key)? {
        Some(mut session) if *session.state() == State::Live => {
            let before = session.clone();
            if change(&mut session).is_ok() && session != before {
                put(writes, Place::Sessions, key, &session)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn put<T: Record>(writes: &mut Vec<Write>, place: Place, key: &[u8], value: &T) -> Result<()> {
    let value = Some(codec::encode(key, value)?);
    writes.push(Write { place, key: key.to_vec(), value });
    Ok(())
}
