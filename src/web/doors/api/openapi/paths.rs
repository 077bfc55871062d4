//! What the paths and bodies of all operations have in common.

use std::collections::BTreeMap;

use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{Object, Schema, SchemaType, Type};
use utoipa::openapi::{PathItem, RefOr, Required};
use utoipa::{Modify, openapi};

/// What every public id looks like.
const ID: &str = "^[a-zA-Z0-9][a-zA-Z0-9._-]{0,35}$";

/// Gives the parts of paths the names that the API's clients know and the form that the handlers ask for, and lets a body of
/// which nothing is required be left out.
pub struct Paths;

impl Modify for Paths {
    fn modify(&self, api: &mut openapi::OpenApi) {
        let optional = bodies_of_options(api);
        let paths = std::mem::take(&mut api.paths.paths);
        for (path, mut item) in paths {
            for operation in operations(&mut item) {
                for parameter in operation.parameters.iter_mut().flatten().filter_map(plain) {
                    let name = camel(&parameter.name);
                    if path.contains(&format!("{{{}}}", parameter.name)) && name.ends_with("Id") {
                        parameter.schema = Some(id().into());
                    }
                    if parameter.description.is_none() {
                        parameter.description = told(&name).map(str::to_owned);
                    }
                    parameter.name = name;
                }
                if let Some(RefOr::T(body)) = &mut operation.request_body
                    && body.content.values().any(|content| named(content).is_some_and(|name| optional.contains(&name)))
                {
                    body.required = Some(Required::False);
                }
            }
            api.paths.paths.insert(camel(&path), item);
        }
    }
}

/// Each operation of a path.
pub fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

fn plain<T>(maybe: &mut RefOr<T>) -> Option<&mut T> {
    if let RefOr::T(there) = maybe { Some(there) } else { None }
}

fn id() -> Object {
    let mut object = Object::with_type(SchemaType::Type(Type::String));
    object.pattern = Some(ID.to_owned());
    object
}

fn told(name: &str) -> Option<&'static str> {
    match name {
        "userId" => Some("A user's id"),
        "sessionId" => Some("A session's id"),
        "jobId" => Some("A job's id"),
        _ => None,
    }
}

/// `user_id` is called `userId`.
fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut all, part| {
        let mut letters = part.chars();
        all.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        all + letters.as_str()
    })
}

/// The name of the schema that a content refers to.
fn named(content: &RefOr<openapi::Content>) -> Option<String> {
    let RefOr::T(content) = content else { return None };
    let Some(RefOr::Ref(schema)) = &content.schema else { return None };
    schema.ref_location.rsplit('/').next().map(str::to_owned)
}

/// The names of those objects of which nothing is required.
fn bodies_of_options(api: &openapi::OpenApi) -> Vec<String> {
    let none = BTreeMap::new();
    let schemas = api.components.as_ref().map_or(&none, |components| &components.schemas);
    let optional = schemas.iter().filter(|(_, schema)| {
        matches!(schema, RefOr::T(Schema::Object(object)) if object.required.is_empty() && !object.properties.is_empty())
    });
    optional.map(|(name, _)| name.clone()).collect()
}
