//! The verbs on a database that a running server has open.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use super::program::Exited;
use super::refusals::assert_told;
use super::{Client, EMAIL, PASSWORD, Program, Server};

/// Rounds of taking backups while people come and go.
const BACKUPS: usize = 5;

fn server() -> (TempDir, Server) {
    let data = TempDir::new().unwrap();
    let mut server = Program::serve(data.path()).listen();
    server.set_up();
    (data, server)
}

fn done(program: Program) -> Exited {
    let exited = program.run();
    assert_eq!(exited.code, Some(0), "{exited:?}");
    exited
}

fn verb(data: &TempDir, words: &[&str]) -> Exited {
    done(Program::verb(data.path(), words.iter().copied()))
}

fn turned_away(client: &mut Client) -> bool {
    let answer = client.get("/account");
    answer.status == 303 && answer.location().starts_with("/login")
}

fn control(data: &Path) -> Value {
    serde_json::from_slice(&fs::read(data.join("control")).unwrap()).unwrap()
}

#[test]
fn users_are_created_and_sessions_listed_and_ended_under_a_running_server() {
    let (data, server) = server();
    let create = Program::verb(data.path(), ["user", "create", "--email", "bob@example.com", "--password-stdin"]);
    let created = create.run_typing(PASSWORD);
    assert_eq!(created.code, Some(0), "{created:?}");
    let mut bob = server.client().sign_in("bob@example.com", PASSWORD);
    let mut ada = server.sign_in();

    let listed = verb(&data, &["session", "list", "--json"]).stdout;
    let listed: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<_> = listed.iter().map(|object| object["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [ada.session_id(), bob.session_id()], "the latest first");
    assert_eq!(listed[1]["user"].as_str().unwrap(), created.stdout.trim());

    let id = bob.session_id();
    assert_eq!(verb(&data, &["session", "revoke", &id, "--reason", "left"]).stdout, format!("{id} ended\n"));
    assert!(turned_away(&mut bob));
    assert!(ada.get("/account").is_signed_in());
    assert_eq!(verb(&data, &["session", "revoke", &id]).stdout, format!("{id} had ended before\n"));
    assert_eq!(verb(&data, &["session", "revoke", "--user", EMAIL]).stdout, "ended 1\n");
    assert!(turned_away(&mut ada));
    let again = server.sign_in();
    assert_eq!(verb(&data, &["session", "revoke", "--everyone"]).stdout, "ended 1\n");
    assert!(turned_away(&mut Client::holding(server.address, again.credential())));

    let wrong = Program::verb(data.path(), ["session", "list", "--status", "dead"]).run();
    assert_told(&wrong, 2, &["one of live, ended, expired, any"]);
    let unknown = Program::verb(data.path(), ["session", "revoke", "--user", "nobody@example.com"]).run();
    assert_told(&unknown, 1, &["nobody@example.com"]);
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn asvs_6_3_4_the_operators_door_opens_to_the_key_in_a_private_file_alone() {
    let (data, server) = server();
    let file = data.path().join("control");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let control = control(data.path());
    let address = control["address"].as_str().unwrap();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let ask = |path: &str, key: Option<&str>| {
        let asked = agent.get(format!("http://{address}/{path}"));
        let asked = key.iter().fold(asked, |asked, key| asked.header("authorization", format!("Bearer {key}")));
        asked.call().unwrap().status().as_u16()
    };
    let key = control["key"].as_str().unwrap();
    assert!(key.len() >= 43, "256 bits: {key}");
    let others = [None, Some(""), Some("x"), key.get(1..), Some(&"A".repeat(43))];
    assert_eq!(others.map(|other| ask("backup", other)), [401; 5]);
    assert_eq!(ask("backup", Some(key)), 200);
    let post = agent.post(format!("http://{address}/run/session-list")).send("{}").unwrap();
    assert_eq!(post.status(), 401);
    let post = agent.post(format!("http://{address}/restore")).send("x").unwrap();
    assert_eq!(post.status(), 401);
    // The public door knows nothing of it.
    let public = agent.get(format!("http://{}/ping", server.address)).header("authorization", format!("Bearer {key}"));
    assert_eq!(public.call().unwrap().status(), 404);
    assert_eq!(server.stop().code, Some(0));
    assert!(!file.exists(), "the door is closed");
}

/// Somebody who listens where a server's door once was, and writes down what comes.
fn stranger() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, heard) = (listener.local_addr().unwrap().to_string(), Arc::new(Mutex::new(Vec::new())));
    let hears = Arc::clone(&heard);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut bytes) = (stream.unwrap(), [0; 4096]);
            let read = stream.read(&mut bytes).unwrap_or(0);
            hears.lock().unwrap().extend_from_slice(&bytes[..read]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        }
    });
    (address, heard)
}

