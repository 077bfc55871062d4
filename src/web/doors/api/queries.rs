//! `queries`: which rows, in which order, and from where on, as the clients' query builders write it.

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::error::{Answer, ApiError};
use crate::domain::timestamp::Timestamp;

/// The most queries.
const MOST: usize = 100;
/// The longest, in characters.
const LONGEST: usize = 4096;

/// One of them, as JSON text.
#[derive(ToSchema)]
#[schema(
    value_type = String,
    max_length = 4096,
    pattern = r"^\{[\s\S]*\}$",
    example = r#"{"method":"limit","values":[25]}"#
)]
#[allow(dead_code, reason = "tells what it looks like; `parse` reads it")]
pub struct QueryText(String);

/// One of them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// `equal`, `limit`, `orderDesc`, …
    pub method: String,
    /// What it is about, where it is about something.
    #[serde(default)]
    pub attribute: String,
    /// What it is compared with.
    #[serde(default)]
    pub values: Vec<Value>,
}

/// Reads all of them.
pub fn parse(queries: &[String]) -> Answer<Vec<Wish>> {
    if queries.len() > MOST {
        return Err(invalid(format!("there are more than {MOST}")));
    }
    let read = |text: &String| {
        if text.chars().count() > LONGEST {
            return Err(invalid(format!("one has more than {LONGEST} characters")));
        }
        serde_json::from_str(text).map_err(|error| {
            let cut: String = text.chars().take(60).collect();
            invalid(format!("`{cut}` is no query like {{\"method\":\"limit\",\"values\":[25]}}: {error}"))
        })
    };
    queries.iter().map(read).collect()
}

/// 400: a query that means nothing here.
pub fn invalid(why: impl std::fmt::Display) -> ApiError {
    ApiError::argument("queries", why)
}

impl Wish {
    /// One of `or` or `and`.
    pub fn nested(value: &Value) -> Answer<Self> {
        serde_json::from_value(value.clone()).map_err(|error| invalid(format!("a query in `or` or `and`: {error}")))
    }

    /// The one value that it has.
    pub fn one(&self) -> Answer<&Value> {
        match &*self.values {
            [value] => Ok(value),
            _ => Err(invalid(format!("`{}` takes one value", self.method))),
        }
    }

    /// The one value that it has, which is a text.
    pub fn text(&self) -> Answer<&str> {
        self.one()?.as_str().ok_or_else(|| invalid(format!("`{}` takes a text here", self.method)))
    }

    /// The one value that it has, which is a whole number from nought on.
    pub fn number(&self) -> Answer<usize> {
        let number = self.one()?.as_u64().and_then(|number| usize::try_from(number).ok());
        number.ok_or_else(|| invalid(format!("`{}` takes a whole number", self.method)))
    }
}

/// A point in time, as ISO 8601.
pub fn time(value: &Value) -> Answer<Timestamp> {
    let text = value.as_str().unwrap_or_default();
    let parsed = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339);
    let millis = parsed.ok().and_then(|at| i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok());
    millis
        .map(Timestamp::from_millis)
        .ok_or_else(|| invalid(format!("`{text}` is no time like 2026-01-02T03:04:05.678Z")))
}
