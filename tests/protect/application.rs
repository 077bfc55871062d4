//! The application: it knows nothing of sessiond, and writes down what it is sent.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

/// What it says to everybody.
pub const SAYS: &str = "the application";

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    pub line: String,
    /// Names as they were written.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Asked {
    /// All values under a name, in any spelling that applications take for it.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let same = |key: &String| key.replace('_', "-").eq_ignore_ascii_case(name);
        self.headers.iter().filter(|(key, _)| same(key)).map(|(_, value)| value.as_str()).collect()
    }
}

pub struct Application {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// Lets a long answer go on.
    pub go_on: Sender<()>,
}

impl Application {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (go_on, wait) = channel();
        let wait = Arc::new(Mutex::new(wait));
        let noted = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (noted, wait) = (Arc::clone(&noted), Arc::clone(&wait));
                // A proxy that closes its connection ends it.
                thread::spawn(move || serve(stream, &noted, &wait));
            }
        });
        Self { address, asked, go_on }
    }

    /// What it was sent since the last time.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn serve(stream: TcpStream, noted: &Mutex<Vec<Asked>>, wait: &Mutex<Receiver<()>>) -> io::Result<()> {
    let mut answers = stream.try_clone()?;
    let mut requests = BufReader::new(stream);
    while let Some(asked) = read(&mut requests)? {
        let path = asked.line.split(' ').nth(1).unwrap_or_default().to_owned();
        noted.lock().unwrap().push(asked);
        match path.as_str() {
            // Half of it now, and half when the test says so.
            "/long" => {
                answers.write_all(b"HTTP/1.1 200 OK\r\nX-Accel-Buffering: no\r\nContent-Length: 10\r\n\r\nfirst")?;
                answers.flush()?;
                let _ = wait.lock().unwrap().recv();
                answers.write_all(b"-rest")?;
            }
            // Sends back whatever comes, as a WebSocket's other end might.
            "/socket" => {
                answers
                    .write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")?;
                let mut bytes = [0; 64];
                loop {
                    let count = requests.read(&mut bytes)?;
                    if count == 0 {
                        return Ok(());
                    }
                    answers.write_all(&bytes[..count])?;
                }
            }
            _ => write!(
                answers,
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n<h1>{SAYS}</h1>",
                SAYS.len() + 9
            )?,
        }
    }
    Ok(())
}

fn read(requests: &mut impl BufRead) -> io::Result<Option<Asked>> {
    let mut line = String::new();
    if requests.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        requests.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let value =
        |wanted: &str| headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value);
    let mut body = vec![0; value("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)];
    if value("transfer-encoding").is_some() {
        body = chunked(requests)?;
    } else {
        requests.read_exact(&mut body)?;
    }
    Ok(Some(Asked { line: line.trim_end().to_owned(), headers, body }))
}

/// A body in pieces, each with its length before it.
pub fn chunked(source: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        source.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        let mut piece = vec![0; length + 2];
        source.read_exact(&mut piece)?;
        if length == 0 {
            return Ok(body);
        }
        body.extend(&piece[..length]);
    }
}
