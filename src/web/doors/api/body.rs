//! JSON bodies and query strings, read into types that cannot be wrong. Whatever is outside its schema is named.

use rocket::Request;
use rocket::data::{self, Data, FromData, ToByteUnit};
use rocket::http::{RawStr, Status};
use rocket::outcome::Outcome;
use rocket::request::{self, FromRequest};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::credentials;
use super::error::ApiError;

/// The longest body, in bytes: preferences are the largest thing that is sent.
const LONGEST: u64 = 64 << 10;

/// A JSON body. Without any, an empty object: clients that have nothing to say send either.
///
/// It may arrive as slowly as its sender likes, so whoever sends it is asked for again what they may do.
pub struct Body<T>(pub T);

#[rocket::async_trait]
impl<'r, T: DeserializeOwned> FromData<'r> for Body<T> {
    type Error = ();

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> data::Outcome<'r, Self> {
        match read(request, data).await {
            Ok(value) => Outcome::Success(Self(value)),
            Err(error) => match error.refuse::<()>(request) {
                Outcome::Error(error) => Outcome::Error(error),
                _ => Outcome::Error((Status::BadRequest, ())),
            },
        }
    }
}

async fn read<T: DeserializeOwned>(request: &Request<'_>, data: Data<'_>) -> Result<T, ApiError> {
    let bytes = data.open(LONGEST.bytes()).into_bytes().await;
    let bytes = bytes.map_err(|_| {
        ApiError::new(Status::BadRequest, "general_argument_invalid", "The request broke off before its end.")
    })?;
    if !bytes.is_complete() {
        let told = format!("The body has more than {LONGEST} bytes.");
        return Err(ApiError::new(Status::PayloadTooLarge, "general_argument_invalid", told));
    }
    credentials::still_good(request).await?;
    let bytes = bytes.into_inner();
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return parse(b"{}");
    }
    if request.content_type().is_some_and(|kind| !kind.is_json()) {
        let told = "Send the body as application/json.";
        return Err(ApiError::new(Status::UnsupportedMediaType, "general_argument_invalid", told));
    }
    parse(&bytes)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let name = error.path().to_string();
        told(&name, error.inner())
    })?;
    json.end().map_err(|error| told(".", &error))?;
    Ok(value)
}

/// The parameters of the query string, of which none is unknown and none comes twice but those that are lists.
pub struct Query<T>(pub T);

#[rocket::async_trait]
impl<'r, T: DeserializeOwned + Send> FromRequest<'r> for Query<T> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, ()> {
        match pairs(request).and_then(|pairs| query(&pairs)) {
            Ok(value) => Outcome::Success(Self(value)),
            Err(error) => error.refuse(request),
        }
    }
}

fn query<T: DeserializeOwned>(pairs: &Map<String, Value>) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(&Value::Object(pairs.clone())).map_err(|error| {
        let name = error.path().to_string();
        told(&name, error.inner())
    })
}

/// `a[0]=1&a[1]=2`, `a[]=1` and `a=1&a=2` are lists where the name is that of one.
fn pairs(request: &Request<'_>) -> Result<Map<String, Value>, ApiError> {
    let mut pairs = Map::new();
    let Some(query) = request.uri().query() else { return Ok(pairs) };
    // Decoded once, and not by the framework, which makes something of what is not UTF-8.
    for segment in query.raw_segments().filter(|segment| !segment.is_empty()) {
        let (name, value) = segment.split_at_byte(b'=');
        let decode = |text: &RawStr| {
            let decoded = text.url_decode().map(std::borrow::Cow::into_owned);
            decoded.map_err(|_| ApiError::argument(&name.url_decode_lossy(), "it is not UTF-8"))
        };
        let (name, value) = (decode(name)?, decode(value)?);
        let plain = name.split_once('[').map_or(&*name, |(plain, _)| plain).to_owned();
        let list = LISTS.contains(&&*plain);
        match pairs.entry(plain) {
            serde_json::map::Entry::Vacant(entry) if list => drop(entry.insert(Value::Array(vec![value.into()]))),
            serde_json::map::Entry::Vacant(entry) => drop(entry.insert(value.into())),
            serde_json::map::Entry::Occupied(mut entry) => match entry.get_mut() {
                Value::Array(values) => values.push(value.into()),
                _ => return Err(ApiError::argument(&name, "it is there twice")),
            },
        }
    }
    Ok(pairs)
}

/// Parameters that may come more than once.
const LISTS: [&str; 1] = ["queries"];

/// What serde says, with the parameter's name first.
fn told(name: &str, error: &serde_json::Error) -> ApiError {
    let text = error.to_string();
    let quoted = |text: &str| text.split('`').nth(1).unwrap_or_default().to_owned();
    if text.starts_with("missing field") {
        let told = format!("Param \"{}\" is not optional.", quoted(&text));
        return ApiError::new(Status::BadRequest, "general_argument_invalid", told);
    }
    // Where it stands in the text helps nobody who sees the name.
    let plain = text.split(" at line ").next().unwrap_or(&text);
    if plain.starts_with("unknown field") {
        return ApiError::argument(&quoted(plain), "there is no such parameter");
    }
    if matches!(name, "." | "?") {
        let told = format!("The body is no JSON object as it should be: {text}");
        return ApiError::new(Status::BadRequest, "general_argument_invalid", told);
    }
    ApiError::argument(name, plain)
}

/// `true` or `false`, in a query string.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flag {
    True,
    False,
}

impl Flag {
    pub const fn is_true(self) -> bool {
        matches!(self, Self::True)
    }
}
