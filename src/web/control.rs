//! The operator's door of a running server: an address of its own on this machine alone, and a key that stands in a file of
//! the data folder which only the server's user may read. Programs use it, never a browser.

use std::fs;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;
use rocket::data::{Data, ToByteUnit};
use rocket::http::{ContentType, Status};
use rocket::request::{FromRequest, Outcome, Request};
use rocket::response::stream::ByteStream;
use rocket::{State, catch, catchers, get, post, routes};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::listener::{self, Listener};
use crate::domain::clock::{Entropy, random};
use crate::keys::mac;
use crate::private;
use crate::service::operator::{Check, Compact, How, Operator, Refused, Upkeep, carry_out};
use crate::store::sled::Sled;

/// The file's name in the data folder.
const FILE: &str = "control";
/// A command's text is never longer.
const LONGEST: u64 = 1 << 20;
/// Pieces of a backup on their way.
const PIECES: usize = 16;
/// A backup that nobody reads on for so long is broken off: it holds up whatever wants the database to itself.
const STALLED: Duration = Duration::from_secs(30);
/// Backups that were sent to be restored are put down under such names.
const RECEIVED: &str = "restore-";

/// Where the door is and what opens it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Control {
    /// Where.
    pub address: SocketAddr,
    /// What to send as `Authorization: Bearer …`.
    pub key: String,
}

impl Control {
    /// What the server that has `data` open, or had, left there.
    pub fn read(data: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(data.join(FILE)).ok()?).ok()
    }

    /// Whether `answer` to `nonce` comes from somebody who has the key.
    pub fn is_proved(&self, nonce: &str, answer: &str) -> bool {
        proof(&self.key, nonce).as_bytes().ct_eq(answer.as_bytes()).into()
    }

    fn write(&self, data: &Path) -> io::Result<()> {
        private::replace(data, FILE, &serde_json::to_vec(self)?)
    }
}

/// A door that is open.
pub struct Opened {
    listener: Listener,
    file: PathBuf,
}

impl Opened {
    /// Lets what is under way end, and closes it.
    pub async fn close(self) {
        // Whoever looks for the door now must not find it.
        let _ = fs::remove_file(&self.file);
        self.listener.close().await;
    }
}

/// Opens the door.
///
/// # Errors
/// If there is no port, or the file cannot be written.
pub async fn open(operator: Operator, store: Arc<Sled>, data: &Path, entropy: &dyn Entropy) -> io::Result<Opened> {
    remove_received(data)?;
    let key = URL_SAFE_NO_PAD.encode(random::<32>(entropy));
    let rocket = rocket::custom(listener::figment((Ipv4Addr::LOCALHOST, 0).into()))
        .manage(operator)
        .manage(store)
        .manage(Key(key.clone()))
        .manage(Folder(data.to_owned()))
        .mount("/", routes![ping, run, dry_run, backup, restore])
        .register("/", catchers![refused]);
    let listener = Listener::open(rocket)
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("the operator's door cannot be opened: {error}")))?;
    Control { address: listener.address(), key }.write(data)?;
    Ok(Opened { listener, file: data.join(FILE) })
}

