//! `chromedriver` and the browsers that it starts: one process each, folders of their own, gone with the test.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// A browser on a busy machine takes its time; one that takes this long hangs.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often a page is asked for something that is about to appear.
const TRIES: u32 = 300;

/// What the protocol calls an element in its answers.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Nothing of the browser's own may go to the network, and no sandbox of its own inside a container.
const ARGUMENTS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

pub struct Driver {
    child: Child,
    address: String,
    agent: ureq::Agent,
}

/// One browser with one window.
pub struct Browser<'d> {
    driver: &'d Driver,
    session: String,
    profile: TempDir,
}

/// The first of these programs that is installed.
fn program(names: &[&str]) -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::env::split_paths(&folders).flat_map(|folder| names.iter().map(move |name| folder.join(name)));
    let installed = paths.into_iter().find(|path| path.is_file());
    installed.unwrap_or_else(|| panic!("{} is not installed; run tests/all.sh, which installs it", names[0]))
}

impl Driver {
    /// Starts it on a port of its own choosing.
    pub fn start() -> Self {
        let mut command = Command::new(program(&["chromedriver"]));
        let mut child = command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines.find_map(|line| line.split("successfully on port ").nth(1).map(|rest| rest.replace('.', "")));
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let Some(port) = port else { panic!("chromedriver ended without telling its port: {:?}", child.wait()) };
        let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false);
        Self { child, address: format!("http://127.0.0.1:{port}"), agent: config.build().into() }
    }

    /// Opens a browser; without `scripts` it runs none of the pages' own.
    pub fn browser(&self, scripts: bool) -> Browser<'_> {
        self.browser_with(scripts, &[])
    }

    /// One to which all hosts are at this address, whatever certificates they have.
    pub fn browser_before(&self, address: SocketAddr, scripts: bool) -> Browser<'_> {
        let hosts = format!("--host-resolver-rules=MAP * {address}");
        self.browser_with(scripts, &[&hosts, "--ignore-certificate-errors"])
    }

    fn browser_with(&self, scripts: bool, more: &[&str]) -> Browser<'_> {
        let profile = TempDir::new().unwrap();
        let folder = format!("--user-data-dir={}", profile.path().display());
        let arguments: Vec<_> =
            ARGUMENTS.iter().copied().chain([folder.as_str()]).chain(more.iter().copied()).collect();
        let policy = if scripts { 1 } else { 2 };
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "timeouts": { "script": PATIENCE.as_millis() },
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": {
                "binary": program(&["chromium", "chromium-browser", "google-chrome"]),
                "args": arguments,
                "prefs": { "profile.managed_default_content_settings.javascript": policy },
            },
        } } });
        let started = self.send("session", Some(&wanted)).unwrap_or_else(|told| panic!("no browser: {told}"));
        let session = started["sessionId"].as_str().expect("a session id").to_owned();
        Browser { driver: self, session, profile }
    }

    /// One command: the value of the answer, or the error's text.
    fn send(&self, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let url = format!("{}/{path}", self.address);
        let answer = match body {
            Some(body) => self.agent.post(&url).content_type("application/json").send(body.to_string()),
            None => self.agent.get(&url).call(),
        };
        let text =
            answer.and_then(|mut answer| answer.body_mut().read_to_string()).map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
        match answer["value"]["error"].as_str() {
            Some(error) => Err(format!("{error}: {}", answer["value"]["message"])),
            None => Ok(answer["value"].clone()),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Browser<'_> {
    fn try_command(&self, command: &str, body: &Value) -> Result<Value, String> {
        self.driver.send(&format!("session/{}/{command}", self.session), Some(body))
    }

    fn command(&self, command: &str, body: &Value) -> Value {
        self.try_command(command, body).unwrap_or_else(|told| panic!("{command}: {told}"))
    }

    fn ask(&self, what: &str) -> Value {
        self.driver
            .send(&format!("session/{}/{what}", self.session), None)
            .unwrap_or_else(|told| panic!("{what}: {told}"))
    }

    pub fn open(&self, url: &str) {
        self.command("url", &json!({ "url": url }));
    }

    pub fn back(&self) {
        self.command("back", &json!({}));
    }

    pub fn url(&self) -> String {
        self.ask("url").as_str().unwrap_or_default().to_owned()
    }

    /// The page as it stands in the window.
    pub fn source(&self) -> String {
        self.ask("source").as_str().unwrap_or_default().to_owned()
    }

    /// The element, as soon as it is there.
    fn find(&self, css: &str) -> String {
        let wanted = json!({ "using": "css selector", "value": css });
        let mut told = String::new();
        for _ in 0..TRIES {
            match self.try_command("element", &wanted) {
                Ok(element) => return element[ELEMENT].as_str().expect("an element's id").to_owned(),
                Err(error) => told = error,
            }
        }
        panic!("{css} is not on {}: {told}\n{}", self.url(), self.source())
    }

    /// Waits for the element and answers the text that a person sees there.
    pub fn text(&self, css: &str) -> String {
        self.ask(&format!("element/{}/text", self.find(css))).as_str().unwrap_or_default().to_owned()
    }

    /// The text of an element that a script of the page puts there, however long its work takes.
    pub fn awaited(&self, css: &str) -> String {
        let script = "const [css, done] = arguments;
            const look = () => document.querySelector(css);
            const tell = () => done(look().textContent);
            const change = { subtree: true, childList: true, characterData: true, attributes: true };
            if (look()) tell(); else new MutationObserver((_, all) => look() && (all.disconnect(), tell())).observe(document, change);";
        let told = self.command("execute/async", &json!({ "script": script, "args": [css] }));
        told.as_str().unwrap_or_default().to_owned()
    }

    /// Whether a person sees the element.
    pub fn shows(&self, css: &str) -> bool {
        self.ask(&format!("element/{}/displayed", self.find(css))) == true
    }

    /// Clicks what leads to another page, and waits until this one is gone.
    pub fn click(&self, css: &str) {
        let page = self.find("html");
        self.command(&format!("element/{}/click", self.find(css)), &json!({}));
        let here = format!("session/{}/element/{page}/name", self.session);
        let gone = (0..TRIES).any(|_| self.driver.send(&here, None).is_err());
        assert!(gone, "a click on {css} leads nowhere from {}", self.url());
    }

    /// Clicks what changes the page and leaves it where it is.
    pub fn press(&self, css: &str) {
        self.command(&format!("element/{}/click", self.find(css)), &json!({}));
    }

    pub fn write(&self, css: &str, text: &str) {
        self.command(&format!("element/{}/value", self.find(css)), &json!({ "text": text }));
    }

    /// A command of Chromium's own protocol.
    pub fn chromium(&self, command: &str, parameters: &Value) -> Value {
        self.command("goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// What the browser had to complain about since the last time: scripts that failed, files that were missing, and
    /// everything that the content security policy forbids.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.command("se/log", &json!({ "type": "browser" }));
        let entries = log.as_array().into_iter().flatten();
        let serious = entries.filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING");
        serious.filter_map(|entry| entry["message"].as_str().map(str::to_owned)).collect()
    }
}

impl Drop for Browser<'_> {
    fn drop(&mut self) {
        let url = format!("{}/session/{}", self.driver.address, self.session);
        let closed = self.driver.agent.delete(&url).call().is_ok();
        if !closed {
            // The driver is gone or hangs: end the processes that were started on this very profile.
            let profile = self.profile.path().display().to_string();
            let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
            let ours = processes.filter(|process| {
                let words = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
                String::from_utf8_lossy(&words).split('\0').any(|word| word == format!("--user-data-dir={profile}"))
            });
            let ids: Vec<_> = ours.map(|process| process.file_name()).collect();
            let _ = Command::new("sh").args(["-c", "kill -KILL \"$@\"", "sh"]).args(ids).status();
        }
    }
}
