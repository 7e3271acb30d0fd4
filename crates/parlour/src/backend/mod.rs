//! What a backend keeps and carries, as traits with their rules in prose: [`Log`], [`Store`], [`Presence`] and [`Shelf`].
//! A backend knows no node, hub or session: what it has to tell goes as [`Delivery`] into the lanes that it was given.
//! Nothing above this module knows which backend runs; `tests/it/backend.rs` holds every backend to the same rules.

use std::sync::Arc;

use async_trait::async_trait;
use parlour_wire::position::{Epoch, Position};
use parlour_wire::push::{ClientInfo, Event, Kind, Publisher};

use crate::channel::{ChannelName, Key, SiteName};
use crate::comment::{Comment, CommentId, MemberId, State};

pub mod desk;
pub mod kept;
mod lanes;
mod list;
pub mod pages;
mod peers;
mod shelf;
pub(crate) mod told;

pub use lanes::{Lanes, Room, lanes};
pub use list::{BRANCH_COMMENTS_MAX, BRANCH_DEPTH_MAX, CommentPage, Cursor, HEADS_MAX, List, Query, Sort, View};
pub use peers::{Alone, Asked, Here, NODE_ID_CHARS, News, NodeId, Presence, Unanswered};
pub use shelf::{After, Before, LISTED_MAX, NAME_BYTES_MAX, RECORD_BYTES_MAX, SWAPS_MAX, Shelf, Swap, take};

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
    /// What another node says of those who read the channel there.
    Peer { key: Key, node: NodeId, news: News },
}

impl Delivery {
    /// The channel that it is for.
    pub fn key(&self) -> &Key {
        match self {
            Delivery::Entry { key, .. }
            | Delivery::Signal { key, .. }
            | Delivery::Reset { key, .. }
            | Delivery::Lost { key }
            | Delivery::Peer { key, .. } => key,
        }
    }
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
    /// A comment of the member `from` is another's from now on, as a guest who signed in says: told as another text is. Where it is
    /// not theirs it is unknown. What was kept of an address beside it goes.
    Claim { id: CommentId, from: MemberId, author: Box<crate::comment::Author>, time_ms: i64 },
    /// A comment is taken away: a tombstone stays where answers hang on it; its text leaves every reader's sight at once.
    Delete { id: CommentId, time_ms: i64 },
    /// What the server itself read at the page, or what an operator said of it: its words from now on.
    Page { page: PageNote, verified: bool, time_ms: i64 },
    /// Whether a comment is shown is decided anew: any state but `Deleted`; a deleted one stays deleted. A `reason` is noted where
    /// one is given. Approval
    /// appends it as made, with `created` as it was; taking an approved one back tells that it is gone, and leaves a tombstone
    /// where visible answers hang on it. Between the other two nobody is told, and a state that it has already changes nothing.
    State { id: CommentId, state: State, reason: Option<crate::moderation::Reason>, time_ms: i64 },
    /// A moderator pins a comment or lets it go. What it is already changes nothing.
    Pin { id: CommentId, pinned: bool, time_ms: i64 },
    /// A member's reaction to an approved comment in an open thread comes or goes; boxed, being large.
    Reaction(Box<Reaction>),
    /// Tells the counts of a comment whose reactions changed since they were last told, unless that is less than
    /// [`REACTIONS_EVERY_MS`] ago: asked for when [`Appended::tell_at_ms`] has come. With nothing to tell, nothing is appended.
    Reactions { id: CommentId, time_ms: i64 },
    /// The thread's title or state.
    Thread { closed: Option<bool>, title: Option<String>, time_ms: i64 },
}

/// How often a comment's reactions are told at most, in milliseconds.
pub const REACTIONS_EVERY_MS: i64 = 1_000;

