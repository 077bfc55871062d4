//! What `queries` say about users, as a question that the server understands.

use serde_json::Value;

use crate::domain::id::UserId;
use crate::domain::listing::Direction;
use crate::domain::listing::wanted::{Attribute, Beside, Kind, Predicate, Sorting, Wanted, Worth};
use crate::web::doors::api::error::Answer;
use crate::web::doors::api::queries::{self, Wish, invalid};

/// So many values are compared with each user at most.
const MOST_VALUES: usize = 500;

/// The question.
pub fn wanted(wishes: &[Wish], search: String, counted: bool) -> Answer<Wanted> {
    let mut asked = Asked::default();
    let mut left = MOST_VALUES;
    for wish in wishes {
        asked.take(wish, &mut left)?;
    }
    let Asked { conditions, sorting, limit, offset, beside } = asked;
    Ok(Wanted {
        search,
        predicate: Predicate::All(conditions),
        sorting: if sorting.is_empty() { Sorting::default() } else { Sorting(sorting) },
        beside,
        offset: offset.unwrap_or(0),
        limit: limit.unwrap_or(Wanted::LIMIT),
        counted,
    })
}

/// What has been read of it.
#[derive(Default)]
struct Asked {
    conditions: Vec<Predicate>,
    sorting: Vec<(Attribute, Direction)>,
    limit: Option<usize>,
    offset: Option<usize>,
    beside: Option<Beside>,
}

impl Asked {
    fn take(&mut self, wish: &Wish, left: &mut usize) -> Answer<()> {
        match &*wish.method {
            "limit" => {
                let limit = wish.number()?;
                if !(1..=Wanted::MOST).contains(&limit) {
                    return Err(invalid(format!("`limit` takes a number from 1 to {}", Wanted::MOST)));
                }
                once(&mut self.limit, limit, "limit")
            }
            "offset" => once(&mut self.offset, wish.number()?, "offset"),
            "cursorAfter" => once(&mut self.beside, Beside::After(cursor(wish)?), "cursor"),
            "cursorBefore" => once(&mut self.beside, Beside::Before(cursor(wish)?), "cursor"),
            "orderAsc" => self.order(wish, Direction::Ascending),
            "orderDesc" => self.order(wish, Direction::Descending),
            // Every user comes whole.
            "select" if wish.values.iter().all(Value::is_string) => Ok(()),
            "select" => Err(invalid("`select` takes names of attributes")),
            _ => {
                self.conditions.push(condition(wish, left)?);
                Ok(())
            }
        }
    }

    fn order(&mut self, wish: &Wish, direction: Direction) -> Answer<()> {
        let attribute = attribute(wish)?;
        if attribute.kind() == Kind::Texts {
            return Err(invalid(format!("nothing is ordered by `{}`", wish.attribute)));
        }
        none(wish)?;
        self.sorting.push((attribute, direction));
        Ok(())
    }
}

fn once<T>(place: &mut Option<T>, value: T, name: &str) -> Answer<()> {
    if place.replace(value).is_some() { Err(invalid(format!("there is more than one {name}"))) } else { Ok(()) }
}

fn cursor(wish: &Wish) -> Answer<UserId> {
    wish.text()?.parse().map_err(|error| invalid(format!("`{}`: {error}", wish.method)))
}

fn attribute(wish: &Wish) -> Answer<Attribute> {
    Attribute::named(&wish.attribute).ok_or_else(|| {
        let names = Attribute::ALL.map(|(name, _)| name).join(", ");
        invalid(format!("`{}` is no attribute of users; there are {names}", wish.attribute))
    })
}

/// One condition, of those that may stand in `or` and `and` as well.
fn condition(wish: &Wish, left: &mut usize) -> Answer<Predicate> {
    *left = left
        .checked_sub(wish.values.len().max(1))
        .ok_or_else(|| invalid(format!("there are more than {MOST_VALUES} values in all; ask for fewer at a time")))?;
    if let "or" | "and" = &*wish.method {
        if !wish.attribute.is_empty() || wish.values.is_empty() {
            return Err(invalid(format!("`{}` takes queries and no attribute", wish.method)));
        }
        let nested = wish.values.iter().map(|value| condition(&Wish::nested(value)?, left));
        let nested = nested.collect::<Answer<Vec<_>>>()?;
        return Ok(if wish.method == "or" { Predicate::Any(nested) } else { Predicate::All(nested) });
    }
    let plain = wish.method.strip_prefix("not").and_then(|rest| match rest {
        "Equal" => Some("equal"),
        "Between" => Some("between"),
        "StartsWith" => Some("startsWith"),
        "EndsWith" => Some("endsWith"),
        "Contains" => Some("contains"),
        "Search" => Some("search"),
        _ => None,
    });
    match plain {
        Some(method) => Ok(plainly(wish, method)?.negated()),
        None => plainly(wish, &wish.method),
    }
}

