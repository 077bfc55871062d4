//! Where the log goes: standard error, one line an event, by `SESSIOND_LOG` (`info` unless set); as text for people, or with
//! `SESSIOND_LOG_FORMAT=json` as one JSON object a line for programs.
//!
//! What others have written, a name or a path, stays in its field: a value that could end the line, move the cursor or pass
//! for another field is quoted and spelt out, whichever field it is.

use std::fmt::{self, Debug, Write as _};
use std::io::{self, IsTerminal, Write};
use std::panic;

use tracing::field::{Field, Visit};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;

use crate::plain::{self, Plain};

/// Starts the log; `server` says whether the verb runs for long.
pub fn start(server: bool) {
    let default = if server { "info" } else { "warn" };
    let filter = EnvFilter::try_from_env("SESSIOND_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        // A log on a full disk must not end the process, which complaining about it on the same stream would.
        .log_internal_errors(false);
    // Whoever embeds the program may have started a log already.
    let _ = if std::env::var_os("SESSIOND_LOG_FORMAT").is_some_and(|format| format == "json") {
        logs.json().with_writer(|| Escaping(io::stderr())).with_ansi(false).try_init()
    } else {
        logs.fmt_fields(Fields).with_writer(io::stderr).with_ansi(io::stderr().is_terminal()).try_init()
    };
    // A panic is a line of the log like any other; damaged databases make sled panic, and the message says enough.
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        let text = panic.payload_as_str().unwrap_or("panic").lines().next().unwrap_or_default().to_owned();
        tracing::error!(place, "something panicked: {text}");
    }));
}

/// Writes fields as text.
struct Fields;

impl<'w> FormatFields<'w> for Fields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut line = Line { writer, started: false, done: Ok(()) };
        fields.record(&mut line);
        line.done
    }
}

struct Line<'w> {
    writer: Writer<'w>,
    started: bool,
    done: fmt::Result,
}

impl Line<'_> {
    fn put(&mut self, field: &Field, value: &str) -> fmt::Result {
        if self.started {
            self.writer.write_char(' ')?;
        }
        self.started = true;
        if field.name() == "message" {
            return Plain(&mut self.writer).write_str(value);
        }
        let name = field.name().strip_prefix("r#").unwrap_or(field.name());
        // A value that is one word stands as it is.
        let word = !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '=' | '\\'));
        if word && !value.chars().any(plain::acts) {
            write!(self.writer, "{name}={value}")
        } else {
            write!(Plain(&mut self.writer), "{name}={value:?}")
        }
    }
}

impl Visit for Line<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if self.done.is_ok() {
            self.done = self.put(field, value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(error) = source {
            let _ = write!(text, ": {error}");
            source = error.source();
        }
        self.record_str(field, &text);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// Writes lines of JSON with whatever acts in their strings escaped. An event comes as one piece.
struct Escaping<W>(W);

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let (line, end) = text.strip_suffix('\n').map_or((&*text, ""), |line| (line, "\n"));
        self.0.write_all(plain::json(line).as_bytes())?;
        self.0.write_all(end.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Kept {
        fn text(&self) -> String {
            let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
            String::from_utf8(bytes).unwrap()
        }
    }

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("outer {0}")]
    struct Outer(String, #[source] io::Error);

    const EVIL: &str = "x\r\n2026-01-02T03:04:05Z ERROR forged\u{1b}[2J\u{9b}1m\u{202e}\u{7f} user=\"root\"";

    /// One line in which every way to log a value is used.
    fn say() {
        let error = Outer(EVIL.to_owned(), io::Error::other(EVIL));
        let error: &(dyn std::error::Error + 'static) = &error;
        tracing::error!(
            text = EVIL,
            shown = %EVIL,
            debugged = ?EVIL,
            pieces = ?[EVIL],
            error,
            number = 7,
            word = %"plain",
            "message {EVIL}"
        );
    }

    #[test]
    fn asvs_16_4_1_in_text_every_value_stays_in_its_field_and_line() {
        for ansi in [false, true] {
            let kept = Kept::default();
            let writer = kept.clone();
            let logs = tracing_subscriber::fmt()
                .fmt_fields(Fields)
                .with_writer(move || writer.clone())
                .with_ansi(ansi)
                .with_target(false);
            tracing::subscriber::with_default(logs.finish(), say);
            let text = kept.text();
            let line = text.strip_suffix('\n').unwrap();
            assert!(ansi || !line.chars().any(plain::acts), "{line:?}");
            assert!(!line.contains('\n') && !line.contains("\u{1b}[2J"), "{line:?}");
            assert!(line.ends_with("number=7 word=plain"), "{line}");
            // Quoted values apart, what is left names our own fields alone.
            let fields = line.split("text=").nth(1).unwrap();
            assert!(fields.starts_with('"') && !fields.contains(" user=\"root\""), "{line}");
        }
    }

    #[test]
    fn asvs_16_4_1_in_json_every_value_stays_in_its_field_and_line() {
        let kept = Kept::default();
        let writer = kept.clone();
        let logs = tracing_subscriber::fmt().json().with_writer(move || Escaping(writer.clone())).with_target(false);
        tracing::subscriber::with_default(logs.finish(), say);
        let text = kept.text();
        let line = text.strip_suffix('\n').unwrap();
        assert!(!line.chars().any(plain::acts), "{line:?}");
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&object["fields"]["text"], &object["fields"]["shown"]), (&EVIL.into(), &EVIL.into()));
        assert_eq!(object["fields"]["message"], format!("message {EVIL}"));
        assert_eq!(object["fields"]["number"], 7);
    }
}
