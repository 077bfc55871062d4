//! A server without a network, and the people who use it.
//!
//! A test starts a [`Server`], and its actors do what people do with browsers: open pages, fill in the forms they find there
//! and follow redirects, each with cookies of their own. Time stands still unless a test moves it.

mod answer;
mod ask;
pub mod exposition;
mod html;
mod jar;
mod person;
pub mod probe;
mod server;

pub use self::answer::Answer;
pub use self::ask::Ask;
pub use self::html::Form;
pub use self::jar::Jar;
pub use self::person::Person;
pub use self::server::{On, PASSWORD, Server};
