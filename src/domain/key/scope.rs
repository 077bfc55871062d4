//! What a key may do.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One kind of thing that may be done. Writing does not include reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// See everybody's sessions.
    SessionsRead,
    /// End sessions.
    SessionsWrite,
    /// See users, and keys.
    UsersRead,
    /// Create and change users, and revoke keys. Who may do that can make an administrator, and so do everything.
    UsersWrite,
    /// Read the audit log.
    AuditRead,
    /// Read the metrics, and whatever else operators have put behind a key.
    MetricsRead,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 6] = [
        Self::SessionsRead,
        Self::SessionsWrite,
        Self::UsersRead,
        Self::UsersWrite,
        Self::AuditRead,
        Self::MetricsRead,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::SessionsRead => "sessions.read",
            Self::SessionsWrite => "sessions.write",
            Self::UsersRead => "users.read",
            Self::UsersWrite => "users.write",
            Self::AuditRead => "audit.read",
            Self::MetricsRead => "metrics.read",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What is no set of scopes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// A word that names none.
    #[error(
        "`{0}` is no scope; there are sessions.read, sessions.write, users.read, users.write, audit.read and metrics.read, and all for all of them"
    )]
    Unknown(String),
    /// A key that opens nothing is of no use.
    #[error("a key needs a scope, or several with commas between them, or all")]
    None,
}

/// At least one scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Whether it is among them.
    pub fn contain(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }
}

/// `all`, or scopes with commas between them.
impl FromStr for Scopes {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        if text.trim() == "all" {
            return Ok(Self(Scope::ALL.into()));
        }
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let find = |word: &str| Scope::ALL.into_iter().find(|scope| scope.code() == word);
        let scopes = words.map(|word| find(word).ok_or_else(|| ScopeError::Unknown(word.to_owned())));
        let scopes: BTreeSet<_> = scopes.collect::<Result<_, _>>()?;
        if scopes.is_empty() { Err(ScopeError::None) } else { Ok(Self(scopes)) }
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes: Vec<_> = self.iter().map(Scope::code).collect();
        f.write_str(&codes.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_words_with_commas_or_all() {
        assert_eq!("all".parse::<Scopes>().map(|scopes| scopes.iter().count()), Ok(6));
        let two: Scopes = " users.read, sessions.write,users.read".parse().unwrap();
        assert_eq!(two.to_string(), "sessions.write,users.read");
        assert!(two.contain(Scope::UsersRead) && !two.contain(Scope::UsersWrite));
        assert_eq!("".parse::<Scopes>(), Err(ScopeError::None));
        assert_eq!("users".parse::<Scopes>(), Err(ScopeError::Unknown("users".to_owned())));
        for scope in Scope::ALL {
            assert_eq!(scope.to_string().parse::<Scopes>().map(|scopes| scopes.to_string()), Ok(scope.to_string()));
        }
    }
}
