//! The whole path in a real browser: Chromium, driven through `chromedriver` by the `WebDriver` protocol.
//!
//! With `SESSIOND_SCREENS=FOLDER` each page is also photographed, wide and narrow, light and dark.

mod driver;
mod onward;
mod path;
mod people;
mod screens;
mod users;

pub use self::driver::{Browser, Driver};
