//! Programs at the API, for its tests.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rocket::http::Method;
use serde_json::{Value, json};
use sessiond::domain::ending::Actor;
use sessiond::domain::id::KeyId;
use sessiond::service::keys::NewKey;

use crate::harness::{Answer, Ask, Person, Server};

/// A program that shows an API key.
pub struct Program<'s> {
    server: &'s Server,
    pub id: KeyId,
    key: String,
}

impl<'s> Program<'s> {
    pub async fn with(server: &'s Server, scopes: &str) -> Self {
        Self::for_a_time(server, scopes, None).await
    }

    pub async fn for_a_time(server: &'s Server, scopes: &str, lifetime: Option<Duration>) -> Self {
        let new = NewKey { name: "a program".to_owned(), scopes: scopes.to_owned(), lifetime, from: None };
        let (key, credential) = server.service.create_key(new, Actor::Operator).await.expect("a key");
        Self { server, id: key.id, key: credential.expose() }
    }

    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        let ask = asking(method, path, body).header("X-Appwrite-Key", self.key.clone());
        self.server.send(ask.header("Host", "127.0.0.1:8000"), [198, 51, 100, 7].into()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::Get, path, &Value::Null).await
    }

    pub async fn delete(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::Delete, path, body).await
    }
}

/// A request of a script in somebody's browser.
pub async fn by(person: &mut Person<'_>, method: Method, path: &str, body: &Value) -> Answer {
    person.send(asking(method, path, body)).await
}

fn asking(method: Method, path: &str, body: &Value) -> Ask {
    let ask = Ask::new(method, path);
    if body.is_null() { ask } else { ask.body("application/json", body.to_string()) }
}

/// `method` on `attribute`.
pub fn query(method: &str, attribute: &str, values: &[&str]) -> String {
    json!({ "method": method, "attribute": attribute, "values": values }).to_string()
}

/// `path?queries[0]=…`, as the clients write it.
pub fn asked(path: &str, queries: &[String]) -> String {
    let encode = |text: &String| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<_> =
        queries.iter().enumerate().map(|(at, text)| format!("queries%5B{at}%5D={}", encode(text))).collect();
    format!("{path}?{}", pairs.join("&"))
}

impl Answer {
    /// What came, as JSON.
    #[track_caller]
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}\n{}", self.shown()))
    }

    /// An error of the API with this status and type.
    #[track_caller]
    pub fn fails(&self, status: u16, kind: &str) -> &Self {
        self.is(status);
        let value = self.value();
        assert_eq!((&value["code"], &value["type"]), (&json!(status), &json!(kind)), "{}", self.shown());
        assert!(value["message"].as_str().is_some_and(|told| told.len() > 10), "{}", self.shown());
        self
    }
}
