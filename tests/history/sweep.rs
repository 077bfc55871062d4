//! An end of many sessions, as the checker sees it.

use super::record::{Moment, Session};

pub struct Sweep {
    pub start: Moment,
    /// When it was acknowledged, if it was.
    pub end: Moment,
    /// The last moment at which it can take effect.
    pub until: Moment,
    pub keep: Option<Session>,
    /// Whether it was acknowledged.
    pub done: bool,
    /// Whether it was a clock that was behind, and nobody's order.
    pub by_clock: bool,
}
