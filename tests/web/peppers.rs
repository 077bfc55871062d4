//! A pepper is introduced, followed by another, given up and lost.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use sessiond::domain::password::PepperId;
use sessiond::domain::user::User;
use tempfile::TempDir;
use tracing_subscriber::fmt::MakeWriter;

use super::login::leveled;
use crate::harness::{PASSWORD, Server};

on_both_stores! {
    asvs_11_4_2_whoever_signs_in_is_hashed_anew_with_the_pepper_of_the_day,
    asvs_6_3_8_a_lost_pepper_looks_like_a_wrong_password,
}

const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.com";

/// Files with peppers.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// The file of the pepper that begins with this byte, as the settings name it.
    fn named(&self, first: u8) -> String {
        let path = self.0.path().join(first.to_string());
        std::fs::write(&path, bytes(first)).expect("a file");
        private(&path);
        path.display().to_string()
    }

    fn setting(&self, present: Option<u8>, previous: &[u8]) -> String {
        let present = present.map(|first| format!("password_pepper = {:?}\n", self.named(first)));
        let previous: Vec<_> = previous.iter().map(|first| self.named(*first)).collect();
        format!("{}password_pepper_previous = {previous:?}\n", present.unwrap_or_default())
    }
}

fn bytes(first: u8) -> Vec<u8> {
    (first..first + 32).collect()
}

#[cfg(unix)]
fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
}

#[cfg(not(unix))]
fn private(_: &Path) {}

async fn stored(server: &Server, email: &str) -> User {
    server.service.named(email).await.expect("the store answers").expect("there they are")
}

async fn pepper(server: &Server, email: &str) -> Option<PepperId> {
    stored(server, email).await.password.recipe().pepper
}

async fn asvs_11_4_2_whoever_signs_in_is_hashed_anew_with_the_pepper_of_the_day(server: Server) {
    let files = Files::new();
    let (one, two) = (Some(PepperId::of(&bytes(1))), Some(PepperId::of(&bytes(2))));
    server.create(ADA, &[]).await;
    server.create(BOB, &[]).await;
    assert_eq!(pepper(&server, ADA).await, None);

    let server = server.restarted(&files.setting(Some(1), &[])).await;
    server.anonymous().sign_in(ADA, "not the right words").await.is(401);
    assert_eq!(pepper(&server, ADA).await, None, "a wrong password tells nothing");
    let phone = server.anonymous().signed_in(ADA).await;
    assert_eq!((pepper(&server, ADA).await, pepper(&server, BOB).await), (one.clone(), None));
    assert!(phone.is_signed_in().await, "hashing anew ends nothing");
    let kept = stored(&server, ADA).await.password;
    drop(server.anonymous().signed_in(ADA).await);
    assert_eq!(stored(&server, ADA).await.password, kept, "once is enough");
    let mut new = server.user("new@example.com").await;
    assert_eq!(pepper(&server, "new@example.com").await, one);
    let changed = [("password", PASSWORD), ("new_password", "seven brave otters juggle")];
    let again = ("new_password_again", "seven brave otters juggle");
    new.fill("/account/password", "/account/password", &[changed[0], changed[1], again]).await.goes_to("/account");
    assert_eq!(pepper(&server, "new@example.com").await, one);

    let server = server.restarted(&files.setting(Some(2), &[1])).await;
    // One from before any pepper, and one from the earlier pepper.
    drop((server.anonymous().signed_in(ADA).await, server.anonymous().signed_in(BOB).await));
    assert_eq!((pepper(&server, ADA).await, pepper(&server, BOB).await), (two.clone(), two));

    let server = server.restarted(&files.setting(None, &[2, 1])).await;
    drop(server.anonymous().signed_in(ADA).await);
    assert_eq!(pepper(&server, ADA).await, None, "given up");
    server.restarted("").await.anonymous().signed_in(ADA).await;
}

async fn asvs_6_3_8_a_lost_pepper_looks_like_a_wrong_password(server: Server) {
    let files = Files::new();
    let mut server = server.restarted(&files.setting(Some(1), &[])).await;
    let mut ada = server.user(ADA).await;
    for settings in [String::new(), files.setting(Some(2), &[3])] {
        let jar = ada.jar.clone();
        server = server.restarted(&settings).await;
        ada = server.anonymous();
        ada.jar = jar;
        let lost = server.anonymous().sign_in(ADA, PASSWORD).await;
        let unknown = server.anonymous().sign_in("eve@example.com", PASSWORD).await;
        lost.is(401).says("The e-mail address, the password or the code is wrong.");
        assert_eq!(leveled(&lost, ADA), leveled(&unknown, "eve@example.com"));
        assert!(ada.is_signed_in().await, "sessions go on");
    }
    let server = server.restarted(&files.setting(Some(2), &[1])).await;
    drop(server.anonymous().signed_in(ADA).await);
    assert_eq!(pepper(&server, ADA).await, Some(PepperId::of(&bytes(2))));
}

/// What the log says.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines_with(&self, part: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().expect("nobody panicked").clone()).expect("text");
        text.lines().filter(|line| line.contains(part)).map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panicked").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_lost_pepper_is_told_at_the_start_and_then_once_in_a_while() {
    let (files, log) = (Files::new(), Log::default());
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let server = Server::start().await.restarted(&files.setting(Some(1), &[])).await;
    server.create(ADA, &[]).await;
    server.create(BOB, &[]).await;
    server.service.look_at_hashes().await.expect("the store answers");
    assert_eq!(log.lines_with("pepper"), Vec::<String>::new(), "nothing is missing");

    let server = server.restarted("").await;
    let id = PepperId::of(&bytes(1));
    let told = || log.lines_with(&format!("pepper={id}"));
    server.service.look_at_hashes().await.expect("the store answers");
    let [start] = &told()[..] else { panic!("{:?}", told()) };
    assert!(
        start.contains("WARN") && start.contains("users=2") && start.contains("password_pepper_previous"),
        "{start}"
    );
    for _ in 0..5 {
        server.anonymous().sign_in(ADA, PASSWORD).await.is(401);
    }
    assert_eq!(told().len(), 1, "it has just been told");
    server.pass(std::time::Duration::from_mins(10));
    for _ in 0..5 {
        server.anonymous().sign_in(BOB, PASSWORD).await.is(401);
    }
    let lines = told();
    assert!(lines.len() == 2 && lines[1].contains("ERROR"), "{lines:?}");
}
