//! Where in the audit log to look: for each user the numbers of the events that concern them, and for each block of numbers
//! what occurs in it. In memory, rebuilt at opening; a hint, checked against the records.
//!
//! A block knows the earliest and the latest time in it, so a search by time reads no block that cannot matter, and misses
//! none where somebody has set the clock.

use std::collections::{BTreeMap, VecDeque};

use crate::domain::audit::search::Filter;
use crate::domain::audit::{Action, Draft, Event, Outcome};
use crate::domain::ending::Actor;
use crate::domain::id::{EventSeq, UserId, UserKey};
use crate::domain::listing::Period;
use crate::domain::timestamp::Timestamp;

/// How many numbers share a block.
const BLOCK: u64 = 256;

const _: () = assert!(Action::ALL.len() <= 64, "a bit for each action");

/// What occurs among the events of one block.
#[derive(Debug, Clone, Copy)]
struct Block {
    earliest: Timestamp,
    latest: Timestamp,
    actions: u64,
    outcomes: u8,
    actors: u8,
}

impl Block {
    /// Anything may be in it.
    const UNKNOWN: Self = Self {
        earliest: Timestamp::MIN,
        latest: Timestamp::MAX,
        actions: u64::MAX,
        outcomes: u8::MAX,
        actors: u8::MAX,
    };
}

impl Default for Block {
    fn default() -> Self {
        Self { earliest: Timestamp::MAX, latest: Timestamp::MIN, actions: 0, outcomes: 0, actors: 0 }
    }
}

const fn action_bit(action: Action) -> u64 {
    1 << action as u32
}

const fn outcome_bit(outcome: Outcome) -> u8 {
    1 << outcome as u32
}

const fn actor_bit(actor: &Actor) -> u8 {
    match actor {
        Actor::User(_) => 1,
        Actor::Operator => 2,
        // Rarer ones share a bit.
        _ => 4,
    }
}

/// What a search is for, as far as the trail can tell.
pub struct Question {
    /// It concerns each of these.
    users: Vec<UserKey>,
    period: Period,
    actions: u64,
    outcomes: u8,
    actors: u8,
}

impl Question {
    /// `owner`: whose the session is that the filter names, if it names one and that is known.
    pub fn of(filter: &Filter, owner: Option<UserKey>) -> Self {
        let actor = if let Some(Actor::User(id)) = &filter.actor { Some(id) } else { None };
        let named = [actor, filter.target.as_ref(), filter.user.as_ref()];
        let actions = filter.actions.iter().fold(0, |bits, action| bits | action_bit(*action));
        Self {
            users: named.into_iter().flatten().map(UserId::key).chain(owner).collect(),
            period: filter.period,
            actions: if actions == 0 { u64::MAX } else { actions },
            outcomes: filter.outcome.map_or(u8::MAX, outcome_bit),
            actors: filter.actor.as_ref().map_or(u8::MAX, actor_bit),
        }
    }

    fn means(&self, block: &Block) -> bool {
        block.actions & self.actions != 0
            && block.outcomes & self.outcomes != 0
            && block.actors & self.actors != 0
            && self.period.from.is_none_or(|from| from <= block.latest)
            && self.period.to.is_none_or(|to| block.earliest < to)
    }
}

/// See the module.
#[derive(Default)]
pub struct Trail {
    /// The number of the first block there is.
    first: u64,
    blocks: VecDeque<Block>,
    /// Rising.
    of: BTreeMap<UserKey, VecDeque<u64>>,
}

impl Trail {
    /// Notes an event.
    pub fn note(&mut self, event: &Event) {
        self.note_as(event.seq, event.at, &event.draft, &mut concerned(&event.draft));
    }

    fn note_as(&mut self, seq: EventSeq, at: Timestamp, draft: &Draft, concerned: &mut dyn Iterator<Item = UserKey>) {
        let Some(block) = self.block(seq) else { return };
        block.earliest = block.earliest.min(at);
        block.latest = block.latest.max(at);
        block.actions |= action_bit(draft.action);
        block.outcomes |= outcome_bit(draft.outcome);
        block.actors |= actor_bit(&draft.actor);
        for key in concerned {
            let numbers = self.of.entry(key).or_default();
            if numbers.back().is_none_or(|last| *last < seq.0) {
                numbers.push_back(seq.0);
            } else if let Err(place) = numbers.binary_search(&seq.0) {
                numbers.insert(place, seq.0);
            }
        }
    }

