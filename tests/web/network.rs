//! What only a real connection can show: requests that the framework refuses before any fairing sees them, and bodies that
//! come late.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use figment::Figment;
use rocket::tokio::sync::oneshot;
use rocket::tokio::task::{JoinHandle, spawn_blocking};
use tempfile::TempDir;

use crate::harness::{PASSWORD, Server};

/// The same service once more, behind a port of its own.
struct Listening {
    address: String,
    task: JoinHandle<Result<(), sessiond::LaunchError>>,
    _folder: TempDir,
}

impl Listening {
    async fn start(server: &Server) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let figment = Figment::from(rocket::Config { port: 0, ..rocket::Config::release_default() })
            .merge(("log_level", "off"))
            .merge(("sessiond.data", folder.path()));
        let rocket = sessiond::build(figment, server.service.clone()).expect("the settings are right");
        let (ready, address) = oneshot::channel();
        let task = rocket::tokio::spawn(sessiond::launch(rocket, move |listening| {
            let _ = ready.send(listening.address.clone());
        }));
        let address = address.await.expect("the server starts").replace("http://", "");
        Self { address, task, _folder: folder }
    }

    /// Sends these bytes, and then, once `between` is done, those, and reads to the end.
    async fn exchange(&self, first: String, between: impl Future<Output = ()>, rest: String) -> String {
        let address = self.address.clone();
        let sent = spawn_blocking(move || -> std::io::Result<TcpStream> {
            let mut stream = TcpStream::connect(address)?;
            stream.set_read_timeout(Some(Duration::from_secs(20)))?;
            stream.write_all(first.as_bytes())?;
            Ok(stream)
        });
        let mut stream = sent.await.expect("no panic").expect("the server listens");
        between.await;
        let exchanged = spawn_blocking(move || -> std::io::Result<String> {
            stream.write_all(rest.as_bytes())?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer)?;
            Ok(String::from_utf8_lossy(&answer).into_owned())
        });
        exchanged.await.expect("no panic").expect("the server answers")
    }

    async fn ask(&self, line: &str, credential: &str) -> String {
        let request =
            format!("{line} HTTP/1.1\r\nHost: x\r\nCookie: sessiond={credential}\r\nConnection: close\r\n\r\n");
        self.exchange(request, async {}, String::new()).await
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_that_nobody_knows_is_refused_with_all_headers_and_reaches_nothing() {
    let server = Server::start().await;
    let ada = server.user("ada@example.com").await;
    let credential = ada.credential().expect("a cookie");
    let listening = Listening::start(&server).await;
    for line in ["BREW /account", "XDELETE /logout", "get /account", "PROPFIND /admin/sessions"] {
        let answer = listening.ask(line, &credential).await.to_lowercase();
        assert!(answer.starts_with("http/1.1 4"), "{line}\n{answer}");
        for header in [
            "content-security-policy: ",
            "x-frame-options: deny",
            "x-content-type-options: nosniff",
            "referrer-policy: same-origin",
            "cache-control: no-store",
        ] {
            assert!(answer.contains(header), "{line}: {header}\n{answer}");
        }
        for told in ["\r\nserver:", "rocket", "ada@example.com"] {
            assert!(!answer.contains(told), "{line}: {told}\n{answer}");
        }
    }
    let answer = listening.ask("GET /account", &credential).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("ada@example.com"), "{answer}");
    assert!(!answer.to_lowercase().contains("\r\nserver:") && !answer.contains(PASSWORD), "{answer}");
    assert!(ada.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asvs_7_4_1_a_session_that_ends_while_its_form_is_held_back_does_nothing_with_it() {
    let server = Server::start().await;
    let (mut ada, elsewhere) = (server.user("ada@example.com").await, server.user("ada@example.com").await);
    let credential = ada.credential().expect("a cookie");
    let listening = Listening::start(&server).await;
    // The listening server has keys of its own, so its forms have tokens of its own.
    let page = listening.ask("GET /account", &credential).await;
    let token = page.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let body = format!("csrf={}&scope=others&pad={}", token.expect("a form"), "x".repeat(1000));
    let (start, rest) = body.split_at(body.len() - 100);
    let head = format!(
        "POST /account/sessions/end HTTP/1.1\r\nHost: x\r\nCookie: sessiond={credential}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{start}",
        body.len()
    );
    server.faults().hold();
    let between = async {
        // The gate has read the start of the body and looks the session up.
        server.faults().held(1).await;
        server.faults().release();
        // Others come and go, so that it has long passed when the session ends.
        for _ in 0..5 {
            assert!(listening.ask("GET /account", &credential).await.starts_with("HTTP/1.1 200"));
        }
        ada.sign_out().await.goes_to("/login");
    };
    let answer = listening.exchange(head, between, rest.to_owned()).await;
    assert!(answer.starts_with("HTTP/1.1 303") && answer.to_lowercase().contains("location: /login"), "{answer}");
    assert!(elsewhere.is_signed_in().await);
}
