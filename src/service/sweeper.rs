//! Removing what has been past for long enough, in the background. Nothing waits for it.

use std::sync::Arc;
use std::time::Duration;

use super::Service;

/// Records of one step: a few milliseconds of the committer's time.
const CHUNK: usize = 256;
/// How often it looks.
const PAUSE: Duration = Duration::from_hours(1);

impl Service {
    /// Removes what was past more than `retention` ago.
    pub async fn sweep(&self, retention: Duration) -> crate::store::Result<()> {
        let before = self.clock.now() - retention;
        while self.store.sweep(before, CHUNK).await? > 0 {}
        Ok(())
    }

    /// Sweeps every hour, until the task is dropped.
    pub async fn keep_sweeping(self: Arc<Self>, retention: Duration) {
        loop {
            if let Err(error) = self.sweep(retention).await {
                tracing::warn!(%error, "the sweeper stopped; it tries again in an hour");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
