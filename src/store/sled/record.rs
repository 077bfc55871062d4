//! Whether stored bytes are a record of their tree and stand under the key that their content asks for.

use super::trees::{EPOCH, FORMAT, Place, session_key};
use crate::domain::audit::Event;
use crate::domain::ending::Ended;
use crate::domain::epoch::Epoch;
use crate::domain::id::{EventSeq, UserKey};
use crate::domain::job::Job;
use crate::domain::key::ApiKey;
use crate::domain::session::Session;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{Email, User};
use crate::domain::webhook::WebhookName;
use crate::store::{Result, StoreError, codec};

/// What was read.
pub enum Content {
    Session(Box<Session>),
    User(Box<User>),
    /// Whom an address belongs to.
    Owner(Email, UserKey),
    Event(Event),
    Key(Box<ApiKey>),
    /// Anything that stands for itself.
    Other,
}

/// Reads the record, or tells what is wrong with it.
pub fn read(place: Place, key: &[u8], value: &[u8]) -> Result<Content> {
    match place {
        Place::Sessions => {
            let session: Session = codec::decode(key, value)?;
            agrees(place, *key == session_key(session.user_key(), session.id()))?;
            Ok(Content::Session(Box::new(session)))
        }
        Place::Seen => {
            codec::decode::<Timestamp>(key, value)?;
            agrees(place, key.len() == 32)?;
            Ok(Content::Other)
        }
        Place::Users => {
            let user: User = codec::decode(key, value)?;
            agrees(place, key == user.key().bytes())?;
            Ok(Content::User(Box::new(user)))
        }
        Place::Emails => {
            let owner = codec::decode::<UserKey>(key, value)?;
            let email = std::str::from_utf8(key).ok().and_then(|text| text.parse::<Email>().ok());
            match email.filter(|email| email.as_str().as_bytes() == key) {
                Some(email) => Ok(Content::Owner(email, owner)),
                None => Err(misplaced(place)),
            }
        }
        Place::Replaced => {
            codec::decode::<Ended>(key, value)?;
            agrees(place, key.len() == 16)?;
            Ok(Content::Other)
        }
        Place::Audit => {
            let event: Event = codec::decode(key, value)?;
            agrees(place, key == event.seq.0.to_be_bytes())?;
            Ok(Content::Event(event))
        }
        Place::Keys => {
            let stored: ApiKey = codec::decode(key, value)?;
            agrees(place, key == stored.id.bytes())?;
            Ok(Content::Key(Box::new(stored)))
        }
        Place::KeyUses => {
            codec::decode::<Timestamp>(key, value)?;
            agrees(place, key.len() == 8)?;
            Ok(Content::Other)
        }
        Place::Delivered => {
            codec::decode::<EventSeq>(key, value)?;
            agrees(place, std::str::from_utf8(key).is_ok_and(|name| name.parse::<WebhookName>().is_ok()))?;
            Ok(Content::Other)
        }
        Place::Jobs => {
            let job: Job = codec::decode(key, value)?;
            agrees(place, key == job.id.bytes())?;
            Ok(Content::Other)
        }
        Place::Meta if key == EPOCH => codec::decode::<Epoch>(key, value).map(|_| Content::Other),
        Place::Meta => {
            agrees(place, key == FORMAT && matches!(value, [format] if *format <= codec::FORMAT))?;
            Ok(Content::Other)
        }
    }
}

fn agrees(place: Place, agrees: bool) -> Result<()> {
    if agrees { Ok(()) } else { Err(misplaced(place)) }
}

fn misplaced(place: Place) -> StoreError {
    StoreError::corrupt(place.name(), "a record stands under a key that is not its own")
}
