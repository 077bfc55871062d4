//! What the proxy wants to know: the parameters of the question.

use std::collections::BTreeSet;

use rocket::http::RawStr;

use crate::domain::user::Label;

/// How much of a wrong parameter is told back.
const TOLD: usize = 40;

/// The question.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Asked<'r> {
    /// Whoever is not signed in is sent to the sign-in page rather than refused.
    pub redirect: bool,
    /// Labels that the user must have, all of them.
    pub labels: BTreeSet<Label>,
    /// What was asked of the proxy, where it says so here.
    pub path: Option<&'r str>,
}

impl<'r> Asked<'r> {
    /// The error names the parameter, for whoever set the proxy up.
    pub fn parse(query: &'r str) -> Result<Self, String> {
        let (mut asked, mut redirect) = (Self::default(), None);
        let mut rest = query;
        while !rest.is_empty() {
            // Some proxies can but append the path that they were asked for, with a query of its own: to the end it is theirs.
            if let Some(path) = rest.strip_prefix("path=") {
                asked.path = Some(path);
                break;
            }
            let (pair, after) = rest.split_once('&').unwrap_or((rest, ""));
            rest = after;
            if pair.is_empty() {
                continue;
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name), decoded(value));
            match (name.as_str(), value.as_str()) {
                ("redirect", "true" | "false") if redirect.is_none() => redirect = Some(value == "true"),
                ("redirect", "true" | "false") => return Err("The parameter redirect is given twice.".to_owned()),
                ("redirect", _) => return Err("The parameter redirect is neither true nor false.".to_owned()),
                ("label", label) => {
                    let label = label.parse().map_err(|error| format!("The parameter label is wrong: {error}."))?;
                    asked.labels.insert(label);
                }
                (other, _) => {
                    let other: String = other.chars().take(TOLD).collect();
                    return Err(format!("There is no parameter {other}; there are redirect, label and path."));
                }
            }
        }
        asked.redirect = redirect.unwrap_or(false);
        Ok(asked)
    }
}

fn decoded(text: &str) -> String {
    RawStr::new(text).url_decode_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(labels: &[&str]) -> BTreeSet<Label> {
        labels.iter().map(|label| label.parse().unwrap()).collect()
    }

    #[test]
    fn a_question_is_read_and_what_is_wrong_is_named() {
        let parse = Asked::parse;
        assert_eq!(parse(""), Ok(Asked::default()));
        assert_eq!(parse("&redirect=false&"), Ok(Asked::default()));
        let both = Asked { redirect: true, labels: labels(&["ops", "staff"]), path: None };
        assert_eq!(parse("label=staff&redirect=true&label=%6Fps"), Ok(both));
        for (wrong, told) in [
            ("redirect", "redirect"),
            ("redirect=1", "redirect"),
            ("redirect=true&redirect=true", "redirect is given twice"),
            ("label", "label"),
            ("label=", "label"),
            ("label=a,b", "label"),
            ("label=%ff", "label"),
            ("groups=a", "no parameter groups"),
            ("Label=a", "no parameter Label"),
            ("path", "no parameter path;"),
        ] {
            assert!(parse(wrong).is_err_and(|error| error.contains(told)), "{wrong}");
        }
        assert!(parse(&"x".repeat(5000)).is_err_and(|error| error.len() < 200));
    }

    #[test]
    fn a_path_that_was_appended_is_the_whole_rest_whatever_it_says() {
        let asked = Asked::parse("label=ops&path=/a?b=c&redirect=true&label=admin&redirect=x").unwrap();
        let path = Some("/a?b=c&redirect=true&label=admin&redirect=x");
        assert_eq!(asked, Asked { redirect: false, labels: labels(&["ops"]), path });
    }
}
