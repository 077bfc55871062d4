//! One machine's faults, each with a command, its figures and what must never happen: damaged files, full and failing
//! disks, a clock that is wrong, slow clients, floods, and requests that are none.
//!
//! Each is short in the test command and long by a variable, and ends with one line of figures that begins with `fault: `.

mod clock;
mod damage;
mod disk;
mod drain;
mod flood;
mod malformed;
mod memory;
mod slow;
mod stopwatch;

pub use self::slow::proxy;
pub use self::stopwatch::Stopwatch;
pub use crate::contract::dice::Dice;
pub use crate::history::{number, tell};
pub use crate::shims::Shim;
