//! `list_users` and `count_users`.

use std::collections::BTreeSet;

use super::bench::*;
use sessiond::domain::audit::{Action, Draft, Outcome as Went};
use sessiond::domain::change::UserChange;
use sessiond::domain::ending::Actor;
use sessiond::domain::listing::{Query, Total, UserFilter, UserQuery, UserState};
use sessiond::domain::safeguards::Tries;
use sessiond::domain::user::{Label, User};
use sessiond::store::{UserChanged, UserCreated};

store_contract! {
    users_are_listed_in_the_order_of_their_addresses,
    a_text_is_looked_for_in_id_address_and_name,
    a_state_is_what_the_record_says,
    pages_go_both_ways_and_meet,
    a_cursor_keeps_its_place_when_users_come_and_go,
    an_empty_page_offers_the_way_back,
    the_list_outlives_a_reopening,
    a_page_examines_no_more_than_it_may_and_goes_on,
    totals_are_exact_for_every_state_and_counted_up_to_a_limit_for_a_text,
    random_people_are_listed_as_a_plain_search_would,
}

fn filter(text: &str, state: UserState) -> UserFilter {
    UserFilter { text: text.to_owned(), state }
}

/// All ids of a listing, page by page.
pub async fn walk(bench: &Bench, filter: &UserFilter, rows: usize) -> Result<Vec<String>, Failure> {
    let mut query = UserQuery { filter: filter.clone(), cursor: None, rows };
    let mut found = Vec::new();
    loop {
        let page = bench.store.list_users(&query).await?;
        assert!(page.rows.len() <= rows.min(Query::MOST_ROWS));
        found.extend(page.rows.iter().map(|user| user.id.to_string()));
        assert!(page.next.is_none() || page.next != query.cursor, "the listing does not get on");
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => break,
        }
    }
    // And back again, from behind the last row.
    let last = bench.store.list_users(&UserQuery { filter: filter.clone(), cursor: None, rows: 1 }).await?;
    if let (Some(first), Some(cursor)) = (last.rows.first(), query.cursor) {
        let mut back = Vec::new();
        query.cursor = Some(cursor.reversed());
        loop {
            let page = bench.store.list_users(&query).await?;
            let ids: Vec<_> = page.rows.iter().map(|user| user.id.to_string()).collect();
            back.splice(0..0, ids);
            match page.previous {
                Some(previous) => query.cursor = Some(previous),
                None => break,
            }
        }
        assert!(found.starts_with(&back), "{found:?} {back:?}");
        assert_eq!(back.first(), Some(&first.id.to_string()));
    }
    Ok(found)
}

async fn add(bench: &Bench, id: &str, email: &str, name: &str, labels: &[Label]) -> Result<User, Failure> {
    let user = User {
        email: email.parse()?,
        name: name.parse()?,
        labels: labels.iter().cloned().collect(),
        ..person(id, bench.now(), &*bench.dice)
    };
    assert_eq!(bench.store.create_user(user.clone(), false, Actor::Operator, None).await?, UserCreated::Done);
    Ok(user)
}

async fn users_are_listed_in_the_order_of_their_addresses(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    assert_eq!(walk(&bench, &UserFilter::default(), 2).await?, Vec::<String>::new());
    let cleo = add(&bench, "one", "cleo@example.com", "Cleo", &[]).await?;
    add(&bench, "two", "ada@example.com", "Ada", &[]).await?;
    add(&bench, "three", "bob@example.com", "Bob", &[]).await?;
    for rows in 1..5 {
        assert_eq!(walk(&bench, &UserFilter::default(), rows).await?, ["two", "three", "one"]);
    }
    let change = UserChange::Email("aaa@example.com".parse()?);
    assert!(matches!(bench.store.change_user(cleo.key(), change, revoked()).await?, UserChanged::Done { .. }));
    assert_eq!(walk(&bench, &UserFilter::default(), 1).await?, ["one", "two", "three"]);
    bench.store.delete_user(cleo.key(), revoked()).await?;
    assert_eq!(walk(&bench, &UserFilter::default(), 2).await?, ["two", "three"]);
    assert_eq!(bench.store.count_users(&UserFilter::default()).await?, Total::Exactly(2));
    Ok(())
}

