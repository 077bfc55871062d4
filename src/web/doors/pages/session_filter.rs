//! What the administrators' list is asked, as it stands in the URL and in the form above the list.

use rocket::form::FromForm;
use serde_json::{Value, json};

use crate::domain::listing::{Direction, ListingError, Order, Query, Status, Typed, Whose};
use crate::domain::session::Door;
use crate::web::doors::pages::typed::{choice, sizes, time, url};

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
        url(PATH, fields)
    }

    /// What the form shows: what was typed, whether it was understood or not.
    pub fn form(&self, query: &Query) -> Value {
        // Where it was not understood, the query says nothing of what was chosen.
        let status = self.status.parse().unwrap_or(query.filter.status);
        let order = self.order.parse().unwrap_or(query.order);
        let direction = self.direction.parse().unwrap_or(query.direction);
        let rows = self.rows.parse().unwrap_or(query.rows);
        let less_used =
            [&self.device, &self.door, &self.created_from, &self.created_to, &self.seen_from, &self.seen_to];
        let set = less_used.into_iter().filter(|typed| !typed.trim().is_empty()).count()
            + usize::from(direction != Direction::default())
            + usize::from(rows != Query::ROWS);
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
            "sizes": sizes(rows),
        })
    }
}
