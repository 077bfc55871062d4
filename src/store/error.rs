//! Why a store could not answer.

use std::error::Error;

type Source = Box<dyn Error + Send + Sync>;

/// A store's failure. After a failed *write* nobody knows whether it happened: every write may be repeated safely.
/// "Not found" and "already ended" are answers, not failures.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It does not answer now; it may later.
    #[error("the session store is not available: {what}")]
    Unavailable {
        /// What was tried.
        what: &'static str,
        /// What came of it.
        #[source]
        source: Option<Source>,
    },
    /// What it holds cannot be true. Never answered with a guess.
    #[error("the session store is damaged: {what}")]
    Corrupt {
        /// Which record.
        what: String,
        /// What is wrong with it.
        #[source]
        source: Option<Source>,
    },
    /// A condition did not hold that the caller had just seen hold; ask again.
    #[error("somebody else changed the same thing: {what}")]
    Conflict {
        /// What was changed.
        what: &'static str,
    },
}

impl StoreError {
    /// Not available, for this reason.
    pub fn unavailable(what: &'static str, source: impl Into<Source>) -> Self {
        Self::Unavailable { what, source: Some(source.into()) }
    }

    /// Damaged, for this reason.
    pub fn corrupt(what: impl Into<String>, source: impl Into<Source>) -> Self {
        Self::Corrupt { what: what.into(), source: Some(source.into()) }
    }
}
