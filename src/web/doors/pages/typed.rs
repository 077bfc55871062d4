//! What forms that filter a list have in common: they live in the page's address, and show what was typed.

use serde_json::{Value, json};

use crate::domain::listing::{Direction, Query, parse_time};
use crate::web::format::for_input;

/// The address of a list with these fields; what is empty stays out of it.
pub fn url<'a>(path: &str, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let filled = fields.into_iter().filter(|(_, value)| !value.trim().is_empty());
    let query: Vec<_> = filled.map(|(name, value)| format!("{name}={}", encode(value))).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

/// One of several that may be chosen.
pub fn choice(code: &str, label: &str, selected: bool) -> Value {
    json!({ "code": code, "label": label, "selected": selected })
}

/// A field of date and time takes nothing else; the error says what was wrong.
pub fn time(typed: &str) -> String {
    parse_time(typed.trim()).map_or_else(String::new, for_input)
}

/// How many rows a page may have.
pub fn sizes(rows: usize) -> Vec<Value> {
    let mut sizes = vec![25, 50, Query::MOST_ROWS, rows];
    sizes.sort_unstable();
    sizes.dedup();
    sizes.into_iter().map(|size| choice(&size.to_string(), &size.to_string(), size == rows)).collect()
}

fn encode(text: &str) -> String {
    const KEPT: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~')
        .remove(b':')
        .remove(b'/')
        .remove(b'@');
    percent_encoding::utf8_percent_encode(text, KEPT).to_string()
}

/// What leads from page to page of a list in this direction.
pub fn pager(direction: Direction) -> Value {
    match direction {
        Direction::Descending => json!({ "first": "Newest", "previous": "Newer", "next": "Older" }),
        Direction::Ascending => json!({ "first": "Oldest", "previous": "Older", "next": "Newer" }),
    }
}
