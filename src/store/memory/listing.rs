//! Listings: all entries sorted, cut at the cursor, and each asked whether it is meant.

use crate::domain::id::SessionId;
use crate::domain::lifetime::Limits;
use crate::domain::listing::{Cursor, Direction, Filter, Page, Query, Total, Towards};
use crate::domain::session::Standing;
use crate::domain::timestamp::Timestamp;

/// Where an entry stands in the order; the newest is the greatest.
type Place = (Timestamp, SessionId);

pub(super) fn page(entries: Vec<Standing>, query: &Query, now: Timestamp, limits: &Limits) -> Page {
    let start = query.cursor;
    // A cursor goes on in the order and direction that it belongs to.
    let (order, direction) = start.map_or((query.order, query.direction), |cursor| (cursor.order, cursor.direction));
    let place = |entry: &Standing| (order.key(entry), entry.session.id());
    let towards = start.map_or(Towards::Next, |cursor| cursor.towards);
    let cursor = |towards, (at, id): Place| Cursor { towards, order, direction, at, id };
    let lies_ahead = |entry: &Standing| start.is_none_or(|cursor| cursor.is_before(place(entry)));
    let (mut ahead, behind): (Vec<_>, Vec<_>) = entries.into_iter().partition(lies_ahead);
    ahead.sort_by_key(place);
    if start.map_or(direction == Direction::Descending, |cursor| cursor.reads_backwards()) {
        ahead.reverse();
    }

    let wanted = query.rows.clamp(1, Query::MOST_ROWS);
    let (mut rows, mut first, mut last, mut more) = (Vec::new(), None, None, false);
    for (examined, entry) in ahead.into_iter().enumerate() {
        if examined == Query::MOST_EXAMINED {
            more = true;
            break;
        }
        let here = place(&entry);
        let verdict = entry.verdict(now, limits);
        if query.filter.admits(&entry, &verdict) {
            // One more than wanted shows that there is a next page.
            if rows.len() == wanted {
                more = true;
                break;
            }
            rows.push((entry, verdict));
        }
        first = first.or(Some(here));
        last = Some(here);
    }

    let onward = last.filter(|_| more).map(|place| cursor(towards, place));
    let back = first.map(|place| cursor(towards.opposite(), place));
    let back = back.or(start.map(Cursor::reversed)).filter(|_| !behind.is_empty());
    match towards {
        Towards::Next => Page { rows, next: onward, previous: back },
        Towards::Previous => {
            rows.reverse();
            Page { rows, next: back, previous: onward }
        }
    }
}

pub(super) fn total(entries: &[Standing], filter: &Filter, now: Timestamp, limits: &Limits) -> Total {
    let admitted = |entry: &&Standing| filter.admits(entry, &entry.verdict(now, limits));
    let count = entries.iter().filter(admitted).count() as u64;
    if !filter.is_plain() && count > Total::COUNTED { Total::MoreThan(Total::COUNTED) } else { Total::Exactly(count) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::client::{Client, Device};
    use crate::domain::clock::OsEntropy;
    use crate::domain::epoch::{Epoch, Epochs};
    use crate::domain::id::UserId;
    use crate::domain::lifetime::Kind;
    use crate::domain::session::{Door, Session, Start};

    const START: Timestamp = Timestamp::from_millis(1_767_323_045_678);

    /// Sessions of a user who is gone: none of them live.
    fn entries(count: u32) -> Vec<Standing> {
        let epochs = Epochs { user: Epoch::draw(&OsEntropy), server: Epoch::draw(&OsEntropy) };
        let (user, kind, door) = (UserId::new(&OsEntropy), Kind::Standard, Door::Pages);
        let client = Client { address: None, agent: String::new(), device: Device { browser: None, system: None } };
        let standing = |n| {
            let at = START + Duration::from_millis(1) * n;
            let lifetime = Limits::default().of(kind);
            let start = Start {
                user: user.clone(),
                epochs,
                at,
                kind,
                lifetime,
                door,
                client: client.clone(),
                device: None,
                name: None,
            };
            let (session, _) = Session::start(start, &OsEntropy);
            Standing { session, seen: at, user: None, server: epochs.server, replaced: None }
        };
        (0..count).map(standing).collect()
    }

    #[test]
    fn a_page_looks_at_no_more_entries_than_allowed_and_goes_on_where_it_stopped() {
        let (all, limits) = (entries(5_000), Limits::default());
        let mut query = Query::first(Filter::default());
        for reached in [3_000, 1_000] {
            let found = page(all.clone(), &query, START, &limits);
            assert!(found.rows.is_empty());
            assert_eq!(
                found.next.map(|cursor| (cursor.at, cursor.id)),
                Some((all[reached].seen, all[reached].session.id()))
            );
            query.cursor = found.next;
        }
        let last = page(all.clone(), &query, START, &limits);
        assert!(last.rows.is_empty() && last.next.is_none());

        query.cursor = last.previous;
        let back = page(all.clone(), &query, START, &limits);
        assert_eq!(back.previous.map(|cursor| cursor.id), Some(all[2_999].session.id()));
    }
}
