//! The rows beside the log, as [`Store`] asks for them; each is done where its kind is: comments in `list`, facts in `facts`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use redis::{Cmd, Value};
use tokio::sync::RwLock;

use super::answer::strange;
use super::tag::partition;
use super::{Call, Link, announce, sweep};
use crate::backend::kept::Kept;
use crate::backend::{CommentPage, Counts, Fault, KeyRow, Query, Store, Thread};
use crate::channel::{ChannelName, Key, SiteName};
use crate::comment::{Comment, CommentId, MemberId};

/// How long what is published stays.
#[derive(Clone, Debug)]
pub struct Keep {
    /// Publications of a channel; 0 keeps none.
    pub events: u64,
    /// Milliseconds.
    pub for_ms: i64,
    /// A channel, of whatever site, whose publications are kept whole.
    pub whole: Option<ChannelName>,
    /// Milliseconds after which what moderators took back or for spam goes for good.
    pub purge_ms: i64,
    /// Time between two sweeps for what is too old.
    pub sweep: Duration,
}

/// What is kept in Redis: logs and rows.
pub struct Ledger {
    pub(super) link: Arc<Link>,
    pub(super) database: u16,
    pub(super) keep: Keep,
    /// Read while a call is under way; false once nothing is accepted any more.
    is_open: RwLock<bool>,
}

impl Ledger {
    /// Keeps over this link what a command asks for, and sweeps nothing.
    pub fn beside(link: Arc<Link>, keep: Keep) -> Arc<Ledger> {
        Arc::new(Ledger { database: link.place().database, link, keep, is_open: RwLock::new(true) })
    }

    /// Keeps over this link, and begins to sweep.
    pub fn start(link: Arc<Link>, keep: Keep) -> Arc<Ledger> {
        let every = keep.sweep;
        let ledger = Ledger::beside(link, keep);
        tokio::spawn(sweep::keep_sweeping(Arc::downgrade(&ledger), every));
        ledger
    }

    /// Runs a script, unless the ledger is closed.
    pub(super) async fn script(&self, partition: u16, call: &Call) -> Result<Value, Fault> {
        let is_open = self.is_open.read().await;
        if *is_open { self.link.script(partition, call).await } else { Err(closed()) }
    }

    /// Runs a script about a channel, which may be another name.
    ///
    /// # Errors
    /// [`Fault::Moved`] where it is.
    pub(super) async fn about(&self, key: &Key, call: &Call) -> Result<Value, Fault> {
        match self.script(partition(key), call).await? {
            Value::BulkString(text) if text.first() == Some(&b'>') => {
                let home = std::str::from_utf8(&text[1..]).ok().and_then(|home| ChannelName::parse(home).ok());
                Err(home.map_or_else(strange, Fault::Moved))
            }
            value => Ok(value),
        }
    }

    /// Sends a command that may be done twice, unless the ledger is closed.
    pub(super) async fn command(&self, partition: u16, command: &Cmd) -> Result<Value, Fault> {
        let is_open = self.is_open.read().await;
        if *is_open { self.link.command(partition, command).await } else { Err(closed()) }
    }

    /// What every key of a partition begins with.
    pub(super) fn at(&self, partition: u16) -> String {
        announce::at(self.database, partition)
    }
}

#[async_trait]
impl Store for Ledger {
    async fn comment(
        &self,
        site: &SiteName,
        id: &CommentId,
        member: Option<&MemberId>,
    ) -> Result<Option<(ChannelName, Comment)>, Fault> {
        Ledger::comment(self, site, id, member).await
    }

    async fn comments(&self, key: &Key, query: Query) -> Result<CommentPage, Fault> {
        self.page(key, &query).await
    }

    async fn counts(&self, keys: &[Key]) -> Result<Vec<Counts>, Fault> {
        Ledger::counts(self, keys).await
    }

    async fn count_view(&self, key: &Key) -> Result<u64, Fault> {
        Ledger::count_view(self, key).await
    }

    async fn thread(&self, key: &Key) -> Result<Option<Thread>, Fault> {
        Ledger::thread(self, key).await
    }

    async fn secret(&self) -> Result<[u8; 32], Fault> {
        Ledger::secret(self).await
    }

    async fn add_key(&self, hash: &str, row: KeyRow) -> Result<(), Fault> {
        Ledger::add_key(self, hash, row).await
    }

    async fn find_key(&self, hash: &str) -> Result<Option<KeyRow>, Fault> {
        Ledger::find_key(self, hash).await
    }

    async fn keys(&self) -> Result<Vec<KeyRow>, Fault> {
        Ledger::keys(self).await
    }

    async fn revoke_key(&self, id: &str) -> Result<bool, Fault> {
        Ledger::revoke_key(self, id).await
    }

    async fn kept_of(&self, site: &SiteName, member: &MemberId, limit: usize) -> Result<Kept, Fault> {
        Ledger::kept_of(self, site, member, limit).await
    }

    async fn forget(&self, site: &SiteName, member: &MemberId) -> Result<(), Fault> {
        Ledger::forget(self, site, member).await
    }

    async fn check(&self) -> Result<(), Fault> {
        Ledger::check(self).await
    }

    fn describe(&self) -> String {
        self.link.describe()
    }

    async fn close(&self) {
        // Waits for the calls that are under way; each has its own end.
        *self.is_open.write().await = false;
    }
}

fn closed() -> Fault {
    Fault::Unavailable("the store is closed".to_owned())
}