    /// The block of a number; `None` if that has been swept already.
    fn block(&mut self, seq: EventSeq) -> Option<&mut Block> {
        let number = seq.0 / BLOCK;
        if self.blocks.is_empty() {
            self.first = number;
        }
        let place = number.checked_sub(self.first).and_then(|place| usize::try_from(place).ok())?;
        if place >= self.blocks.len() {
            self.blocks.resize(place + 1, Block::default());
        }
        self.blocks.get_mut(place)
    }

    /// Forgets the oldest event, which `concerned` these.
    pub fn forget(&mut self, seq: EventSeq, concerned: &[UserKey]) {
        for key in concerned {
            if let Some(numbers) = self.of.get_mut(key) {
                while numbers.front().is_some_and(|first| *first <= seq.0) {
                    numbers.pop_front();
                }
                if numbers.is_empty() {
                    self.of.remove(key);
                }
            }
        }
        while self.blocks.len() > 1 && self.first < (seq.0 + 1) / BLOCK {
            self.blocks.pop_front();
            self.first += 1;
        }
    }

    /// What was loaded needs no more room than it takes.
    pub fn loaded(&mut self) {
        self.of.values_mut().for_each(VecDeque::shrink_to_fit);
        self.blocks.shrink_to_fit();
    }

    /// The next numbers beyond `from` that may be meant, in the order in which they are to be read: those of one block at the
    /// most, and none only when there are no more.
    pub fn next(&self, question: &Question, from: Option<EventSeq>, backwards: bool) -> Vec<u64> {
        let Some(last) = (self.first + self.blocks.len() as u64).checked_mul(BLOCK).and_then(|end| end.checked_sub(1))
        else {
            return Vec::new();
        };
        let mut shortest: Option<&VecDeque<u64>> = None;
        for user in &question.users {
            let Some(numbers) = self.of.get(user) else { return Vec::new() };
            if shortest.is_none_or(|shortest| numbers.len() < shortest.len()) {
                shortest = Some(numbers);
            }
        }
        let mut at = match (from, backwards) {
            (None, false) => self.first * BLOCK,
            (None, true) => last,
            (Some(from), false) => from.0.saturating_add(1).max(self.first * BLOCK),
            (Some(EventSeq(0)), true) => return Vec::new(),
            (Some(from), true) => (from.0 - 1).min(last),
        };
        loop {
            // To the next number there is of this user.
            if let Some(numbers) = shortest {
                let beyond = numbers.partition_point(|number| if backwards { *number <= at } else { *number < at });
                let found = if backwards { beyond.checked_sub(1) } else { Some(beyond) };
                match found.and_then(|place| numbers.get(place)) {
                    Some(number) => at = *number,
                    None => return Vec::new(),
                }
            }
            let Some(place) = (at / BLOCK).checked_sub(self.first) else { return Vec::new() };
            let Some(block) = usize::try_from(place).ok().and_then(|place| self.blocks.get(place)) else {
                return Vec::new();
            };
            let (start, end) = (at / BLOCK * BLOCK, at / BLOCK * BLOCK + BLOCK - 1);
            let (low, high) = if backwards { (start, at) } else { (at, end) };
            if question.means(block) {
                return stretch(shortest, low, high, backwards);
            }
            at = match if backwards { start.checked_sub(1) } else { end.checked_add(1) } {
                Some(at) => at,
                None => return Vec::new(),
            };
        }
    }
}

/// The numbers from `low` to `high`, of one user or all.
fn stretch(numbers: Option<&VecDeque<u64>>, low: u64, high: u64, backwards: bool) -> Vec<u64> {
    let mut found: Vec<u64> = match numbers {
        None => (low..=high).collect(),
        Some(numbers) => {
            let start = numbers.partition_point(|number| *number < low);
            numbers.range(start..).copied().take_while(|number| *number <= high).collect()
        }
    };
    if backwards {
        found.reverse();
    }
    found
}

/// Whom an event concerns, each once.
pub fn concerned(draft: &Draft) -> impl Iterator<Item = UserKey> + use<> {
    let mut users = draft.concerned();
    let first = users.next();
    let second = users.next().filter(|second| Some(*second) != first);
    [first, second].map(|id| id.map(UserId::key)).into_iter().flatten()
}

/// Fills a trail in the order of the log. Whoever comes again and again is hashed once.
#[derive(Default)]
pub struct Filling {
    trail: Trail,
    known: BTreeMap<UserId, UserKey>,
}

