//! As much of a browser as these tests need: one request at a time over a connection of its own, and cookies.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A request that takes longer hangs.
const PATIENCE: Duration = Duration::from_mins(1);

const SESSION: &str = "sessiond";

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Where a redirect leads.
    pub fn location(&self) -> &str {
        self.header("location").unwrap_or("")
    }

    pub fn cookies(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(|(key, _)| key == "set-cookie").map(|(_, value)| value.as_str())
    }

    /// The token in the first form of the page.
    pub fn form_token(&self) -> Option<String> {
        let rest = self.body.split("name=\"csrf\" value=\"").nth(1)?;
        rest.split('"').next().map(str::to_owned)
    }

    /// Whether the page or redirect is one that only a signed-in person gets.
    pub fn is_signed_in(&self) -> bool {
        self.location() == "/account" || self.body.contains("Signed in as")
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers: Vec<_> =
            headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, v)| v.parse().ok());
        // A connection that broke in the middle is no answer.
        if length.is_some_and(|length: usize| body.len() < length) {
            return None;
        }
        Some(Self { status, headers, body: body.to_owned() })
    }
}

#[derive(Debug, Clone)]
pub struct Client {
    address: SocketAddr,
    jar: BTreeMap<String, String>,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, jar: BTreeMap::new() }
    }

    /// Somebody who holds a copy of this credential.
    pub fn holding(address: SocketAddr, credential: &str) -> Self {
        Self { address, jar: BTreeMap::from([(SESSION.to_owned(), credential.to_owned())]) }
    }

    /// The same person after the server moved to another port.
    pub fn at(&self, address: SocketAddr) -> Self {
        Self { address, jar: self.jar.clone() }
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn credential(&self) -> &str {
        self.jar.get(SESSION).map_or("", String::as_str)
    }

    /// The public id inside the credential.
    pub fn session_id(&self) -> String {
        session_id(self.credential())
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.try_send("GET", path, "").expect("an answer")
    }

    /// Opens `page`, fills in its form and sends that to `action`.
    pub fn submit(&mut self, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.token(page);
        self.try_submit(action, &token, fields).expect("an answer")
    }

    /// The token in the forms of `page`.
    pub fn token(&mut self, page: &str) -> String {
        let answer = self.get(page);
        answer.form_token().unwrap_or_else(|| panic!("{page} has no form: {} {}", answer.status, answer.body))
    }

    /// Sends a form whose token is known.
    pub fn try_submit(&mut self, action: &str, token: &str, fields: &[(&str, &str)]) -> io::Result<Answer> {
        self.try_send("POST", action, &form(token, fields))
    }

    pub fn sign_in(mut self, email: &str, password: &str) -> Self {
        let answer = self.submit("/login", "/login", &[("email", email), ("password", password)]);
        assert_eq!((answer.status, answer.location()), (303, "/account"), "{}", answer.body);
        self
    }

    /// Ends another session from the administrators' list.
    pub fn revoke(&mut self, id: &str, note: &str) -> Answer {
        let answer = self.submit("/admin/sessions/everyone", "/admin/sessions/end", &[("only", id), ("note", note)]);
        assert_eq!((answer.status, answer.location()), (303, "/admin/sessions"), "{}", answer.body);
        answer
    }

    /// One request, one answer, one connection.
    pub fn try_send(&mut self, method: &str, path: &str, body: &str) -> io::Result<Answer> {
        let mut stream = self.connect()?;
        // In one piece: a server that answers before it has read the body may take what comes later for the beginning of more.
        stream.write_all((self.head(method, path, body.len(), "") + body).as_bytes())?;
        self.read(&mut stream)
    }

    /// The same where an answer must come.
    pub fn send(&mut self, method: &str, path: &str, body: &str) -> Answer {
        self.try_send(method, path, body).expect("an answer")
    }

    /// Sends a JSON text.
    pub fn send_json(&mut self, method: &str, path: &str, body: &serde_json::Value) -> Answer {
        let body = body.to_string();
        let head =
            self.head(method, path, body.len(), "").replace("application/x-www-form-urlencoded", "application/json");
        let mut stream = self.connect().expect("a connection");
        stream.write_all((head + &body).as_bytes()).expect("a request");
        self.read(&mut stream).expect("an answer")
    }

    pub fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    /// The first lines of a request with `length` bytes of a form, and with `more` header lines.
    pub fn head(&self, method: &str, path: &str, length: usize, more: &str) -> String {
        let cookies: Vec<_> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nCookie: {}\r\nAccept: text/html\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n{more}\r\n",
            self.address,
            cookies.join("; "),
        )
    }

    /// The answer, its cookies kept.
    pub fn read(&mut self, stream: &mut TcpStream) -> io::Result<Answer> {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        let answer = Answer::parse(&bytes).ok_or(io::ErrorKind::UnexpectedEof)?;
        for cookie in answer.cookies() {
            let Some((name, value)) = cookie.split(';').next().and_then(|pair| pair.split_once('=')) else { continue };
            if cookie.contains("Max-Age=0") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(answer)
    }
}

/// A form's body as a browser sends it; the token comes first.
pub fn form(token: &str, fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| {
        let bytes = text.bytes().map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
            b' ' => "+".to_owned(),
            _ => format!("%{byte:02X}"),
        });
        bytes.collect::<String>()
    };
    let fields = [("csrf", token)]
        .into_iter()
        .chain(fields.iter().copied())
        .map(|(name, value)| format!("{name}={}", encode(value)));
    fields.collect::<Vec<_>>().join("&")
}

/// The public id inside a credential: `user key (16 bytes) ‖ session id (16) ‖ secret (32)`.
pub fn session_id(credential: &str) -> String {
    let bytes = URL_SAFE_NO_PAD.decode(credential).expect("base64url");
    uuid::Uuid::from_slice(&bytes[16..32]).expect("16 bytes").to_string()
}
