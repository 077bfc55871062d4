//! An application behind a real reverse proxy, by the configurations that are shipped (`deploy/*/*protect*`): nginx and Caddy
//! of Debian's packages with TLS, a real sessiond, and an application that writes down what it is sent.

mod application;
mod circles;
mod long;
mod visitor;
mod world;

pub use self::application::SAYS;
pub use self::world::World;
