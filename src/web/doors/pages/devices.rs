//! What people call their devices, and what they say of sign-ins in new browsers.

use rocket::{FromForm, Route, post, routes};

use crate::domain::device::DeviceName;
use crate::domain::id::SessionId;
use crate::domain::session::SessionChange;
use crate::domain::timestamp::Timestamp;
use crate::store::Change;
use crate::web::answer::SeeOther;
use crate::web::error::PageError;
use crate::web::filled::Filled;
use crate::web::flash::{Deed, Flash};
use crate::web::guards::{Caller, CurrentSession, Server};

pub fn routes() -> Vec<Route> {
    routes![name, acknowledge]
}

#[derive(FromForm)]
struct Named {
    name: String,
}

/// One of one's own; an empty name takes the name away.
#[post("/account/sessions/<id>/name", data = "<fields>")]
async fn name(
    server: Server<'_>,
    caller: Caller<'_>,
    current: CurrentSession<'_>,
    id: &str,
    fields: Filled<Named>,
) -> Result<SeeOther, PageError> {
    let id: SessionId = id.parse().map_err(|_| PageError::NotFound)?;
    let typed = fields.0.name.trim();
    let name = if typed.is_empty() { None } else { Some(typed.parse::<DeviceName>()) };
    let name = name.transpose().map_err(|error| PageError::BadRequest(error.to_string()))?;
    let user = current.live().user.key();
    let flash = match server.0.service.change_session(user, id, SessionChange::Named(name), caller.address).await? {
        Change::Done => Flash::Deed(Deed::DeviceNamed),
        Change::AlreadyEnded(_) => Flash::Ended { ended: 0, already: 1, unknown: 0 },
        Change::NotFound => return Err(PageError::NotFound),
    };
    Ok(SeeOther::to("/account").flash(server.0, flash))
}

#[derive(FromForm)]
struct Read {
    /// When the newest one was that the page told of.
    until: i64,
}

/// "It was me": this session tells of them no more.
#[post("/account/devices/acknowledge", data = "<fields>")]
async fn acknowledge(
    server: Server<'_>,
    caller: Caller<'_>,
    current: CurrentSession<'_>,
    fields: Filled<Read>,
) -> Result<SeeOther, PageError> {
    let (user, id) = (current.live().user.key(), current.id());
    let change = SessionChange::Acknowledged(Timestamp::from_millis(fields.0.until));
    server.0.service.change_session(user, id, change, caller.address).await?;
    Ok(SeeOther::to("/account"))
}
