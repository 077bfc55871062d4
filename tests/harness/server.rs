//! The server under test.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use figment::Figment;
use figment::providers::{Format, Toml};
use rocket::config::LogLevel;
use rocket::http::Header;
use rocket::local::asynchronous::{Client, LocalResponse};
use rocket::{Build, Rocket, Route};
use sessiond::domain::clock::{Clock, ManualClock, OsEntropy};
use sessiond::domain::ending::Actor;
use sessiond::domain::timestamp::Timestamp;
use sessiond::domain::user::{Label, User};
use sessiond::service::users::{NewUser, NewUserError};
use sessiond::store::memory::{Faults, Memory};
use sessiond::store::sled::Sled;
use sessiond::store::{Environment, Store};
use sessiond::{Config, Service};
use tempfile::TempDir;

use super::probe::{self, Probe};
use super::{Answer, Ask, Person};

/// Everybody's password.
pub const PASSWORD: &str = "a few words in a row";

/// What a test's passwords cost to hash.
const CHEAP: &str = "password_hash = { memory_kib = 8, passes = 1, lanes = 1 }";

/// Which store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum On {
    Memory,
    Sled,
}

pub struct Server {
    client: Client,
    pub clock: Arc<ManualClock>,
    pub service: Arc<Service>,
    pub probe: Arc<Probe>,
    /// Where browsers think they are.
    pub origin: String,
    store: Arc<dyn Store>,
    memory: Option<Arc<Memory>>,
    folder: TempDir,
}

fn configured(folder: &TempDir, settings: &str) -> (Figment, Config) {
    let quiet = rocket::Config { log_level: LogLevel::Off, ..rocket::Config::release_default() };
    let figment = Figment::from(quiet)
        .merge(("sessiond.data", folder.path()))
        .merge(Toml::string(&format!("[sessiond]\n{CHEAP}\n{settings}")));
    let config = Config::extract(&figment).expect("the settings are right");
    (figment, config)
}

async fn opened(folder: &TempDir, environment: &Environment) -> Arc<dyn Store> {
    let opened = Sled::open(&folder.path().join("db"), environment.clone()).await;
    Arc::new(opened.expect("a database"))
}

impl Server {
    /// With the defaults, in memory.
    pub async fn start() -> Self {
        Self::with(On::Memory, "").await
    }

    /// With these settings of `sessiond`, as they would stand in `Rocket.toml`.
    pub async fn with(on: On, settings: &str) -> Self {
        let build = |figment, service, _| sessiond::build(figment, service).expect("the settings are right");
        Self::of(on, settings, build).await
    }

    /// An application of somebody else's around the same service.
    pub async fn of(
        on: On,
        settings: &str,
        application: impl FnOnce(Figment, Arc<Service>, Config) -> Rocket<Build>,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (figment, config) = configured(&folder, settings);
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_767_323_045_678)));
        let environment = Environment { clock: clock.clone(), entropy: Arc::new(OsEntropy), limits: config.limits };
        let mut memory = None;
        let store: Arc<dyn Store> = match on {
            On::Memory => memory.insert(Arc::new(Memory::new(environment.clone()))).clone(),
            On::Sled => opened(&folder, &environment).await,
        };
        Self::around(store, memory, environment, clock, folder, (figment, config), application).await
    }

    /// The same server after a restart with other settings.
    pub async fn restarted(self, settings: &str) -> Self {
        let Self { client, clock, service, store, memory, folder, .. } = self;
        drop((client, service));
        let (figment, config) = configured(&folder, settings);
        let environment = Environment { clock: clock.clone(), entropy: Arc::new(OsEntropy), limits: config.limits };
        let store = if memory.is_some() {
            store
        } else {
            store.close().await.expect("the database closes");
            drop(store);
            opened(&folder, &environment).await
        };
        let build = |figment, service, _| sessiond::build(figment, service).expect("the settings are right");
        Self::around(store, memory, environment, clock, folder, (figment, config), build).await
    }

    async fn around(
        store: Arc<dyn Store>,
        memory: Option<Arc<Memory>>,
        environment: Environment,
        clock: Arc<ManualClock>,
        folder: TempDir,
        (figment, config): (Figment, Config),
        application: impl FnOnce(Figment, Arc<Service>, Config) -> Rocket<Build>,
    ) -> Self {
        let shared = Arc::clone(&store);
        let service = Service::new(shared, environment, config.sign_in());
        let service = Arc::new(service.expect("a cost that argon2 knows"));
        let probe = Arc::new(Probe::default());
        let origin = config.public_url.as_ref().map_or("http://127.0.0.1:8000", |url| url.as_str()).to_owned();
        let rocket = application(figment, Arc::clone(&service), config)
            .manage(Arc::clone(&probe))
            .mount("/", probe::routes())
            .attach(probe::Answered);
        let client = Client::untracked(rocket).await.expect("the server starts");
        Self { client, clock, service, probe, origin, store, memory, folder }
    }

    /// What the store is to do wrong.
    pub fn faults(&self) -> &Faults {
        self.memory.as_ref().expect("only the memory store can be told to fail").faults()
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// Every route there is, the probes among them.
    pub fn routes(&self) -> Vec<Route> {
        self.client.rocket().routes().cloned().collect()
    }

    /// The name of the session cookie.
    pub fn cookie_name(&self) -> &'static str {
        if self.origin.starts_with("https") { "__Host-sessiond" } else { "sessiond" }
    }

    /// Somebody who has just opened a browser.
    pub fn anonymous(&self) -> Person<'_> {
        Person::new(self)
    }

    /// A browser in which the user with this address is signed in. Creates the user the first time.
    pub async fn user(&self, email: &str) -> Person<'_> {
        self.create(email, &[]).await;
        self.anonymous().signed_in(email).await
    }

    /// The same for somebody with the label `admin`.
    pub async fn administrator(&self, email: &str) -> Person<'_> {
        self.create(email, &[Label::admin()]).await;
        self.anonymous().signed_in(email).await
    }

    /// Creates a user as the operator would; `None` if the address is taken.
    pub async fn create(&self, email: &str, labels: &[Label]) -> Option<User> {
        self.create_named(email, "", labels).await
    }

    pub async fn create_named(&self, email: &str, name: &str, labels: &[Label]) -> Option<User> {
        let new = NewUser {
            email: email.to_owned(),
            name: name.to_owned(),
            password: PASSWORD.to_owned(),
            labels: labels.iter().cloned().collect(),
            from: None,
        };
        match self.service.create_user(new, Actor::Operator).await {
            Ok(user) => Some(user),
            Err(NewUserError::EmailTaken) => None,
            Err(error) => panic!("{email} cannot be created: {error}"),
        }
    }

    /// Sends a request as it is, and leaves the body of the answer to be read.
    pub async fn begin(&self, ask: Ask, from: IpAddr) -> LocalResponse<'_> {
        let mut request = self.client.req(ask.method, ask.uri).remote(SocketAddr::new(from, 50_000));
        for (name, value) in ask.headers {
            request.add_header(Header::new(name, value));
        }
        Box::pin(request.body(ask.body).dispatch()).await
    }

    /// Sends a request as it is.
    pub async fn send(&self, ask: Ask, from: IpAddr) -> Answer {
        let asked = format!("{} {}", ask.method, ask.uri);
        let response = self.begin(ask, from).await;
        let headers = response.headers().iter().map(|header| (header.name.to_string(), header.value.to_string()));
        let (status, headers) = (response.status(), headers.collect());
        let body = response.into_bytes().await.unwrap_or_default();
        Answer { asked, status, headers, body: String::from_utf8_lossy(&body).into_owned() }
    }
}
