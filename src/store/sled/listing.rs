//! Pages and totals: positions from the index, the truth from the records.

use std::collections::BTreeSet;

use super::index::{Counts, Entry, Index};
use super::shelf::{Class, Position};
use super::step::Shared;
use crate::domain::id::UserKey;
use crate::domain::listing::{Cursor, Filter, Order, Page, Query, Status, Total, Towards, Whose};
use crate::domain::session::{Standing, Verdict};
use crate::store::Result;

/// Positions that one look at the index passes over: the committer waits for the lock meanwhile.
const PASSED_AT_ONCE: usize = 4_096;
/// Looks of one page: a filter that finds nothing in so many positions returns what it has.
const MOST_LOOKS: usize = 32;
/// Below this many sessions, a text filter collects those of the users that match instead of passing over all others.
const FEW: u64 = Total::COUNTED;

pub fn page(shared: &Shared, query: &Query) -> Result<Page> {
    let now = shared.environment.clock.now();
    let towards = query.cursor.map_or(Towards::Older, |cursor| cursor.towards);
    let order = query.cursor.map_or(query.order, |cursor| cursor.order);
    let mut from: Option<Position> = query.cursor.map(|cursor| (cursor.at, cursor.id));
    let matching = Matching::of(shared, &query.filter);
    let mut rows: Vec<(Position, (Standing, Verdict))> = Vec::new();
    let mut examined = 0;
    let mut looks = 0;
    let more = loop {
        let wanted = (query.rows + 1 - rows.len()).min(Query::MOST_EXAMINED - examined);
        let look = look(shared, &query.filter, &matching, order, from, towards, wanted);
        from = look.reached.or(from);
        for (position, user) in look.found {
            examined += 1;
            if let Some(standing) = shared.standing(user, position.1)? {
                let verdict = standing.verdict(now, &shared.environment.limits);
                if query.filter.admits(&standing, &verdict) {
                    rows.push((position, (standing, verdict)));
                }
            }
        }
        if rows.len() > query.rows {
            rows.truncate(query.rows);
            from = rows.last().map(|(position, _)| *position);
            break true;
        }
        if look.exhausted {
            break false;
        }
        looks += 1;
        if looks == MOST_LOOKS || examined >= Query::MOST_EXAMINED {
            break true;
        }
    };

    let cursor = |position: Option<Position>, towards| position.map(|(at, id)| Cursor { towards, order, at, id });
    let back = if towards == Towards::Older { Towards::Newer } else { Towards::Older };
    let back = cursor(rows.first().map(|(position, _)| *position), back).or(query.cursor.map(Cursor::reversed));
    let on = cursor(from.filter(|_| more), towards);
    let (older, newer) = match towards {
        Towards::Older => (on, back.filter(|_| query.cursor.is_some())),
        Towards::Newer => (back, on),
    };
    if towards == Towards::Newer {
        rows.reverse();
    }
    Ok(Page { rows: rows.into_iter().map(|(_, row)| row).collect(), older, newer })
}

/// Users whom a text filter means.
enum Matching {
    All,
    /// Few sessions in all: collect them.
    Few(BTreeSet<UserKey>),
    /// Many: pass over the others.
    Many(BTreeSet<UserKey>),
}

impl Matching {
    fn of(shared: &Shared, filter: &Filter) -> Self {
        let Whose::Matching(part) = &filter.whose else { return Self::All };
        let users = shared.users_matching(part);
        let counts = counts_of(shared, &users);
        if counts.live + counts.ended + counts.expired <= FEW { Self::Few(users) } else { Self::Many(users) }
    }
}

fn counts_of(shared: &Shared, users: &BTreeSet<UserKey>) -> Counts {
    let mut index = shared.index();
    index.advance(shared.environment.clock.now());
    users.iter().fold(Counts::default(), |sum, key| {
        let own = index.settle(*key).counts;
        Counts { live: sum.live + own.live, ended: sum.ended + own.ended, expired: sum.expired + own.expired }
    })
}

