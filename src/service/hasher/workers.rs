//! Threads of the hasher's own, as many as it may use at once, each with memory that it keeps.
//!
//! A hash takes some 20 MB. Asked for and given back each time, small things settle in between, so that the next one does not
//! fit there and asks for more: after thirty sign-ins the process held ten times as much.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use super::memory::Memory;

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

/// See the module. The threads end with it.
pub struct Workers(Sender<Job>);

impl Workers {
    /// Starts `count` threads.
    pub fn start(count: usize) -> io::Result<Self> {
        let (jobs, queue) = channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..count {
            let queue = Arc::clone(&queue);
            thread::Builder::new().name("hasher".to_owned()).spawn(move || {
                let mut memory = Memory::default();
                while one(&queue, &mut memory) {}
            })?;
        }
        Ok(Self(jobs))
    }

    /// Does `work` on one of the threads, in turn; `None` if it panicked.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut Memory) -> T + Send + 'static) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |memory| {
            // Whoever asked may have gone.
            let _ = answer.send(work(memory));
        });
        self.0.send(job).ok()?;
        answered.await.ok()
    }
}

/// Does the next job, and answers whether there may be more.
fn one(queue: &Mutex<Receiver<Job>>, memory: &mut Memory) -> bool {
    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
    let Ok(job) = next else { return false };
    let _ = catch_unwind(AssertUnwindSafe(|| job(memory)));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_that_panics_leaves_the_threads_alive() {
        let workers = Workers::start(1).unwrap();
        assert_eq!(workers.run(|_| panic!("on purpose")).await, None::<()>);
        let names = workers.run(|_| thread::current().name().map(str::to_owned)).await;
        assert_eq!(names, Some(Some("hasher".to_owned())));
    }
}
