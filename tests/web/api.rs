//! Programs that use the API. Each answer that they get is held against what holds for all of them.

use rocket::http::Method;
use serde_json::Value;
use sessiond::domain::ending::Actor;
use sessiond::domain::id::KeyId;
use sessiond::service::keys::NewKey;

use crate::harness::{Answer, Ask, PASSWORD, Server};

pub const ADA: &str = "ada@example.com";
pub const ROOT: &str = "root@example.com";

/// An API key, as the operator would create it.
pub async fn key(server: &Server, scopes: &str) -> (KeyId, String) {
    let new = NewKey { name: "a program".to_owned(), scopes: scopes.to_owned(), lifetime: None, from: None };
    let (key, credential) = server.service.create_key(new, Actor::Operator).await.expect("a key");
    (key.id, credential.expose())
}

/// A program with what it shows each time.
#[derive(Clone)]
pub struct App<'s> {
    pub server: &'s Server,
    headers: Vec<(String, String)>,
}

impl<'s> App<'s> {
    /// One that shows nothing.
    pub fn new(server: &'s Server) -> Self {
        Self { server, headers: Vec::new() }
    }

    /// One that shows a key with these scopes.
    pub async fn keyed(server: &'s Server, scopes: &str) -> Self {
        Self::new(server).with("X-Appwrite-Key", &key(server, scopes).await.1)
    }

    /// One in which the user with this address has signed in. Creates the user the first time.
    pub async fn signed_in(server: &'s Server, email: &str) -> Self {
        server.create(email, &[]).await;
        let keyed = Self::keyed(server, "sessions.write").await;
        let session = keyed.signs_in(email, PASSWORD).await;
        let secret = told(session.is(201))["secret"].as_str().expect("a secret").to_owned();
        Self::new(server).with("X-Appwrite-Session", &secret)
    }

    /// Showing this as well.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub async fn signs_in(&self, email: &str, password: &str) -> Answer {
        self.post("/account/sessions/email", serde_json::json!({ "email": email, "password": password })).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Ask::get(format!("/v1{path}"))).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::Post, path, &body).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::Put, path, &body).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::Patch, path, &body).await
    }

    /// As clients do: with an empty object.
    pub async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::Delete, path, &serde_json::json!({})).await
    }

    pub async fn ask(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.send(Ask::new(method, format!("/v1{path}")).body("application/json", body.to_string())).await
    }

    /// Sends it as it is.
    pub async fn send(&self, mut ask: Ask) -> Answer {
        ask.headers.extend(self.headers.iter().cloned());
        if !ask.headers.iter().any(|(name, _)| name == "Host") {
            ask = ask.header("Host", "127.0.0.1:8000");
        }
        let answer = self.server.send(ask, [198, 51, 100, 7].into()).await;
        holds(&answer);
        answer
    }
}

/// What holds for every answer of the API.
#[track_caller]
fn holds(answer: &Answer) {
    let kind = answer.header("content-type").unwrap_or_else(|| panic!("it has a type\n{}", answer.shown()));
    assert!(answer.header("x-appwrite-warning").is_none(), "{}", answer.shown());
    match answer.status.code {
        204 => {
            assert_eq!((kind, &*answer.body), ("text/plain; charset=utf-8", ""), "{}", answer.shown());
        }
        200..400 => {
            // What stands in preferences is the application's.
            if kind == "application/json" && !answer.asked.ends_with("/prefs") {
                assert_eq!(nulls(&told(answer), ""), Vec::<String>::new(), "{}", answer.shown());
            }
        }
        code => {
            assert_eq!(kind, "application/json", "{}", answer.shown());
            let body = told(answer);
            let names: Vec<_> = body.as_object().expect("an object").keys().cloned().collect();
            assert_eq!(names, ["code", "message", "type", "version"], "{}", answer.shown());
            assert_eq!(body["code"], code, "{}", answer.shown());
            assert!(!body["message"].as_str().expect("a text").is_empty(), "{}", answer.shown());
            assert!(body["type"].as_str().is_some_and(|kind| kind.contains('_')), "{}", answer.shown());
            let caching = answer.header("cache-control").unwrap_or_default();
            assert!(caching.contains("no-store"), "{}", answer.shown());
            assert_eq!(answer.header("www-authenticate").is_some(), code == 401, "{}", answer.shown());
        }
    }
}

/// Where nulls stand, but in preferences.
fn nulls(value: &Value, at: &str) -> Vec<String> {
    match value {
        Value::Null => vec![at.to_owned()],
        Value::Array(values) => {
            values.iter().enumerate().flat_map(|(i, one)| nulls(one, &format!("{at}[{i}]"))).collect()
        }
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(name, _)| *name != "prefs");
            fields.flat_map(|(name, one)| nulls(one, &format!("{at}.{name}"))).collect()
        }
        _ => Vec::new(),
    }
}

/// The JSON of an answer.
#[track_caller]
pub fn told(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}\n{}", answer.shown()))
}

/// An error of this type whose message has this part.
#[track_caller]
pub fn fails(answer: &Answer, status: u16, kind: &str, part: &str) {
    let body = told(answer.is(status));
    assert_eq!(body["type"], kind, "{}", answer.shown());
    assert!(body["message"].as_str().is_some_and(|message| message.contains(part)), "{part:?}\n{}", answer.shown());
}

/// The ids of those who are listed.
#[track_caller]
pub fn ids(answer: &Answer, list: &str) -> Vec<String> {
    let body = told(answer.is(200));
    let rows = body[list].as_array().unwrap_or_else(|| panic!("no {list}\n{}", answer.shown()));
    rows.iter().map(|row| row["$id"].as_str().expect("an id").to_owned()).collect()
}
