//! A question for a page as somebody types it: the parameters of a page's address and the options of a command.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime};

use super::{Cursor, Direction, Filter, ListingError, Order, Period, Query, Status, Whose};
use crate::domain::session::Door;
use crate::domain::timestamp::Timestamp;

/// See the module. What is empty was not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Typed {
    /// An address or a network.
    pub address: String,
    /// Part of the device or of what the browser sent.
    pub device: String,
    /// The code of a [`Door`].
    pub door: String,
    /// The code of a [`Status`].
    pub status: String,
    /// A time.
    pub created_from: String,
    /// A time.
    pub created_to: String,
    /// A time.
    pub seen_from: String,
    /// A time.
    pub seen_to: String,
    /// The code of an [`Order`].
    pub order: String,
    /// The code of a [`Direction`].
    pub direction: String,
    /// How many rows.
    pub rows: String,
    /// A [`Cursor`].
    pub cursor: String,
}

impl Typed {
    /// The question about the sessions of `whose`.
    ///
    /// # Errors
    /// The first parameter that does not parse.
    pub fn query(&self, whose: Whose) -> Result<Query, ListingError> {
        let order: Option<Order> = filled(&self.order).map(str::parse).transpose()?;
        let direction: Option<Direction> = filled(&self.direction).map(str::parse).transpose()?;
        let rows = filled(&self.rows).map_or(Ok(Query::ROWS), parse_rows)?;
        let cursor: Option<Cursor> = filled(&self.cursor).map(str::parse).transpose()?;
        let order = order.or(cursor.map(|cursor| cursor.order)).unwrap_or_default();
        let direction = direction.or(cursor.map(|cursor| cursor.direction)).unwrap_or_default();
        if cursor.is_some_and(|cursor| cursor.order != order || cursor.direction != direction) {
            return Err(ListingError::Cursor);
        }
        Ok(Query { filter: self.filter(whose)?, order, direction, cursor, rows })
    }

    fn filter(&self, whose: Whose) -> Result<Filter, ListingError> {
        Ok(Filter {
            whose,
            status: filled(&self.status).map_or(Ok(Status::default()), str::parse)?,
            network: filled(&self.address).map(parse_network).transpose()?,
            agent: filled(&self.device).map(str::to_lowercase),
            door: filled(&self.door).map(|code| Door::from_code(code).ok_or(ListingError::Door)).transpose()?,
            created: period(("created_from", &self.created_from), ("created_to", &self.created_to))?,
            seen: period(("seen_from", &self.seen_from), ("seen_to", &self.seen_to))?,
        })
    }
}

/// What stands in a field, unless it is empty.
pub fn filled(field: &str) -> Option<&str> {
    Some(field.trim()).filter(|text| !text.is_empty())
}

/// How many rows a page may have.
pub fn parse_rows(text: &str) -> Result<usize, ListingError> {
    text.parse().ok().filter(|rows| (1..=Query::MOST_ROWS).contains(rows)).ok_or(ListingError::Rows)
}

/// A period of two fields, each with its name.
pub fn period(from: (&'static str, &str), to: (&'static str, &str)) -> Result<Period, ListingError> {
    let time = |(name, text)| filled(text).map(|text| parse_time(text).ok_or(ListingError::Time(name))).transpose();
    let period = Period { from: time(from)?, to: time(to)? };
    match period {
        Period { from: Some(start), to: Some(end) } if start >= end => Err(ListingError::Period(to.0)),
        period => Ok(period),
    }
}

/// Reads an address as the network of that one address.
pub fn parse_network(text: &str) -> Result<IpNet, ListingError> {
    let text = text.trim();
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
        .map_err(|_| ListingError::Network)
}

