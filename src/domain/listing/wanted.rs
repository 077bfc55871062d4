//! Which users a program wants, and in which order, as a query language says it: a condition over a user's attributes.
//!
//! Names and addresses are compared without regard to case, ids with regard to it.

use std::cmp::Ordering;

use super::Direction;
use crate::domain::id::UserId;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{Email, Label, User};

/// Of what a condition speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribute {
    /// The id.
    Id,
    /// When they were created.
    Created,
    /// When they were last changed.
    Updated,
    /// What people call them.
    Name,
    /// What they sign in with.
    Email,
    /// Not kept: unset with everybody.
    Phone,
    /// Whether they may sign in.
    Status,
    /// Since when they have their password.
    PasswordUpdate,
    /// When they were created.
    Registration,
    /// Whether the address is theirs.
    EmailVerification,
    /// Not kept: false with everybody.
    PhoneVerification,
    /// What they may do.
    Labels,
    /// Not kept: unset with everybody.
    AccessedAt,
}

/// What values an attribute has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Texts.
    Text,
    /// Points in time.
    Time,
    /// Yes or no.
    Flag,
    /// Several texts.
    Texts,
}

impl Attribute {
    /// Every attribute with its name.
    pub const ALL: [(&'static str, Self); 13] = [
        ("$id", Self::Id),
        ("$createdAt", Self::Created),
        ("$updatedAt", Self::Updated),
        ("name", Self::Name),
        ("email", Self::Email),
        ("phone", Self::Phone),
        ("status", Self::Status),
        ("passwordUpdate", Self::PasswordUpdate),
        ("registration", Self::Registration),
        ("emailVerification", Self::EmailVerification),
        ("phoneVerification", Self::PhoneVerification),
        ("labels", Self::Labels),
        ("accessedAt", Self::AccessedAt),
    ];

    /// The attribute with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, attribute)| attribute)
    }

    /// What values it has.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Id | Self::Name | Self::Email | Self::Phone => Kind::Text,
            Self::Created | Self::Updated | Self::PasswordUpdate | Self::Registration | Self::AccessedAt => Kind::Time,
            Self::Status | Self::EmailVerification | Self::PhoneVerification => Kind::Flag,
            Self::Labels => Kind::Texts,
        }
    }

    /// The value that a user has; `None` where nothing is known.
    pub fn of(self, user: &User) -> Option<Worth> {
        let text = |text: &str| Some(Worth::Text(self.folded(text)));
        match self {
            Self::Id => text(user.id.as_str()),
            Self::Name => text(user.name.as_str()),
            Self::Email => text(user.email.as_str()),
            Self::Created | Self::Registration => Some(Worth::Time(user.created)),
            Self::Updated => Some(Worth::Time(user.updated())),
            Self::PasswordUpdate => Some(Worth::Time(user.password_changed())),
            Self::Status => Some(Worth::Flag(!user.blocked)),
            Self::EmailVerification => Some(Worth::Flag(user.profile.email_verified)),
            Self::PhoneVerification => Some(Worth::Flag(false)),
            Self::Phone | Self::AccessedAt | Self::Labels => None,
        }
    }

    /// A text as it is compared.
    pub fn folded(self, text: &str) -> String {
        match self {
            Self::Name | Self::Email => text.to_lowercase(),
            _ => text.to_owned(),
        }
    }
}

/// A value. Texts are as [`Attribute::folded`] makes them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worth {
    /// Yes or no.
    Flag(bool),
    /// A point in time.
    Time(Timestamp),
    /// A text.
    Text(String),
}

/// What a user must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicate {
    /// All of these; without any, everybody.
    All(Vec<Self>),
    /// At least one of these.
    Any(Vec<Self>),
    /// Not this.
    Not(Box<Self>),
    /// The attribute is one of these.
    Equal(Attribute, Vec<Worth>),
    /// It is less than this.
    Less(Attribute, Worth),
    /// It is more than this.
    Greater(Attribute, Worth),
    /// Nothing is known of it.
    IsNull(Attribute),
    /// It begins with this text.
    StartsWith(Attribute, String),
    /// It ends with this text.
    EndsWith(Attribute, String),
    /// One of these texts occurs in it; of several texts, one is one of these.
    Contains(Attribute, Vec<String>),
}

impl Predicate {
    /// No less than this. Who has no value is not meant.
    pub fn at_least(attribute: Attribute, worth: Worth) -> Self {
        Self::Any(vec![Self::Equal(attribute, vec![worth.clone()]), Self::Greater(attribute, worth)])
    }

    /// No more than this. Who has no value is not meant.
    pub fn at_most(attribute: Attribute, worth: Worth) -> Self {
        Self::Any(vec![Self::Equal(attribute, vec![worth.clone()]), Self::Less(attribute, worth)])
    }

    /// Each word of the text occurs in it.
    pub fn search(attribute: Attribute, text: &str) -> Self {
        let words = text.split_whitespace();
        Self::All(words.map(|word| Self::Contains(attribute, vec![attribute.folded(word)])).collect())
    }