#[test]
fn a_stranger_behind_the_door_learns_nothing_and_is_not_believed() {
    let (data, server) = server();
    let mut session = server.sign_in();
    let file = data.path().join("control");
    let (address, heard) = stranger();
    let mut control = control(data.path());
    let key = control["key"].as_str().unwrap().to_owned();
    control["address"] = address.into();
    fs::write(&file, control.to_string()).unwrap();
    // The server is there and cannot be reached; what listens cannot show that it has the key.
    let create = || Program::verb(data.path(), ["user", "create", "--email", "bob@example.com", "--password-stdin"]);
    assert_told(&create().run_typing(PASSWORD), 1, &["another process has the database"]);
    let asked = String::from_utf8(std::mem::take(&mut *heard.lock().unwrap())).unwrap();
    assert!(asked.starts_with("GET /ping?nonce="), "{asked}");
    assert!(!asked.contains(&key) && !asked.contains(PASSWORD) && !asked.contains("uthorization"), "{asked}");
    assert!(session.get("/account").is_signed_in());

    // A killed server leaves the file: the verb is done here, and whoever listens is not even asked.
    server.kill();
    let id = session.session_id();
    assert_eq!(verb(&data, &["session", "revoke", &id]).stdout, format!("{id} ended\n"));
    assert_eq!(create().run_typing(PASSWORD).code, Some(0));
    assert_eq!(*heard.lock().unwrap(), b"");
    let server = Program::serve(data.path()).listen();
    assert!(!session.at(server.address).get("/account").is_signed_in());
}

#[test]
fn a_door_that_a_killed_server_left_behind_is_passed_by() {
    let (data, server) = server();
    let session = server.sign_in();
    server.kill();
    assert!(data.path().join("control").exists());
    assert!(verb(&data, &["session", "list"]).stdout.contains(&session.session_id()));
    // What stands there is no door.
    fs::write(data.path().join("control"), "{").unwrap();
    assert!(verb(&data, &["session", "list"]).stdout.contains(&session.session_id()));
}

