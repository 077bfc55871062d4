//! Whoever reads a feed, as browsers do.

use rocket::local::asynchronous::LocalResponse;
use rocket::tokio::io::AsyncReadExt;
use serde_json::Value;

/// Far more than anything here takes.
const PATIENCE: std::time::Duration = std::time::Duration::from_mins(1);

/// An open feed.
pub struct Reader<'s> {
    response: LocalResponse<'s>,
    unread: String,
    /// Where it stood when it was opened.
    pub at: String,
}

/// One event: the lines up to an empty one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block {
    pub id: String,
    pub event: String,
    pub data: String,
}

impl Block {
    pub fn told(&self) -> Value {
        let told: Value = serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert_eq!((told["id"].as_str(), told["type"].as_str()), (Some(&*self.id), Some(&*self.event)), "{self:?}");
        told
    }
}

/// What was opened, once it has said where it stands.
pub async fn following(response: LocalResponse<'_>) -> Reader<'_> {
    let header = |name| response.headers().get_one(name).unwrap_or_default().to_owned();
    assert_eq!((response.status().code, header("content-type").as_str()), (200, "text/event-stream"));
    assert!(header("cache-control").contains("no-store"), "{}", header("cache-control"));
    assert_eq!(header("x-accel-buffering"), "no");
    let mut reader = Reader { response, unread: String::new(), at: String::new() };
    let first = reader.block().await.expect("its place");
    assert_eq!((first.event.as_str(), first.data.as_str()), ("", ""));
    reader.at = first.id;
    reader
}

/// Waits for what must come: a stream that should have been refused has no end.
pub async fn wait<T>(coming: impl Future<Output = T>) -> T {
    rocket::tokio::time::timeout(PATIENCE, coming).await.expect("it hangs")
}

impl Reader<'_> {
    /// The next event.
    pub async fn next(&mut self) -> Block {
        loop {
            let block = self.block().await.expect("the feed has ended");
            if !block.data.is_empty() {
                return block;
            }
        }
    }

    /// What comes until it ends, which it must.
    pub async fn rest(&mut self) -> String {
        let mut rest = String::new();
        while let Some(block) = self.block().await {
            rest.push_str(&block.data);
        }
        rest
    }

    async fn block(&mut self) -> Option<Block> {
        while !self.unread.contains("\n\n") {
            let mut bytes = [0; 1024];
            let read = wait(self.response.read(&mut bytes)).await.expect("the stream is not broken");
            if read == 0 {
                assert_eq!(self.unread, "", "it ends between two events");
                return None;
            }
            self.unread.push_str(std::str::from_utf8(&bytes[..read]).expect("ASCII"));
        }
        let (lines, rest) = self.unread.split_once("\n\n")?;
        let mut block = Block::default();
        for line in lines.lines() {
            match line.split_once(':').expect("a field") {
                ("id", id) => id.trim_start().clone_into(&mut block.id),
                ("event", event) => event.trim_start().clone_into(&mut block.event),
                ("data", data) => block.data.push_str(data.trim_start()),
                ("" | "retry", _) => {}
                other => panic!("{other:?}"),
            }
        }
        let rest = rest.to_owned();
        self.unread = rest;
        Some(block)
    }
}
