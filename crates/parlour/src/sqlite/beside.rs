//! What an operator's command does to a store beside the server that may have it open: keys and the secret, nothing else. Neither
//! touches a log, so neither needs the lock that vouches for one.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::vouch::{self, Lock};
use super::{Options, keys, schema};
use crate::backend::{Fault, KeyRow};

/// How long a command waits for its turn to write beside a server.
const BUSY: Duration = Duration::from_secs(30);

/// A store, opened for a command.
pub struct Beside {
    connection: Connection,
    /// Held where no server runs, so that none starts while the file is made or brought up to date.
    _lock: Option<Lock>,
}

impl Beside {
    /// Opens the store, making it if there is none.
    ///
    /// # Errors
    /// [`Fault::Unavailable`] with a sentence for people.
    pub fn open(path: &Path) -> Result<Beside, Fault> {
        let lock = Lock::take(path).ok();
        vouch::make_file(path)?;
        let connection = schema::open_writer(&Options::new(path))?;
        // A server that writes without a pause leaves few gaps.
        connection.busy_timeout(BUSY).map_err(schema::unavailable)?;
        Ok(Beside { connection, _lock: lock })
    }

    /// The secret made at first start: now, if there was no start yet.
    ///
    /// # Errors
    /// [`Fault::Unavailable`].
    pub fn secret(&self) -> Result<[u8; 32], Fault> {
        vouch::secret(&self.connection)
    }

    /// Keeps a key's hash.
    ///
    /// # Errors
    /// [`Fault::Unavailable`].
    pub fn add_key(&self, hash: &str, row: &KeyRow) -> Result<(), Fault> {
        keys::add(&self.connection, hash, row).map_err(schema::unavailable)
    }

    /// All keys, the oldest first.
    ///
    /// # Errors
    /// [`Fault::Unavailable`].
    pub fn keys(&self) -> Result<Vec<KeyRow>, Fault> {
        keys::all(&self.connection).map_err(schema::unavailable)
    }

    /// Forgets a key by its id; whether there was one.
    ///
    /// # Errors
    /// [`Fault::Unavailable`].
    pub fn revoke_key(&self, id: &str) -> Result<bool, Fault> {
        keys::revoke(&self.connection, id).map_err(schema::unavailable)
    }
}
