//! Files for a browser, from another port than the server's.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// A path, what kind of file it is, and the file.
type Files = BTreeMap<String, (&'static str, Vec<u8>)>;

/// A web server that knows these files and nothing else.
pub struct Pages {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A port of this machine that the files will be served from.
pub struct Place(TcpListener);

impl Place {
    pub fn take() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// What a page from here has in `Origin`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address())
    }

    pub fn serve<'a>(self, files: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> Pages {
        let kind = |path: &str| if path.rsplit('.').next() == Some("js") { "text/javascript" } else { "text/html" };
        let files: Files = files.into_iter().map(|(path, bytes)| (path.to_owned(), (kind(path), bytes))).collect();
        let (address, over) = (self.address(), Arc::new(AtomicBool::new(false)));
        let told = Arc::clone(&over);
        let thread = thread::spawn(move || {
            for stream in self.0.incoming() {
                if told.load(Ordering::Acquire) {
                    break;
                }
                // A browser opens connections that it never uses: each may wait on its own.
                let files = files.clone();
                thread::spawn(move || stream.map(|stream| answer(&stream, &files)));
            }
        });
        Pages { address, over, thread: Some(thread) }
    }
}

fn answer(mut stream: &TcpStream, files: &Files) {
    let mut head = BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let Some(first) = head.next() else { return };
    head.for_each(drop);
    let path = first.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
    let missing = ("text/plain", Vec::new());
    let (status, (kind, bytes)) = files.get(path).map_or(("404 Not Found", &missing), |file| ("200 OK", file));
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        bytes.len()
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(bytes));
}

impl Pages {
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
