//! Searching the audit log: numbers from the trail, the truth from the records.

use std::sync::PoisonError;

use super::step::Shared;
use super::trail::Question;
use crate::domain::audit::search::{Page, Query, page};
use crate::domain::id::EventSeq;
use crate::domain::listing::Direction;
use crate::store::Result;

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
            // A number beyond either end of the log, or one that was lost.
            let Some(event) = shared.trees.event(seq)? else {
                reached = Some(seq);
                continue;
            };
            examined += 1;
            if query.filter.admits(&event) {
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
