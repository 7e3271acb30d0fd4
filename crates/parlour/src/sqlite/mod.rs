//! The backend of one node: everything in one SQLite file.
//!
//! One thread writes ([`writer`]), in transactions that carry all that waits; a few read, each in a snapshot of its own. The
//! log keeps publications as rows and comments as references: a comment's row bears the offset of its last change, so what a
//! late reader gets is always the comment as it is now. One process has a store open at a time, and `vouch` decides at the
//! opening whether the log is still the one that readers' positions speak of. Who may read or write what is not asked here.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

use async_trait::async_trait;
use parking_lot::RwLock;
use parlour_wire::position::Position;
use rusqlite::Connection;

pub use self::beside::Beside;

use self::announce::{Announcer, Watched};
use self::channels::Channels;
use self::ledger::{Keep, Ledger};
use self::passing::{Known, Passing};
use self::readers::Readers;
use self::schema::unavailable;
use self::syncer::Syncer;
use self::vouch::Lock;
use self::writer::{Clock, Thread as WriterThread, Timing, Writer};
use crate::backend::kept::Kept;
use crate::backend::{
    Alone, Append, Appended, Backend, CommentPage, Counts, Cursor, Fault, KeyRow, Lanes, List, Log, NodeId, Part, Query, Range,
    Shelf, Signal, Store, Swap, Thread,
};
use crate::channel::{ChannelName, Key, SiteName};
use crate::comment::{Comment, CommentId, Limits, MemberId};

mod announce;
mod append;
mod beside;
mod channels;
mod claim;
mod comments;
mod decide;
mod desk;
mod forget;
mod kept;
mod keys;
mod ledger;
mod list;
mod log;
mod pages;
mod passing;
mod purge;
mod reactions;
mod readers;
mod rows;
mod schema;
mod shelf;
mod sweep;
mod syncer;
mod tree;
mod vouch;
mod walk;
mod writer;

/// Which file, and how much it keeps.
#[derive(Clone, Debug)]
pub struct Options {
    /// The database file; made if there is none, in a directory that exists. `PATH.lock`, `PATH-wal` and `PATH-shm` lie beside it.
    pub path: PathBuf,
    /// Publications that a channel keeps; 0 keeps none.
    pub keep_events: u64,
    /// How long it keeps them, in milliseconds.
    pub keep_for_ms: i64,
    /// A channel, of whatever site, whose publications are kept whole.
    pub keep_whole: Option<ChannelName>,
    /// Threads that read, 1–16.
    pub readers: usize,
    /// Publications are synced after at most so many milliseconds.
    pub sync_ms: u64,
    /// Milliseconds between two sweeps for publications that are too old.
    pub sweep_ms: u64,
    /// How long after it was withdrawn text may still lie in the files, in milliseconds.
    pub purge_ms: i64,
    /// Whether anything is synced; `false` is for measuring what syncing costs.
    #[doc(hidden)]
    pub sync: bool,
    /// The file may not grow beyond so many pages: a full disk, for tests.
    #[doc(hidden)]
    pub pages_max: Option<u32>,
    /// Counts what the writer does.
    pub counters: Arc<Counters>,
}

impl Options {
    /// The defaults of CONTRACT §3 for this file.
    pub fn new(path: impl Into<PathBuf>) -> Options {
        let limits = Limits::default();
        Options {
            path: path.into(),
            keep_events: limits.keep_events_max,
            keep_for_ms: limits.keep_for_ms,
            keep_whole: None,
            readers: 3,
            sync_ms: 50,
            sweep_ms: 60_000,
            purge_ms: limits.purge_ms,
            sync: true,
            pages_max: None,
            counters: Arc::default(),
        }
    }
}

/// What the writer has done since it started.
#[derive(Debug, Default)]
pub struct Counters {
    tasks: AtomicU64,
    commits: AtomicU64,
    synced: AtomicU64,
}

impl Counters {
    /// Tasks that were committed.
    pub fn tasks(&self) -> u64 {
        self.tasks.load(Ordering::Relaxed)
    }

    /// Transactions that they took.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Those of the transactions that were synced.
    pub fn synced(&self) -> u64 {
        self.synced.load(Ordering::Relaxed)
    }
}

/// What the writer is asked to do.
enum Task {
    Append { key: Key, append: Append },
    AddKey { hash: String, row: KeyRow },
    RevokeKey { id: String },
    CountView { key: Key },
    Swap { swaps: Vec<Swap>, now_ms: i64 },
    Forget { site: SiteName, member: MemberId },
    Desk { site: SiteName, change: desk::Change },
    Pages(pages::Change),
    Check,
    Close,
}

/// What it answers.
enum Answer {
    Appended(Box<Appended>),
    Done(bool),
    Viewed(u64),
    Desk(desk::Changed),
}

/// The open store.
struct Sqlite {
    writer: Writer,
    readers: Readers,
    watched: Watched,
    lanes: Lanes,
    /// Channels that keep nothing, where that is the rule.
    passing: Option<Arc<Passing>>,
    counters: Arc<Counters>,
    base: Arc<str>,
    secret: [u8; 32],
    described: String,
}