async fn a_text_is_looked_for_in_id_address_and_name(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    add(&bench, "X-1", "ada@example.com", "Ada Łuczak", &[]).await?;
    let bob = add(&bench, "X-2", "bob@example.org", "Bob", &[]).await?;
    for (text, found) in [
        ("x-", &["X-1", "X-2"][..]),
        ("x-2", &["X-2"]),
        ("łuczak", &["X-1"]),
        ("example.org", &["X-2"]),
        ("a", &["X-1", "X-2"]),
        ("nobody", &[]),
    ] {
        assert_eq!(walk(&bench, &filter(text, UserState::Any), 1).await?, found, "{text}");
        let total = bench.store.count_users(&filter(text, UserState::Any)).await?;
        assert_eq!(total, Total::Exactly(found.len() as u64), "{text}");
    }
    let change = UserChange::Name("Robert".parse()?);
    bench.store.change_user(bob.key(), change, revoked()).await?;
    assert_eq!(walk(&bench, &filter("robert", UserState::Any), 1).await?, ["X-2"]);
    bench.store.delete_user(bob.key(), revoked()).await?;
    assert_eq!(walk(&bench, &filter("x-", UserState::Any), 1).await?, ["X-1"], "who is gone is not listed");
    Ok(())
}

async fn a_state_is_what_the_record_says(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let root = add(&bench, "root", "root@example.com", "Root", &[Label::admin()]).await?;
    let [ada, bob] = [bench.user("ada").await?, bench.user("bob").await?];
    bench.store.change_user(ada.key(), UserChange::Block, revoked()).await?;
    for _ in 0..Tries::KNOWN {
        let draft = Draft::new(Actor::Anonymous, Action::SignIn, Went::Failure);
        bench.store.sign_in_failed(bob.key(), true, draft).await?;
    }
    for reopened in [false, true] {
        if reopened {
            bench.reopen().await?;
        }
        for (state, found) in [
            (UserState::Any, &["ada", "bob", "root"][..]),
            (UserState::Active, &["root"]),
            (UserState::Blocked, &["ada"]),
            (UserState::Locked, &["bob"]),
            (UserState::Administrators, &["root"]),
        ] {
            assert_eq!(walk(&bench, &filter("", state), 2).await?, found, "{state:?}");
            let total = bench.store.count_users(&filter("", state)).await?;
            assert_eq!(total, Total::Exactly(found.len() as u64), "{state:?}");
        }
    }
    bench.store.change_user(bob.key(), UserChange::Unlock, revoked()).await?;
    bench.store.change_user(ada.key(), UserChange::Unblock, revoked()).await?;
    bench.store.change_user(ada.key(), UserChange::Labels(BTreeSet::from([Label::admin()])), revoked()).await?;
    bench.store.change_user(root.key(), UserChange::Labels(BTreeSet::new()), revoked()).await?;
    assert_eq!(walk(&bench, &filter("", UserState::Active), 9).await?, ["ada", "bob", "root"]);
    assert_eq!(walk(&bench, &filter("", UserState::Administrators), 9).await?, ["ada"]);
    Ok(())
}

async fn people(bench: &Bench, count: usize) -> Result<Vec<String>, Failure> {
    let ids: Vec<_> = (0..count).map(|n| format!("user-{n:05}")).collect();
    for id in &ids {
        bench.user(id).await?;
    }
    Ok(ids)
}

async fn pages_go_both_ways_and_meet(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ids = people(&bench, 10).await?;
    let mut query = UserQuery { rows: 4, ..UserQuery::default() };
    let first = bench.store.list_users(&query).await?;
    assert_eq!(first.previous, None);
    query.cursor = first.next;
    let second = bench.store.list_users(&query).await?;
    let shown: Vec<_> = second.rows.iter().map(|user| user.id.to_string()).collect();
    assert_eq!(shown, ids[4..8]);
    query.cursor = second.previous;
    let back = bench.store.list_users(&query).await?;
    assert_eq!(back.rows, first.rows);
    query.cursor = back.next;
    assert_eq!(bench.store.list_users(&query).await?.rows, second.rows);
    query.cursor = second.next;
    let third = bench.store.list_users(&query).await?;
    assert_eq!((third.rows.len(), third.next), (2, None));
    Ok(())
}

async fn a_cursor_keeps_its_place_when_users_come_and_go(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ids = people(&bench, 6).await?;
    let mut query = UserQuery { rows: 3, ..UserQuery::default() };
    let first = bench.store.list_users(&query).await?;
    query.cursor = first.next;
    // The very row that the cursor names goes, and somebody comes before it.
    bench.store.delete_user(first.rows[2].key(), revoked()).await?;
    bench.user("user-00000a").await?;
    let second = bench.store.list_users(&query).await?;
    let shown: Vec<_> = second.rows.iter().map(|user| user.id.to_string()).collect();
    assert_eq!(shown, ids[3..]);
    Ok(())
}

