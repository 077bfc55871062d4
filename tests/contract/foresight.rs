//! What is asked before a change, to tell what it would do.

use super::bench::*;
use sessiond::domain::change::UserChange;
use sessiond::domain::ending::{Actor, Ending};
use sessiond::domain::user::{Label, User};
use sessiond::store::UserCreated;

store_contract! {
    whether_anybody_else_may_administrate_is_known_at_once,
}

async fn administrator(bench: &Bench, id: &str) -> Result<User, Failure> {
    let mut user = person(id, bench.now(), &*bench.dice);
    user.labels.insert(Label::admin());
    assert_eq!(bench.store.create_user(user.clone(), false, Actor::Operator, None).await?, UserCreated::Done);
    Ok(user)
}

async fn whether_anybody_else_may_administrate_is_known_at_once(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    assert!(!bench.store.has_other_administrator(ada.key()).await?);
    let root = administrator(&bench, "root").await?;
    assert!(bench.store.has_other_administrator(ada.key()).await?);
    assert!(!bench.store.has_other_administrator(root.key()).await?);
    let other = administrator(&bench, "other").await?;
    assert!(bench.store.has_other_administrator(root.key()).await?);
    let ending = Ending::new(Actor::Operator, UserChange::Block.reason(), None);
    bench.store.change_user(other.key(), UserChange::Block, ending).await?;
    assert!(!bench.store.has_other_administrator(root.key()).await?);
    bench.reopen().await?;
    assert!(!bench.store.has_other_administrator(root.key()).await?);
    assert!(bench.store.has_other_administrator(other.key()).await?);
    Ok(())
}