impl Filling {
    /// The next event.
    pub fn note(&mut self, event: &Event) {
        let Self { trail, known } = self;
        let mut users: Vec<UserKey> = Vec::with_capacity(2);
        for id in event.draft.concerned() {
            let key = match known.get(id) {
                Some(key) => *key,
                None => *known.entry(id.clone()).or_insert_with(|| id.key()),
            };
            if !users.contains(&key) {
                users.push(key);
            }
        }
        trail.note_as(event.seq, event.at, &event.draft, &mut users.into_iter());
    }

    /// An event that cannot be read: nothing is known of it, so every search that comes by looks at it.
    pub fn note_damaged(&mut self, seq: EventSeq) {
        if let Some(block) = self.trail.block(seq) {
            *block = Block::UNKNOWN;
        }
    }

    /// All of it.
    pub fn done(mut self) -> Trail {
        self.trail.loaded();
        self.trail
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_767_323_045_678);

    fn event(seq: u64, at: Timestamp, user: &str, action: Action) -> Event {
        let user: UserId = user.parse().unwrap();
        let draft = Draft { user: Some(user), ..Draft::new(Actor::Operator, action, Outcome::Success) };
        Event { seq: EventSeq(seq), at, draft }
    }

    fn all(trail: &Trail, filter: &Filter, backwards: bool) -> Vec<u64> {
        let question = Question::of(filter, None);
        let (mut found, mut from) = (Vec::new(), None);
        loop {
            let numbers = trail.next(&question, from, backwards);
            let Some(last) = numbers.last() else { return found };
            from = Some(EventSeq(*last));
            found.extend(numbers);
        }
    }

    fn of(user: &str) -> Filter {
        Filter { user: Some(user.parse().unwrap()), ..Filter::default() }
    }

    /// Ten thousand events, every hundredth of Bob, the others of Ada; the clock goes back by a day in the middle.
    fn trail() -> Trail {
        let mut trail = Trail::default();
        for seq in 1..=10_000_u64 {
            let set_back = if seq > 5_000 { Duration::from_hours(24) } else { Duration::ZERO };
            let at = START + Duration::from_secs(seq) - set_back;
            let (user, action) =
                if seq.is_multiple_of(100) { ("bob", Action::DeleteUser) } else { ("ada", Action::SignIn) };
            trail.note(&event(seq, at, user, action));
        }
        trail
    }

    #[test]
    fn the_numbers_of_one_user_are_found_from_both_ends() {
        let trail = trail();
        let mut bobs: Vec<u64> = (1..=100).map(|n| n * 100).collect();
        assert_eq!(all(&trail, &of("bob"), false), bobs);
        bobs.reverse();
        assert_eq!(all(&trail, &of("bob"), true), bobs);
        assert_eq!(all(&trail, &of("carol"), true), Vec::<u64>::new());
        let both = Filter { actor: Some(Actor::User("bob".parse().unwrap())), ..of("ada") };
        assert_eq!(all(&trail, &both, true), Vec::<u64>::new(), "as operators have no name, nobody did it to anybody");
    }

    #[test]
    fn a_period_passes_blocks_over_and_loses_nothing_where_the_clock_was_set() {
        let trail = trail();
        // Within the day that happened twice.
        let period = Period { from: Some(START - Duration::from_hours(22)), to: Some(START) };
        let found = all(&trail, &Filter { period, ..Filter::default() }, false);
        let meant: Vec<u64> = (1..=10_000)
            .filter(|seq| *seq > 5_000)
            .filter(|seq| period.contains(START + Duration::from_secs(*seq) - Duration::from_hours(24)))
            .collect();
        assert!(meant.iter().all(|seq| found.contains(seq)) && !meant.is_empty());
        assert!(found.len() < 10_000 - 4 * 256, "{} were to be looked at", found.len());
    }

    #[test]
    fn what_was_swept_is_forgotten_and_the_rest_is_found() {
        let mut trail = trail();
        let keys = ["ada", "bob"].map(|id| id.parse::<UserId>().unwrap().key());
        for seq in 1..=9_950 {
            trail.forget(EventSeq(seq), &keys);
        }
        assert_eq!(all(&trail, &of("bob"), false), [10_000]);
        assert_eq!(all(&trail, &of("ada"), true).len(), 49);
        assert!(trail.blocks.len() <= 2, "{} blocks", trail.blocks.len());
        assert!(all(&trail, &Filter::default(), true).len() <= 512);
    }

    #[test]
    fn an_empty_log_has_nothing() {
        for backwards in [false, true] {
            assert_eq!(all(&Trail::default(), &Filter::default(), backwards), Vec::<u64>::new());
            assert_eq!(all(&Trail::default(), &of("ada"), backwards), Vec::<u64>::new());
        }
    }
}
