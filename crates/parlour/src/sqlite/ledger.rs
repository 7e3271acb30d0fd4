//! What one transaction of the writer works on, and what comes of each of its tasks. Every task checks before it writes, so a
//! refused one leaves nothing behind and the others of its transaction go on.

use std::sync::Arc;

use parlour_wire::push::Kind;
use rusqlite::Connection;
use sha2::{Digest, Sha256};

use super::channels::Channels;
use super::pages::Told;
use super::{Answer, Task, desk, forget, keys, shelf};
use crate::backend::{Appended, Fault};
use crate::channel::{ChannelName, Key};

/// How long what is published stays.
#[derive(Clone, Debug)]
pub(super) struct Keep {
    /// Publications of a channel; 0 keeps none.
    pub(super) events: u64,
    /// Milliseconds.
    pub(super) for_ms: i64,
    /// A channel that is never trimmed.
    pub(super) whole: Option<ChannelName>,
}

impl Keep {
    /// Whether the channel is trimmed at all.
    pub(super) fn trims(&self, key: &Key) -> bool {
        self.whole.as_ref() != Some(&key.channel)
    }
}

/// The writer's connection and memory.
pub(super) struct Ledger {
    pub(super) connection: Connection,
    pub(super) channels: Channels,
    pub(super) keep: Keep,
    /// Whether text was withdrawn since the write-ahead log was last cut.
    pub(super) has_withdrawn: bool,
}

/// Why a task came to nothing.
#[derive(Debug)]
pub(super) enum Halt {
    /// Refused before anything was written: the transaction goes on.
    Refused(Fault),
    /// The database failed: the transaction is over.
    Broken(rusqlite::Error),
}

impl From<rusqlite::Error> for Halt {
    fn from(error: rusqlite::Error) -> Halt {
        Halt::Broken(error)
    }
}

/// What came of an append, before it is known whether the transaction holds.
pub(super) struct Outcome {
    pub(super) appended: Appended,
    /// What there is to tell; `None` where the log did not grow.
    pub(super) news: Option<News>,
}

/// What a new entry of the log says beyond the append itself. The entry is built once the commit held, and only if somebody
/// watches.
pub(super) enum News {
    /// What the append said.
    Publication,
    /// A comment's change; `data` is what is told of it where that is not the whole comment.
    Comment { kind: Kind, made: u64, previous: u64, data: Option<Arc<str>>, time_ms: i64 },
    /// The data of `thread.updated`.
    Thread(Arc<str>),
    /// A channel became another name; what was asked says which.
    Pages(Told),
}

impl Ledger {
    /// Does one task within the transaction.
    pub(super) fn perform(&mut self, task: &Task) -> Result<(Answer, Option<News>), Halt> {
        match task {
            Task::Append { key, append } => {
                let outcome = self.append(key, append)?;
                Ok((Answer::Appended(Box::new(outcome.appended)), outcome.news))
            }
            Task::AddKey { hash, row } => {
                keys::add(&self.connection, hash, row)?;
                Ok((Answer::Done(true), None))
            }
            Task::RevokeKey { id } => Ok((Answer::Done(keys::revoke(&self.connection, id)?), None)),
            Task::CountView { key } => {
                let slot = self.channels.make(&self.connection, key)?;
                let sql = "UPDATE channel SET views = views + 1 WHERE id = ?1 RETURNING views";
                let views = self.connection.prepare_cached(sql)?.query_row([self.channels.at(slot).id], |row| row.get(0))?;
                Ok((Answer::Viewed(views), None))
            }
            Task::Swap { swaps, now_ms } => Ok((Answer::Done(shelf::swap(&self.connection, swaps, *now_ms)?), None)),
            Task::Desk { site, change } => Ok((Answer::Desk(desk::change(&self.connection, site, change)?), None)),
            Task::Forget { site, member } => {
                forget::forget(&self.connection, site, member)?;
                Ok((Answer::Done(true), None))
            }
            Task::Pages(change) => {
                let told = self.change_pages(change)?;
                Ok((Answer::Done(true), Some(News::Pages(told))))
            }
            Task::Check => {
                self.tick()?;
                Ok((Answer::Done(true), None))
            }
            Task::Close => Ok((Answer::Done(true), None)),
        }
    }

    /// The smallest write: proves that writing works, and carries a sync to what was committed without one.
    pub(super) fn tick(&self) -> rusqlite::Result<()> {
        let sql = "INSERT INTO meta (name, value) VALUES ('tick', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1";
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }
}

/// A short hash of several texts, each with its length before it so that none runs into the next.
pub(super) fn hash(texts: &[&str]) -> [u8; 16] {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    }
    let mut short = [0; 16];
    short.copy_from_slice(&hasher.finalize()[..16]);
    short
}
