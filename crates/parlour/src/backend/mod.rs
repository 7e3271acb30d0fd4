//! What a backend keeps and carries, as three traits with their rules in prose: [`Log`], [`Store`] and [`Presence`].
//! A backend knows no node, hub or session: what it has to tell goes as [`Delivery`] into the lanes that it was given.
//! Nothing above this module knows which backend runs; `tests/it/backend.rs` holds every backend to the same rules.

use std::sync::Arc;

use async_trait::async_trait;
use parlour_wire::position::{Epoch, Position};
use parlour_wire::push::{ClientInfo, Event, Kind, Publisher};

use crate::channel::{ChannelName, Key, SiteName};
use crate::comment::{Comment, CommentId, State};

pub mod desk;
mod lanes;
pub mod pages;
pub use lanes::{Lanes, lanes};

/// Why a backend refused or failed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Fault {
    /// The backend cannot be reached or cannot write (full disk, dead Redis); nothing was stored.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The connection broke while the outcome was on its way: it may have been stored.
    #[error("the outcome is unknown")]
    OutcomeUnknown,
    /// The nonce was used by the same member for other content.
    #[error("the nonce was used for something else")]
    NonceConflict,
    /// The comment to be answered is not in this channel, or is not to be seen.
    #[error("no such parent")]
    ParentNotFound,
    /// The answer would be deeper than the limit.
    #[error("nested too deep")]
    TooDeep,
    /// The comment does not exist, or is deleted.
    #[error("no such comment")]
    UnknownComment,
    /// The thread is closed.
    #[error("the thread is closed")]
    ThreadClosed,
    /// A page's first comment came without the page's address.
    #[error("the page is not known yet")]
    PageRequired,
    /// The channel is another name of this one.
    #[error("the thread is at another address")]
    Moved(ChannelName),
    /// Comments hang on the name.
    #[error("the page has a thread of its own")]
    PageTaken,
    /// The cursor was not given by this backend.
    #[error("not a cursor")]
    CursorInvalid,
}

/// One entry of a channel's log, as it is read or announced.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The publication. `offset` is always set. For a comment's change it is what a reader hears who saw the change before.
    pub event: Event,
    /// Set where the entry is a change of a comment.
    pub comment: Option<Change>,
}

/// What a log entry says of a comment. The log keeps one entry per comment, at the offset of its last change, so an entry
/// supersedes the one at `previous`, and a late reader gets the comment once, as it is now ([`Entry::seen_from`]).
#[derive(Clone, Debug)]
pub struct Change {
    /// The comment.
    pub id: CommentId,
    /// The offset at which it came into sight.
    pub made: u64,
    /// The offset of the change before this one; equal to `made` for the second, 0 for the first.
    pub previous: u64,
    /// The comment as it is after the change, as JSON text without `mine`; `None` when it is gone.
    pub now: Option<Arc<str>>,
}

impl Entry {
    /// The entry's offset.
    pub fn offset(&self) -> u64 {
        self.event.offset.unwrap_or(0)
    }

    /// What a reader gets who stands at `cursor`: the event itself, the comment as it is now, or nothing (made and deleted since).
    pub fn seen_from(&self, cursor: u64) -> Option<Event> {
        let Some(change) = &self.comment else { return Some(self.event.clone()) };
        match &change.now {
            None if cursor < change.made => None,
            None => Some(self.event.clone()),
            Some(now) if cursor < change.made => Some(self.with(Kind::CommentCreated, now)),
            Some(now) if cursor < change.previous => Some(self.with(Kind::CommentUpdated, now)),
            Some(_) => Some(self.event.clone()),
        }
    }

    fn with(&self, kind: Kind, data: &Arc<str>) -> Event {
        Event { kind, data: data.clone(), ..self.event.clone() }
    }
}

/// What a backend tells the node, in the order of offsets within a channel. Sent into the lane of the channel ([`Lanes`]).
#[derive(Clone, Debug)]
pub enum Delivery {
    /// An entry of the log.
    Entry { key: Key, epoch: Epoch, entry: Arc<Entry> },
    /// A signal or an unstored publication: no offset, reaches those present.
    Signal { key: Key, signal: Signal },
    /// The thread was moved or merged; it is at `into` now, which may be this channel. No position is good any more.
    Reset { key: Key, into: ChannelName },
    /// Something was or may have been missed: the log is to be read before anything else is broadcast.
    Lost { key: Key },
}

/// What only those present need to know.
#[derive(Clone, Debug)]
pub enum Signal {
    /// A viewers count, typing, or a publication with `store: false`.
    Event(Event),
    /// Somebody with a name to be told came or went.
    Presence { who: ClientInfo, joined: bool },
}

