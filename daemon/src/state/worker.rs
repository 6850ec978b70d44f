//! The thread that alone touches the database while the daemon runs.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::StateError;
use super::dir::DirLock;

/// Most pieces of work that wait; the next caller waits for room.
const QUEUE: usize = 64;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// Ends the thread, closes the file and releases the lock when dropped.
pub(super) struct Worker {
    path: PathBuf,
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub(super) fn start(mut db: Connection, lock: DirLock, path: PathBuf) -> Result<Self, StateError> {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        let body = move || {
            while let Some(job) = queue.blocking_recv() {
                job(&mut db);
            }
            // Closed before the lock goes, so that the next daemon finds a whole file.
            if let Err((_, error)) = db.close() {
                tracing::warn!(%error, "closing the state");
            }
            drop(lock);
        };
        let spawned = std::thread::Builder::new().name("hydra-state".to_owned()).spawn(body);
        let thread = spawned.map_err(|source| StateError::io("start the thread for", &path, source))?;
        Ok(Self { path, jobs: Some(jobs), thread: Some(thread) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Does `work` after all that came before it. What was sent is done even when the
    /// caller goes away. `None` when the thread has ended.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |db| {
            // A caller that went away does not want the answer.
            drop(answer.send(work(db)));
        });
        self.jobs.as_ref()?.send(job).await.ok()?;
        answered.await.ok()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(path = %self.path.display(), "the state's thread panicked");
        }
    }
}
