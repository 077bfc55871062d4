//! What it takes to open a database, in a process that has done nothing else: time, and memory.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use sessiond::domain::clock::{ManualClock, OsEntropy};
use sessiond::domain::lifetime::Limits;
use sessiond::domain::timestamp::Timestamp;
use sessiond::store::sled::Sled;
use sessiond::store::{Environment, Store};

use super::timed;

const FOLDER: &str = "SESSIOND_OPEN";
const NOW: &str = "SESSIOND_NOW";

/// Runs this program once more to open what is in `folder`.
pub fn in_another_process(folder: &Path, now: Timestamp, what: &str) {
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.env(FOLDER, folder).env(NOW, now.millis().to_string());
    let output = program.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    print!("{what}: {}", String::from_utf8_lossy(&output.stdout));
}

/// Opens what it was told to, if it was.
pub async fn if_asked() -> bool {
    let Some(folder) = std::env::var_os(FOLDER) else { return false };
    let now = std::env::var(NOW).unwrap().parse().unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(now)));
    let environment = Environment { clock, entropy: Arc::new(OsEntropy), limits: Limits::default() };
    let before = resident_kib();
    let (store, time) = timed(Sled::open(Path::new(&folder), environment)).await;
    let held = resident_kib() - before;
    println!("opened in {:.2} s, {held} KiB of memory (sled's cache and buffers among them)", time.as_secs_f64());
    store.unwrap().close().await.unwrap();
    true
}

/// The memory of this process.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|text| text.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
}
