//! Writes endings that one new epoch made into the single records, in the background. Nothing waits for it.

use std::sync::Arc;
use std::time::Duration;

use super::Service;

/// Records of one step: a few milliseconds of the committer's time.
const CHUNK: usize = 256;
/// How long it waits after a failure.
const PAUSE: Duration = Duration::from_secs(1);

impl Service {
    /// Reaps until there is nothing more to reap. Answers how many records it wrote.
    pub async fn reap(&self) -> crate::store::Result<usize> {
        let mut all = 0;
        loop {
            let reaped = self.store.reap(CHUNK).await?;
            if reaped == 0 {
                return Ok(all);
            }
            all += reaped;
        }
    }

    /// Reaps whenever something was ended, until the task is dropped.
    pub async fn keep_reaping(self: Arc<Self>) {
        loop {
            if let Err(error) = self.reap().await {
                tracing::warn!(%error, "the reaper stopped; it goes on in a moment");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            self.unreaped.notified().await;
        }
    }
}
