//! Reading records, whichever moment they are of.

use sled::IVec;

use super::trees::Place;
use crate::domain::ending::Ended;
use crate::domain::epoch::Epoch;
use crate::domain::id::UserKey;
use crate::domain::user::User;
use crate::store::Result;
use crate::store::codec::{self, Record};

/// Records as of some moment, and what they mean together.
pub trait View {
    /// The bytes at `key`.
    fn bytes(&self, place: Place, key: &[u8]) -> Result<Option<IVec>>;

    /// All records of a tree in the order of their keys.
    fn iter(&self, place: Place) -> impl Iterator<Item = Result<(IVec, IVec)>>;

    /// The record at `key`, checked.
    fn get<T: Record>(&self, place: Place, key: &[u8]) -> Result<Option<T>> {
        self.bytes(place, key)?.map(|bytes| codec::decode(key, &bytes)).transpose()
    }

    /// All records of a tree in the order of their keys, checked.
    fn scan<T: Record>(&self, place: Place) -> impl Iterator<Item = Result<(IVec, T)>> {
        self.iter(place).map(|entry| {
            let (key, bytes) = entry?;
            let value = codec::decode(&key, &bytes)?;
            Ok((key, value))
        })
    }

    fn user(&self, key: UserKey) -> Result<Option<User>> {
        self.get(Place::Users, key.bytes())
    }

    /// How the sessions of a replaced epoch ended.
    fn replaced(&self, epoch: Epoch) -> Result<Option<Ended>> {
        self.get(Place::Replaced, epoch.bytes())
    }
}
