//! Forms, and once more the question whether their sender's session is good.

use rocket::Request;
use rocket::data::{self, Data, FromData};
use rocket::form::{Form, FromForm};
use rocket::http::Status;
use rocket::outcome::Outcome;

use super::guards::Server;
use super::seen::Seen;
use crate::service::sessions::Resolved;

/// A form that has been read to its end.
///
/// A body may arrive as slowly as its sender likes, so the gate's verdict may be old by now: a session that was ended
/// meanwhile must not act through a form that was held back.
pub struct Filled<T>(pub T);

#[rocket::async_trait]
impl<'r, T: FromForm<'r>> FromData<'r> for Filled<T> {
    type Error = Status;

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> data::Outcome<'r, Self> {
        let form = match Form::<T>::from_data(request, data).await {
            Outcome::Success(form) => form.into_inner(),
            Outcome::Error((status, _)) => return Outcome::Error((status, status)),
            Outcome::Forward(forward) => return Outcome::Forward(forward),
        };
        let seen = Seen::of(request);
        let (Resolved::Live(_), Some(credential)) = (&seen.resolved, &seen.credential) else {
            return Outcome::Success(Self(form));
        };
        let Outcome::Success(Server(core)) = request.guard::<Server<'_>>().await else {
            return Outcome::Error((Status::InternalServerError, Status::InternalServerError));
        };
        match core.service.resolve(credential).await {
            Ok(Resolved::Live(_)) => Outcome::Success(Self(form)),
            Ok(_) => Outcome::Error((Status::Unauthorized, Status::Unauthorized)),
            Err(_) => Outcome::Error((Status::ServiceUnavailable, Status::ServiceUnavailable)),
        }
    }
}
