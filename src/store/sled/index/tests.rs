//! Random histories against a plain list of sessions: counts and orders must agree at every moment, however much of what
//! is overdue or left behind has been moved.

use std::time::Duration;

use super::*;
use crate::domain::id::UserId;
use crate::domain::listing::Period;
use crate::domain::session::Door;
use crate::store::sled::shelf::Span;

const USERS: [&str; 3] = ["ada", "bob", "cleo"];
const ORDERS: [Order; 2] = [Order::LastActive, Order::SignedIn];
const STATUSES: [Status; 4] = Status::ALL;

/// What the list says of one session.
#[derive(Clone)]
struct Known {
    id: SessionId,
    user: UserKey,
    created: Timestamp,
    seen: Timestamp,
    deadline: Timestamp,
    class: Class,
    pending: bool,
}

impl Known {
    fn class(&self, now: Timestamp) -> Class {
        if self.class == Class::Live && self.deadline <= now { Class::Expired } else { self.class }
    }
}

struct Histories {
    index: Index,
    list: Vec<Known>,
    now: Timestamp,
    state: u64,
    groups: Vec<UserKey>,
}

impl Histories {
    fn new(seed: u64) -> Self {
        let groups = USERS.iter().map(|id| id.parse::<UserId>().unwrap().key()).collect();
        let now = Timestamp::from_millis(1_767_323_045_678);
        Self { index: Index::default(), list: Vec::new(), now, state: seed, groups }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % end
    }

    fn id(&mut self) -> SessionId {
        let mut bytes = [0; 16];
        for byte in &mut bytes {
            *byte = u8::try_from(self.below(256)).unwrap();
        }
        bytes[6] = 0x70 | (bytes[6] & 0x0f);
        SessionId::from_bytes(bytes).unwrap()
    }

    fn user(&mut self) -> UserKey {
        let number = self.below(3);
        self.groups[usize::try_from(number).unwrap()]
    }

    fn live(&mut self) -> Option<usize> {
        let now = self.now;
        let live = |(_, known): &(usize, &Known)| known.class(now) == Class::Live && !known.pending;
        let live: Vec<usize> = self.list.iter().enumerate().filter(live).map(|(n, _)| n).collect();
        let pick = self.below(live.len().max(1) as u64);
        live.get(usize::try_from(pick).unwrap()).copied()
    }

    fn sign_in(&mut self, ended_meanwhile: bool) {
        let (id, user, created) = (self.id(), self.user(), self.now);
        let deadline = created + Duration::from_millis(1 + self.below(400));
        let (agent, door, class) = (format!("agent {}", self.below(3)), Door::Pages, Class::Live);
        let particulars = Particulars { id, user, created, seen: created, deadline, address: None, agent, door, class };
        self.index.insert_pending(&particulars);
        self.list.push(Known { id, user, created, seen: created, deadline, class, pending: true });
        if ended_meanwhile {
            self.end_user(user, None);
        }
        self.index.promote(id);
        for known in &mut self.list {
            known.pending = false;
        }
    }

    fn end_user(&mut self, user: UserKey, keep: Option<SessionId>) {
        self.index.end_user(user, keep, self.now);
        let now = self.now;
        for known in self.list.iter_mut().filter(|known| known.user == user && Some(known.id) != keep) {
            known.class = if known.class(now) == Class::Live { Class::Ended } else { known.class(now) };
        }
    }

    fn happen(&mut self) {
        match self.below(100) {
            0..40 => self.sign_in(false),
            40..42 => self.sign_in(true),
            42..50 => {
                if let Some(n) = self.live() {
                    self.index.end(self.list[n].id);
                    self.list[n].class = Class::Ended;
                }
            }
            50..60 => {
                if let Some(n) = self.live() {
                    let deadline = self.now + Duration::from_millis(1 + self.below(400));
                    (self.list[n].seen, self.list[n].deadline) = (self.now, deadline);
                    self.index.touch(self.list[n].id, self.now, deadline);
                }
            }
            60..66 => {
                let keep = self.live().filter(|_| self.state.is_multiple_of(2));
                let anybody = self.user();
                let user = keep.map_or(anybody, |n| self.list[n].user);
                self.end_user(user, keep.map(|n| self.list[n].id));
            }
            66..68 => {
                self.index.end_everyone(self.now);
                let now = self.now;
                for known in &mut self.list {
                    known.class = if known.class(now) == Class::Live { Class::Ended } else { known.class(now) };
                }
            }
            68..76 => {
                let most = self.below(6);
                let ToReap { sessions, .. } = self.index.unreaped(usize::try_from(most).unwrap());
                for (_, id) in sessions {
                    self.index.reaped(id);
                }
            }
            76..84 => {
                let most = self.below(4);
                self.index.advance(self.now, usize::try_from(most).unwrap());
            }
            84..88 => {
                let before = self.now - Duration::from_millis(500);
                for (_, id) in self.index.sweepable(before, 3) {
                    self.index.remove(id);
                    self.list.retain(|known| known.id != id);
                }
            }
            _ => self.now = self.now + Duration::from_millis(self.below(60)),
        }
    }