struct Look {
    found: Vec<(Position, UserKey)>,
    /// How far it got.
    reached: Option<Position>,
    exhausted: bool,
}

fn look(
    shared: &Shared,
    filter: &Filter,
    matching: &Matching,
    order: Order,
    from: Option<Position>,
    towards: Towards,
    wanted: usize,
) -> Look {
    let mut index = shared.index();
    index.advance(shared.environment.clock.now());
    if let Whose::User(key) = filter.whose {
        index.settle(key);
    }
    let index = &*index;
    let meant = |entry: &Entry| {
        let class = index.class(entry);
        !entry.pending
            && Class::of(filter.status).contains(&class)
            && filter.network.is_none_or(|net| entry.address.is_some_and(|ip| net.contains(&ip)))
            && match (&filter.whose, matching) {
                (Whose::User(key), _) => entry.user == *key,
                (_, Matching::Few(users) | Matching::Many(users)) => users.contains(&entry.user),
                (_, Matching::All) => true,
            }
    };
    match (&filter.whose, matching) {
        (Whose::User(key), _) => match index.group(*key) {
            Some(group) => scan(index, group.walk(order, filter.status, from, towards), &meant, wanted),
            None => Look { found: Vec::new(), reached: None, exhausted: true },
        },
        (_, Matching::Few(users)) => {
            let groups = users.iter().filter_map(|key| index.group(*key));
            let mut all: Vec<Position> =
                groups.flat_map(|group| group.walk(order, Status::Any, from, towards)).collect();
            all.sort_unstable();
            if towards == Towards::Older {
                all.reverse();
            }
            scan(index, all.into_iter(), &meant, wanted)
        }
        _ => scan(index, index.walk(order, filter.status, from, towards), &meant, wanted),
    }
}

fn scan(
    index: &Index,
    positions: impl Iterator<Item = Position>,
    meant: &dyn Fn(&Entry) -> bool,
    wanted: usize,
) -> Look {
    let mut look = Look { found: Vec::new(), reached: None, exhausted: false };
    for (passed, position) in positions.enumerate() {
        if look.found.len() == wanted {
            return look;
        }
        if passed == PASSED_AT_ONCE {
            return look;
        }
        look.reached = Some(position);
        if let Some(entry) = index.entry(position.1)
            && meant(entry)
        {
            look.found.push((position, entry.user));
        }
    }
    look.exhausted = look.found.len() < wanted;
    look
}

pub fn total(shared: &Shared, filter: &Filter) -> Result<Total> {
    if filter.network.is_some() {
        return count_up_to(shared, filter);
    }
    let now = shared.environment.clock.now();
    let counts = match &filter.whose {
        Whose::Matching(part) => counts_of(shared, &shared.users_matching(part)),
        Whose::Everyones => {
            let mut index = shared.index();
            index.advance(now);
            index.counts()
        }
        Whose::User(key) => {
            let mut index = shared.index();
            index.advance(now);
            index.settle(*key).counts
        }
    };
    Ok(Total::Exactly(match filter.status {
        Status::Live => counts.live,
        Status::Ended => counts.ended,
        Status::Expired => counts.expired,
        Status::Any => counts.live + counts.ended + counts.expired,
    }))
}

fn count_up_to(shared: &Shared, filter: &Filter) -> Result<Total> {
    let matching = Matching::of(shared, filter);
    let most = usize::try_from(Total::COUNTED).unwrap_or(usize::MAX);
    let (mut count, mut from) = (0, None);
    loop {
        let look = look(shared, filter, &matching, Order::LastActive, from, Towards::Older, most + 1 - count);
        count += look.found.len();
        from = look.reached.or(from);
        if count > most {
            return Ok(Total::MoreThan(Total::COUNTED));
        }
        if look.exhausted {
            return Ok(Total::Exactly(count as u64));
        }
    }
}
