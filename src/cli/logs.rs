//! Where the log goes: standard error, one line an event, by `SESSIOND_LOG` (`info` unless set).

use std::io::IsTerminal;
use std::panic;

use tracing_subscriber::EnvFilter;

/// Starts the log; `server` says whether the verb runs for long.
pub fn start(server: bool) {
    let default = if server { "info" } else { "warn" };
    let filter = EnvFilter::try_from_env("SESSIOND_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        // A log on a full disk must not end the process, which complaining about it on the same stream would.
        .log_internal_errors(false);
    // Whoever embeds the program may have started a log already.
    let _ = logs.try_init();
    // A panic is a line of the log like any other; damaged databases make sled panic, and the message says enough.
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        let text = panic.payload_as_str().unwrap_or("panic").lines().next().unwrap_or_default().to_owned();
        tracing::error!(place, "something panicked: {text}");
    }));
}
