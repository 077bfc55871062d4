//! Pages and totals: positions from the index, the truth from the records.

mod look;
pub mod people;

use self::look::{Look, Question};
use super::shelf::Position;
use super::step::Shared;
use crate::domain::listing::{Cursor, Direction, Filter, Order, Page, Query, Total, Towards};
use crate::domain::session::{Standing, Verdict};
use crate::store::Result;

/// Looks of one page or count: what finds nothing in so many positions returns what it has.
const MOST_LOOKS: usize = 32;

pub fn page(shared: &Shared, query: &Query) -> Result<Page> {
    let now = shared.environment.clock.now();
    let (order, direction) =
        query.cursor.map_or((query.order, query.direction), |cursor| (cursor.order, cursor.direction));
    let towards = query.cursor.map_or(Towards::Next, |cursor| cursor.towards);
    let backwards = query.cursor.map_or(direction == Direction::Descending, |cursor| cursor.reads_backwards());
    let most = query.rows.clamp(1, Query::MOST_ROWS);
    let question = Question::of(shared, &query.filter);
    let mut from: Option<Position> = query.cursor.map(|cursor| (cursor.at, cursor.id));
    let mut rows: Vec<(Position, (Standing, Verdict))> = Vec::new();
    let mut examined = 0;
    let mut looks = 0;
    let more = loop {
        let wanted = (most + 1 - rows.len()).min(Query::MOST_EXAMINED - examined);
        let Look { found, reached, exhausted } = question.look(shared, order, from, backwards, wanted);
        from = reached.or(from);
        for found in found {
            examined += 1;
            if let Some(standing) = shared.standing(found.user, found.position.1)? {
                let verdict = standing.verdict(now, &shared.environment.limits);
                if query.filter.admits(&standing, &verdict) {
                    rows.push((found.position, (standing, verdict)));
                }
            }
        }
        if rows.len() > most {
            rows.truncate(most);
            from = rows.last().map(|(position, _)| *position);
            break true;
        }
        if exhausted {
            break false;
        }
        looks += 1;
        if looks == MOST_LOOKS || examined >= Query::MOST_EXAMINED {
            break true;
        }
    };

    let cursor =
        |position: Option<Position>, towards| position.map(|(at, id)| Cursor { towards, order, direction, at, id });
    let first = rows.first().map(|(position, _)| *position);
    let back = cursor(first, towards.opposite()).or(query.cursor.map(Cursor::reversed));
    let on = cursor(from.filter(|_| more), towards);
    let (next, previous) = match towards {
        Towards::Next => (on, back.filter(|_| query.cursor.is_some())),
        Towards::Previous => (back, on),
    };
    if towards == Towards::Previous {
        rows.reverse();
    }
    Ok(Page { rows: rows.into_iter().map(|(_, row)| row).collect(), next, previous })
}

pub fn total(shared: &Shared, filter: &Filter) -> Result<Total> {
    let question = Question::of(shared, filter);
    if let Some(count) = question.counted(shared) {
        let told = if filter.is_plain() || count <= Total::COUNTED { Total::Exactly } else { Total::MoreThan };
        return Ok(told(if filter.is_plain() { count } else { count.min(Total::COUNTED) }));
    }
    let most = usize::try_from(Total::COUNTED).unwrap_or(usize::MAX);
    let (mut count, mut asked, mut from) = (0, 0, None);
    for _ in 0..MOST_LOOKS {
        let Look { found, reached, exhausted } = question.look(shared, Order::LastActive, from, true, most + 1 - count);
        from = reached.or(from);
        for found in found {
            asked += usize::from(!found.sure);
            count += usize::from(found.sure || is_meant(shared, filter, &found)?);
        }
        if count > most {
            return Ok(Total::MoreThan(Total::COUNTED));
        }
        if exhausted {
            return Ok(Total::Exactly(count as u64));
        }
        if asked >= Query::MOST_EXAMINED {
            break;
        }
    }
    Ok(Total::MoreThan(count as u64))
}

/// What the record says where the index does not know.
fn is_meant(shared: &Shared, filter: &Filter, found: &look::Found) -> Result<bool> {
    let Some(standing) = shared.standing(found.user, found.position.1)? else { return Ok(false) };
    let verdict = standing.verdict(shared.environment.clock.now(), &shared.environment.limits);
    Ok(filter.admits(&standing, &verdict))
}