/// Opens the store, making or upgrading the file, and starts its threads. Deliveries go into `lanes`.
///
/// # Errors
/// [`Fault::Unavailable`] with a sentence for people: the file cannot be opened, is newer than this program or not Parlour's,
/// or another process writes it.
pub fn open(options: Options, lanes: Lanes) -> Result<Backend, Fault> {
    let mut lock = Lock::take(&options.path)?;
    vouch::make_file(&options.path)?;
    let connection = schema::open_writer(&options)?;
    let base: Arc<str> = vouch::vouch(&connection, &options.path, &mut lock)?.into();
    let secret = vouch::secret(&connection)?;
    schema::limit_pages(&connection, &options)?;
    reactions::tell_what_was_due(&connection).map_err(schema::unavailable)?;
    let readers = Readers::start(&options)?;
    let watched: Watched = Arc::new(RwLock::new(HashSet::new()));
    let keep = Keep { events: options.keep_events, for_ms: options.keep_for_ms, whole: options.keep_whole.clone() };
    let passing = match keep.events {
        0 => Some(Arc::new(Passing::new(base.clone(), keep.whole.clone(), lanes.clone(), watched.clone()).map_err(unavailable)?)),
        _ => None,
    };
    let thread = WriterThread {
        // Another process may have withdrawn what still lies in the log.
        ledger: Ledger { connection, channels: Channels::new(base.clone(), passing.clone()), keep, has_withdrawn: true },
        announcer: Announcer { lanes: lanes.clone(), watched: watched.clone() },
        counters: options.counters.clone(),
        timing: Timing { sync_ms: options.sync_ms, sweep_ms: options.sweep_ms, purge_ms: options.purge_ms, sync: options.sync },
        lock,
        clock: Clock::new(),
        syncer: if options.sync { Some(Syncer::start(&options)?) } else { None },
    };
    let (jobs, queue) = mpsc::channel();
    let (writer, room) = Writer::new(jobs);
    std::thread::Builder::new()
        .name("store-write".into())
        .spawn(move || thread.run(&queue, &room))
        .map_err(|error| Fault::Unavailable(error.to_string()))?;
    let (described, counters) = (describe(&options), options.counters);
    let store = Arc::new(Sqlite { writer, readers, watched, lanes, passing, counters, base, secret, described });
    let presence = Arc::new(Alone::new(NodeId::new(rand::random())));
    let (log, desk, pages) = (store.clone(), store.clone(), store.clone());
    Ok(Backend { log, store: store.clone(), desk, pages, presence, shelf: store })
}

fn describe(options: &Options) -> String {
    let durable = if options.sync {
        "comments are synced before they are acknowledged, publications within 100 ms"
    } else {
        "nothing is synced"
    };
    format!("sqlite:{}: {durable}", options.path.display())
}

impl Sqlite {
    /// Where a channel stands whose publications only pass; `None` where it has a log.
    async fn standing(&self, key: &Key) -> Result<Option<Position>, Fault> {
        let Some(passing) = &self.passing else { return Ok(None) };
        if self.writer.is_closed() {
            return Err(readers::closed());
        }
        loop {
            match passing.known(key) {
                Known::Passes(position) => return Ok(Some(position)),
                Known::Stored => return Ok(None),
                Known::Unknown => {
                    let (base, asked) = (self.base.clone(), key.clone());
                    let stored = self.readers.ask(move |connection| Ok(log::find(connection, &base, &asked)?.is_some())).await?;
                    passing.learn(key, stored);
                }
            }
        }
    }

    async fn done(&self, task: Task) -> Result<bool, Fault> {
        match self.writer.ask(task).await? {
            Answer::Done(done) => Ok(done),
            _ => Err(Fault::OutcomeUnknown),
        }
    }
}

impl Sqlite {
    /// Asks of a channel's log, which another name does not have.
    async fn at_home<T: Send + 'static>(
        &self,
        key: &Key,
        question: impl FnOnce(&Connection, &Key) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let key = key.clone();
        let answered = self.readers.ask(move |connection| match pages::home(connection, &key)? {
            Some(home) => Ok(Err(Fault::Moved(home))),
            None => question(connection, &key).map(Ok),
        });
        answered.await?
    }
}

#[async_trait]
impl Log for Sqlite {
    async fn append(&self, key: &Key, append: Append) -> Result<Appended, Fault> {
        if let (Some(passing), Append::Publication { .. }) = (&self.passing, &append)
            && self.standing(key).await?.is_some()
            && let Some(appended) = passing.publish(key, &append).await
        {
            self.counters.tasks.fetch_add(1, Ordering::Relaxed);
            return Ok(appended);
        }
        match self.writer.ask(Task::Append { key: key.clone(), append }).await? {
            Answer::Appended(appended) => Ok(*appended),
            _ => Err(Fault::OutcomeUnknown),
        }
    }

    async fn signal(&self, key: &Key, signal: Signal) -> Result<(), Fault> {
        if self.watched.read().contains(key) {
            self.lanes.signal(key, signal);
        }
        Ok(())
    }

