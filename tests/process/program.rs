//! Starting the program, reading what it prints, and ending it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::client::Client;

pub const EMAIL: &str = "ada@example.com";
pub const PASSWORD: &str = "a few words in a row";

/// Far more than anything here takes; a process that needs longer hangs, and the test ends it and fails.
const PATIENCE: Duration = Duration::from_mins(2);

/// Hashing is not what these tests are about.
const CHEAP_HASH: &str = "{password_hash={memory_kib=64,passes=1}}";

/// A command line of the program, with nothing of the surrounding environment but what a process needs.
pub struct Program(Command);

/// How a process ended.
#[derive(Debug)]
pub struct Exited {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A process under way. Dropping it ends it.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    stdout: String,
    stderr: Option<JoinHandle<String>>,
}

/// A process that serves.
pub struct Server {
    running: Running,
    pub address: SocketAddr,
}

impl Program {
    /// The program that this test was built with.
    pub fn new(cwd: &Path) -> Self {
        Self::at(env!("CARGO_BIN_EXE_sessiond").as_ref(), cwd).env("ROCKET_SESSIOND", CHEAP_HASH)
    }

    /// A copy of it.
    pub fn at(path: &Path, cwd: &Path) -> Self {
        let mut command = Command::new(path);
        command.current_dir(cwd).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A backtrace on the terminal would be a fault, so it must have its chance to appear.
        command.env("RUST_BACKTRACE", "1");
        Self(command)
    }

    /// `serve` on a port that the system chooses.
    pub fn serve(data: &Path) -> Self {
        Self::new(data).args(["serve", "--address", "127.0.0.1", "--port", "0", "--data"]).arg(data)
    }

    /// The same on the port that a server had.
    pub fn serve_at(data: &Path, port: u16) -> Self {
        let port = port.to_string();
        Self::new(data).args(["serve", "--address", "127.0.0.1", "--port", port.as_str(), "--data"]).arg(data)
    }

    /// A verb on the database in `data`.
    pub fn verb<'a>(data: &Path, words: impl IntoIterator<Item = &'a str>) -> Self {
        Self::new(data).args(words).arg("--data").arg(data)
    }

    pub fn arg(mut self, word: impl AsRef<OsStr>) -> Self {
        self.0.arg(word);
        self
    }

    pub fn args<'a>(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        self.0.args(words);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// Starts it and hands `typed` to its standard input.
    pub fn spawn(mut self, typed: &str) -> Running {
        let mut child = self.0.spawn().expect("the program starts");
        // A program that does not read what is typed closes the pipe early; that is not this line's business.
        let _ = child.stdin.take().expect("a pipe").write_all(typed.as_bytes());
        let (send, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let mut stderr = child.stderr.take().expect("a pipe");
        let stderr = thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stderr.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Running { child, lines, stdout: String::new(), stderr: Some(stderr) }
    }

    /// Runs it to its end, which must come by itself.
    pub fn run(self) -> Exited {
        self.run_typing("")
    }

    /// The same with `typed` on its standard input.
    pub fn run_typing(self, typed: &str) -> Exited {
        let mut running = self.spawn(typed);
        assert_eq!(running.line_with("sessiond listens on "), None, "the program serves");
        running.exited()
    }

    /// Starts it and waits until it listens, or until it ended without.
    pub fn try_listen(self) -> Result<Server, Exited> {
        self.try_listen_saying("sessiond listens on http://")
    }

    /// Starts another program that serves: it says so in a line with `text` in it, at whose end its address is.
    pub fn listen_saying(self, text: &str) -> Server {
        self.try_listen_saying(text).unwrap_or_else(|exited| panic!("the program did not start: {exited:?}"))
    }

    fn try_listen_saying(self, text: &str) -> Result<Server, Exited> {
        let mut running = self.spawn("");
        match running.line_with(text) {
            Some(line) => {
                let address = line.rsplit('/').next().and_then(|text| text.parse().ok());
                Ok(Server { running, address: address.expect("an address with a port") })
            }
            None => Err(running.exited()),
        }
    }

    /// The same at an address that was chosen beforehand, where browsers know it by another.
    pub fn listen_at(self, address: SocketAddr) -> Server {
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        let mut running = self.args(["--address", &host, "--port", &port]).spawn("");
        let said = running.line_with("sessiond listens on ");
        assert!(said.is_some(), "the server did not start: {}", running.stdout);
        Server { running, address }
    }

    /// The same where it must listen.
    pub fn listen(self) -> Server {
        self.try_listen().unwrap_or_else(|exited| panic!("the server did not start: {exited:?}"))
    }
}

