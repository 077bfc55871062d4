//! The store's contract, guarantee by guarantee, on every backend.
//!
//! Each file is one topic. It lists its guarantees in `store_contract!`, which makes a test of each one on each backend:
//! `contract::end::memory::an_ended_session_cannot_be_ended_again`.

/// One test for each guarantee on each backend.
macro_rules! store_contract {
    ($($guarantee:ident),+ $(,)?) => {
        store_contract!(on memory: crate::contract::backends::InMemory, $($guarantee),+);
        store_contract!(on timed: crate::contract::backends::OnTimed, $($guarantee),+);
        store_contract!(on sled: crate::contract::backends::OnSled, $($guarantee),+);
    };
    (on $backend:ident: $fixture:expr, $($guarantee:ident),+) => {
        mod $backend {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $guarantee() -> crate::contract::bench::Outcome {
                super::$guarantee(&$fixture).await
            }
        )+}
    };
}

mod backends;
mod bench;
pub mod dice;

mod admit;
mod admitted;
mod audit;
mod change_password;
mod change_user;
mod concurrency;
mod create;
mod crowd;
mod cursors;
mod delete_user;
mod deleted_user;
mod end;
mod end_everyone;
mod end_user;
mod feed;
mod foresight;
mod history;
mod jobs;
mod keys;
mod lifecycle;
mod listing;
mod model;
mod outbox;
mod people;
mod reap;
mod search;
mod sweep;
mod touch_and_expiry;
mod users;