    /// The opposite.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Whether `user` is meant.
    pub fn admits(&self, user: &User) -> bool {
        let text = |attribute: Attribute, test: &dyn Fn(&str) -> bool| match attribute.of(user) {
            Some(Worth::Text(text)) => test(&text),
            _ => false,
        };
        match self {
            Self::All(all) => all.iter().all(|one| one.admits(user)),
            Self::Any(any) => any.iter().any(|one| one.admits(user)),
            Self::Not(one) => !one.admits(user),
            Self::Equal(attribute, values) => attribute.of(user).is_some_and(|worth| values.contains(&worth)),
            Self::Less(attribute, than) => attribute.of(user).is_some_and(|worth| worth < *than),
            Self::Greater(attribute, than) => attribute.of(user).is_some_and(|worth| worth > *than),
            Self::IsNull(Attribute::Labels) => false,
            Self::IsNull(attribute) => attribute.of(user).is_none(),
            Self::StartsWith(attribute, start) => text(*attribute, &|text| text.starts_with(start.as_str())),
            Self::EndsWith(attribute, end) => text(*attribute, &|text| text.ends_with(end.as_str())),
            Self::Contains(Attribute::Labels, labels) => {
                user.labels.iter().map(Label::as_str).any(|label| labels.iter().any(|one| one == label))
            }
            Self::Contains(attribute, parts) => {
                text(*attribute, &|text| parts.iter().any(|part| text.contains(part.as_str())))
            }
        }
    }

    /// The few users who can be meant at most, if that is plain.
    pub fn few(&self) -> Option<Few> {
        let texts = |values: &[Worth]| {
            let text = |worth: &Worth| if let Worth::Text(text) = worth { Some(text.clone()) } else { None };
            values.iter().filter_map(text).collect::<Vec<_>>()
        };
        match self {
            Self::All(all) => all.iter().find_map(Self::few),
            Self::Equal(Attribute::Id, values) => {
                Some(Few::Ids(texts(values).iter().filter_map(|id| id.parse().ok()).collect()))
            }
            Self::Equal(Attribute::Email, values) => {
                Some(Few::Emails(texts(values).iter().filter_map(|email| email.parse().ok()).collect()))
            }
            _ => None,
        }
    }

    /// Whether everybody is meant.
    pub fn is_everybody(&self) -> bool {
        matches!(self, Self::All(all) if all.iter().all(Self::is_everybody))
    }
}

/// Users who are named one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Few {
    /// By their ids.
    Ids(Vec<UserId>),
    /// By their addresses.
    Emails(Vec<Email>),
}

/// By what users are ordered: the first attribute, where that is the same the second, and so on, and at last the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sorting(pub Vec<(Attribute, Direction)>);

impl Default for Sorting {
    /// The oldest first.
    fn default() -> Self {
        Self(vec![(Attribute::Created, Direction::Ascending)])
    }
}

/// Where a user stands in an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rank {
    /// What it has of each attribute.
    pub worth: Vec<Option<Worth>>,
    /// Who.
    pub id: UserId,
}

impl Sorting {
    /// Where `user` stands.
    pub fn rank(&self, user: &User) -> Rank {
        Rank { worth: self.0.iter().map(|(attribute, _)| attribute.of(user)).collect(), id: user.id.clone() }
    }

    /// Which of two comes first.
    pub fn compare(&self, one: &Rank, other: &Rank) -> Ordering {
        let pairs = one.worth.iter().zip(&other.worth).zip(&self.0);
        let found = pairs.map(|((one, other), (_, direction))| match direction {
            Direction::Ascending => one.cmp(other),
            Direction::Descending => other.cmp(one),
        });
        found.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| one.id.cmp(&other.id))
    }
}

/// Beside which row a page begins or ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beside {
    /// It begins after this user.
    After(UserId),
    /// It ends before this user.
    Before(UserId),
}

/// A question for one page of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What occurs in their id, address or name; empty for everybody.
    pub search: String,
    /// What they are.
    pub predicate: Predicate,
    /// In which order.
    pub sorting: Sorting,
    /// From where on; without it from the start.
    pub beside: Option<Beside>,
    /// Without so many that come first.
    pub offset: usize,
    /// At most so many.
    pub limit: usize,
    /// Whether to count all who are meant.
    pub counted: bool,
}

impl Wanted {
    /// The rows of a page unless told otherwise.
    pub const LIMIT: usize = 25;
    /// The most rows of one page.
    pub const MOST: usize = 1_000;
}

impl Default for Wanted {
    /// The first page of everybody.
    fn default() -> Self {
        Self {
            search: String::new(),
            predicate: Predicate::All(Vec::new()),
            sorting: Sorting::default(),
            beside: None,
            offset: 0,
            limit: Self::LIMIT,
            counted: true,
        }
    }
}

#[cfg(test)]
mod tests;