    async fn top(&self, key: &Key) -> Result<Position, Fault> {
        if let Some(top) = self.standing(key).await? {
            return self.at_home(key, move |_, _| Ok(top)).await;
        }
        let base = self.base.clone();
        self.at_home(key, move |connection, key| log::top(connection, &base, key)).await
    }

    async fn read(&self, key: &Key, range: Range) -> Result<Part, Fault> {
        if let Some(top) = self.standing(key).await? {
            let part = Part { whole_from: top.offset, top, entries: Vec::new(), more: false, older: Vec::new() };
            return self.at_home(key, move |_, _| Ok(part)).await;
        }
        let base = self.base.clone();
        self.at_home(key, move |connection, key| log::read(connection, &base, key, range)).await
    }

    async fn watch(&self, key: &Key) -> Result<(), Fault> {
        self.watched.write().insert(key.clone());
        Ok(())
    }

    async fn unwatch(&self, key: &Key) {
        self.watched.write().remove(key);
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn comment(
        &self,
        site: &SiteName,
        id: &CommentId,
        member: Option<&MemberId>,
    ) -> Result<Option<(ChannelName, Comment)>, Fault> {
        let (site, id, member) = (site.clone(), id.clone(), member.cloned());
        self.readers.ask(move |connection| list::comment(connection, &site, &id, member.as_ref())).await
    }

    async fn comments(&self, key: &Key, query: Query) -> Result<CommentPage, Fault> {
        let (base, key) = (self.base.clone(), key.clone());
        let cursor = query.before.as_deref().map(|text| Cursor::parse(text, List::of(&query))).transpose()?;
        let standing = self.standing(&key).await?;
        // A question is answered or the database failed; that what was asked about is not there is an answer.
        let page = self.readers.ask(move |connection| list::page(connection, &base, &key, &query, cursor)).await?;
        let page = page.ok_or(Fault::UnknownComment)?;
        Ok(match standing {
            Some(position) => CommentPage { position, ..page },
            None => page,
        })
    }

    async fn counts(&self, keys: &[Key]) -> Result<Vec<Counts>, Fault> {
        let (base, keys) = (self.base.clone(), keys.to_vec());
        self.readers.ask(move |connection| list::counts(connection, &base, &keys)).await
    }

    async fn count_view(&self, key: &Key) -> Result<u64, Fault> {
        match self.writer.ask(Task::CountView { key: key.clone() }).await? {
            Answer::Viewed(views) => Ok(views),
            _ => Err(Fault::OutcomeUnknown),
        }
    }

    async fn thread(&self, key: &Key) -> Result<Option<Thread>, Fault> {
        let (base, key) = (self.base.clone(), key.clone());
        self.readers
            .ask(move |connection| match log::find(connection, &base, &key)? {
                Some(found) => pages::thread(connection, found.id),
                None => Ok(None),
            })
            .await
    }

    async fn secret(&self) -> Result<[u8; 32], Fault> {
        Ok(self.secret)
    }

    async fn add_key(&self, hash: &str, row: KeyRow) -> Result<(), Fault> {
        self.done(Task::AddKey { hash: hash.to_owned(), row }).await.map(drop)
    }

    async fn find_key(&self, hash: &str) -> Result<Option<KeyRow>, Fault> {
        let hash = hash.to_owned();
        self.readers.ask(move |connection| keys::find(connection, &hash)).await
    }

    async fn keys(&self) -> Result<Vec<KeyRow>, Fault> {
        self.readers.ask(keys::all).await
    }

    async fn revoke_key(&self, id: &str) -> Result<bool, Fault> {
        self.done(Task::RevokeKey { id: id.to_owned() }).await
    }

    async fn kept_of(&self, site: &SiteName, member: &MemberId, limit: usize) -> Result<Kept, Fault> {
        let (site, member) = (site.clone(), member.clone());
        self.readers.ask(move |connection| kept::kept_of(connection, &site, &member, limit)).await
    }

    async fn forget(&self, site: &SiteName, member: &MemberId) -> Result<(), Fault> {
        self.done(Task::Forget { site: site.clone(), member: member.clone() }).await.map(drop)
    }

    async fn check(&self) -> Result<(), Fault> {
        self.done(Task::Check).await.map(drop)
    }

    fn describe(&self) -> String {
        self.described.clone()
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[async_trait]
impl Shelf for Sqlite {
    async fn record(&self, name: &str, now_ms: i64) -> Result<Option<String>, Fault> {
        let name = name.to_owned();
        self.readers.ask(move |connection| shelf::record(connection, &name, now_ms)).await
    }

    async fn swap(&self, swaps: Vec<Swap>, now_ms: i64) -> Result<bool, Fault> {
        self.done(Task::Swap { swaps, now_ms }).await
    }

    async fn list(&self, prefix: &str, after: &str, limit: usize, now_ms: i64) -> Result<Vec<(String, String)>, Fault> {
        let (prefix, after) = (prefix.to_owned(), after.to_owned());
        self.readers.ask(move |connection| shelf::list(connection, &prefix, &after, limit, now_ms)).await
    }
}
