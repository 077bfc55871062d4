//! Listings of users: everybody, cut at the cursor, and each asked whether they are meant.

use crate::domain::listing::{Query, Total, Towards, UserCursor, UserFilter, UserMarks, UserPage, UserQuery};
use crate::domain::user::User;

/// `people` stand in the order of their addresses.
pub(super) fn page(people: Vec<User>, query: &UserQuery) -> UserPage {
    let start = query.cursor.as_ref();
    let towards = start.map_or(Towards::Next, |cursor| cursor.towards);
    let beside = |user: &User, towards| UserCursor { towards, email: user.email.clone(), including: false };
    let lies_ahead = |user: &User| start.is_none_or(|cursor| cursor.is_before(&user.email));
    let (mut ahead, behind): (Vec<_>, Vec<_>) = people.into_iter().partition(lies_ahead);
    if towards == Towards::Previous {
        ahead.reverse();
    }
    let (mut rows, mut last, mut more) = (Vec::new(), None, false);
    for (examined, user) in ahead.into_iter().enumerate() {
        // One more than wanted shows that there is a next page.
        let full = rows.len() == query.most();
        let meant = admits(&query.filter, &user);
        if examined == Query::MOST_EXAMINED || (full && meant) {
            more = true;
            break;
        }
        last = Some(beside(&user, towards));
        if meant {
            rows.push(user);
        }
    }
    let onward = last.filter(|_| more);
    let back = rows.first().map(|user| beside(user, towards.opposite()));
    let back = back.or(start.cloned().map(UserCursor::reversed)).filter(|_| !behind.is_empty());
    match towards {
        Towards::Next => UserPage { rows, next: onward, previous: back },
        Towards::Previous => {
            rows.reverse();
            UserPage { rows, next: back, previous: onward }
        }
    }
}

pub(super) fn total(people: &[User], filter: &UserFilter) -> Total {
    let count = people.iter().filter(|user| admits(filter, user)).count() as u64;
    if !filter.is_plain() && count > Total::COUNTED { Total::MoreThan(Total::COUNTED) } else { Total::Exactly(count) }
}

fn admits(filter: &UserFilter, user: &User) -> bool {
    filter.admits(&user.searched(), UserMarks::of(user))
}
