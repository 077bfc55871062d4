//! A reverse proxy with the configuration that is shipped, but for ports, paths and TLS.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use rocket::tokio;
use tokio::io::AsyncWriteExt;

use crate::process::{Client, EMAIL, PASSWORD, form};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Nginx,
    Caddy,
}

/// A process of our own. Dropping it ends it.
pub struct Proxy {
    child: Child,
    pub address: SocketAddr,
}

/// Of 127.0.0.1, chosen by the system.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub fn shipped(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(path)).unwrap()
}

/// Puts `to` for `from`, which must be there.
pub fn put(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "`{from}` is not in the configuration");
    text.replace(from, to)
}

/// The shipped file for `port`; a second port for what redirects to it. `tls` keeps TLS, with a certificate in `home`.
pub fn nginx(port: u16, redirect: u16, server: SocketAddr, home: &Path, tls: bool) -> String {
    let home = home.to_str().expect("a path that is text");
    let mut text = shipped("nginx/nginx.conf");
    let kept = if tls { " ssl http2" } else { "" };
    text = put(&text, "listen 443 ssl http2;", &format!("listen 127.0.0.1:{port}{kept};"));
    text = put(&text, "        listen [::]:443 ssl http2;\n", "");
    text = put(&text, "listen 80;", &format!("listen 127.0.0.1:{redirect};"));
    text = put(&text, "        listen [::]:80;\n", "");
    text = put(&text, "/etc/letsencrypt/live/login.example.com", home);
    if !tls {
        text = text.split_inclusive('\n').filter(|line| !line.trim().starts_with("ssl_")).collect();
    }
    text = put(&text, "server 127.0.0.1:8000;", &format!("server {server};"));
    at_home(&text, home)
}

/// The file with all that nginx writes in `home`.
pub fn at_home(text: &str, home: &str) -> String {
    let text = put(text, "/run/nginx.pid", &format!("{home}/nginx.pid"));
    let text = put(&text, "/var/log/nginx", home);
    // Only root may and must name a user; the folders that Debian made belong to nobody here.
    let user = if is_root() { "user root;\n" } else { "" };
    let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("    {name}_temp_path {home}/{name};\n"))
        .concat();
    format!("{user}{}", put(&text, "http {\n", &format!("http {{\n{folders}")))
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

fn caddy(port: u16, server: SocketAddr) -> String {
    let text = shipped("caddy/Caddyfile");
    let text = put(&text, "\nlogin.example.com {\n", &format!("\nhttp://:{port} {{\n\tbind 127.0.0.1\n"));
    put(&text, "reverse_proxy 127.0.0.1:8000 {", &format!("reverse_proxy {server} {{"))
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "Caddy",
        }
    }
}

impl Proxy {
    pub fn start(kind: Kind, port: u16, server: SocketAddr, home: &Path) -> Self {
        let text = match kind {
            Kind::Nginx => nginx(port, free_port(), server, home, false),
            Kind::Caddy => caddy(port, server),
        };
        Self::with(kind, port, &text, home)
    }

    /// With this configuration, by which it listens on `port`.
    pub fn with(kind: Kind, port: u16, text: &str, home: &Path) -> Self {
        let log = fs::File::create(home.join("proxy.log")).unwrap();
        let mut command = match kind {
            Kind::Nginx => {
                let file = write(home, "nginx.conf", text);
                let mut command = Command::new("nginx");
                command.arg("-p").arg(home).arg("-e").arg(home.join("error.log")).arg("-c").arg(file);
                command.args(["-g", "daemon off;"]);
                command
            }
            Kind::Caddy => {
                let file = write(home, "Caddyfile", text);
                let mut command = Command::new("caddy");
                command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
                command
            }
        };
        command.env("HOME", home).env("XDG_DATA_HOME", home).env("XDG_CONFIG_HOME", home);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let program = kind.name();
        let child = command.spawn().unwrap_or_else(|error| panic!("{program}, of Debian's package: {error}"));
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let mut proxy = Self { child, address };
        while TcpStream::connect(address).is_err() {
            let ended = proxy.child.try_wait().unwrap();
            assert!(ended.is_none(), "{program} does not start: {}", read(home, "proxy.log"));
            thread::yield_now();
        }
        proxy
    }

    /// The address of whoever asks is the connection's, whatever they write themselves.
    pub fn tells_who_asks(&self) {
        let mut person = Client::new(self.address);
        let body = form(&person.token("/login"), &[("email", EMAIL), ("password", PASSWORD)]);
        let spoofed = "X-Forwarded-For: 203.0.113.9\r\nX-Real-IP: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\n";
        let request = person.head("POST", "/login", body.len(), spoofed) + &body;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut stream = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.77:0".parse().unwrap()).unwrap();
            let mut stream = socket.connect(self.address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            stream.into_std().unwrap()
        });
        stream.set_nonblocking(false).unwrap();
        let answer = person.read(&mut stream).unwrap();
        assert_eq!(answer.location(), "/account", "{}", answer.body);
        let page = person.get("/account").body;
        assert!(page.contains("127.0.0.77") && !page.contains("203.0.113.9"), "{page}");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // SIGTERM, since nginx has children of its own to end.
        let _ = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

pub fn write(home: &Path, name: &str, text: &str) -> PathBuf {
    let path = home.join(name);
    fs::write(&path, text).unwrap();
    path
}

fn read(home: &Path, name: &str) -> String {
    fs::read_to_string(home.join(name)).unwrap_or_default()
}

/// The file as it is shipped, TLS and all, is one that nginx takes.
#[test]
fn the_shipped_configuration_of_nginx_is_taken_with_tls() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    let (key, certificate) = (at("privkey.pem"), at("fullchain.pem"));
    let words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=login.example.com"];
    let made = Command::new("openssl").args(words).args(["-keyout", &key, "-out", &certificate]).output();
    assert!(made.expect("openssl, of Debian's package").status.success());
    let server = SocketAddr::from(([127, 0, 0, 1], 8000));
    let file = write(home.path(), "nginx.conf", &nginx(free_port(), free_port(), server, home.path(), true));
    let mut nginx = Command::new("nginx");
    nginx.arg("-t").arg("-p").arg(home.path()).arg("-e").arg(at("error.log")).arg("-c").arg(file);
    let tested = nginx.output().expect("nginx, of Debian's package");
    let told = String::from_utf8_lossy(&tested.stderr);
    assert!(tested.status.success() && !told.contains("[warn]"), "{told}");
}

/// The same for Caddy, which has no ports and paths to put.
#[test]
fn the_shipped_configuration_of_caddy_is_taken() {
    let home = tempfile::tempdir().unwrap();
    let file = write(home.path(), "Caddyfile", &shipped("caddy/Caddyfile"));
    let mut caddy = Command::new("caddy");
    caddy.args(["validate", "--adapter", "caddyfile", "--config"]).arg(file).env("HOME", home.path());
    let tested = caddy.env("XDG_DATA_HOME", home.path()).env("XDG_CONFIG_HOME", home.path()).output().unwrap();
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stderr));
}