#[test]
fn backups_of_a_database_in_use_are_whole_and_of_one_moment() {
    let (data, server) = server();
    let aside = TempDir::new().unwrap();
    let (visitor, over) = (server.client(), AtomicBool::new(false));
    let sign_in = || visitor.clone().sign_in(EMAIL, PASSWORD);
    let restored = thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    sign_in().submit("/account", "/logout", &[("scope", "this")]);
                    sign_in();
                }
            });
        }
        let restored: Vec<_> = (0..BACKUPS)
            .map(|number| {
                let file = aside.path().join(format!("backup-{number}"));
                done(Program::verb(data.path(), ["backup"]).arg(&file));
                file
            })
            .collect();
        over.store(true, Ordering::Relaxed);
        restored
    });
    let mut sessions = Vec::new();
    for file in restored {
        let folder = TempDir::new().unwrap();
        done(Program::verb(folder.path(), ["restore"]).arg(&file));
        let checked = verb(&folder, &["check", "--json"]).stdout;
        let checked: Value = serde_json::from_str(&checked).unwrap();
        assert_eq!(checked["findings"], serde_json::json!([]));
        sessions.push(checked["totals"]["sessions"].as_u64().unwrap());
    }
    assert!(sessions.is_sorted() && sessions.first() < sessions.last(), "{sessions:?}: nobody came and went");
    assert_eq!(serde_json::from_str::<Value>(&verb(&data, &["check", "--json"]).stdout).unwrap()["found"], 0);
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn a_database_is_compacted_under_a_running_server_and_what_ends_meanwhile_stays_ended() {
    let (data, server) = server();
    let mut administrator = server.sign_in();
    let mut live: Vec<Client> = (0..10).map(|_| server.sign_in()).collect();
    let mut gone: Vec<Client> = (0..10).map(|_| server.sign_in()).collect();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let resolving = scope.spawn(|| {
            let mut statuses = Vec::new();
            while !over.load(Ordering::Relaxed) {
                statuses.extend(live.iter_mut().map(|client| client.get("/account").status));
            }
            statuses
        });
        for client in &mut gone {
            let compacting = scope.spawn(|| verb(&data, &["compact"]));
            // Through the shell: the page may have to wait for the store for longer than it does.
            let ended = Program::verb(data.path(), ["session", "revoke", &client.session_id()]).run();
            let ended = ended.code == Some(0) || {
                administrator.revoke(&client.session_id(), "again");
                true
            };
            assert!(ended && client.get("/account").status != 200);
            compacting.join().unwrap();
        }
        over.store(true, Ordering::Relaxed);
        let statuses = resolving.join().unwrap();
        assert!(statuses.iter().all(|status| matches!(status, 200 | 503)), "{statuses:?}");
        assert!(statuses.contains(&200));
    });
    assert!(live.iter_mut().all(|client| client.get("/account").is_signed_in()));
    assert!(gone.iter_mut().all(turned_away));
    server.sign_in();
    server.kill();
    let server = Program::serve(data.path()).listen();
    assert!(live.iter().all(|client| client.at(server.address).get("/account").is_signed_in()));
    assert!(gone.iter().all(|client| !client.at(server.address).get("/account").is_signed_in()));
    assert_eq!(serde_json::from_str::<Value>(&verb(&data, &["check", "--json"]).stdout).unwrap()["found"], 0);
}

#[test]
fn a_backup_put_in_the_place_of_a_database_in_use_signs_everyone_out() {
    let (data, server) = server();
    let mut before = server.sign_in();
    let aside = TempDir::new().unwrap();
    let file = aside.path().join("backup");
    done(Program::verb(data.path(), ["backup"]).arg(&file));
    let mut after = server.sign_in();
    let create = Program::verb(data.path(), ["user", "create", "--email", "eve@example.com", "--password-stdin"]);
    assert_eq!(create.run_typing(PASSWORD).code, Some(0));

    let refused = Program::verb(data.path(), ["restore"]).arg(&file).run();
    assert_told(&refused, 1, &["there is a database", "--replace"]);
    let torn = aside.path().join("torn");
    let bytes = fs::read(&file).unwrap();
    fs::write(&torn, &bytes[..bytes.len() - 1]).unwrap();
    let refused = Program::verb(data.path(), ["restore", "--replace"]).arg(&torn).run();
    assert_told(&refused, 1, &["is not restored", "it ends too soon"]);
    assert!(before.get("/account").is_signed_in() && after.get("/account").is_signed_in());

    let told = done(Program::verb(data.path(), ["restore", "--replace"]).arg(&file)).stdout;
    assert!(told.contains("SESSIONS HAVE ENDED (1 were live"), "{told}");
    assert!(turned_away(&mut before) && turned_away(&mut after));
    let nobody = server.client().submit("/login", "/login", &[("email", "eve@example.com"), ("password", PASSWORD)]);
    assert_eq!(nobody.status, 401, "she came after the backup");
    let again = server.sign_in();
    server.kill();
    let server = Program::serve(data.path()).listen();
    assert!(again.at(server.address).get("/account").is_signed_in(), "no doubt is left");
    assert!(!before.at(server.address).get("/account").is_signed_in());
    let left: Vec<_> = fs::read_dir(data.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("restore-")), "{left:?}");
}
