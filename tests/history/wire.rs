//! One kept connection: many requests, one at a time.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::record::Server;
use crate::process::Answer;

/// Longer than any stop of the nemesis.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Wire {
    pub server: Server,
    address: SocketAddr,
    stream: BufReader<TcpStream>,
}

/// What to ask for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub cookies: &'a str,
    pub body: &'a str,
    /// Hangs up when there is no answer after so long.
    pub patience: Option<Duration>,
}

impl Wire {
    pub fn connect(server: Server, address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        Ok(Self { server, address, stream: BufReader::new(stream) })
    }

    /// After an error the connection is of no more use.
    pub fn ask(&mut self, request: Request<'_>) -> io::Result<Answer> {
        let Request { method, path, cookies, body, patience } = request;
        let stream = self.stream.get_mut();
        stream.set_read_timeout(Some(patience.unwrap_or(PATIENCE)))?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nCookie: {cookies}\r\nAccept: text/html\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len(),
        );
        stream.write_all(head.as_bytes())?;
        self.read()
    }

    fn read(&mut self) -> io::Result<Answer> {
        let broken = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let status = self.line()?.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(broken)?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(broken)?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length").map(|(_, value)| value.parse());
        let Some(Ok(length)) = length else { return Err(io::Error::other("an answer without a length")) };
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        // A line that ends with the connection is none.
        match line.strip_suffix("\r\n") {
            Some(whole) => Ok(whole.to_owned()),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}
