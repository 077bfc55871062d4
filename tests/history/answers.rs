//! What the pages say, read off their answers.

use crate::process::Answer;

/// To sign in: whoever asked has no live session, and nothing was done.
pub fn to_sign_in(answer: &Answer) -> bool {
    answer.status == 303 && answer.location().split('?').next() == Some("/login") && flash(answer, "out").is_none()
}

/// The numbers of what the next page would say.
pub fn flash(answer: &Answer, kind: &str) -> Option<Vec<u64>> {
    let cookie = answer.cookies().find_map(|cookie| cookie.strip_prefix("sessiond-flash="))?;
    let mut parts = cookie.split(';').next()?.split('~');
    (parts.next() == Some(kind)).then(|| parts.filter_map(|part| part.parse().ok()).collect())
}

/// The credential that an answer hands out.
pub fn credential(answer: &Answer) -> Option<&str> {
    let value = answer.cookies().find_map(|cookie| cookie.strip_prefix("sessiond="))?;
    value.split(';').next().filter(|value| !value.is_empty())
}

#[track_caller]
pub fn odd(answer: &Answer) -> ! {
    panic!("an answer that nobody expects: {answer:?}")
}
