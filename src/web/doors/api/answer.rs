//! Answers that are more than JSON: with cookies, or with nothing.

use rocket::Request;
use rocket::http::{ContentType, Status};
use rocket::response::{self, Responder, Response};
use serde::Serialize;

use super::shapes::SessionShape;

/// 201: somebody has come in.
pub struct Began {
    pub shape: SessionShape,
    pub cookies: Vec<String>,
}

impl<'r> Responder<'r, 'static> for Began {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        made(Status::Created, &self.shape, self.cookies)
    }
}

/// 200 with cookies.
pub struct WithCookies<T> {
    pub shape: T,
    pub cookies: Vec<String>,
}

impl<'r, T: Serialize> Responder<'r, 'static> for WithCookies<T> {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        made(Status::Ok, &self.shape, self.cookies)
    }
}

fn made<T: Serialize>(status: Status, shape: &T, cookies: Vec<String>) -> response::Result<'static> {
    let body = serde_json::to_string(shape).map_err(|_| Status::InternalServerError)?;
    let mut response = Response::build()
        .status(status)
        .header(ContentType::JSON)
        .sized_body(body.len(), std::io::Cursor::new(body))
        .finalize();
    for cookie in cookies {
        response.adjoin_raw_header("Set-Cookie", cookie);
    }
    Ok(response)
}

/// 204. It has a type, and not that of JSON: clients read the one, and parse the other.
#[derive(Default)]
pub struct Done {
    pub cookies: Vec<String>,
}

impl<'r> Responder<'r, 'static> for Done {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        let mut response = Response::build()
            .status(Status::NoContent)
            .raw_header("Content-Type", "text/plain; charset=utf-8")
            .finalize();
        for cookie in self.cookies {
            response.adjoin_raw_header("Set-Cookie", cookie);
        }
        Ok(response)
    }
}