/// A new comment, checked and rendered.
#[derive(Clone, Debug)]
pub struct NewComment {
    /// Given by the node, unique.
    pub id: CommentId,
    /// The comment to be answered, in the same channel.
    pub parent: Option<CommentId>,
    /// As shown: id, name, avatar, role, verified.
    pub author: crate::comment::Author,
    /// The author's e-mail, hashed by the browser and keyed by the server; never shown.
    pub email_key: Option<String>,
    /// The source.
    pub body: String,
    /// What may be shown.
    pub html: String,
    /// The renderer's version.
    pub rendered_by: u32,
    /// Any but `Deleted`. Only an approved one is appended to the log and announced.
    pub state: State,
    /// Why it is held.
    pub reason: Option<crate::moderation::Reason>,
    /// Where it came from: the address, keyed; never shown to anyone but moderators.
    pub address: Option<String>,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    /// Makes a repetition harmless; remembered with the author's id as long as the comment is kept.
    pub nonce: Option<String>,
    /// The page, where the channel is one: stored with its first comment.
    pub page: Option<PageNote>,
    /// Whether a page channel that the store does not know may be made without `page` (keys and demo mode).
    pub may_make_page: bool,
    /// The deepest level allowed; a root has depth 0.
    pub depth_max: u32,
}

/// What is remembered of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageNote {
    /// Its address as the reader's browser said it.
    pub url: String,
    /// Its title, cleaned; may be empty.
    pub title: String,
}

/// One change of a channel, to be given an offset, stored and announced as one act.
#[derive(Clone, Debug)]
pub enum Append {
    /// What an application published.
    Publication {
        /// JSON text, compact.
        data: Arc<str>,
        /// The client, if one did.
        publisher: Option<Publisher>,
        /// (who, nonce): a repetition answers the first position.
        nonce: Option<(String, String)>,
        /// Milliseconds since 1970.
        time_ms: i64,
    },
    /// A person's comment.
    Comment(Box<NewComment>),
    /// Another text for a comment.
    Edit { id: CommentId, body: String, html: String, rendered_by: u32, edited_ms: i64 },
    /// A comment is taken away: a tombstone stays where answers hang on it; its text leaves every reader's sight at once.
    Delete { id: CommentId, time_ms: i64 },
    /// What the server itself read at the page, or what an operator said of it: its words from now on.
    Page { page: PageNote, verified: bool, time_ms: i64 },
    /// The thread's title or state.
    Thread { closed: Option<bool>, title: Option<String>, time_ms: i64 },
}

/// What came of an append.
#[derive(Clone, Debug)]
pub struct Appended {
    /// The channel's position after it; `None` where nothing was appended (a held comment).
    pub position: Option<Position>,
    /// The comment as it is now, where the change was to one.
    pub comment: Option<Comment>,
    /// The same nonce with the same content had come before: nothing was done.
    pub repeated: bool,
}

/// What part of a log to read.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// Only entries with a larger offset (or, reversed, a smaller one).
    pub after: u64,
    /// Newest first.
    pub reverse: bool,
    /// At most so many.
    pub entries_max: usize,
    /// Stops after the entry that passes so many bytes of data.
    pub bytes_max: usize,
}

/// A part of a log, all of one snapshot.
#[derive(Clone, Debug)]
pub struct Part {
    /// The top of the log in the same snapshot.
    pub top: Position,
    /// The entries in the order asked. Comments once, at their last change.
    pub entries: Vec<Arc<Entry>>,
    /// Whether entries of the range are left beyond `entries_max` or `bytes_max`.
    pub more: bool,
    /// The log is whole above this offset: a reader at it or higher misses nothing. Publications below have been trimmed away.
    pub whole_from: u64,
}

/// An append-only log per channel.
///
/// Rules: offsets of a channel start at 1 and grow by one with every append, in the order in which deliveries arrive, on every
/// node. What `append` answered survives the process (comments: a full sync before the answer; publications: within 100 ms).
/// A channel that nobody appended to has offset 0 and needs no row. The epoch changes whenever a promise cannot be kept.
#[async_trait]
pub trait Log: Send + Sync {
    /// Gives the offset, stores and announces, as one act. The delivery may arrive before or after the answer.
    async fn append(&self, key: &Key, append: Append) -> Result<Appended, Fault>;

    /// Tells those present on every node; never stored, never waits for a disk. A full lane drops it.
    async fn signal(&self, key: &Key, signal: Signal) -> Result<(), Fault>;

    /// The top of a channel's log.
    async fn top(&self, key: &Key) -> Result<Position, Fault>;

    /// Part of the log.
    async fn read(&self, key: &Key, range: Range) -> Result<Part, Fault>;

    /// From the answer on, deliveries of this channel arrive on this node. Idempotent. An entry that was appended shortly
    /// before may arrive too: whoever listens first and reads the top then, drops what is not above it.
    async fn watch(&self, key: &Key) -> Result<(), Fault>;