impl Running {
    /// The next line of standard output that contains `text`; `None` if the process ends without one.
    fn line_with(&mut self, text: &str) -> Option<String> {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.stdout.push_str(&line);
                    self.stdout.push('\n');
                    if line.contains(text) {
                        return Some(line);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => panic!("the process neither says `{text}` nor ends: {}", self.stdout),
            }
        }
    }

    /// Whether it has said so by now, or has ended.
    pub fn listens(&mut self) -> bool {
        match self.lines.try_recv() {
            Ok(line) => line.contains("sessiond listens on "),
            Err(TryRecvError::Empty) => false,
            Err(TryRecvError::Disconnected) => true,
        }
    }

    /// Waits for the end: standard output closes with the process.
    pub fn exited(mut self) -> Exited {
        while self.line_with("\n").is_some() {}
        let code = self.child.wait().expect("the process ends").code();
        let stderr = self.stderr.take().expect("read once").join().expect("a reader");
        Exited { code, stdout: std::mem::take(&mut self.stdout), stderr }
    }

    /// SIGKILL.
    pub fn kill(mut self) -> Exited {
        self.child.kill().expect("the process can be killed");
        self.exited()
    }

    /// SIGTERM, by the shell's own `kill`.
    pub fn ask_to_stop(&self) {
        let told = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &self.child.id().to_string()]).status();
        assert!(told.expect("a shell").success());
    }

    /// How many files and sockets the process has open; `None` where that cannot be told.
    pub fn descriptors(&self) -> Option<usize> {
        Some(std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).ok()?.count())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // What it had to say, to whoever reads why the test failed.
        if let Some(log) = self.stderr.take().filter(|_| thread::panicking()).and_then(|reader| reader.join().ok()) {
            eprintln!("the process had said:\n{log}");
        }
    }
}

impl Server {
    /// The code that it printed for the first administrator.
    pub fn code(&mut self) -> String {
        let line = self.running.line_with("the code is ").expect("a server without users prints a code");
        line.rsplit(' ').next().expect("a last word").to_owned()
    }

    /// The line of its output that contains `text`.
    pub fn line_with(&mut self, text: &str) -> String {
        self.running.line_with(text).unwrap_or_else(|| panic!("the server ended without saying `{text}`"))
    }

    /// Creates the first administrator in the way a person does.
    pub fn set_up(&mut self) {
        let code = self.code();
        let fields = [("code", code.as_str()), ("name", "Ada"), ("email", EMAIL), ("password", PASSWORD)];
        let done = Client::new(self.address).submit("/setup", "/setup", &fields);
        assert_eq!((done.status, done.location()), (303, "/login"), "{}", done.body);
    }

    pub fn id(&self) -> u32 {
        self.running.child.id()
    }

    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// A new session of the administrator.
    pub fn sign_in(&self) -> Client {
        self.client().sign_in(EMAIL, PASSWORD)
    }

    /// Whether the process is gone.
    pub fn has_ended(&mut self) -> bool {
        self.running.child.try_wait().expect("a process of ours").is_some()
    }

    /// SIGKILL.
    pub fn kill(self) -> Exited {
        self.running.kill()
    }

    pub fn ask_to_stop(&self) {
        self.running.ask_to_stop();
    }

    pub fn exited(self) -> Exited {
        self.running.exited()
    }

    /// SIGTERM, and what came of it.
    pub fn stop(self) -> Exited {
        self.ask_to_stop();
        self.exited()
    }
}