async fn an_empty_page_offers_the_way_back(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    people(&bench, 3).await?;
    let mut query = UserQuery { rows: 2, ..UserQuery::default() };
    query.cursor = bench.store.list_users(&query).await?.next;
    let last = bench.store.list_users(&query).await?;
    bench.store.delete_user(last.rows[0].key(), revoked()).await?;
    let empty = bench.store.list_users(&query).await?;
    assert!(empty.rows.is_empty() && empty.next.is_none());
    query.cursor = empty.previous;
    assert_eq!(bench.store.list_users(&query).await?.rows.len(), 2, "all of them, the last one too");
    Ok(())
}

async fn the_list_outlives_a_reopening(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let ids = people(&bench, 7).await?;
    bench.reopen().await?;
    assert_eq!(walk(&bench, &UserFilter::default(), 3).await?, ids);
    Ok(())
}

async fn a_page_examines_no_more_than_it_may_and_goes_on(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let count = Query::MOST_EXAMINED + 50;
    people(&bench, count).await?;
    let rare = filter(&format!("user-{:05}", count - 1), UserState::Any);
    let mut query = UserQuery { filter: rare.clone(), cursor: None, rows: 5 };
    let mut pages = 0;
    loop {
        let page = bench.store.list_users(&query).await?;
        pages += 1;
        if !page.rows.is_empty() {
            assert_eq!(page.rows.len(), 1);
            break;
        }
        query.cursor = Some(page.next.ok_or("an empty page that does not go on")?);
    }
    assert!(pages <= 2, "{pages}");
    assert_eq!(bench.store.count_users(&rare).await?, Total::Exactly(1));
    Ok(())
}

async fn totals_are_exact_for_every_state_and_counted_up_to_a_limit_for_a_text(
    backend: &'static dyn Backend,
) -> Outcome {
    let bench = Bench::open(backend).await?;
    let most = usize::try_from(Total::COUNTED)?;
    people(&bench, most).await?;
    let all = filter("example.com", UserState::Any);
    assert_eq!(bench.store.count_users(&all).await?, Total::Exactly(Total::COUNTED));
    bench.user("one-more").await?;
    assert_eq!(bench.store.count_users(&all).await?, Total::MoreThan(Total::COUNTED));
    for (state, count) in
        [(UserState::Any, Total::COUNTED + 1), (UserState::Active, Total::COUNTED + 1), (UserState::Blocked, 0)]
    {
        assert_eq!(bench.store.count_users(&filter("", state)).await?, Total::Exactly(count), "{state:?}");
    }
    Ok(())
}

/// Against a search through plain records, kept by the test itself.
async fn random_people_are_listed_as_a_plain_search_would(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let dice = Dice::new(11);
    let words = ["ada", "bob", "cleo", "dora"];
    let mut people: Vec<User> = Vec::new();
    for round in 0..300 {
        let word = words[dice.below(words.len())];
        let at = dice.below(people.len().max(1));
        match (dice.below(8), people.is_empty()) {
            (0..3, _) | (_, true) => {
                let id = format!("{word}-{round}");
                people.push(add(&bench, &id, &format!("{}.{id}@x.org", dice.below(90)), word, &[]).await?);
            }
            (3, _) => {
                bench.store.delete_user(people.swap_remove(at).key(), revoked()).await?;
            }
            (4, _) => bench.reopen().await?,
            (which, _) => {
                let change = match which {
                    5 => UserChange::Email(format!("{word}.{round}@x.org").parse()?),
                    6 => UserChange::Name(format!("{word} {}", dice.below(9)).parse()?),
                    _ if people[at].blocked => UserChange::Unblock,
                    _ => UserChange::Block,
                };
                if let UserChanged::Done { user, .. } =
                    bench.store.change_user(people[at].key(), change, revoked()).await?
                {
                    people[at] = *user;
                }
            }
        }
        if round % 10 == 0 {
            people.sort_by(|one, other| one.email.cmp(&other.email));
            let state = UserState::ALL[dice.below(3)];
            let asked = filter(["", word, "1", "x.org"][dice.below(4)], state);
            let meant = people.iter().filter(|user| {
                let text = format!("{} {} {}", user.id, user.email, user.name).to_lowercase();
                let state = match state {
                    UserState::Blocked => user.blocked,
                    UserState::Active => !user.blocked,
                    _ => true,
                };
                state && text.contains(&asked.text)
            });
            let meant: Vec<_> = meant.map(|user| user.id.to_string()).collect();
            assert_eq!(walk(&bench, &asked, 1 + dice.below(6)).await?, meant, "{asked:?}");
            assert_eq!(bench.store.count_users(&asked).await?, Total::Exactly(meant.len() as u64), "{asked:?}");
        }
    }
    Ok(())
}
