//! Users: who they are, and what no two of them share.

use super::bench::*;
use sessiond::domain::ending::Actor;
use sessiond::domain::password::{PasswordHash, PepperId, Recipe};
use sessiond::domain::user::{Label, User};
use sessiond::store::UserCreated;

store_contract! {
    a_user_is_found_by_key_and_by_address,
    an_unknown_user_is_absent,
    an_id_is_taken_once,
    an_address_is_taken_once,
    a_refused_user_takes_nothing,
    the_first_user_is_the_only_one_to_be_first,
    an_ordinary_user_may_come_first,
    the_recipes_of_all_hashes_are_counted,
}

async fn create(bench: &Bench, user: &User, first: bool) -> Result<UserCreated, Failure> {
    Ok(bench.store.create_user(user.clone(), first, Actor::Operator, None).await?)
}

async fn a_user_is_found_by_key_and_by_address(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let mut ada = person("ada", bench.now(), &*bench.dice);
    ada.labels.insert(Label::admin());
    assert_eq!(create(&bench, &ada, false).await?, UserCreated::Done);
    bench.user("bob").await?;
    assert_eq!(bench.store.user(ada.key()).await?.as_ref(), Some(&ada));
    assert_eq!(bench.store.user_by_email(&ada.email).await?.as_ref(), Some(&ada));

    bench.end_user(&ada, None).await?;
    let after = bench.store.user(ada.key()).await?;
    assert_ne!(after.as_ref().map(|user| user.epoch), Some(ada.epoch));
    assert_eq!(bench.store.user_by_email(&ada.email).await?, after, "one record, whichever way it is found");
    Ok(())
}

async fn an_unknown_user_is_absent(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    bench.user("ada").await?;
    let nobody = person("nobody", bench.now(), &*bench.dice);
    assert_eq!(bench.store.user(nobody.key()).await?, None);
    assert_eq!(bench.store.user_by_email(&nobody.email).await?, None);
    Ok(())
}

async fn an_id_is_taken_once(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let again = User { email: "other@example.com".parse()?, ..person("ada", bench.now(), &*bench.dice) };
    assert_eq!(create(&bench, &again, false).await?, UserCreated::IdTaken);
    assert_eq!(bench.store.user(ada.key()).await?, Some(ada));
    Ok(())
}

async fn an_address_is_taken_once(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let other = User { email: "Ada@Example.com".parse()?, ..person("other", bench.now(), &*bench.dice) };
    assert_eq!(create(&bench, &other, false).await?, UserCreated::EmailTaken);
    assert_eq!(bench.store.user_by_email(&ada.email).await?, Some(ada));
    assert_eq!(bench.store.user(other.key()).await?, None);
    Ok(())
}

async fn a_refused_user_takes_nothing(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let bob = person("bob", bench.now(), &*bench.dice);
    let events = bench.events().await?;

    let with_bobs_address = User { email: bob.email.clone(), ..person("ada", bench.now(), &*bench.dice) };
    assert_eq!(create(&bench, &with_bobs_address, false).await?, UserCreated::IdTaken);
    let with_adas_address = User { email: ada.email.clone(), ..bob.clone() };
    assert_eq!(create(&bench, &with_adas_address, false).await?, UserCreated::EmailTaken);
    assert_eq!(create(&bench, &bob, true).await?, UserCreated::NotFirst);
    assert_eq!(bench.events().await?, events);

    assert_eq!(create(&bench, &bob, false).await?, UserCreated::Done, "id and address are still free");
    Ok(())
}

async fn the_first_user_is_the_only_one_to_be_first(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    assert!(!bench.store.has_users().await?);
    let (ada, bob) = (person("ada", bench.now(), &*bench.dice), person("bob", bench.now(), &*bench.dice));
    assert_eq!(create(&bench, &ada, true).await?, UserCreated::Done);
    assert!(bench.store.has_users().await?);
    assert_eq!(create(&bench, &bob, true).await?, UserCreated::NotFirst);
    assert_eq!(create(&bench, &bob, false).await?, UserCreated::Done);
    Ok(())
}

async fn an_ordinary_user_may_come_first(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    bench.user("ada").await?;
    let bob = person("bob", bench.now(), &*bench.dice);
    assert_eq!(create(&bench, &bob, true).await?, UserCreated::NotFirst);
    Ok(())
}

async fn the_recipes_of_all_hashes_are_counted(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    assert!(bench.store.recipes().await?.is_empty());
    let recipe = |cost: &str, pepper: Option<&[u8]>| Recipe {
        cost: format!("$argon2id$v=19${cost}"),
        pepper: pepper.map(PepperId::of),
    };
    let plain = recipe("m=8,t=1,p=1", None);
    let (one, dear) = (recipe("m=8,t=1,p=1", Some(b"one")), recipe("m=16,t=3,p=1", Some(b"other")));
    for (name, recipe) in [("ada", &one), ("bob", &dear), ("carol", &one), ("dora", &plain)] {
        let named = recipe.pepper.as_ref().map(|id| format!(",keyid={id}")).unwrap_or_default();
        let hash = PasswordHash::from_phc(format!("{}{named}$c2FsdHNhbHQ$a2V5aWQ9", recipe.cost));
        let user = User { password: hash, ..person(name, bench.now(), &*bench.dice) };
        assert_eq!(create(&bench, &user, false).await?, UserCreated::Done);
    }
    let counted = [(one, 2), (dear, 1), (plain, 1)].into();
    assert_eq!(bench.store.recipes().await?, counted);
    bench.reopen().await?;
    assert_eq!(bench.store.recipes().await?, counted);
    Ok(())
}
