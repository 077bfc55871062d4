//! What a session is, when it is live and how it ends. Knows no database, no HTTP and no global clock.

pub mod audit;
pub mod change;
pub mod client;
pub mod clock;
pub mod credential;
pub mod device;
pub mod ending;
pub mod epoch;
pub mod id;
pub mod job;
pub mod key;
pub mod lifetime;
pub mod listing;
pub mod password;
pub mod prefs;
pub mod safeguards;
pub mod second_factor;
#[cfg(feature = "seeded-bugs")]
pub mod seeded;
pub mod session;
pub mod steps;
pub mod timestamp;
pub mod token;
pub mod user;
pub mod webhook;
