//! 429: there were too many wrong passwords. Says when to come back, and that nothing is lost.

use std::time::Duration;

use rocket::http::{Header, Status};

use super::answer::{Answer, Made, Page};
use super::error;
use super::format::wait;
use crate::domain::timestamp::Timestamp;
use crate::service::throttle::Later;

/// What people read. The time by the clock is the next full minute: nobody who looks at one is to be too early.
pub fn told(later: Later, now: Timestamp) -> String {
    const MINUTE: Duration = Duration::from_mins(1);
    let from = if later.after < MINUTE {
        String::new()
    } else {
        format!(" (from {} UTC on)", (now + later.after + MINUTE - Duration::from_millis(1)).minute())
    };
    format!(
        "There were too many wrong passwords, so this one was not looked at. Nothing is lost: try again in {}{from}.",
        wait(later.after)
    )
}

/// The page with its form again, or JSON for programs.
pub fn answer(later: Later, told: &str, page: Page, json: bool) -> Answer {
    let retry = Header::new("Retry-After", seconds(later).to_string());
    if json {
        let mut response = error::json(Status::TooManyRequests, "too_many_requests", told);
        response.set_header(retry);
        return Made(response).into();
    }
    let mut page = page.status(Status::TooManyRequests);
    page.headers.push(retry);
    page.into()
}

/// Whole ones, so that whoever comes back then is not too early.
fn seconds(later: Later) -> u64 {
    later.after.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}
