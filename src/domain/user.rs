//! Who signs in.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::epoch::Epoch;
use super::id::{UserId, UserKey, hex};
use super::password::PasswordHash;
use super::prefs::Prefs;
use super::safeguards::{Safeguards, Tries};
use super::timestamp::Timestamp;

/// What is wrong with a user's particulars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// Not an address.
    #[error("an e-mail address looks like name@example.com and has at most {} characters", Email::LONGEST)]
    Email,
    /// Not a name.
    #[error("a name has 1 to {} characters and no control characters", Name::LONGEST)]
    Name,
    /// Not a label.
    #[error("a label has 1 to {} letters and digits", Label::LONGEST)]
    Label,
}

/// An e-mail address in lower case; unique among users.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

impl Email {
    /// The longest address, in bytes (RFC 5321, 4.5.3.1.3).
    pub const LONGEST: usize = 254;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells addresses apart without telling them: SHA-256, in hexadecimal digits. Whoever guesses the address can tell that
    /// it is this one.
    pub fn fingerprint(&self) -> String {
        format!("sha256:{}", hex(&Sha256::digest(self.0.as_bytes())))
    }
}

impl FromStr for Email {
    type Err = UserError;

    /// Whether mail arrives there is not decided here: one `@` between two parts without spaces will do.
    fn from_str(text: &str) -> Result<Self, UserError> {
        let text = text.trim().to_lowercase();
        let (local, domain) = text.rsplit_once('@').ok_or(UserError::Email)?;
        let bad = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | ',' | '@');
        if local.is_empty()
            || domain.is_empty()
            || text.len() > Self::LONGEST
            || local.contains(bad)
            || domain.contains(bad)
        {
            return Err(UserError::Email);
        }
        Ok(Self(text))
    }
}

impl TryFrom<String> for Email {
    type Error = UserError;
    fn try_from(text: String) -> Result<Self, UserError> {
        text.parse()
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What people call the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name(String);

impl Name {
    /// The longest name, in characters.
    pub const LONGEST: usize = 128;

    /// Of somebody whose name nobody has said.
    pub const fn unknown() -> Self {
        Self(String::new())
    }

    /// The text; empty if nobody has said it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = UserError;
    fn from_str(text: &str) -> Result<Self, UserError> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > Self::LONGEST || text.contains(char::is_control) {
            return Err(UserError::Name);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A word that gives rights. `admin` is the one that sessiond itself reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Label(String);

impl Label {
    /// The longest label, in characters.
    pub const LONGEST: usize = 36;

    /// The label of administrators.
    pub fn admin() -> Self {
        Self("admin".to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Label {
    type Err = UserError;
    fn from_str(text: &str) -> Result<Self, UserError> {
        if text.is_empty() || text.len() > Self::LONGEST || !text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(UserError::Label);
        }
        Ok(Self(text.to_owned()))
    }
}

/// Somebody who may sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The public id.
    pub id: UserId,
    /// What they sign in with.
    pub email: Email,
    /// What people call them.
    pub name: Name,
    /// What their password hashes to.
    pub password: PasswordHash,
    /// What they may do; read at each request.
    pub labels: BTreeSet<Label>,
    /// What all their live sessions carry.
    pub epoch: Epoch,
    /// When they were created.
    pub created: Timestamp,
    /// They may not sign in.
    pub blocked: bool,
    /// What their password alone does not open.
    pub safeguards: Safeguards,
    /// What is known of them besides.
    pub profile: Profile,
}

/// What is known of a user and decides nothing here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Profile {
    /// When they were last changed, if ever.
    pub updated: Timestamp,
    /// When they last got a password, if after their creation.
    pub password_changed: Timestamp,
    /// Somebody says that their e-mail address is theirs.
    pub email_verified: bool,
    /// What applications keep for them.
    pub prefs: Prefs,
}

impl User {
    /// The prefix under which everything of this user is stored.
    pub fn key(&self) -> UserKey {
        self.id.key()
    }

    /// When they were last changed, or created.
    pub fn updated(&self) -> Timestamp {
        self.profile.updated.max(self.created)
    }

    /// Since when they have their password.
    pub fn password_changed(&self) -> Timestamp {
        self.profile.password_changed.max(self.created)
    }

    /// Whether they may see and end everybody's sessions, once they are signed in.
    pub fn is_administrator(&self) -> bool {
        self.labels.contains(&Label::admin())
    }

    /// What somebody who looks for them may type a part of: id, e-mail address and name, in lower case.
    pub fn searched(&self) -> String {
        format!("{}\n{}\n{}", self.id, self.email, self.name).to_lowercase()
    }

    /// What a password of theirs should not be made of.
    pub fn own_words(&self) -> [&str; 2] {
        [self.email.as_str(), self.name.as_str()]
    }

    /// The same with another password, which is good for one use where there is a time. A new password forgets the wrong
    /// ones.
    #[must_use]
    pub fn with_password(mut self, hash: &PasswordHash, one_time_until: Option<Timestamp>) -> Self {
        self.password = hash.clone();
        self.safeguards.one_time_until = one_time_until;
        self.safeguards.tries = Tries::default();
        self
    }

    /// Whether they are an administrator who can sign in.
    pub fn may_administrate(&self) -> bool {
        self.is_administrator() && !self.blocked
    }

    /// Whether they are one on whom others may rely: who has a password for one use has yet to come, and once it has run out
    /// cannot.
    pub fn is_settled_administrator(&self) -> bool {
        self.may_administrate() && self.safeguards.one_time_until.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_lower_case_and_have_two_parts() {
        assert_eq!(" Ada@Example.COM ".parse::<Email>().map(|e| e.0), Ok("ada@example.com".to_owned()));
        for bad in ["", "ada", "@x", "ada@", "a b@x", "a\n@x", "<a@x>", "a@b@c"] {
            assert_eq!(bad.parse::<Email>(), Err(UserError::Email), "{bad}");
        }
    }

    #[test]
    fn names_hold_any_script_but_no_control_characters() {
        assert!("Ada Łuczak 李".parse::<Name>().is_ok());
        for bad in ["", "  ", "a\r\nb", "a\u{1b}[31mb", &"x".repeat(129)] {
            assert_eq!(bad.parse::<Name>(), Err(UserError::Name), "{bad:?}");
        }
    }
}
