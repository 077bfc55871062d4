//! Users as programs ask for them: by any condition, in any order. The store knows one order; the others are made here.

use super::Service;
use crate::domain::id::UserId;
use crate::domain::listing::wanted::{Beside, Few, Rank, Sorting, Wanted};
use crate::domain::listing::{Query, Total, UserFilter, UserQuery, UserState};
use crate::domain::user::User;
use crate::store::StoreError;

/// A page of users.
#[derive(Debug)]
pub struct People {
    /// The rows.
    pub rows: Vec<User>,
    /// How many are meant in all, up to [`Total::COUNTED`]; nought if nobody asked for it.
    pub total: u64,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// The user beside whom the page is to be is none.
    #[error("there is no user with the id {0}, beside whom the page is to be")]
    Cursor(UserId),
    /// Too many would have to be looked at.
    #[error(
        "more than {} users would have to be looked at; name some by `equal` of `$id` or `email`, or narrow it by `search`",
        Service::MOST_LOOKED_AT
    )]
    TooMany,
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Service {
    /// At so many users one question looks at most.
    pub const MOST_LOOKED_AT: usize = 20_000;

    /// One page of users.
    pub async fn people(&self, wanted: &Wanted) -> Result<People, PeopleError> {
        let beside = self.beside(wanted).await?;
        let mut ranks = match wanted.predicate.few() {
            Some(few) => self.among(&few, wanted).await?,
            None => self.all_ranks(wanted).await?,
        };
        let sorting = &wanted.sorting;
        // Who is named twice, or got another address during the walk, counts once.
        ranks.sort_by(|one, other| one.id.cmp(&other.id));
        ranks.dedup_by(|one, other| one.id == other.id);
        ranks.sort_by(|one, other| sorting.compare(one, other));
        let total = if wanted.counted { (ranks.len() as u64).min(Total::COUNTED) } else { 0 };
        let mut rows = Vec::new();
        for rank in page(&ranks, sorting, beside.as_ref(), wanted) {
            // Who was deleted meanwhile is on no page.
            rows.extend(self.store.user(rank.id.key()).await?);
        }
        Ok(People { rows, total })
    }

    /// Where the page begins or ends, and on which side of it.
    async fn beside(&self, wanted: &Wanted) -> Result<Option<(Side, Rank)>, PeopleError> {
        let (side, id) = match &wanted.beside {
            None => return Ok(None),
            Some(Beside::After(id)) => (Side::After, id),
            Some(Beside::Before(id)) => (Side::Before, id),
        };
        let user = self.store.user(id.key()).await?.ok_or_else(|| PeopleError::Cursor(id.clone()))?;
        Ok(Some((side, wanted.sorting.rank(&user))))
    }

    /// Those of a few who are meant.
    async fn among(&self, few: &Few, wanted: &Wanted) -> Result<Vec<Rank>, PeopleError> {
        let mut users = Vec::new();
        match few {
            Few::Ids(ids) => {
                for id in ids {
                    users.extend(self.store.user(id.key()).await?);
                }
            }
            Few::Emails(emails) => {
                for email in emails {
                    users.extend(self.store.user_by_email(email).await?);
                }
            }
        }
        let search = wanted.search.to_lowercase();
        users.retain(|user| wanted.predicate.admits(user) && user.searched().contains(&search));
        Ok(users.iter().map(|user| wanted.sorting.rank(user)).collect())
    }

    /// All who are meant, in no particular order. Holds nobody up: a page of the store at a time.
    async fn all_ranks(&self, wanted: &Wanted) -> Result<Vec<Rank>, PeopleError> {
        let filter = UserFilter { text: wanted.search.to_lowercase(), state: UserState::Any };
        if filter.is_plain() && self.count_all(&filter).await? > Self::MOST_LOOKED_AT as u64 {
            return Err(PeopleError::TooMany);
        }
        let mut query = UserQuery { filter, cursor: None, rows: Query::MOST_ROWS };
        let (mut ranks, mut looked_at) = (Vec::new(), 0);
        loop {
            let page = self.store.list_users(&query).await?;
            looked_at += page.rows.len();
            if looked_at > Self::MOST_LOOKED_AT {
                return Err(PeopleError::TooMany);
            }
            let meant = page.rows.iter().filter(|user| wanted.predicate.admits(user));
            ranks.extend(meant.map(|user| wanted.sorting.rank(user)));
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => return Ok(ranks),
            }
            tokio::task::yield_now().await;
        }
    }

    async fn count_all(&self, filter: &UserFilter) -> Result<u64, StoreError> {
        match self.store.count_users(filter).await? {
            Total::Exactly(count) | Total::MoreThan(count) => Ok(count),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    After,
    Before,
}

/// The rows of the page, of all that are meant and are in order.
fn page<'a>(ranks: &'a [Rank], sorting: &Sorting, beside: Option<&(Side, Rank)>, wanted: &Wanted) -> &'a [Rank] {
    let (start, end) = match beside {
        None => (0, ranks.len()),
        Some((Side::After, rank)) => (ranks.partition_point(|one| sorting.compare(one, rank).is_le()), ranks.len()),
        Some((Side::Before, rank)) => (0, ranks.partition_point(|one| sorting.compare(one, rank).is_lt())),
    };
    let rows = &ranks[start..end];
    if let Some((Side::Before, _)) = beside {
        let end = rows.len().saturating_sub(wanted.offset);
        return &rows[end.saturating_sub(wanted.limit)..end];
    }
    let start = wanted.offset.min(rows.len());
    &rows[start..rows.len().min(start.saturating_add(wanted.limit))]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::listing::Direction;
    use crate::domain::listing::wanted::Attribute;

    fn rank(number: usize) -> Rank {
        Rank { worth: Vec::new(), id: format!("u{number:03}").parse().unwrap() }
    }

    proptest! {
        #[test]
        fn a_page_is_a_piece_of_all_beside_its_cursor(
            count in 0..40_usize, beside in 0..40_usize, side in 0..3_u8, offset in 0..45_usize, limit in 1..45_usize,
        ) {
            let sorting = Sorting(vec![(Attribute::Id, Direction::Ascending)]);
            // Every other one is meant, so that a cursor may stand beside nobody.
            let ranks: Vec<_> = (0..count).map(|number| rank(number * 2)).collect();
            let at = rank(beside);
            let beside = match side {
                0 => None,
                1 => Some((Side::After, at.clone())),
                _ => Some((Side::Before, at.clone())),
            };
            let wanted = Wanted { offset, limit, ..Wanted::default() };
            let got = page(&ranks, &sorting, beside.as_ref(), &wanted);
            let expected: Vec<_> = match side {
                0 => ranks.iter().skip(offset).take(limit).collect(),
                1 => ranks.iter().filter(|one| one.id > at.id).skip(offset).take(limit).collect(),
                _ => {
                    let mut before: Vec<_> =
                        ranks.iter().rev().filter(|one| one.id < at.id).skip(offset).take(limit).collect();
                    before.reverse();
                    before
                }
            };
            prop_assert_eq!(got.iter().collect::<Vec<_>>(), expected);
        }
    }
}
