//! Conditions and orders against a plain reading of what they say.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::domain::epoch::Epoch;
use crate::domain::password::PasswordHash;
use crate::domain::safeguards::Safeguards;
use crate::domain::user::Profile;

/// A user as a row of plain values, made without any of the code under test.
#[derive(Debug, Clone)]
struct Row {
    id: &'static str,
    name: &'static str,
    email: &'static str,
    created: i64,
    changed: i64,
    blocked: bool,
    verified: bool,
    labels: BTreeSet<&'static str>,
}

const IDS: [&str; 4] = ["a", "A", "b", "ab"];
const NAMES: [&str; 4] = ["", "ada", "Ada B", "ÉVA b"];
const EMAILS: [&str; 4] = ["a@x", "ab@x", "b@y", "c@ax"];
const LABELS: [&str; 3] = ["admin", "Admin", "a"];
const PARTS: [&str; 7] = ["", "a", "A", "b", "@x", "éva", "ada b"];

fn rows() -> impl Strategy<Value = Row> {
    let labels = vec(select(&LABELS[..]), 0..3);
    let times = (0..4_i64, 0..4_i64);
    (select(&IDS[..]), select(&NAMES[..]), select(&EMAILS[..]), times, any::<(bool, bool)>(), labels).prop_map(
        |(id, name, email, (created, changed), (blocked, verified), labels)| Row {
            id,
            name,
            email,
            created,
            changed,
            blocked,
            verified,
            labels: labels.into_iter().collect(),
        },
    )
}

fn user(row: &Row) -> User {
    let at = Timestamp::from_millis;
    User {
        id: row.id.parse().unwrap(),
        email: row.email.parse().unwrap(),
        name: row.name.parse().unwrap_or(crate::domain::user::Name::unknown()),
        password: PasswordHash::from_phc(String::new()),
        labels: row.labels.iter().map(|label| label.parse().unwrap()).collect(),
        epoch: Epoch::draw(&crate::domain::clock::OsEntropy),
        created: at(row.created),
        blocked: row.blocked,
        safeguards: Safeguards::default(),
        profile: Profile {
            updated: at(row.changed),
            password_changed: at(row.changed),
            email_verified: row.verified,
            prefs: crate::domain::prefs::Prefs::default(),
        },
    }
}

fn attributes(kind: Kind) -> impl Strategy<Value = Attribute> {
    let all = Attribute::ALL.into_iter().map(|(_, attribute)| attribute);
    select(all.filter(|attribute| attribute.kind() == kind).collect::<Vec<_>>())
}

/// A text, as the door folds it for this attribute.
fn texts() -> impl Strategy<Value = (Attribute, Vec<String>)> {
    (attributes(Kind::Text), vec(select(&PARTS[..]), 1..3))
        .prop_map(|(attribute, texts)| (attribute, texts.iter().map(|text| attribute.folded(text)).collect()))
}

fn worths() -> impl Strategy<Value = (Attribute, Vec<Worth>)> {
    let texts = texts().prop_map(|(attribute, texts)| (attribute, texts.into_iter().map(Worth::Text).collect()));
    let times = (attributes(Kind::Time), vec(0..4_i64, 1..3)).prop_map(|(attribute, times)| {
        (attribute, times.into_iter().map(|at| Worth::Time(Timestamp::from_millis(at))).collect())
    });
    let flags =
        (attributes(Kind::Flag), any::<bool>()).prop_map(|(attribute, flag)| (attribute, vec![Worth::Flag(flag)]));
    prop_oneof![texts, times, flags]
}

fn predicates() -> impl Strategy<Value = Predicate> {
    let first = |(attribute, mut texts): (Attribute, Vec<String>)| (attribute, texts.remove(0));
    let one = |(attribute, mut worths): (Attribute, Vec<Worth>)| (attribute, worths.remove(0));
    let labels = vec(select(&LABELS[..]), 1..3).prop_map(|labels| labels.into_iter().map(str::to_owned).collect());
    let leaf = prop_oneof![
        worths().prop_map(|(attribute, worths)| Predicate::Equal(attribute, worths)),
        worths().prop_map(one).prop_map(|(attribute, worth)| Predicate::Less(attribute, worth)),
        worths().prop_map(one).prop_map(|(attribute, worth)| Predicate::Greater(attribute, worth)),
        worths().prop_map(one).prop_map(|(attribute, worth)| Predicate::at_least(attribute, worth)),
        worths().prop_map(one).prop_map(|(attribute, worth)| Predicate::at_most(attribute, worth)),
        select(&Attribute::ALL[..]).prop_map(|(_, attribute)| Predicate::IsNull(attribute)),
        texts().prop_map(first).prop_map(|(attribute, text)| Predicate::StartsWith(attribute, text)),
        texts().prop_map(first).prop_map(|(attribute, text)| Predicate::EndsWith(attribute, text)),
        texts().prop_map(|(attribute, texts)| Predicate::Contains(attribute, texts)),
        labels.prop_map(|labels| Predicate::Contains(Attribute::Labels, labels)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Predicate::All),
            vec(inner.clone(), 0..3).prop_map(Predicate::Any),
            inner.prop_map(Predicate::negated),
        ]
    })
}

