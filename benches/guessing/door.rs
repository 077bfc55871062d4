//! A server, and somebody who tries to get in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use figment::Figment;
use figment::providers::{Format, Toml};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rocket::config::LogLevel;
use rocket::http::{ContentType, Header, Status};
use rocket::local::asynchronous::Client;
use sessiond::{Config, Service};

/// Every try is looked at; everything else is as it comes.
const SETTINGS: &str = "[sessiond]
login_limits = { per_ip = \"1000000/1s\", per_account = \"1000000/1s\", all = \"1000000/1s\" }";
const WRONG: &str = "none of these words is right";
const HOST: &str = "127.0.0.1:8000";

pub struct Door {
    client: Client,
    pub service: Arc<Service>,
    /// What binds the form to the browser.
    cookie: String,
    token: String,
    _folder: tempfile::TempDir,
}

impl Door {
    pub async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let quiet = rocket::Config { log_level: LogLevel::Off, ..rocket::Config::release_default() };
        let figment = Figment::from(quiet).merge(Toml::string(SETTINGS)).merge(("sessiond.data", folder.path()));
        let config = Config::extract(&figment).unwrap();
        let service = sessiond::open(&config).await.unwrap();
        let rocket = sessiond::build(figment, Arc::clone(&service)).unwrap();
        let client = Client::untracked(rocket).await.unwrap();

        let page = client.get("/login").header(Header::new("Host", HOST)).dispatch().await;
        let cookie = page.headers().get_one("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let body = page.into_string().await.unwrap();
        let token = body.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        Self { client, service, cookie, token, _folder: folder }
    }

    /// One failed sign-in, from the request's first byte to the answer's last.
    pub async fn try_as(&self, email: &str) -> Duration {
        let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        // The token stands there as browsers send it: its letters need no escaping, and the gate knows no other spelling.
        let form = format!("csrf={}&next=&email={}&password={}", self.token, encode(email), encode(WRONG));
        let request = self.client.post("/login").header(ContentType::Form).body(form);
        let request = request.header(Header::new("Host", HOST)).header(Header::new("Cookie", self.cookie.clone()));
        let request = request.remote("192.0.2.10:50000".parse().unwrap());
        let start = Instant::now();
        let answer = Box::pin(request.dispatch()).await;
        let status = answer.status();
        let body = answer.into_bytes().await.unwrap();
        let time = start.elapsed();
        assert_eq!(status, Status::Unauthorized, "{}", String::from_utf8_lossy(&body));
        time
    }

    pub async fn close(&self) {
        self.service.store().close().await.unwrap();
    }
}
