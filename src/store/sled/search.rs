//! Searching the audit log: numbers from the trail, the truth from the records.

use std::sync::PoisonError;

use super::open::seq_of;
use super::step::Shared;
use super::trail::Question;
use super::trees::Place;
use super::view::View;
use crate::domain::audit::search::{Page, Query, page};
use crate::domain::audit::{Action, Detail, Draft, Event, Outcome};
use crate::domain::ending::Actor;
use crate::domain::id::EventSeq;
use crate::domain::listing::Direction;
use crate::domain::timestamp::Timestamp;
use crate::store::{Result, StoreError};

pub fn find(shared: &Shared, query: &Query) -> Result<Page> {
    let backwards = query.cursor.map_or(query.direction == Direction::Descending, |cursor| cursor.reads_backwards());
    let owner = query.filter.session.and_then(|id| shared.index().owner(id));
    let question = Question::of(&query.filter, owner);
    let wanted = query.rows.clamp(1, Query::MOST_EXAMINED);
    let mut rows = Vec::new();
    let mut reached = query.cursor.map(|cursor| cursor.at);
    let mut examined = 0;
    loop {
        let trail = shared.trail.read().unwrap_or_else(PoisonError::into_inner);
        let numbers = trail.next(&question, reached, backwards);
        drop(trail);
        if numbers.is_empty() {
            return Ok(page(query, rows, reached, false));
        }
        for seq in numbers.into_iter().map(EventSeq) {
            if examined == Query::MOST_EXAMINED {
                return Ok(page(query, rows, reached, true));
            }
            let (event, damaged) = match shared.trees.event(seq) {
                Ok(Some(event)) => (event, false),
                // A number beyond either end of the log.
                Ok(None) => {
                    reached = Some(seq);
                    continue;
                }
                Err(StoreError::Corrupt { .. }) => (unreadable(shared, seq), true),
                Err(error) => return Err(error),
            };
            examined += 1;
            if damaged || query.filter.admits(&event) {
                // One more than wanted shows that there is a next page.
                if rows.len() == wanted {
                    return Ok(page(query, rows, reached, true));
                }
                rows.push(event);
            }
            reached = Some(seq);
        }
    }
}

/// The durable events after this one, oldest first.
pub fn after(shared: &Shared, after: EventSeq, most: usize) -> Result<Vec<Event>> {
    let oldest = shared.trees.iter(Place::Audit).next().transpose()?.map(|(key, _)| seq_of(&key)).transpose()?;
    let newest = shared.durable.newest();
    let from = after.0.saturating_add(1).max(oldest.unwrap_or_default().0);
    let mut events: Vec<Event> = Vec::new();
    for seq in (from..=newest.0).take(most).map(EventSeq) {
        let known = if shared.durable.is_doubtful(seq) { Ok(None) } else { shared.trees.event(seq) };
        events.push(match known {
            Ok(Some(event)) => event,
            Err(StoreError::Corrupt { .. }) => unreadable(shared, seq),
            Ok(None) => {
                let at = events.last().map_or_else(|| unreadable(shared, seq).at, |before| before.at);
                Event { seq, at, draft: Draft::new(Actor::System, Action::Lost, Outcome::Failure) }
            }
            Err(error) => return Err(error),
        });
    }
    Ok(events)
}

/// What stands for an event that is damaged: nobody knows whether it is meant, so it is in whatever comes by. Its time is that
/// of one beside it.
fn unreadable(shared: &Shared, seq: EventSeq) -> Event {
    let beside = [seq.0.checked_sub(1), seq.0.checked_add(1)].into_iter().flatten();
    let at = beside.filter_map(|seq| shared.trees.event(EventSeq(seq)).ok().flatten()).map(|event| event.at).next();
    let draft = Draft::new(Actor::System, Action::Lost, Outcome::Failure);
    let detail = Some(Detail::new("the record is damaged; `sessiond check` names all that are"));
    Event { seq, at: at.unwrap_or(Timestamp::MIN), draft: Draft { detail, ..draft } }
}
