//! A pepper as a file beside the program.

use std::path::PathBuf;

use tempfile::TempDir;

use super::refusals::assert_told;
use super::{EMAIL, PASSWORD, Program};

/// A file as `head -c 32 /dev/urandom` would make it, but for the randomness.
fn file(folder: &TempDir, bytes: &[u8], mode: u32) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.path().join("pepper");
    std::fs::write(&path, bytes).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path
}

fn setting(path: &std::path::Path) -> String {
    format!("{{password_hash={{memory_kib=64,passes=1}},password_pepper={:?}}}", path.display().to_string())
}

#[test]
fn a_server_and_the_verbs_use_it_and_without_it_the_start_warns() {
    let (data, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let path = file(&elsewhere, &(0..32).collect::<Vec<_>>(), 0o400);
    let create = ["user", "create", "--email", EMAIL, "--password-stdin"];
    let created = Program::verb(data.path(), create).env("ROCKET_SESSIOND", &setting(&path)).run_typing(PASSWORD);
    assert_eq!((created.code, created.stderr.as_str()), (Some(0), ""));

    let server = Program::serve(data.path()).env("ROCKET_SESSIOND", &setting(&path)).listen();
    server.client().sign_in(EMAIL, PASSWORD);
    let exited = server.stop();
    assert!(!exited.stderr.contains("pepper"), "{}", exited.stderr);

    let server = Program::serve(data.path()).listen();
    let refused = server.client().submit("/login", "/login", &[("email", EMAIL), ("password", PASSWORD)]);
    assert_eq!(refused.status, 401);
    let exited = server.stop();
    assert!(!exited.stderr.contains("at another cost"), "{}", exited.stderr);
    assert_eq!(exited.stderr.matches("hashed with a pepper that is not configured").count(), 1, "{}", exited.stderr);
    assert!(exited.stderr.contains("users=1"), "{}", exited.stderr);
}

#[test]
fn the_start_says_what_a_change_of_cost_means() {
    let data = TempDir::new().unwrap();
    let create = ["user", "create", "--email", EMAIL, "--password-stdin"];
    assert_eq!(Program::verb(data.path(), create).run_typing(PASSWORD).code, Some(0));
    let dearer = "{password_hash={memory_kib=128,passes=1}}";
    let server = Program::serve(data.path()).env("ROCKET_SESSIOND", dearer).listen();
    let refused = server.client().submit("/login", "/login", &[("email", EMAIL), ("password", "several wrong words")]);
    assert_eq!(refused.status, 401);
    server.client().sign_in(EMAIL, PASSWORD);
    let exited = server.stop();
    assert!(exited.stderr.contains("hashed at another cost") && exited.stderr.contains("users=1"), "{}", exited.stderr);
    let exited = Program::serve(data.path()).env("ROCKET_SESSIOND", dearer).listen().stop();
    assert!(!exited.stderr.contains("at another cost"), "{}", exited.stderr);
}

#[test]
fn asvs_13_3_2_a_pepper_that_will_not_do_stops_the_start() {
    let (data, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let good: Vec<u8> = (0..32).collect();
    for (bytes, mode, told) in
        [(&good[..], 0o644, "open to other users"), (&good[..31], 0o600, "holds 31 bytes"), (&[7; 40], 0o600, "random")]
    {
        let path = file(&elsewhere, bytes, mode);
        for program in [Program::serve(data.path()), Program::verb(data.path(), ["session", "list"])] {
            let exited = program.env("ROCKET_SESSIOND", &setting(&path)).run();
            assert_told(&exited, 2, &["sessiond.password_pepper", told, "pepper"]);
        }
        std::fs::remove_file(&path).unwrap();
    }
    let exited = Program::serve(data.path()).env("ROCKET_SESSIOND", &setting(&elsewhere.path().join("none"))).run();
    assert_told(&exited, 2, &["sessiond.password_pepper", "cannot be read"]);
    assert!(!data.path().join("db").exists());
}
