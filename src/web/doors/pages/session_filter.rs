//! What the administrators' list is asked, as it stands in the URL and in the form above the list.

use rocket::form::FromForm;
use serde_json::{Value, json};

use crate::domain::listing::{Direction, ListingError, Order, Query, Status, Typed, Whose, parse_time};
use crate::domain::session::Door;
use crate::web::format::for_input;

/// The page that this is about.
const PATH: &str = "/admin/sessions";

/// The question as it stands in the URL.
#[derive(Debug, Clone, Default, FromForm)]
pub struct Asked {
    #[field(default = "")]
    pub user: String,
    #[field(default = "")]
    address: String,
    #[field(default = "")]
    device: String,
    #[field(default = "")]
    door: String,
    #[field(default = "")]
    status: String,
    #[field(default = "")]
    created_from: String,
    #[field(default = "")]
    created_to: String,
    #[field(default = "")]
    seen_from: String,
    #[field(default = "")]
    seen_to: String,
    #[field(default = "")]
    order: String,
    #[field(default = "")]
    direction: String,
    #[field(default = "")]
    rows: String,
    #[field(default = "")]
    pub cursor: String,
}

impl Asked {
    /// The question about the sessions of `whose`, or what is wrong with it.
    pub fn query(&self, whose: Whose) -> Result<Query, ListingError> {
        self.typed().query(whose)
    }

    fn typed(&self) -> Typed {
        Typed {
            address: self.address.clone(),
            device: self.device.clone(),
            door: self.door.clone(),
            status: self.status.clone(),
            created_from: self.created_from.clone(),
            created_to: self.created_to.clone(),
            seen_from: self.seen_from.clone(),
            seen_to: self.seen_to.clone(),
            order: self.order.clone(),
            direction: self.direction.clone(),
            rows: self.rows.clone(),
            cursor: self.cursor.clone(),
        }
    }

    /// This listing's address, at another place.
    pub fn url(&self, cursor: &str) -> String {
        let fields = [
            ("user", &*self.user),
            ("address", &self.address),
            ("device", &self.device),
            ("door", &self.door),
            ("status", &self.status),
            ("created_from", &self.created_from),
            ("created_to", &self.created_to),
            ("seen_from", &self.seen_from),
            ("seen_to", &self.seen_to),
            ("order", &self.order),
            ("direction", &self.direction),
            ("rows", &self.rows),
            ("cursor", cursor),
        ];
        address(PATH, &fields)
    }

    /// What the form shows: what was typed, whether it was understood or not.
    pub fn form(&self, query: &Query) -> Value {
        // Where it was not understood, the query says nothing of what was chosen.
        let status = self.status.parse().unwrap_or(query.filter.status);
        let order = self.order.parse().unwrap_or(query.order);
        let direction = self.direction.parse().unwrap_or(query.direction);
        let rows = self.rows.parse().unwrap_or(query.rows);
        // A field of date and time takes nothing else; the error says what was wrong.
        let time = |typed: &str| parse_time(typed.trim()).map_or_else(String::new, for_input);
        let less_used =
            [&self.device, &self.door, &self.created_from, &self.created_to, &self.seen_from, &self.seen_to];
        let set = less_used.into_iter().filter(|typed| !typed.trim().is_empty()).count()
            + usize::from(direction != Direction::default())
            + usize::from(rows != Query::ROWS);
        let mut sizes = vec![Query::ROWS, 50, Query::MOST_ROWS, rows];
        sizes.sort_unstable();
        sizes.dedup();
        json!({
            "user": self.user,
            "address": self.address,
            "device": self.device,
            "created_from": time(&self.created_from),
            "created_to": time(&self.created_to),
            "seen_from": time(&self.seen_from),
            "seen_to": time(&self.seen_to),
            "set": set,
            "statuses": [
                choice(Status::Live.code(), "Live", status == Status::Live),
                choice(Status::Ended.code(), "Ended", status == Status::Ended),
                choice(Status::Expired.code(), "Expired", status == Status::Expired),
                choice(Status::Any.code(), "Any", status == Status::Any),
            ],
            "orders": [
                choice(Order::LastActive.code(), "Last active", order == Order::LastActive),
                choice(Order::SignedIn.code(), "Signed in", order == Order::SignedIn),
            ],
            "directions": [
                choice(Direction::Descending.code(), "Newest first", direction == Direction::Descending),
                choice(Direction::Ascending.code(), "Oldest first", direction == Direction::Ascending),
            ],
            "doors": [
                choice("", "Any", self.door.is_empty()),
                choice(Door::Pages.code(), "Pages", self.door == Door::Pages.code()),
            ],
            "sizes": sizes.iter().map(|size| {
                choice(&size.to_string(), &size.to_string(), *size == rows)
            }).collect::<Vec<_>>(),
        })
    }
}

/// One of several choices of a form.
pub fn choice(code: &str, label: &str, selected: bool) -> Value {
    json!({ "code": code, "label": label, "selected": selected })
}

/// The address of a page with those of these parameters that say something.
pub fn address(path: &str, fields: &[(&str, &str)]) -> String {
    let filled = fields.iter().filter(|(_, value)| !value.trim().is_empty());
    let query: Vec<_> = filled.map(|(name, value)| format!("{name}={}", encode(value))).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
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
