//! A disk that is read-only at the start: refused in a sentence. (One that turns so while the server runs is in `failing`.)

use std::path::Path;

use tempfile::TempDir;

use super::super::tell;
use crate::process::{Exited, Program};

/// Runs the program in a mount namespace of its own, where `data` is read-only. As root or, where the system lets anybody
/// have a namespace, as anybody.
fn serve_read_only(data: &Path) -> Exited {
    let script = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" && echo mounted && \
                  exec \"$0\" serve --address 127.0.0.1 --port 0 --data \"$1\"";
    let program = Program::at("/usr/bin/unshare".as_ref(), Path::new("/")).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    let words = ["--map-root-user", "--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_sessiond")];
    let exited = program.args(words).arg(data).run();
    assert!(
        exited.stdout.contains("mounted"),
        "no read-only mount can be made here, so this shows nothing: {exited:?}"
    );
    exited
}

#[test]
fn a_disk_that_is_read_only_is_told_at_the_start() {
    let home = TempDir::new().unwrap();
    let (used, empty) = (home.path().join("used"), home.path().join("empty"));
    std::fs::create_dir_all(&used).unwrap();
    std::fs::create_dir_all(&empty).unwrap();
    let mut server = Program::serve(&used).listen();
    server.set_up();
    let mut person = server.sign_in();
    assert_eq!(server.stop().code, Some(0));

    for data in [&used, &empty] {
        let exited = serve_read_only(data);
        let told: Vec<_> = exited.stderr.lines().filter(|line| line.starts_with("sessiond: ")).collect();
        assert_eq!((told.len(), exited.code), (1, Some(1)), "{exited:?}");
        for word in [&*data.to_string_lossy(), "Read-only file system", "check that it exists on a writable disk"] {
            assert!(told[0].contains(word), "`{word}` is not in: {}", told[0]);
        }
        assert!(!exited.stderr.contains("panicked at"), "{exited:?}");
    }
    let server = Program::serve(&used).listen();
    person = person.at(server.address);
    assert!(person.get("/account").is_signed_in(), "a refused start has changed something");
    tell("fault: 2 starts on a read-only disk refused in one sentence, 0 violations");
}
