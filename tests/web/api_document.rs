//! The description of the API: that it is the one that is checked in, and tells what there is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rocket::http::Method;
use serde_json::Value;

use crate::harness::{Ask, Server};

/// The file, and how it is made anew.
const FILE: &str = "openapi.json";
const RENEW: &str = "cargo run --quiet -- openapi > openapi.json";

fn document() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{FILE}: {error}; make it: {RENEW}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{FILE}: {error}"))
}

/// Method and path of each operation, with what is said of it.
fn operations(document: &Value) -> BTreeMap<(String, String), &Value> {
    let paths = document["paths"].as_object().expect("paths");
    let each = paths.iter().flat_map(|(path, item)| {
        item.as_object().expect("methods").iter().map(move |(method, operation)| ((path, method), operation))
    });
    each.map(|((path, method), operation)| ((path.clone(), method.to_uppercase()), operation)).collect()
}

#[tokio::test]
async fn the_server_answers_the_file_that_is_checked_in() {
    let server = Server::start().await;
    let answer = server.send(Ask::get("/openapi.json").header("Host", "127.0.0.1:8000"), [192, 0, 2, 1].into()).await;
    assert_eq!(answer.is(200).header("content-type"), Some("application/json"));
    let file = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE)).unwrap_or_default();
    assert!(answer.body == file, "{FILE} is out of date; renew it: {RENEW}");
    assert_eq!(document()["openapi"], "3.1.0");
}

/// A parameter's name does not matter, nor how it is spelt.
fn shape(path: &str) -> String {
    let part = |part: &str| if part.starts_with(['<', '{']) { "{}".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn what_is_described_is_what_there_is() {
    let server = Server::start().await;
    // Questions of browsers, and what answers for what there is not, are no operations.
    let is_operation = |method: Method, path: &str| method != Method::Options && !path.ends_with("<_..>");
    let routes: BTreeSet<_> = server
        .routes()
        .iter()
        .filter(|route| route.uri.path().starts_with("/v1") && is_operation(route.method, route.uri.path()))
        .map(|route| (shape(route.uri.path()), route.method.to_string()))
        .collect();
    let document = document();
    let described: BTreeSet<_> = operations(&document)
        .into_keys()
        .filter(|(path, _)| path.starts_with("/v1"))
        .map(|(path, method)| (shape(&path), method))
        .collect();
    assert!(routes.len() > 30, "{routes:?}");
    assert_eq!(routes.difference(&described).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "not described");
    assert_eq!(described.difference(&routes).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "not there");
}

#[test]
fn each_operation_has_a_name_of_its_own_and_tells_its_answers() {
    let document = document();
    let mut names = BTreeSet::new();
    for ((path, method), operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no name"));
        assert!(names.insert(name.to_owned()), "{name} comes twice");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
        assert!(operation["security"].is_array(), "{name}");
        let responses = operation["responses"].as_object().expect("responses");
        let public =
            operation["security"] == serde_json::json!([]) || operation["security"][0] == serde_json::json!({});
        assert!(public || responses.contains_key("401"), "{name}");
        assert!(!path.contains('{') || (responses.contains_key("400") && responses.contains_key("404")), "{name}");
        for parameter in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let all = operation["parameters"].as_array().into_iter().flatten();
            let told = all.filter(|one| one["name"] == parameter && one["in"] == "path").collect::<Vec<_>>();
            assert_eq!(told.len(), 1, "{name}: {parameter}");
            assert!(told[0]["schema"]["pattern"].is_string(), "{name}: {parameter} may be anything");
        }
        for (status, response) in responses {
            // Too long an address is refused by what reads it, before anybody knows that it is for the API.
            let errors = status.starts_with(['4', '5']) && status != "414";
            let schema = &response["content"]["application/json"]["schema"]["$ref"];
            assert!(!errors || *schema == "#/components/schemas/Error", "{name}: {status}");
            for link in response["links"].as_object().into_iter().flatten() {
                let next = link.1["operationId"].as_str().unwrap_or_default();
                let found = operations(&document).into_values().find(|one| one["operationId"] == next);
                let found = found.unwrap_or_else(|| panic!("{name} leads to {next}, which there is not"));
                for (parameter, _) in link.1["parameters"].as_object().into_iter().flatten() {
                    let all = found["parameters"].as_array().into_iter().flatten();
                    assert!(all.into_iter().any(|one| one["name"] == *parameter), "{name} → {next}: {parameter}");
                }
            }
        }
    }
}

#[test]
fn no_object_has_room_for_what_nobody_described_but_preferences() {
    fn open(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                if fields.get("type").is_some_and(|kind| kind == "object")
                    && fields.get("additionalProperties") != Some(&Value::Bool(false))
                {
                    found.push(at.to_owned());
                }
                for (name, value) in fields {
                    open(value, &format!("{at}/{name}"), found);
                }
            }
            Value::Array(values) => {
                for (number, value) in values.iter().enumerate() {
                    open(value, &format!("{at}/{number}"), found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    open(&document(), "", &mut found);
    let schemas = "/components/schemas";
    let expected = [
        format!("{schemas}/NewPrefs/properties/prefs"),
        format!("{schemas}/Preferences"),
        format!("{schemas}/User/properties/prefs"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn each_part_that_is_referred_to_is_there() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 20, "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("a part of this file");
        assert!(document.pointer(pointer).is_some(), "{reference} is not there");
    }
}