/// One reaction, to be there or not to be there. Idempotent; the counts and the comment's score change with it.
///
/// Told at once as `reaction` if the last such event of this comment is [`REACTIONS_EVERY_MS`] ago, else noted as due.
#[derive(Clone, Debug)]
pub struct Reaction {
    /// The comment.
    pub id: CommentId,
    /// Whose.
    pub member: MemberId,
    /// One of the site's names.
    pub name: String,
    /// Whether it is to be there.
    pub there: bool,
    /// A guest's address, keyed ([`crate::identity::keyed_hash`]), kept with the reaction; `None` for members that a site vouches for.
    pub address_key: Option<String>,
    /// With so many reactions of guests of this address to this comment, one more changes nothing.
    pub address_max: u32,
    /// Milliseconds since 1970.
    pub time_ms: i64,
}

/// What came of an append.
#[derive(Clone, Debug)]
pub struct Appended {
    /// The channel's position after it; `None` where nothing was appended (a held comment).
    pub position: Option<Position>,
    /// The comment as it is now, where the change was to one; after a reaction with `mine.reactions` of its member.
    pub comment: Option<Comment>,
    /// It was so already (the same nonce with the same content, a reaction that was there): nothing was done.
    pub repeated: bool,
    /// Reactions became due that were not told: [`Append::Reactions`] is to be asked for then. Said once, for the first of them.
    pub tell_at_ms: Option<i64>,
}

impl Appended {
    /// Done, with this offset if the log grew, and the comment as it is now.
    pub fn now(position: Option<Position>, comment: Option<Comment>) -> Appended {
        Appended { position, comment, repeated: false, tell_at_ms: None }
    }
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
    /// Older epochs that this one goes on from, each with the offset where it ended: up to there both are the same log. Whoever
    /// stands beyond the end of its epoch saw what is lost.
    pub older: Vec<Position>,
}

impl Part {
    /// Whether this log goes on from where `position` stands.
    pub fn goes_on_from(&self, position: &Position) -> bool {
        goes_on(&self.top.epoch, &self.older, position)
    }
}

/// Whether a log of this epoch goes on from `position`: of the same epoch, or of an older one at or below its end.
pub(crate) fn goes_on(epoch: &Epoch, older: &[Position], position: &Position) -> bool {
    let is_shared = |end: &Position| end.epoch == position.epoch && position.offset <= end.offset;
    *epoch == position.epoch || older.iter().any(is_shared)
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

    /// The id of a new comment of this channel, made of one that was drawn: a backend that has to find comments by their ids alone
    /// may put into it where they are.
    fn comment_id(&self, _key: &Key, drawn: CommentId) -> CommentId {
        drawn
    }

    /// They need not arrive any longer; one that is on its way may.
    async fn unwatch(&self, key: &Key);

    /// Whether deliveries can be lost without a word, so that whoever reads compares the top now and then.
    fn may_lose(&self) -> bool {
        false
    }

    /// Whether what is appended arrives here, as far as appending works at all.
    fn hears(&self) -> bool {
        true
    }
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
    /// When its first comment was made, in milliseconds since 1970; 0 if there is none yet.
    pub made_ms: i64,
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
    /// One comment with its channel, of this site, in whatever state, with `mine.reactions` of the member who asks; `None` where
    /// there is none.
    async fn comment(
        &self,
        site: &SiteName,
        id: &CommentId,
        member: Option<&MemberId>,
    ) -> Result<Option<(ChannelName, Comment)>, Fault>;

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

    /// What stands under the name of a member of this site in rows that are no comment, at most so many of each kind.
    async fn kept_of(&self, site: &SiteName, member: &MemberId, limit: usize) -> Result<kept::Kept, Fault>;

    /// Takes a member of this site out of every row that is no comment: all that `kept_of` says. Afterwards nothing of
    /// what was taken away, here or by [`Append::Delete`] before, is left in what the backend keeps on a disk of its own.
    async fn forget(&self, site: &SiteName, member: &MemberId) -> Result<(), Fault>;

    /// Whether writing works now: an empty transaction or its like.
    async fn check(&self) -> Result<(), Fault>;

    /// A line for people: what store, where, how durable.
    fn describe(&self) -> String;

    /// Everything accepted is stored and synced; nothing is accepted afterwards.
    async fn close(&self);
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
    /// Small records.
    pub shelf: Arc<dyn Shelf>,
}
