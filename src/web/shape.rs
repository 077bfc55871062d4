//! What a request must be like before anybody looks at what it wants. The HTTP library lets more pass.

use rocket::Request;
use rocket::http::Status;

/// The most that names and values of all headers may have together, in bytes: what proxies let pass by default.
const HEADERS: usize = 32 * 1024;

/// Why a request is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// More headers than anybody needs.
    Headers,
    /// Two hosts: which of them was meant decides what is allowed.
    Hosts,
    /// A body whose length nobody knows beforehand: its end and its being cut short look the same.
    NoLength,
    /// A body that is shorter than it says: acting upon half a form could end the wrong sessions.
    CutShort,
}

impl Fault {
    /// What is wrong with `request`, of whose body `start` has arrived: all of it, or as much as was asked for.
    pub fn of(request: &Request<'_>, start: &[u8], asked: usize) -> Option<Self> {
        let headers = request.headers();
        let size: usize = headers.iter().map(|header| header.name().as_str().len() + header.value().len()).sum();
        if size > HEADERS {
            return Some(Self::Headers);
        }
        if headers.get("host").count() > 1 {
            return Some(Self::Hosts);
        }
        if headers.contains("transfer-encoding") {
            return Some(Self::NoLength);
        }
        let length = headers.get_one("content-length").and_then(|length| length.parse::<usize>().ok());
        length.is_some_and(|length| start.len() < length.min(asked)).then_some(Self::CutShort)
    }

    pub const fn status(self) -> Status {
        match self {
            Self::Headers => Status::RequestHeaderFieldsTooLarge,
            Self::Hosts | Self::CutShort => Status::BadRequest,
            Self::NoLength => Status::LengthRequired,
        }
    }

    /// For whoever sent it.
    pub const fn told(self) -> &'static str {
        match self {
            Self::Headers => "The headers are too large. Delete the cookies of this site and try again.",
            Self::Hosts => "The request names two hosts.",
            Self::NoLength => "The request does not say how long its body is. Nothing was changed.",
            Self::CutShort => "The request broke off before its end. Nothing was changed.",
        }
    }
}