/// A condition of this method.
fn plainly(wish: &Wish, method: &str) -> Answer<Predicate> {
    match method {
        "equal" => Ok(Predicate::Equal(attribute(wish)?, worths(wish)?)),
        "lessThan" => one(wish).map(|(attribute, worth)| Predicate::Less(attribute, worth)),
        "greaterThan" => one(wish).map(|(attribute, worth)| Predicate::Greater(attribute, worth)),
        "lessThanEqual" => one(wish).map(|(attribute, worth)| Predicate::at_most(attribute, worth)),
        "greaterThanEqual" => one(wish).map(|(attribute, worth)| Predicate::at_least(attribute, worth)),
        "between" => match <[Worth; 2]>::try_from(ordered(wish)?) {
            Ok([from, to]) => {
                let attribute = attribute(wish)?;
                Ok(Predicate::All(vec![Predicate::at_least(attribute, from), Predicate::at_most(attribute, to)]))
            }
            Err(_) => Err(invalid(format!("`{}` takes two values", wish.method))),
        },
        "isNull" => none(wish).and(attribute(wish)).map(Predicate::IsNull),
        "isNotNull" => none(wish).and(attribute(wish)).map(|attribute| Predicate::IsNull(attribute).negated()),
        "startsWith" => text(wish).map(|(attribute, text)| Predicate::StartsWith(attribute, text)),
        "endsWith" => text(wish).map(|(attribute, text)| Predicate::EndsWith(attribute, text)),
        "search" => text(wish).map(|(attribute, text)| Predicate::search(attribute, &text)),
        "contains" => {
            let attribute = attribute(wish)?;
            let texts = wish.values.iter().map(|value| value.as_str().map(|text| attribute.folded(text)));
            let texts: Option<Vec<_>> = texts.collect();
            let texts = texts.filter(|texts| !texts.is_empty());
            match (attribute.kind(), texts) {
                (Kind::Text | Kind::Texts, Some(texts)) => Ok(Predicate::Contains(attribute, texts)),
                _ => Err(mismatch(wish, "texts, of an attribute that is text or of `labels`")),
            }
        }
        _ => Err(invalid(format!("`{}` is no method of a query here", wish.method))),
    }
}

fn mismatch(wish: &Wish, takes: &str) -> crate::web::doors::api::error::ApiError {
    invalid(format!("`{}` of `{}` takes {takes}", wish.method, wish.attribute))
}

/// Without values.
fn none(wish: &Wish) -> Answer<()> {
    if wish.values.is_empty() { Ok(()) } else { Err(invalid(format!("`{}` takes no values", wish.method))) }
}

/// At least one value, each of the attribute's kind.
fn worths(wish: &Wish) -> Answer<Vec<Worth>> {
    let attribute = attribute(wish)?;
    if wish.values.is_empty() {
        return Err(invalid(format!("`{}` of `{}` takes a value", wish.method, wish.attribute)));
    }
    wish.values.iter().map(|value| worth(wish, attribute, value)).collect()
}

fn worth(wish: &Wish, attribute: Attribute, value: &Value) -> Answer<Worth> {
    match (attribute.kind(), value) {
        (Kind::Text, Value::String(text)) => Ok(Worth::Text(attribute.folded(text))),
        (Kind::Text, _) => Err(mismatch(wish, "texts")),
        (Kind::Time, value) => queries::time(value).map(Worth::Time),
        (Kind::Flag, Value::Bool(flag)) => Ok(Worth::Flag(*flag)),
        (Kind::Flag, _) => Err(mismatch(wish, "true or false")),
        (Kind::Texts, _) => Err(invalid(format!("`{}` is a list: ask for it with `contains`", wish.attribute))),
    }
}

/// Values of something that has an order.
fn ordered(wish: &Wish) -> Answer<Vec<Worth>> {
    if attribute(wish)?.kind() == Kind::Flag {
        return Err(invalid(format!("`{}` has no order; ask with `equal`", wish.attribute)));
    }
    worths(wish)
}

fn one(wish: &Wish) -> Answer<(Attribute, Worth)> {
    wish.one()?;
    let worth = ordered(wish)?.pop().ok_or_else(|| mismatch(wish, "one value"))?;
    Ok((attribute(wish)?, worth))
}

fn text(wish: &Wish) -> Answer<(Attribute, String)> {
    let attribute = attribute(wish)?;
    if attribute.kind() != Kind::Text {
        return Err(mismatch(wish, "nothing: it is for attributes that are text"));
    }
    Ok((attribute, attribute.folded(wish.text()?)))
}