    /// They need not arrive any longer; one that is on its way may.
    async fn unwatch(&self, key: &Key);
}

/// How a page of comments is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// By `created`, then `id`, descending.
    Newest,
    /// The same, ascending.
    Oldest,
}

/// A question for a flat page of comments: all visible ones whatever their depth, tombstones with answers included.
#[derive(Clone, Debug)]
pub struct Query {
    /// Which way.
    pub sort: Sort,
    /// At most so many, 1–100.
    pub limit: usize,
    /// A cursor that an earlier page gave.
    pub before: Option<String>,
    /// The member who asks: sees their own pending ones.
    pub member: Option<String>,
    /// Sees pending ones and spam.
    pub moderator: bool,
}

/// A page of comments, all of one snapshot.
#[derive(Clone, Debug)]
pub struct CommentPage {
    /// The comments, sorted.
    pub comments: Vec<Comment>,
    /// What goes into `before` for the next page; `None` on the last.
    pub next: Option<String>,
    /// Visible comments of the channel, tombstones not counted.
    pub total: u64,
    /// The top of the channel's log in the same snapshot.
    pub position: Position,
    /// The page that the channel belongs to, if the store knows it.
    pub thread: Option<Thread>,
}

/// What is kept of a thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thread {
    /// The page's address; empty for a channel that is no page.
    pub url: String,
    /// The page's title.
    pub title: String,
    /// No posts, no reactions.
    pub closed: bool,
    /// Whether the server has read address and title at the page itself, or an operator said them. Else a reader's browser did.
    pub verified: bool,
}

/// What `counts` answers for a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Visible comments.
    pub comments: u64,
    /// Views ever counted.
    pub views: u64,
}

/// A key as listed: the key itself is never kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// The first characters of the hash: names the key in `key list` and `key revoke`.
    pub id: String,
    /// Whose it is.
    pub site: SiteName,
    /// What the operator called it.
    pub label: String,
    /// Milliseconds since 1970.
    pub created_ms: i64,
}

/// What is kept beside the log: comments as rows to be listed, pages, keys, the secret.
#[async_trait]
pub trait Store: Send + Sync {
    /// One comment with its channel, of this site, in whatever state; `None` where there is none.
    async fn comment(&self, site: &SiteName, id: &CommentId) -> Result<Option<(ChannelName, Comment)>, Fault>;

    /// A page of comments.
    async fn comments(&self, key: &Key, query: Query) -> Result<CommentPage, Fault>;

    /// Counts of many channels; zeros for unknown ones, which are not made.
    async fn counts(&self, keys: &[Key]) -> Result<Vec<Counts>, Fault>;

    /// One more view of this channel, which is made if need be: how many there are now.
    async fn count_view(&self, key: &Key) -> Result<u64, Fault>;

    /// What is known of a channel's thread.
    async fn thread(&self, key: &Key) -> Result<Option<Thread>, Fault>;

    /// The secret made at first start: 32 bytes.
    async fn secret(&self) -> Result<[u8; 32], Fault>;

    /// Keeps a key's hash (SHA-256 in hex).
    async fn add_key(&self, hash: &str, row: KeyRow) -> Result<(), Fault>;

    /// Whose key has this hash.
    async fn find_key(&self, hash: &str) -> Result<Option<KeyRow>, Fault>;

    /// All keys.
    async fn keys(&self) -> Result<Vec<KeyRow>, Fault>;

    /// Forgets a key by its id; whether there was one.
    async fn revoke_key(&self, id: &str) -> Result<bool, Fault>;

    /// Whether writing works now: an empty transaction or its like.
    async fn check(&self) -> Result<(), Fault>;

    /// A line for people: what store, where, how durable.
    fn describe(&self) -> String;

    /// Everything accepted is stored and synced; nothing is accepted afterwards.
    async fn close(&self);
}

/// Who is present on other nodes, and telling them who is here. A single node has nobody elsewhere.
#[async_trait]
pub trait Presence: Send + Sync {
    /// This node now has so many viewers in the channel. Never waits.
    fn here(&self, key: &Key, viewers: u32);

    /// Viewers of each channel on the other living nodes.
    async fn elsewhere(&self, keys: &[Key]) -> Result<Vec<u64>, Fault>;

    /// Those present on the other nodes, at most `limit`.
    async fn members_elsewhere(&self, key: &Key, limit: usize) -> Result<Vec<ClientInfo>, Fault>;
}

/// A backend whole: what `server` makes and `node` uses.
#[derive(Clone)]
pub struct Backend {
    /// The logs.
    pub log: Arc<dyn Log>,
    /// The rows.
    pub store: Arc<dyn Store>,
    /// What moderators work with.
    pub desk: Arc<dyn desk::Desk>,
    /// Which page has which thread.
    pub pages: Arc<dyn pages::Pages>,
    /// The others.
    pub presence: Arc<dyn Presence>,
}
