//! What no route of the API takes: an address that there is not, or a method that its route does not take.

use rocket::http::{Method, Status};
use rocket::route::{Handler, Outcome, Route};
use rocket::{Data, Request};

use super::error::ApiError;
use crate::web::answer::Made;

/// After every route of ours.
const RANK: isize = 1_000_000;

pub fn routes() -> Vec<Route> {
    let methods = [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete, Method::Head, Method::Trace];
    methods.into_iter().map(|method| Route::ranked(RANK, method, "/<_..>", Missing)).collect()
}

#[derive(Clone)]
struct Missing;

#[rocket::async_trait]
impl Handler for Missing {
    async fn handle<'r>(&self, request: &'r Request<'_>, _: Data<'r>) -> Outcome<'r> {
        let methods = allowed(request);
        let response = if methods.is_empty() {
            ApiError::no_route().response()
        } else {
            let told = format!("This route takes {}.", methods.join(", "));
            let error = ApiError::new(Status::MethodNotAllowed, "general_method_not_allowed", told);
            let mut response = error.response();
            response.set_raw_header("Allow", methods.join(", "));
            response
        };
        Outcome::from(request, Made(response))
    }
}

/// The methods that the routes of this address take.
fn allowed(request: &Request<'_>) -> Vec<&'static str> {
    let path: Vec<_> = request.uri().path().segments().collect();
    let mut methods: Vec<_> = request
        .rocket()
        .routes()
        .filter(|route| route.rank < RANK && route.method != Method::Options && matches(route, &path))
        .map(|route| route.method.as_str())
        .collect();
    methods.sort_unstable();
    methods.dedup();
    methods
}

fn matches(route: &Route, path: &[&str]) -> bool {
    let mut pattern = route.uri.path().split('/').filter(|part| !part.is_empty());
    let mut segments = path.iter();
    loop {
        match (pattern.next(), segments.next()) {
            (None, None) => return true,
            (Some(part), Some(segment)) if part.starts_with('<') || part == *segment => {}
            _ => return false,
        }
    }
}
