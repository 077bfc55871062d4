//! Everything at once: sessiond, the proxy with the shipped configuration, and the application.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::application::Application;
use super::visitor::Visitor;
use crate::faults::proxy::{Kind, Proxy, at_home, free_port, put, shipped, write};
use crate::process::{Client, EMAIL, PASSWORD, Program, Server};

const SETTINGS: &str = "{password_hash={memory_kib=64,passes=1},public_url=\"https://login.example.com\",\
                        cookie_domain=\"example.com\",trusted_proxies=[\"127.0.0.1\"]}";

pub struct World {
    pub application: Application,
    pub server: Server,
    pub proxy: Proxy,
    inner: u16,
    home: TempDir,
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn sessiond(home: &Path, port: u16) -> Server {
    let program = Program::new(home).env("ROCKET_SESSIOND", SETTINGS);
    program.args(["serve", "--data", "data"]).listen_at(local(port))
}

/// A certificate for both hosts, which nobody but this test trusts.
fn certificate(home: &Path) {
    let at = |name: &str| home.join(name).to_str().expect("a path that is text").to_owned();
    let words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=example.com"];
    let names = ["-addext", "subjectAltName=DNS:login.example.com,DNS:app.example.com"];
    let files = ["-keyout", &at("privkey.pem"), "-out", &at("fullchain.pem")];
    let made = Command::new("openssl").args(words).args(names).args(files).output();
    assert!(made.expect("openssl, of Debian's package").status.success());
}

/// The shipped file, but for ports, paths and the certificate.
fn nginx(port: u16, server: SocketAddr, application: SocketAddr, home: &Path) -> String {
    let home = home.to_str().expect("a path that is text");
    let mut text = shipped("nginx/protect.conf");
    text = put(&text, "listen 443 ssl http2;", &format!("listen 127.0.0.1:{port} ssl http2;"));
    text = put(&text, "        listen [::]:443 ssl http2;\n", "");
    text = put(&text, "listen 80;", &format!("listen 127.0.0.1:{};", free_port()));
    text = put(&text, "        listen [::]:80;\n", "");
    text = put(&text, "/etc/letsencrypt/live/example.com", home);
    text = put(&text, "server 127.0.0.1:8000;", &format!("server {server};"));
    text = put(&text, "server 127.0.0.1:3000;", &format!("server {application};"));
    at_home(&text, home)
}

fn caddy(port: u16, server: SocketAddr, application: SocketAddr, home: &Path) -> String {
    let home = home.to_str().expect("a path that is text");
    let mut text = put(&shipped("caddy/Caddyfile.protect"), "\tadmin off\n", "\tadmin off\n\tauto_https off\n");
    for host in ["login", "app"] {
        let site = format!(
            "\n{host}.example.com:{port} {{\n\tbind 127.0.0.1\n\ttls {home}/fullchain.pem {home}/privkey.pem\n"
        );
        text = put(&text, &format!("\n{host}.example.com {{\n"), &site);
    }
    text = put(&text, " 127.0.0.1:8000 {", &format!(" {server} {{"));
    put(&text, " 127.0.0.1:3000 {", &format!(" {application} {{"))
}

impl World {
    pub fn behind(kind: Kind) -> Self {
        let home = TempDir::new().unwrap();
        certificate(home.path());
        let application = Application::start();
        let (port, inner) = (free_port(), free_port());
        let mut server = sessiond(home.path(), inner);
        server.set_up();
        let text = match kind {
            Kind::Nginx => nginx(port, local(inner), application.address, home.path()),
            Kind::Caddy => caddy(port, local(inner), application.address, home.path()),
        };
        let proxy = Proxy::with(kind, port, &text, home.path());
        Self { application, server, proxy, inner, home }
    }

    pub fn visitor(&self) -> Visitor {
        Visitor::new(self.proxy.address)
    }

    /// An administrator ends this session, from elsewhere.
    pub fn revoke(&self, session: &str) {
        Client::new(self.server.address).sign_in(EMAIL, PASSWORD).revoke(session, "");
    }

    /// SIGKILL; what is left is the application and the proxy before it.
    pub fn kill(self) -> Halted {
        let Self { application, server, proxy, inner, home } = self;
        server.kill();
        Halted { application, proxy, inner, home }
    }
}

/// The same while sessiond is down.
pub struct Halted {
    pub application: Application,
    proxy: Proxy,
    inner: u16,
    home: TempDir,
}

impl Halted {
    pub fn start(self) -> World {
        let Self { application, proxy, inner, home } = self;
        World { application, server: sessiond(home.path(), inner), proxy, inner, home }
    }
}

/// The files as they are shipped are ones that the programs take, with nothing to remark.
#[test]
fn the_shipped_configurations_that_protect_an_application_are_taken() {
    let home = TempDir::new().unwrap();
    certificate(home.path());
    let file = write(home.path(), "nginx.conf", &nginx(free_port(), local(8000), local(3000), home.path()));
    let mut nginx = Command::new("nginx");
    nginx.arg("-t").arg("-p").arg(home.path()).arg("-e").arg(home.path().join("error.log")).arg("-c").arg(file);
    let tested = nginx.output().expect("nginx, of Debian's package");
    let told = String::from_utf8_lossy(&tested.stderr);
    assert!(tested.status.success() && !told.contains("[warn]"), "{told}");

    let file = write(home.path(), "Caddyfile", &shipped("caddy/Caddyfile.protect"));
    let mut caddy = Command::new("caddy");
    caddy.args(["validate", "--adapter", "caddyfile", "--config"]).arg(file).env("HOME", home.path());
    let tested = caddy.env("XDG_DATA_HOME", home.path()).env("XDG_CONFIG_HOME", home.path()).output();
    let tested = tested.expect("caddy, of Debian's package");
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stderr));
}
