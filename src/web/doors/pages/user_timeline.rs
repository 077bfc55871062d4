//! When a user signed in and how those sessions ended, newest first, day by day.

use serde_json::{Value, json};

use crate::domain::session::{Standing, Verdict};
use crate::domain::timestamp::Timestamp;
use crate::web::view::Viewer;

/// How many moments are told.
const MOST: usize = 30;

/// A moment of a session's life.
struct Moment {
    at: Timestamp,
    /// What it is, for the eye.
    kind: &'static str,
    row: Value,
}

/// The days, each with its moments.
pub fn timeline(sessions: &[(Standing, Verdict)], viewer: &Viewer<'_>) -> Vec<Value> {
    let mut moments = Vec::new();
    for (standing, verdict) in sessions {
        let row = viewer.row(standing, verdict);
        if let Some(at) = verdict.since() {
            let kind = if matches!(verdict, Verdict::Expired(_)) { "expired" } else { "ended" };
            moments.push(Moment { at, kind, row: row.clone() });
        }
        moments.push(Moment { at: standing.session.created(), kind: "signed-in", row });
    }
    moments.sort_by_key(|moment| std::cmp::Reverse(moment.at));
    moments.truncate(MOST);
    let mut days: Vec<Value> = Vec::new();
    for Moment { at, kind, row } in moments {
        let minute = at.minute();
        let (day, time) = minute.split_once(' ').unwrap_or((&minute, ""));
        if days.last().is_none_or(|last| last["day"] != day) {
            days.push(json!({ "day": day, "moments": [] }));
        }
        let moment = json!({ "time": time, "iso": at.to_string(), "kind": kind, "row": row });
        if let Some(moments) = days.last_mut().and_then(|day| day["moments"].as_array_mut()) {
            moments.push(moment);
        }
    }
    days
}
