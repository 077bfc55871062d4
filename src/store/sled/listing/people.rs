//! Pages and totals of users: who may be meant from memory, the truth from the records.

use std::sync::PoisonError;

use super::MOST_LOOKS;
use crate::domain::listing::{Query, Total, Towards, UserCursor, UserFilter, UserMarks, UserPage, UserQuery};
use crate::domain::user::{Email, User};
use crate::store::Result;
use crate::store::sled::people::Look;
use crate::store::sled::step::Shared;
use crate::store::sled::view::View;

pub fn page(shared: &Shared, query: &UserQuery) -> Result<UserPage> {
    let towards = query.cursor.as_ref().map_or(Towards::Next, |cursor| cursor.towards);
    let at = |email: Email, towards| UserCursor { towards, email, including: false };
    let most = query.most();
    let mut from = query.cursor.clone();
    let mut rows: Vec<User> = Vec::new();
    let (mut examined, mut looks) = (0, 0);
    let more = loop {
        let wanted = (most + 1 - rows.len()).min(Query::MOST_EXAMINED - examined);
        let Look { found, reached, exhausted } = look(shared, &query.filter, from.as_ref(), wanted);
        from = reached.map(|email| at(email, towards)).or(from);
        for (email, key) in found {
            examined += 1;
            // Who has changed since stands elsewhere, or is not meant any more.
            let present = shared.trees.user(key)?.filter(|user| user.email == email);
            rows.extend(present.filter(|user| query.filter.admits(&user.searched(), UserMarks::of(user))));
        }
        if rows.len() > most {
            rows.truncate(most);
            from = rows.last().map(|user| at(user.email.clone(), towards));
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

    let first = rows.first().map(|user| at(user.email.clone(), towards.opposite()));
    let back = first.or_else(|| query.cursor.clone().map(UserCursor::reversed)).filter(|_| query.cursor.is_some());
    let on = from.filter(|_| more);
    Ok(match towards {
        Towards::Next => UserPage { rows, next: on, previous: back },
        Towards::Previous => {
            rows.reverse();
            UserPage { rows, next: back, previous: on }
        }
    })
}

pub fn total(shared: &Shared, filter: &UserFilter) -> Total {
    if filter.is_plain() {
        let people = shared.people.read().unwrap_or_else(PoisonError::into_inner);
        return Total::Exactly(people.counted(filter.state));
    }
    let most = usize::try_from(Total::COUNTED).unwrap_or(usize::MAX);
    let (mut count, mut from) = (0, None);
    for _ in 0..MOST_LOOKS {
        let Look { found, reached, exhausted } = look(shared, filter, from.as_ref(), most + 1 - count);
        let towards = Towards::Next;
        from = reached.map(|email| UserCursor { towards, email, including: false }).or(from);
        count += found.len();
        if count > most {
            return Total::MoreThan(Total::COUNTED);
        }
        if exhausted {
            return Total::Exactly(count as u64);
        }
    }
    Total::MoreThan(count as u64)
}

/// One look, which holds up whoever writes a user down no longer than it takes.
fn look(shared: &Shared, filter: &UserFilter, from: Option<&UserCursor>, wanted: usize) -> Look {
    shared.people.read().unwrap_or_else(PoisonError::into_inner).look(filter, from, wanted)
}
