//! One look at the index: which positions a question means, found the cheapest way that there is.

use std::sync::{PoisonError, RwLockReadGuard};

use crate::domain::id::UserKey;
use crate::domain::listing::{Filter, Order, Period, Total, Whose};
use crate::domain::timestamp::Timestamp;
use crate::store::sled::index::agents::Matching;
use crate::store::sled::index::slab::Handle;
use crate::store::sled::index::sorted::Range;
use crate::store::sled::index::{Entry, GroupId, Index};
use crate::store::sled::people::People;
use crate::store::sled::shelf::{Position, Span};
use crate::store::sled::step::Shared;

/// Positions that one look at the index passes over: the committer waits for the lock meanwhile.
const PASSED_AT_ONCE: usize = 4_096;
/// Overdue entries that a look moves.
const MOVED_AT_ONCE: usize = 256;
/// Up to so many entries are collected and put in order, where a part of the filter means no more; else the order is
/// walked and the others are passed over.
const FEW: usize = 5_000;
const _: () = assert!(FEW as u64 >= Total::COUNTED, "what is counted exactly can be collected");
/// Up to so many users whom a text means are remembered; else each passed entry's user is asked.
const FEW_USERS: usize = 1_024;

/// A filter with what the index needs to answer it.
pub struct Question<'a> {
    filter: &'a Filter,
    users: Users<'a>,
    agents: Option<Matching>,
}

/// Whose sessions are meant.
enum Users<'a> {
    All,
    /// These, in the order of their numbers.
    Some(Vec<GroupId>),
    /// All in whose particulars this stands.
    Many {
        part: &'a str,
    },
}

/// A position that may be meant.
pub struct Found {
    pub position: Position,
    pub user: UserKey,
    /// If not, only the record knows.
    pub sure: bool,
}

pub struct Look {
    pub found: Vec<Found>,
    /// How far it got.
    pub reached: Option<Position>,
    pub exhausted: bool,
}

impl<'a> Question<'a> {
    pub fn of(shared: &Shared, filter: &'a Filter) -> Self {
        let keys = match &filter.whose {
            Whose::Everyones => None,
            Whose::User(key) => Some(vec![*key]),
            Whose::Matching(part) => {
                let users = shared.users_matching(part, FEW_USERS + 1);
                Some(users).filter(|users| users.len() <= FEW_USERS)
            }
        };
        let index = shared.index();
        let users = match (keys, &filter.whose) {
            (Some(keys), _) => {
                let mut groups: Vec<_> = keys.into_iter().filter_map(|key| index.group_id(key)).collect();
                groups.sort_unstable();
                Users::Some(groups)
            }
            (None, Whose::Matching(part)) => Users::Many { part },
            (None, _) => Users::All,
        };
        let agents = filter.agent.as_ref().map(|part| index.agents.matching(part));
        Self { filter, users, agents }
    }

    /// How many there are, where counts know it.
    pub fn counted(&self, shared: &Shared) -> Option<u64> {
        let by_user_alone = Filter { whose: Whose::Everyones, ..self.filter.clone() };
        if !by_user_alone.is_plain() {
            return None;
        }
        let now = shared.environment.clock.now();
        let mut index = shared.index();
        match &self.users {
            Users::All => Some(index.counts(now).of(self.filter.status)),
            Users::Some(groups) => Some(groups.iter().map(|id| index.counts_of(*id, now).of(self.filter.status)).sum()),
            Users::Many { .. } => None,
        }
    }

    /// Up to `wanted` positions from `from` on.
    pub fn look(&self, shared: &Shared, order: Order, from: Option<Position>, backwards: bool, wanted: usize) -> Look {
        // Always before the index, never after it.
        let people = matches!(self.users, Users::Many { .. })
            .then(|| shared.people.read().unwrap_or_else(PoisonError::into_inner));
        let mut index = shared.index();
        let now = index.at(shared.environment.clock.now());
        index.advance(now, MOVED_AT_ONCE);
        if let Users::Some(groups) = &self.users {
            for id in groups {
                index.settle(*id);
            }
        }
        let judge = Judge { question: self, index: &index, now, people };
        let span = Span { period: self.period(order), beyond: from, backwards };
        match self.plan(&index, order, &span, now) {
            Plan::Walk(whose) => {
                let sources = index.sources(whose, self.filter.status, now);
                judge.pass(sources.walk(&index.entries, order, span), wanted)
            }
            Plan::Collect(handles) => {
                let meant = handles.into_iter().filter(|handle| judge.means(&index.entries[*handle]).is_some());
                let mut all: Vec<_> = meant.map(|handle| (index.entries[handle].position(order), handle)).collect();
                all.retain(|(position, _)| span.contains(*position));
                all.sort_unstable();
                if backwards {
                    all.reverse();
                }
                judge.pass(all.into_iter(), wanted)
            }
        }
    }

