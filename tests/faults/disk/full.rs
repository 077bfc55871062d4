//! A disk that takes no more, and then does again.
//!
//! Stood in for by the system's limit on the size of a file, which can be moved while the process runs. The journal of
//! endings is never written beyond its first size, so the limit leaves it alone, as a full disk would.

use std::process::Command;

use tempfile::TempDir;

use crate::process::{Client, EMAIL, PASSWORD, Program, Server};

/// More than the journal's files, and a few hundred sign-ins of the database.
const LIMIT: &str = "1200000";
const SETTINGS: &str = "{password_hash={memory_kib=64,passes=1},sessions_per_user=100000}";
/// Requests until it must have happened; each takes about a millisecond, so this is patience and not time.
const TRIES: usize = 60_000;

/// The server, told not to die of the signal that comes with the limit.
fn serve(data: &TempDir) -> Server {
    let shell = "trap '' XFSZ; exec \"$0\" serve --address 127.0.0.1 --port 0 --data \"$1\"";
    let program = Program::at("/bin/sh".as_ref(), data.path()).env("ROCKET_SESSIOND", SETTINGS);
    program.args(["-c", shell, env!("CARGO_BIN_EXE_sessiond")]).arg(data.path().join("data")).listen()
}

fn limit(server: &Server, bytes: &str) {
    let (pid, size) = (server.id().to_string(), format!("--fsize={bytes}:unlimited"));
    let set = Command::new("prlimit").args(["--pid", &pid, &size]).status();
    assert!(set.expect("prlimit, of Debian's util-linux").success());
}

fn try_sign_in(server: &Server) -> Result<Client, u16> {
    let mut client = server.client();
    let page = client.get("/login");
    let Some(token) = page.form_token() else { return Err(page.status) };
    let fields = [("email", EMAIL), ("password", PASSWORD)];
    let answer = client.try_submit("/login", &token, &fields).expect("an answer");
    if answer.status == 303 { Ok(client) } else { Err(answer.status) }
}

#[test]
fn asvs_16_5_3_a_full_disk_refuses_and_heals_by_itself() {
    let data = TempDir::new().unwrap();
    let mut server = serve(&data);
    server.set_up();
    let mut administrator = server.sign_in();
    let mut revoked = server.sign_in();
    administrator.revoke(&revoked.session_id(), "before it was full");
    let mut live = vec![administrator];

    limit(&server, LIMIT);
    let refused = (0..TRIES).find_map(|_| match try_sign_in(&server) {
        Ok(client) => {
            live.push(client);
            None
        }
        Err(status) => Some(status),
    });
    assert_eq!(refused, Some(503), "after {} sign-ins", live.len());
    assert!(live.len() > 100, "it was full at once");

    // Never open: what was live is, or nobody can tell; what was ended stays so.
    for _ in 0..20 {
        for client in live.iter_mut().take(5) {
            let status = client.get("/account").status;
            assert!(matches!(status, 200 | 503), "{status}");
        }
        let answer = Client::holding(server.address, revoked.credential()).get("/account");
        assert!(!answer.is_signed_in() && matches!(answer.status, 303 | 503), "{}", answer.status);
    }

    limit(&server, "unlimited");
    let healed = (0..TRIES).any(|_| live[0].get("/account").status == 200);
    assert!(healed, "it does not heal");
    for client in &mut live {
        assert!(client.get("/account").is_signed_in(), "an answered sign-in was lost");
    }
    assert!(!revoked.get("/account").is_signed_in(), "an answered revoke was undone");
    let other = server.sign_in();
    live[0].revoke(&other.session_id(), "after it healed");
    assert_eq!(server.stop().code, Some(0));
}
