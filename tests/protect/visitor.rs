//! Somebody with a browser of TLS, cookies for hosts and domains, and connections that are used more than once.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned};

use super::application::chunked;
use crate::process::{Answer, EMAIL, PASSWORD, form, session_id};

/// An answer that takes longer hangs.
const PATIENCE: Duration = Duration::from_mins(1);

pub const LOGIN: &str = "login.example.com";
pub const APP: &str = "app.example.com";
pub const MAIN: &str = "__Host-sessiond";
pub const PROXY: &str = "__Secure-sessiond-proxy";

#[derive(Debug, Clone)]
struct Cookie {
    name: String,
    value: String,
    /// A host, or with a dot before it all hosts at and below it.
    place: String,
}

/// A browser.
#[derive(Clone)]
pub struct Visitor {
    address: SocketAddr,
    config: Arc<ClientConfig>,
    jar: Vec<Cookie>,
}

/// A connection to one host.
pub struct Line {
    host: &'static str,
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
}

impl Visitor {
    pub fn new(address: SocketAddr) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.dangerous().with_custom_certificate_verifier(Arc::new(Whoever)).with_no_client_auth();
        Self { address, config: Arc::new(config), jar: Vec::new() }
    }

    pub fn connect(&self, host: &'static str) -> Line {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let name = ServerName::try_from(host).unwrap();
        let connection = ClientConnection::new(Arc::clone(&self.config), name).unwrap();
        Line { host, stream: BufReader::new(StreamOwned::new(connection, stream)) }
    }

    /// The `Cookie` header for a host.
    pub fn cookies(&self, host: &str) -> String {
        let sent = self.jar.iter().filter(|cookie| {
            let below = cookie.place.strip_prefix('.');
            cookie.place == host || below.is_some_and(|domain| host == domain || host.ends_with(&cookie.place))
        });
        sent.map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect::<Vec<_>>().join("; ")
    }

    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.jar.iter().find(|cookie| cookie.name == name).map(|cookie| cookie.value.as_str())
    }

    pub fn session(&self) -> String {
        session_id(self.cookie(MAIN).expect("signed in"))
    }

    fn keep(&mut self, host: &str, set: &str) {
        let mut parts = set.split(';').map(str::trim);
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).unwrap();
        let attributes: Vec<_> = parts.map(str::to_ascii_lowercase).collect();
        let domain = attributes.iter().find_map(|attribute| attribute.strip_prefix("domain="));
        assert!(
            attributes.contains(&"secure".to_owned()) && !(name.starts_with("__Host-") && domain.is_some()),
            "{set}"
        );
        let place = domain.map_or_else(|| host.to_owned(), |domain| format!(".{domain}"));
        self.jar.retain(|cookie| cookie.name != name || cookie.place != place);
        if !attributes.contains(&"max-age=0".to_owned()) {
            self.jar.push(Cookie { name: name.to_owned(), value: value.to_owned(), place });
        }
    }

    /// One request over a connection that stays.
    pub fn send(&mut self, line: &mut Line, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let cookies = self.cookies(line.host);
        let cookies = if cookies.is_empty() { cookies } else { format!("Cookie: {cookies}\r\n") };
        let host = line.host;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{cookies}Accept: text/html\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        );
        let answer = line.exchange(&request).unwrap_or_else(|error| panic!("{method} {host}{path}: {error}"));
        for set in answer.cookies() {
            self.keep(host, set);
        }
        answer
    }

    pub fn get(&mut self, host: &'static str, path: &str) -> Answer {
        self.send(&mut self.connect(host), "GET", path, "", "")
    }

    /// Fills in the sign-in page at this place, and follows to where it says that one is signed in.
    pub fn sign_in(&mut self, page: &str) -> Answer {
        let token = self.get(LOGIN, page).form_token().expect("a form");
        let next = page.split_once("next=").map_or_else(String::new, |(_, next)| decoded(next));
        let body = form(&token, &[("next", &next), ("email", EMAIL), ("password", PASSWORD)]);
        let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
        let answer = self.send(&mut self.connect(LOGIN), "POST", "/login", kind, &body);
        assert_eq!(answer.status, 303, "{answer:?}");
        let there = answer.location().to_owned();
        self.get(LOGIN, &there)
    }
}

pub fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

impl Line {
    pub fn write(&mut self, text: &str) {
        let stream = self.stream.get_mut();
        stream.write_all(text.as_bytes()).unwrap();
        stream.flush().unwrap();
    }

    /// So many bytes.
    pub fn read(&mut self, count: usize) -> String {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// The head of an answer.
    pub fn head(&mut self) -> io::Result<(u16, Vec<(String, String)>)> {
        let mut first = String::new();
        self.stream.read_line(&mut first)?;
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no answer: {first:?}")))?;
        let mut headers = Vec::new();
        loop {
            let mut header = String::new();
            self.stream.read_line(&mut header)?;
            let Some((name, value)) = header.trim_end().split_once(':') else { return Ok((status, headers)) };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    fn exchange(&mut self, request: &str) -> io::Result<Answer> {
        self.write(request);
        let (status, headers) = self.head()?;
        let value = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        let body = if value("transfer-encoding").is_some() {
            chunked(&mut self.stream)?
        } else {
            let length = value("content-length").and_then(|length| length.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            self.stream.read_exact(&mut body)?;
            body
        };
        Ok(Answer { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

/// Trusts every certificate: this is about what is behind it.
#[derive(Debug)]
struct Whoever;

impl ServerCertVerifier for Whoever {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