/// The value of an attribute as text that compares as the value does; `None` where there is none.
fn plain(attribute: Attribute, row: &Row) -> Option<String> {
    let later = row.created.max(row.changed);
    let shown = |flag: bool| Some(flag.to_string());
    match attribute {
        Attribute::Id => Some(row.id.to_owned()),
        Attribute::Name => Some(row.name.to_lowercase()),
        Attribute::Email => Some(row.email.to_lowercase()),
        Attribute::Created | Attribute::Registration => Some(row.created.to_string()),
        Attribute::Updated | Attribute::PasswordUpdate => Some(later.to_string()),
        Attribute::Status => shown(!row.blocked),
        Attribute::EmailVerification => shown(row.verified),
        Attribute::PhoneVerification => shown(false),
        Attribute::Phone | Attribute::AccessedAt | Attribute::Labels => None,
    }
}

fn text(worth: &Worth) -> String {
    match worth {
        Worth::Flag(flag) => flag.to_string(),
        Worth::Time(at) => at.millis().to_string(),
        Worth::Text(text) => text.clone(),
    }
}

/// Whether a row is meant, read off the condition word by word.
fn meant(predicate: &Predicate, row: &Row) -> bool {
    let value = |attribute: &Attribute| plain(*attribute, row);
    match predicate {
        Predicate::All(all) => !all.iter().any(|one| !meant(one, row)),
        Predicate::Any(any) => any.iter().filter(|one| meant(one, row)).count() > 0,
        Predicate::Not(one) => !meant(one, row),
        Predicate::Equal(attribute, worths) => {
            worths.iter().filter(|worth| Some(text(worth)) == value(attribute)).count() > 0
        }
        Predicate::Less(attribute, than) => value(attribute).is_some_and(|value| value < text(than)),
        Predicate::Greater(attribute, than) => value(attribute).is_some_and(|value| value > text(than)),
        Predicate::IsNull(attribute) => *attribute != Attribute::Labels && value(attribute).is_none(),
        Predicate::StartsWith(attribute, start) => {
            value(attribute).is_some_and(|value| value.strip_prefix(&**start).is_some())
        }
        Predicate::EndsWith(attribute, end) => {
            value(attribute).is_some_and(|value| value.strip_suffix(&**end).is_some())
        }
        Predicate::Contains(Attribute::Labels, labels) => labels.iter().any(|label| row.labels.contains(&**label)),
        Predicate::Contains(attribute, parts) => {
            value(attribute).is_some_and(|value| parts.iter().any(|part| value.split(&**part).count() > 1))
        }
    }
}

proptest! {
    #[test]
    fn a_condition_means_whom_it_says(predicate in predicates(), rows in vec(rows(), 1..8)) {
        for row in rows {
            prop_assert_eq!(predicate.admits(&user(&row)), meant(&predicate, &row), "{:?}", row);
        }
    }

    #[test]
    fn whoever_is_meant_is_among_the_few_that_are_named(predicate in predicates(), row in rows()) {
        let user = user(&row);
        let named = match predicate.few() {
            None => true,
            Some(Few::Ids(ids)) => ids.contains(&user.id),
            Some(Few::Emails(emails)) => emails.contains(&user.email),
        };
        prop_assert!(named || !predicate.admits(&user));
    }

    #[test]
    fn an_order_is_total_and_sorts_by_one_attribute_after_the_other(
        orders in vec((select(&Attribute::ALL[..]), any::<bool>()), 0..3),
        rows in vec(rows(), 1..8),
    ) {
        let direction = |up| if up { Direction::Ascending } else { Direction::Descending };
        let sorting = Sorting(orders.iter().map(|((_, attribute), up)| (*attribute, direction(*up))).collect());
        let mut ranks: Vec<_> = rows.iter().map(|row| sorting.rank(&user(row))).collect();
        ranks.sort_by(|one, other| sorting.compare(one, other));
        // The last order first, each keeping what the ones after it have made.
        let mut plainly = rows;
        plainly.sort_by_key(|row| row.id);
        for ((_, attribute), up) in orders.iter().rev() {
            plainly.sort_by(|one, other| {
                let order = plain(*attribute, one).cmp(&plain(*attribute, other));
                if *up { order } else { order.reverse() }
            });
        }
        let got: Vec<_> = ranks.iter().map(|rank| rank.id.as_str()).collect();
        let expected: Vec<_> = plainly.iter().map(|row| row.id).collect();
        prop_assert_eq!(got, expected);
    }
}
