//! A small file system of its own that is really full: sign-ins are refused while there is room for what ends sessions, and
//! when there is none at all, nothing is lost or resurrected, and it heals by itself.
//!
//! The file system is in memory, mounted in a namespace of the server's own. Where the system allows nobody to do that, the
//! closing line says so, and the limit of `full` is all that was tried. `SESSIOND_FULL_CYCLES` says how often it fills.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::super::{Stopwatch, number, tell};
use super::full::{MEANWHILE, SETTINGS, TRIES};
use super::people::{Answers, People};
use crate::process::{Program, Server, copy_folder};

const CYCLES: u64 = 2;
/// Of the file system, in bytes.
const SIZE: u64 = 48 << 20;
/// What the server keeps free for endings, in bytes.
const RESERVE: u64 = 32 << 20;

/// The commands before the server's own, in a namespace of its own.
const MOUNT: [&str; 4] = ["--map-root-user", "--mount", "sh", "-c"];

fn can_mount() -> bool {
    let tried = Command::new("unshare").args(MOUNT).arg("mount -t tmpfs -o size=1m none /mnt").output();
    tried.is_ok_and(|output| output.status.success())
}

fn serve(data: &Path) -> Server {
    let script = "mount -t tmpfs -o size=48m none \"$1\" && \
                  exec \"$0\" serve --address 127.0.0.1 --port 0 --data \"$1\"";
    let program = Program::at("/usr/bin/unshare".as_ref(), Path::new("/")).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    let program = program.env("ROCKET_SESSIOND", SETTINGS).args(MOUNT);
    program.args([script, env!("CARGO_BIN_EXE_sessiond")]).arg(data).listen()
}

/// The small file system as the server sees it.
fn inside(server: &Server, data: &Path) -> PathBuf {
    Path::new(&format!("/proc/{}/root", server.id())).join(data.strip_prefix("/").unwrap())
}

/// Writes a file of this many bytes, or as much of it as there is room for.
fn ballast(inside: &Path, bytes: u64) {
    let mut file = File::options().append(true).create(true).open(inside.join("ballast")).unwrap();
    let page = [1; 4096];
    for _ in 0..bytes / 4096 {
        if file.write_all(&page).is_err() {
            return;
        }
    }
}

fn free(inside: &Path) -> u64 {
    let disk = rustix::fs::statvfs(inside).unwrap();
    disk.f_bavail * disk.f_frsize
}

#[test]
fn a_disk_that_is_almost_full_lets_nobody_sign_in_and_everybody_end_sessions() {
    if !can_mount() {
        tell(
            "fault: NO SMALL FILE SYSTEM CAN BE MOUNTED HERE, so only the limit on files has stood in for a full disk",
        );
        return;
    }
    let home = TempDir::new().unwrap();
    let data = home.path().join("data");
    fs::create_dir(&data).unwrap();
    let mut server = serve(&data);
    let mut people = People::new(&mut server, 0);
    let inside = inside(&server, &data);
    assert!(free(&inside) < SIZE && free(&inside) > RESERVE, "{} bytes free", free(&inside));
    let (mut almost, mut full) = (Answers::default(), Answers::default());
    let (mut healing, mut checked) = (Duration::ZERO, 0);
    let cycles = number("SESSIOND_FULL_CYCLES").unwrap_or(CYCLES);
    for _ in 0..cycles {
        people.more_victims(&server, 2 * MEANWHILE);
        ballast(&inside, free(&inside).saturating_sub(RESERVE) + (1 << 20));
        for _ in 0..MEANWHILE {
            almost += people.go_on(&server);
        }
        ballast(&inside, SIZE);
        assert_eq!(free(&inside), 0);
        for _ in 0..MEANWHILE {
            full += people.go_on(&server);
        }

        fs::remove_file(inside.join("ballast")).unwrap();
        let start = Stopwatch::start();
        let healed = (0..TRIES).any(|_| people.is_well()) && (0..TRIES).any(|_| people.try_sign_in(&server));
        assert!(healed, "it does not heal");
        healing = healing.max(start.elapsed());
        checked += people.check(&server);
    }
    assert_eq!((almost.signed_in, almost.unconfirmed), (0, 0), "the reserve is not kept for endings: {almost:?}");
    assert_eq!(full.signed_in, 0);

    // The file system goes with the process, so what a kill would leave is looked at elsewhere.
    let kept = home.path().join("kept");
    copy_folder(&inside, &kept);
    let exited = server.kill();
    assert!(exited.stderr.contains("the disk is almost full; nobody can sign in until there is room"), "{exited:?}");
    let server = Program::serve(&kept).env("ROCKET_SESSIOND", SETTINGS).listen();
    checked += people.check(&server);
    tell(&format!(
        "fault: {cycles} full disks (48 MiB): almost full, {} sign-ins refused and {} revokes done; full, {} revokes done and \
         {} unconfirmed; {checked} credentials asked afterwards, 0 violations; healed within {} ms",
        almost.not_signed_in,
        almost.ended,
        full.ended,
        full.unconfirmed,
        healing.as_millis()
    ));
}