    fn expected(&self, user: Option<UserKey>, status: Status) -> Vec<&Known> {
        let meant = |known: &&Known| {
            user.is_none_or(|user| known.user == user) && known.class(self.now).is_in(status) && !known.pending
        };
        self.list.iter().filter(meant).collect()
    }

    fn compare(&mut self) {
        for key in [None, Some(self.groups[0]), Some(self.groups[1]), Some(self.groups[2])] {
            let group = key.and_then(|key| self.index.group_id(key));
            if key.is_some() && group.is_none() {
                continue;
            }
            let counts = match group {
                None => self.index.counts(self.now),
                Some(id) => self.index.counts_of(id, self.now),
            };
            for status in STATUSES {
                assert_eq!(counts.of(status), self.expected(key, status).len() as u64, "{status:?} of {key:?}");
                for order in ORDERS {
                    let mut places: Vec<Position> = self
                        .expected(key, status)
                        .into_iter()
                        .map(|known| (if order == Order::LastActive { known.seen } else { known.created }, known.id))
                        .collect();
                    places.sort_unstable();
                    let middle = places.get(places.len() / 2).copied();
                    for (beyond, backwards) in [(None, false), (None, true), (middle, false), (middle, true)] {
                        let span = Span { period: Period::default(), beyond, backwards };
                        let mut wanted: Vec<_> = places.iter().copied().filter(|place| span.contains(*place)).collect();
                        if backwards {
                            wanted.reverse();
                        }
                        assert_eq!(self.walked(group, status, order, span), wanted, "{status:?} of {key:?}, {order:?}");
                    }
                }
            }
        }
    }

    fn walked(&self, group: Option<GroupId>, status: Status, order: Order, span: Span) -> Vec<Position> {
        let sources = self.index.sources(group, status, self.now);
        let walk = sources.walk(&self.index.entries, order, span).map(|(position, handle)| {
            let entry = &self.index.entries[handle];
            assert_eq!(entry.position(order), position);
            (position, !entry.pending && self.index.class(entry, self.now).is_in(status))
        });
        walk.filter(|(_, meant)| *meant).map(|(position, _)| position).collect()
    }
}

#[test]
fn counts_and_orders_are_true_at_every_moment() {
    for seed in 0..12 {
        let mut histories = Histories::new(seed);
        for _ in 0..250 {
            histories.happen();
            histories.compare();
        }
    }
}

#[test]
fn a_crowd_that_runs_out_at_once_is_moved_in_pieces_and_counted_at_once() {
    let mut histories = Histories::new(1);
    for _ in 0..10_000 {
        histories.sign_in(false);
    }
    histories.now = histories.now + Duration::from_secs(1);
    let (index, now) = (&mut histories.index, histories.now);
    assert_eq!(index.counts(now), Counts { live: 0, ended: 0, expired: 10_000 });
    assert!(index.falls_behind(now) && !index.falls_behind(now), "one of those who ask goes and moves them");
    let mut pieces = 1;
    while index.catch_up(now, 100) {
        pieces += 1;
        assert_eq!(index.counts(now), Counts { live: 0, ended: 0, expired: 10_000 });
        assert_eq!(index.shelf.live.seen.iter().count(), 10_000 - pieces * 100 + 100);
    }
    assert_eq!(pieces, 100);
    assert!(!index.falls_behind(now));
}

#[test]
fn what_is_loaded_is_as_if_it_had_come_one_by_one() {
    let mut histories = Histories::new(3);
    for _ in 0..400 {
        histories.happen();
    }
    let (list, now) = (histories.list.clone(), histories.now);
    let mut index = Index::default();
    for (n, known) in (0_u32..).zip(&list) {
        let Known { id, user, created, seen, deadline, .. } = *known;
        let (agent, address) = (format!("agent {}", n % 3), Some(std::net::Ipv4Addr::from_bits(7 * n).into()));
        let class = known.class(now);
        index.load(&Particulars { id, user, created, seen, deadline, address, agent, door: Door::Pages, class }, false);
    }
    index.loaded();
    histories.index = index;
    histories.compare();
    let index = &histories.index;
    assert!(list.iter().all(|known| index.owner(known.id) == Some(known.user)));
    assert_eq!(index.in_network(&"0.0.0.0/29".parse().unwrap()).count(), 2);
    let ranges = index.with_agents(&index.agents.matching("agent 1"), usize::MAX).unwrap();
    assert_eq!(ranges.into_iter().flatten().count(), (list.len() + 1) / 3);
}
