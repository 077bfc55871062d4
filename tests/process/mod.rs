//! The real program as a process: what it promises across kills, what it says when it cannot start, and its verbs.
//!
//! Each test has a folder of its own and a port that the system chose, and ends every process that it started.

mod afar;
mod alone;
mod audit;
mod backup;
mod check;
mod client;
mod compact;
mod completions;
mod damage;
mod dry_run;
mod jobs;
mod keys;
mod kill;
mod operators;
mod passwd;
mod people;
mod peppers;
mod program;
mod promise;
mod refusals;
mod running;
mod sample;
mod secrets;
mod tls;
mod verbs;
mod webhooks;

pub use self::client::{Answer, Client, form, session_id};
pub use self::damage::copy_folder;
pub use self::program::{EMAIL, Exited, PASSWORD, Program, Server};
