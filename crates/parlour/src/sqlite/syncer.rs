//! The thread that waits for the disk so that the writer need not: it carries publications, which were answered already, to the
//! disk, and copies the write-ahead log back into the file while the writer goes on. A slow disk then delays no publication.
//!
//! Syncing the log's file syncs every frame that was written to it before (SQLite, "Write-Ahead Logging" §2.2), whoever wrote it.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::Options;
use super::schema::{self, unavailable};
use crate::backend::Fault;

/// From this size on the log is copied back.
const CHECKPOINT_BYTES: u64 = 4 * 1024 * 1024;
/// And so often at most.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);

/// The writer's side; dropping it waits for the sync that is under way.
pub(super) struct Syncer {
    orders: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The thread is gone.
#[derive(Debug)]
pub(super) struct Gone;

impl Syncer {
    /// Starts the thread; the writer's connection must have been opened before.
    pub(super) fn start(options: &Options) -> Result<Syncer, Fault> {
        let connection = schema::open_checkpointer(options)?;
        let log = log_path(&options.path);
        // One order waits while another is carried out; what a third would ask for, the waiting one does.
        let (orders, queue) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("store-sync".into())
            .spawn(move || run(&queue, &log, &connection))
            .map_err(|error| Fault::Unavailable(error.to_string()))?;
        Ok(Syncer { orders: Some(orders), thread: Some(thread) })
    }

    /// Has everything that was written up to now synced soon.
    pub(super) fn ask(&self) -> Result<(), Gone> {
        match self.orders.as_ref().map(|orders| orders.try_send(())) {
            Some(Ok(()) | Err(TrySendError::Full(()))) => Ok(()),
            Some(Err(TrySendError::Disconnected(()))) | None => Err(Gone),
        }
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the thread that syncs publications panicked");
        }
    }
}

fn log_path(store: &Path) -> PathBuf {
    let mut path = OsString::from(store);
    path.push("-wal");
    path.into()
}

/// Ends when the writer drops its side, or at the first failure: the writer then syncs by itself, and tells of what fails there.
fn run(orders: &Receiver<()>, log: &Path, connection: &Connection) {
    let mut copied = Instant::now();
    for () in orders {
        let done = sync(log).and_then(|bytes| {
            let is_due = bytes >= CHECKPOINT_BYTES && copied.elapsed() >= CHECKPOINT_EVERY;
            if is_due {
                copied = Instant::now();
                copy_back(connection)?;
            }
            Ok(())
        });
        if let Err(fault) = done {
            tracing::error!(%fault, "publications could not be synced beside the writer, which does it from now on");
            return;
        }
    }
}

fn sync(log: &Path) -> Result<u64, Fault> {
    let synced = || {
        let file = File::open(log)?;
        file.sync_data()?;
        Ok::<u64, std::io::Error>(file.metadata()?.len())
    };
    synced().map_err(|error| Fault::Unavailable(error.to_string()))
}

/// Copies what no reader needs; whoever writes is not held up.
fn copy_back(connection: &Connection) -> Result<(), Fault> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).map_err(unavailable)
}
