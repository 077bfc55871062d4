//! The doors for browsers, and the gate before all of them. The only place that knows the web framework.

mod address;
mod answer;
mod api_key;
mod assets;
mod confirm;
pub(crate) mod control;
mod cookie;
mod csrf;
mod derived;
mod device;
mod doors;
mod error;
mod events;
mod filled;
mod flash;
mod format;
mod gate;
mod guards;
mod headers;
mod keyed;
mod later;
mod launch;
mod listener;
mod next;
mod person;
mod qr;
mod reject;
mod seen;
mod session_cookies;
mod shape;
mod text;
mod ticket;
mod told_user;
mod view;

use std::io;
use std::sync::Arc;

use rocket::data::{Limits, ToByteUnit};
use rocket::{Build, Request, Rocket};
use tokio::sync::Mutex;

use self::cookie::Names;
pub(crate) use self::doors::api::document as openapi;
pub use self::gate::Gate;
pub use self::guards::{AdminSession, CurrentSession};
pub use self::launch::{BuildError, LaunchError, Listening, build, figment, launch};
use crate::config::Config;
use crate::domain::timestamp::Timestamp;
use crate::keys::Keys;
use crate::service::Service;

/// What the gate and the pages share.
pub(crate) struct Core {
    service: Arc<Service>,
    config: Config,
    keys: Keys,
    names: Names,
    /// Whether the store took changes when it was last asked, and when that was.
    readiness: Mutex<Option<(Timestamp, Result<(), String>)>>,
}

/// Stands in the application's state where the pages are mounted.
struct Mounted;

/// Whether this path leads to the door for commands from afar. Without our pages it is another application's own.
fn is_afar(request: &Request<'_>, path: &str) -> bool {
    path.starts_with("/operator/") && request.rocket().state::<Mounted>().is_some()
}

/// A service with its settings and keys, to be attached to an application.
pub struct Sessiond(Arc<Core>);

impl Sessiond {
    /// Reads or makes the server's keys in the data folder.
    ///
    /// # Errors
    /// If the keys cannot be read or written.
    pub fn new(service: Arc<Service>, config: Config) -> io::Result<Self> {
        std::fs::create_dir_all(&config.data)?;
        let keys = Keys::open(&config.data, service.clock(), service.entropy())?;
        let names = Names::new(&config);
        Ok(Self(Arc::new(Core { service, config, keys, names, readiness: Mutex::default() })))
    }

    /// The service, for signing in and ending sessions from an application's own code.
    pub fn service(&self) -> &Arc<Service> {
        &self.0.service
    }

    /// The gate. Attach it last: a request fairing after it could rewrite the request again.
    pub fn gate(&self) -> Gate {
        Gate(Arc::clone(&self.0))
    }

    /// Adds the pages, their static files and the gate to an application.
    ///
    /// # Errors
    /// If the folder that the template engine insists on cannot be made.
    pub fn attach(&self, rocket: Rocket<Build>) -> io::Result<Rocket<Build>> {
        // The engine does not start without a folder, though every template is inside the binary.
        let folder = self.0.config.data.join("templates");
        std::fs::create_dir_all(&folder)?;
        let limits = Limits::new()
            .limit("form", 32.kibibytes())
            .limit("data-form", 32.kibibytes())
            .limit("file", 32.kibibytes())
            .limit("string", 8.kibibytes())
            .limit("bytes", 8.kibibytes())
            .limit("json", 64.kibibytes())
            .limit("msgpack", 64.kibibytes());
        let figment = rocket.figment().clone();
        let figment = figment.merge(("template_dir", folder)).merge(("limits", limits));
        // Whoever sends X-Real-IP is believed by default; and nobody needs to know what runs here.
        let figment = figment.merge(("ip_header", false)).merge(("ident", false));
        let rocket = rocket
            .configure(figment)
            .manage(Mounted)
            .mount("/", doors::pages::routes())
            .mount("/", doors::operators::public(&self.0.config))
            .mount("/", doors::afar::routes())
            .mount("/", doors::proxy::routes())
            .mount("/", assets::routes())
            .register("/", error::catchers());
        Ok(doors::api::attach(rocket).attach(assets::templates()).attach(self.gate()))
    }
}
