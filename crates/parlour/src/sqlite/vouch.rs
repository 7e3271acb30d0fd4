//! What vouches for the log: the lock that lets one process write a store, and the epoch.
//!
//! The file notes the device and inode it lies on, the boot of the machine, and a word that changes with every opening and
//! closing and is written beside it too, in `PATH.lock`. If they are as noted, the log is whole and the epoch stays: after a
//! clean restart and after `kill -9`. A copy, a restored backup, and a machine that went down with the store open get a new one.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use parlour_wire::position::Epoch;
use rusqlite::{Connection, OptionalExtension};
use rustix::fs::{FlockOperation, flock};

use super::schema::unavailable;
use crate::backend::Fault;

/// Letters of a store's part of the epoch; a channel's generation follows.
const BASE_LETTERS: usize = 16;
const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// A run's word is no longer than this; what is longer was not written here.
const WORD_BYTES_MAX: u64 = 64;

/// The lock on a store, held as long as it lives.
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock beside `path`, or says that another process has it.
    pub(super) fn take(path: &Path) -> Result<Lock, Fault> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let name = PathBuf::from(name);
        let file = private(&name)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| Fault::Unavailable(format!("another process writes this store ({} is locked)", name.display())))?;
        Ok(Lock { file })
    }

    fn word(&mut self) -> Result<String, Fault> {
        let mut word = String::new();
        self.file.seek(SeekFrom::Start(0)).map_err(failed)?;
        // Bytes that are no text are a word that was never noted, so the epoch changes; that is all.
        match (&self.file).take(WORD_BYTES_MAX).read_to_string(&mut word) {
            Ok(_) => Ok(word),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Ok(String::new()),
            Err(error) => Err(failed(error)),
        }
    }

    fn note(&mut self, word: &str) -> Result<(), Fault> {
        self.file.set_len(0).map_err(failed)?;
        self.file.seek(SeekFrom::Start(0)).map_err(failed)?;
        self.file.write_all(word.as_bytes()).map_err(failed)?;
        self.file.sync_data().map_err(failed)
    }
}

/// Makes the file if there is none, readable by its owner alone. SQLite gives its other files the same mode.
pub(super) fn make_file(path: &Path) -> Result<(), Fault> {
    private(path).map(drop)
}

fn private(path: &Path) -> Result<File, Fault> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| Fault::Unavailable(format!("{}: {error}", path.display())))
}

fn failed(error: std::io::Error) -> Fault {
    Fault::Unavailable(error.to_string())
}

/// What the file says of itself, or what is so now.
#[derive(PartialEq)]
struct Witness {
    device: String,
    inode: String,
    boot: String,
}

impl Witness {
    fn now(path: &Path) -> Result<Witness, Fault> {
        let metadata = std::fs::metadata(path).map_err(failed)?;
        // Where the system does not name its boots, every unclean end counts as the machine's.
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Ok(Witness { device: metadata.dev().to_string(), inode: metadata.ino().to_string(), boot: boot.trim().to_owned() })
    }
}

/// Decides the epoch at opening and notes who opened. The answer is the part that all channels share.
pub(super) fn vouch(connection: &Connection, path: &Path, lock: &mut Lock) -> Result<String, Fault> {
    let now = Witness::now(path)?;
    let noted = |name| text(connection, name).map_err(unavailable);
    let same_file = noted("device")?.as_ref() == Some(&now.device) && noted("inode")?.as_ref() == Some(&now.inode);
    let same_run = noted("run")?.is_some_and(|run| !run.is_empty()) && noted("run")? == Some(lock.word()?);
    let same_boot = !now.boot.is_empty() && noted("boot")?.as_ref() == Some(&now.boot);
    let closed = noted("closed")?.as_deref() == Some("yes");
    let epoch = match noted("epoch")? {
        Some(epoch) if same_file && same_run && (closed || same_boot) => epoch,
        _ => letters(BASE_LETTERS),
    };
    let facts =
        [("epoch", epoch.as_str()), ("device", &now.device), ("inode", &now.inode), ("boot", &now.boot), ("closed", "no")];
    sign(connection, lock, &facts)?;
    Ok(epoch)
}

/// Notes that nothing is missing, as the last thing written.
pub(super) fn close(connection: &Connection, lock: &mut Lock) -> Result<(), Fault> {
    sign(connection, lock, &[("closed", "yes")])
}

/// Writes facts and a new word for this opening or closing, first in the file, then beside it. If the process ends in
/// between, the next one finds them different and takes a new epoch: needless, but never wrong.
fn sign(connection: &Connection, lock: &mut Lock, facts: &[(&str, &str)]) -> Result<(), Fault> {
    let word = letters(26);
    let transaction = connection.unchecked_transaction().map_err(unavailable)?;
    for (name, value) in facts.iter().chain(&[("run", word.as_str())]) {
        transaction
            .execute("INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2", (name, value))
            .map_err(unavailable)?;
    }
    transaction.commit().map_err(unavailable)?;
    lock.note(&word)
}

fn text(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    connection.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0)).optional()
}

/// The secret: made when there is none.
pub(super) fn secret(connection: &Connection) -> Result<[u8; 32], Fault> {
    let kept = || {
        connection.query_row("SELECT value FROM meta WHERE name = 'secret'", [], |row| row.get(0)).optional().map_err(unavailable)
    };
    // Read first: a command beside a busy server would have to wait for its turn to write.
    if let Some(secret) = kept()? {
        return Ok(secret);
    }
    let fresh: [u8; 32] = rand::random();
    connection
        .execute("INSERT INTO meta (name, value) VALUES ('secret', ?1) ON CONFLICT (name) DO NOTHING", [fresh])
        .map_err(unavailable)?;
    // Another process may have been first.
    Ok(kept()?.unwrap_or(fresh))
}

/// Random letters and digits. The slight preference for some of them does not matter to a name.
fn letters(count: usize) -> String {
    (0..count).map(|_| char::from(ALPHABET[usize::from(rand::random::<u8>()) % ALPHABET.len()])).collect()
}

/// A channel's epoch: the store's, and its own generation once it has one.
pub(super) fn epoch(base: &str, generation: u64) -> Result<Epoch, rusqlite::Error> {
    let mut text = base.to_owned();
    let mut rest = generation;
    while rest > 0 {
        text.push(char::from(ALPHABET[(rest % 36) as usize]));
        rest /= 36;
    }
    Epoch::new(&text).map_err(|fault| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(fault)))
}
