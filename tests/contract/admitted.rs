//! `admit` and `sign_in_failed`: wrong tries in a row are counted, and no code is good twice, whoever else comes at the same time.

use super::bench::*;
use sessiond::domain::change::{NewSecondFactor, UserChange};
use sessiond::domain::ending::Actor;
use sessiond::domain::safeguards::Admission;
use sessiond::domain::second_factor::{SecondFactor, Spent, TotpSecret, digests, recovery_codes};
use sessiond::domain::timestamp::Timestamp;
use sessiond::domain::user::User;
use sessiond::store::{Admitted, UserChanged};
use tokio::task::JoinSet;

store_contract! {
    asvs_6_5_1_a_code_stays_used_after_opening_again_and_on_a_clock_set_back,
    of_two_who_want_one_address_one_gets_it,
}

async fn with_factor(bench: &Bench) -> Result<(User, TotpSecret, Vec<String>), Failure> {
    let user = bench.user("ada").await?;
    let (secret, codes) = (TotpSecret::draw(&*bench.dice), recovery_codes(&*bench.dice));
    let factor = Some(SecondFactor::new(secret.clone(), 0, digests(&codes)));
    let change = UserChange::SecondFactor(Box::new(NewSecondFactor { factor, asked: None }));
    match bench.store.change_user(user.key(), change, revoked()).await? {
        UserChanged::Done { user, .. } => Ok((*user, secret, codes)),
        other => Err(format!("{other:?}").into()),
    }
}

fn checked(user: &User, code: &str, now: Timestamp) -> Option<Spent> {
    user.safeguards.second_factor.as_ref().and_then(|factor| factor.check(code, now))
}

async fn asvs_6_5_1_a_code_stays_used_after_opening_again_and_on_a_clock_set_back(
    backend: &'static dyn Backend,
) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let (user, secret, codes) = with_factor(&bench).await?;
    let early = secret.code(bench.now());
    let before = bench.now();
    bench.clock.advance(MINUTE * 2);
    let late = secret.code(bench.now());
    for code in [&late, &codes[0]] {
        let admission = Admission { spent: checked(&user, code, bench.now()), ..Admission::default() };
        assert!(matches!(bench.store.admit(user.key(), admission, None).await?, Admitted::Yes(_)));
    }
    bench.reopen().await?;
    let user = bench.store.user(user.key()).await?.ok_or("gone")?;
    assert_eq!(checked(&user, &late, bench.now()), None);
    assert_eq!(checked(&user, &codes[0], bench.now()), None);
    assert_eq!(checked(&user, &early, before), None, "one that was seen and not used, where the clock went back");
    assert!(checked(&user, &codes[1], bench.now()).is_some());
    Ok(())
}

async fn of_two_who_want_one_address_one_gets_it(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let wanted: sessiond::domain::user::Email = "one@example.com".parse()?;
    let mut tasks = JoinSet::new();
    for key in [ada.key(), bob.key()] {
        let (store, change) = (bench.store.clone(), UserChange::Email(wanted.clone()));
        tasks.spawn(async move { store.change_user(key, change, revoked()).await });
    }
    let mut done = Vec::new();
    while let Some(answer) = tasks.join_next().await {
        match answer?? {
            UserChanged::Done { user, ended } => {
                assert_eq!(ended, 0);
                done.push(user.key());
            }
            other => assert_eq!(other, UserChanged::EmailTaken),
        }
    }
    assert_eq!(done.len(), 1);
    bench.reopen().await?;
    assert_eq!(bench.store.user_by_email(&wanted).await?.map(|user| user.key()), Some(done[0]));
    let left = if done[0] == ada.key() { &ada } else { &bob };
    assert_eq!(bench.store.user_by_email(&left.email).await?, None, "the former address is free");
    let new = User { email: left.email.clone(), ..person("cyd", bench.now(), &*bench.dice) };
    assert_eq!(bench.store.create_user(new, false, Actor::Operator, None).await?, sessiond::store::UserCreated::Done);
    Ok(())
}
