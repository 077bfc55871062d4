//! The pages and the gate, as people meet them. One file for each page or topic; rows of the security bar carry their number.

/// Each of these on both stores. A test takes its server.
macro_rules! on_both_stores {
    ($($test:ident),+ $(,)?) => {
        mod memory {$(
            #[tokio::test]
            async fn $test() {
                super::$test(crate::harness::Server::with(crate::harness::On::Memory, "").await).await;
            }
        )+}
        mod sled {$(
            #[tokio::test]
            async fn $test() {
                super::$test(crate::harness::Server::with(crate::harness::On::Sled, "").await).await;
            }
        )+}
    };
}

mod account;
mod address;
mod admin_end;
mod admin_keys;
mod admin_sessions;
mod admin_user;
mod admin_user_verbs;
mod admin_users;
mod afar;
mod api;
mod api_account;
mod api_account_security;
mod api_audit;
mod api_bulk;
mod api_cors;
mod api_credentials;
mod api_document;
mod api_door;
mod api_errors;
mod api_queries;
mod api_sessions;
mod api_users;
mod audit;
mod audit_export;
mod blocked;
mod bodies;
mod confirm;
mod csrf;
mod csrf_matrix;
mod devices;
mod embedded;
mod everyone;
mod feed;
mod forgotten;
mod gate;
mod gate_cookies;
mod gate_store;
mod guessing;
mod headers;
mod lifetimes;
mod login;
mod login_again;
mod logout;
mod metrics;
mod mistakes;
mod network;
mod one_time;
mod password;
mod peppers;
mod protected;
mod roles;
mod second_factor;
mod setup;
mod templates;
mod tries;
mod verify;
mod verify_cookie;
mod verify_redirect;
mod written_down;