/// What a server that was killed has left of backups it was sent.
fn remove_received(data: &Path) -> io::Result<()> {
    for entry in fs::read_dir(data)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(RECEIVED) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

struct Key(String);

struct Folder(PathBuf);

/// Whoever sent the key.
struct Authorized;

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Authorized {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let sent = request.headers().get_one("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let right = request
            .rocket()
            .state::<Key>()
            .zip(sent)
            .is_some_and(|(key, sent)| bool::from(key.0.as_bytes().ct_eq(sent.as_bytes())));
        if right { Outcome::Success(Self) } else { Outcome::Error((Status::Unauthorized, ())) }
    }
}

pub type Answer = (Status, (ContentType, String));

fn answer(done: Result<impl Serialize, Refused>) -> Answer {
    told(done.and_then(|done| serde_json::to_string(&done).map_err(Refused::failed)))
}

/// The answer to a command, which is JSON already.
pub fn told(done: Result<String, Refused>) -> Answer {
    match done {
        Ok(text) => (Status::Ok, (ContentType::JSON, text)),
        Err(refused) => {
            let text = serde_json::to_string(&refused).unwrap_or_default();
            (Status::UnprocessableEntity, (ContentType::JSON, text))
        }
    }
}

/// Answers what only who has the key can: whoever asks need not show it to find out.
#[get("/ping?<nonce>")]
fn ping(nonce: &str, key: &State<Key>) -> Option<String> {
    (nonce.len() == NONCE).then(|| proof(&key.0, nonce))
}

/// The length of a question, in characters.
const NONCE: usize = 43;

/// Something that nobody has asked before.
pub fn nonce(entropy: &dyn Entropy) -> String {
    URL_SAFE_NO_PAD.encode(random::<32>(entropy))
}

fn proof(key: &str, nonce: &str) -> String {
    URL_SAFE_NO_PAD.encode(mac(key.as_bytes(), "control", &[nonce.as_bytes()]).finalize().into_bytes())
}

#[post("/run/<name>", data = "<text>")]
async fn run(
    _key: Authorized,
    name: &str,
    text: Data<'_>,
    operator: &State<Operator>,
    store: &State<Arc<Sled>>,
) -> Answer {
    match name {
        Check::NAME => answer(Check.run(store).await),
        Compact::NAME => answer(Compact.run(store).await),
        _ => match read(text, LONGEST).await {
            Ok(text) => told(carry_out(operator, name, &text, How::ForGood).await),
            Err(refused) => told(Err(refused)),
        },
    }
}

/// A path of its own: a server that does not know it must not do what was only to be told.
#[post("/dry-run/<name>", data = "<text>")]
async fn dry_run(_key: Authorized, name: &str, text: Data<'_>, operator: &State<Operator>) -> Answer {
    match read(text, LONGEST).await {
        Ok(text) => told(carry_out(operator, name, &text, How::DryRun).await),
        Err(refused) => told(Err(refused)),
    }
}

/// A command's text.
pub async fn read(text: Data<'_>, longest: u64) -> Result<String, Refused> {
    match text.open(longest.bytes()).into_string().await {
        Ok(text) if text.is_complete() => Ok(text.into_inner()),
        _ => Err(Refused::usage("the command is too long or cannot be read")),
    }
}

/// The backup; cut short if it cannot be made, which its reader notices.
#[get("/backup")]
fn backup(_key: Authorized, store: &State<Arc<Sled>>) -> ByteStream![Vec<u8>] {
    let (pieces, mut made) = mpsc::channel(PIECES);
    let store = Arc::clone(store);
    tokio::spawn(async move {
        if let Err(error) =
            store.back_up_open(io::BufWriter::with_capacity(1 << 16, Pieces(pieces, Handle::current()))).await
        {
            tracing::error!(%error, "a backup was broken off");
        }
    });
    ByteStream! {
        while let Some(piece) = made.recv().await {
            yield piece;
        }
    }
}

struct Pieces(mpsc::Sender<Vec<u8>>, Handle);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.1.block_on(tokio::time::timeout(STALLED, self.0.send(bytes.to_vec())));
        match sent {
            Ok(Ok(())) => Ok(bytes.len()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "nobody reads the backup")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes a backup and puts it in the place of the database.
#[post("/restore", data = "<file>")]
async fn restore(_key: Authorized, file: Data<'_>, store: &State<Arc<Sled>>, folder: &State<Folder>) -> Answer {
    let received = tempfile::Builder::new().prefix(RECEIVED).tempfile_in(&folder.0);
    let received = match received {
        Ok(received) => received,
        Err(error) => return told(Err(Refused::failed(format!("the backup cannot be put down: {error}")))),
    };
    let whole = file.open(u64::MAX.bytes()).into_file(received.path()).await;
    match whole {
        Ok(whole) if whole.is_complete() => {}
        _ => return told(Err(Refused::failed("the backup did not arrive whole; nothing was changed"))),
    }
    answer(store.restore_open(received.path()).await.map_err(Refused::from))
}

#[catch(default)]
fn refused(status: Status, _: &Request<'_>) -> Answer {
    let told = format!("the operator's door says {status}");
    let text = serde_json::to_string(&Refused::failed(told)).unwrap_or_default();
    (status, (ContentType::JSON, text))
}