/// Reads a date, or a time with or without seconds. Without a zone it is in UTC, since that is what forms send.
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let date = format_description!("[year]-[month]-[day]");
    let minute = format_description!("[year]-[month]-[day]T[hour]:[minute]");
    let second = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second][optional [.[subsecond]]]");
    let plain = text.strip_suffix('Z').unwrap_or(text);
    let time = Date::parse(text, date)
        .map(|date| date.midnight().assume_utc())
        .or_else(|_| PrimitiveDateTime::parse(plain, minute).map(PrimitiveDateTime::assume_utc))
        .or_else(|_| PrimitiveDateTime::parse(plain, second).map(PrimitiveDateTime::assume_utc))
        .or_else(|_| OffsetDateTime::parse(text, &Rfc3339))
        .ok()?;
    i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_may_be_one_address() {
        assert!(parse_network("192.0.2.7").is_ok_and(|net| net.prefix_len() == 32));
        assert!(parse_network(" 2001:db8::/32 ").is_ok_and(|net| net.prefix_len() == 32));
        assert_eq!(parse_network("192.0.2"), Err(ListingError::Network));
    }

    #[test]
    fn a_time_is_a_date_or_a_moment_in_utc() {
        let told = |text| parse_time(text).map(|time| time.to_string());
        for (text, time) in [
            ("2026-11-20", "2026-11-20T00:00:00Z"),
            ("2026-11-20T09:30Z", "2026-11-20T09:30:00Z"),
            ("2026-11-20T09:30", "2026-11-20T09:30:00Z"),
            ("2026-11-20T09:30:15Z", "2026-11-20T09:30:15Z"),
            ("2026-11-20T09:30:15.25", "2026-11-20T09:30:15.25Z"),
            ("2026-11-20T09:30:15+01:00", "2026-11-20T08:30:15Z"),
        ] {
            assert_eq!(told(text).as_deref(), Some(time), "{text}");
        }
        for bad in ["", "yesterday", "2026-13-01", "2026-11-31", "2026-11-20Z", "2026-11-20T25:00Z", "20.11.2026", "9"]
        {
            assert_eq!(told(bad), None, "{bad}");
        }
    }

    #[test]
    fn each_parameter_is_named_when_it_does_not_parse() {
        type Set = fn(&mut Typed) -> &mut String;
        let cases: [(Set, &str, ListingError); 13] = [
            (|typed| &mut typed.address, "198.51.100.0/33", ListingError::Network),
            (|typed| &mut typed.door, "window", ListingError::Door),
            (|typed| &mut typed.status, "dead", ListingError::Status),
            (|typed| &mut typed.created_from, "soon", ListingError::Time("created_from")),
            (|typed| &mut typed.created_to, "soon", ListingError::Time("created_to")),
            (|typed| &mut typed.seen_from, "soon", ListingError::Time("seen_from")),
            (|typed| &mut typed.seen_to, "soon", ListingError::Time("seen_to")),
            (|typed| &mut typed.order, "random", ListingError::Order),
            (|typed| &mut typed.direction, "up", ListingError::Direction),
            (|typed| &mut typed.rows, "0", ListingError::Rows),
            (|typed| &mut typed.rows, "101", ListingError::Rows),
            (|typed| &mut typed.rows, "many", ListingError::Rows),
            (|typed| &mut typed.cursor, "x", ListingError::Cursor),
        ];
        for (field, text, error) in cases {
            let mut typed = Typed::default();
            text.clone_into(field(&mut typed));
            assert_eq!(typed.query(Whose::Everyones), Err(error), "{text}");
        }
        assert_eq!(Typed::default().query(Whose::Everyones), Ok(Query::first(Filter::default())));
    }

    #[test]
    fn a_period_ends_after_it_starts() {
        let typed = |from: &str, to: &str| Typed { seen_from: from.into(), seen_to: to.into(), ..Typed::default() };
        assert!(typed("2026-11-20", "2026-11-20T00:01").query(Whose::Everyones).is_ok());
        for to in ["2026-11-20", "2026-11-19"] {
            assert_eq!(typed("2026-11-20", to).query(Whose::Everyones), Err(ListingError::Period("seen_to")));
        }
    }
}