    const fn period(&self, order: Order) -> Period {
        match order {
            Order::LastActive => self.filter.seen,
            Order::SignedIn => self.filter.created,
        }
    }

    /// The part of the filter that means the fewest entries, if they are few; else the order.
    fn plan(&self, index: &Index, order: Order, span: &Span, now: Timestamp) -> Plan {
        let whose = match &self.users {
            Users::Some(groups) if groups.is_empty() => return Plan::Collect(Vec::new()),
            Users::Some(groups) if groups.len() == 1 => groups.first().copied(),
            _ => None,
        };
        let entries = &index.entries;
        let sources = index.sources(whose, self.filter.status, now);
        let mut fewest = (sources.count(entries, order, span), None);
        let mut consider = |count: usize, part: Part| {
            if count < fewest.0 && count <= FEW {
                fewest = (count, Some(part));
            }
        };
        if let Users::Some(groups) = &self.users
            && groups.len() > 1
        {
            consider(groups.iter().map(|id| index.group(*id).size()).sum(), Part::Users);
        }
        if let Some(net) = &self.filter.network {
            consider(Range::count(&index.in_network(net)), Part::Network);
        }
        if let Some(agents) = &self.agents
            && let Some(ranges) = index.with_agents(agents, FEW)
        {
            consider(ranges.iter().map(Range::count).sum(), Part::Agent);
        }
        let other = if order == Order::LastActive { Order::SignedIn } else { Order::LastActive };
        let period = Span::all(self.period(other));
        if !period.period.is_unbounded() {
            consider(sources.count(entries, other, &period), Part::OtherPeriod);
        }
        match (fewest.1, &self.users) {
            (None, _) => Plan::Walk(whose),
            (Some(Part::Users), Users::Some(groups)) => {
                let owned = |id: &GroupId| {
                    let sources = index.sources(Some(*id), self.filter.status, now);
                    sources.all(entries, order, *span).collect::<Vec<_>>()
                };
                Plan::Collect(groups.iter().flat_map(owned).collect())
            }
            (Some(Part::Network), _) => {
                Plan::Collect(self.filter.network.iter().flat_map(|net| index.in_network(net)).collect())
            }
            (Some(Part::Agent), _) => {
                let ranges = self.agents.as_ref().and_then(|agents| index.with_agents(agents, FEW));
                Plan::Collect(ranges.into_iter().flatten().flatten().collect())
            }
            (Some(Part::Users | Part::OtherPeriod), _) => Plan::Collect(sources.all(entries, other, period).collect()),
        }
    }
}

/// A part of a filter.
enum Part {
    Users,
    Network,
    Agent,
    /// The period on the key that is not the order's.
    OtherPeriod,
}

enum Plan {
    /// Walk the order, of all or of one group.
    Walk(Option<GroupId>),
    /// Put these in order.
    Collect(Vec<Handle>),
}

/// Says which entries are meant.
struct Judge<'a> {
    question: &'a Question<'a>,
    index: &'a Index,
    now: Timestamp,
    people: Option<RwLockReadGuard<'a, People>>,
}

impl Judge<'_> {
    /// `None` if it is not meant; else whether that is sure.
    fn means(&self, entry: &Entry) -> Option<bool> {
        let filter = self.question.filter;
        let meant = !entry.pending
            && self.index.class(entry, self.now).is_in(filter.status)
            && filter.seen.contains(entry.seen)
            && filter.created.contains(entry.created)
            && filter.door.is_none_or(|door| entry.door == door)
            && filter.network.is_none_or(|net| entry.address.is_some_and(|ip| net.contains(&ip)))
            && self.means_user(entry);
        let agent = self.question.agents.as_ref().map_or(Some(true), |agents| agents.contains(entry.agent));
        (meant && agent != Some(false)).then_some(agent == Some(true))
    }

    fn means_user(&self, entry: &Entry) -> bool {
        match (&self.question.users, &self.people) {
            (Users::All, _) => true,
            (Users::Some(groups), _) => groups.binary_search(&entry.group).is_ok(),
            (Users::Many { part }, Some(people)) => {
                people.searched(self.index.group(entry.group).key).is_some_and(|text| text.contains(part))
            }
            (Users::Many { .. }, None) => false,
        }
    }

    fn pass(&self, positions: impl Iterator<Item = (Position, Handle)>, wanted: usize) -> Look {
        let mut look = Look { found: Vec::new(), reached: None, exhausted: false };
        for (passed, (position, handle)) in positions.enumerate() {
            if look.found.len() == wanted || passed == PASSED_AT_ONCE.max(wanted) {
                return look;
            }
            look.reached = Some(position);
            let entry = &self.index.entries[handle];
            if let Some(sure) = self.means(entry) {
                look.found.push(Found { position, user: self.index.group(entry.group).key, sure });
            }
        }
        look.exhausted = true;
        look
    }
}
