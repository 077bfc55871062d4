//! What can be done next with what an operation answers.

use utoipa::openapi::RefOr;
use utoipa::openapi::link::Link;
use utoipa::{Modify, openapi};

use super::paths::operations;

/// Adds the links.
pub struct Links;

/// A user's id in a body.
const USER: (&str, &str) = ("userId", "$response.body#/$id");
/// A session's id in a body, and its user's.
const SESSION: (&str, &str) = ("sessionId", "$response.body#/$id");
const ITS_USER: (&str, &str) = ("userId", "$response.body#/userId");
/// A job's id in a body.
const JOB: (&str, &str) = ("jobId", "$response.body#/$id");
/// What stood in the path.
const SAME_USER: (&str, &str) = ("userId", "$request.path.userId");
const SAME_SESSION: (&str, &str) = ("sessionId", "$request.path.sessionId");

type Parameters = &'static [(&'static str, &'static str)];

/// After an operation that was answered so, another, with these parameters.
const LINKS: &[(&str, &str, &str, Parameters)] = &[
    ("createUser", "201", "getUser", &[USER]),
    ("createUser", "201", "createUserSession", &[USER]),
    ("createUser", "201", "createUserToken", &[USER]),
    ("createUser", "201", "deleteUser", &[USER]),
    ("deleteUser", "204", "getUser", &[SAME_USER]),
    ("createUserSession", "201", "listUserSessions", &[ITS_USER]),
    ("createUserSession", "201", "deleteUserSession", &[ITS_USER, SESSION]),
    ("createUserSession", "201", "deleteUserSessions", &[ITS_USER]),
    ("deleteUserSession", "204", "deleteUserSession", &[SAME_USER, SAME_SESSION]),
    ("createEmailPasswordSession", "201", "getAccountSession", &[SESSION]),
    ("createEmailPasswordSession", "201", "deleteAccountSession", &[SESSION]),
    ("createSession", "201", "getAccountSession", &[SESSION]),
    ("createSession", "201", "deleteAccountSession", &[SESSION]),
    ("deleteAccountSession", "204", "getAccountSession", &[SAME_SESSION]),
    ("createUserSession", "201", "getSession", &[SESSION]),
    ("createUserSession", "201", "deleteSession", &[SESSION]),
    ("deleteUserSession", "204", "getSession", &[SAME_SESSION]),
    ("deleteSession", "204", "getSession", &[SAME_SESSION]),
    ("deleteSessions", "202", "getJob", &[JOB]),
];

impl Modify for Links {
    fn modify(&self, api: &mut openapi::OpenApi) {
        for operation in api.paths.paths.values_mut().flat_map(operations) {
            let id = operation.operation_id.clone().unwrap_or_default();
            for (_, status, next, parameters) in LINKS.iter().filter(|(from, ..)| *from == id) {
                let Some(RefOr::T(response)) = operation.responses.responses.get_mut(*status) else { continue };
                let link = Link::builder().operation_id(*next);
                let link = parameters.iter().fold(link, |link, (name, value)| link.parameter(*name, *value));
                response.links.insert((*next).to_owned(), link.build().into());
            }
        }
    }
}
