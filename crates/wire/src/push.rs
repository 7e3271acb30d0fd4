//! What a server may say, before any wire format: events on their way to subscribers, replies to commands, and the rest.

use std::sync::Arc;

use serde_json::value::RawValue;

use crate::code::Code;
use crate::position::Position;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// What an application published; `data` is exactly that.
    Publication,
    /// A comment came into sight; `data` is the comment without `mine`.
    CommentCreated,
    /// A comment changed; `data` is the comment without `mine`.
    CommentUpdated,
    /// A comment is gone; `data` is `{id, root, parent, tombstone}`.
    CommentDeleted,
    /// Reactions to a comment; `data` is `{id, reactions}`.
    Reaction,
    /// A thread's address, title or state; `data` is `{url, title, closed}`.
    ThreadUpdated,
    /// The thread is to be read again.
    ThreadReset,
    /// A signal: how many are here; `data` is `{count}`.
    Viewers,
    /// A signal: somebody writes; `data` is `{name, parent}`.
    Typing,
    /// A signal that one dialect alone hears: how often this was viewed; `data` is `{count}`.
    Views,
}

impl Kind {
    /// The name on every wire: `event` in a stream, `tags.event` on the WebSocket.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Publication => "publication",
            Kind::CommentCreated => "comment.created",
            Kind::CommentUpdated => "comment.updated",
            Kind::CommentDeleted => "comment.deleted",
            Kind::Reaction => "reaction",
            Kind::ThreadUpdated => "thread.updated",
            Kind::ThreadReset => "thread.reset",
            Kind::Viewers => "viewers",
            Kind::Typing => "typing",
            Kind::Views => "views",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Kind> {
        const ALL: [Kind; 10] = [
            Kind::Publication,
            Kind::CommentCreated,
            Kind::CommentUpdated,
            Kind::CommentDeleted,
            Kind::Reaction,
            Kind::ThreadUpdated,
            Kind::ThreadReset,
            Kind::Viewers,
            Kind::Typing,
            Kind::Views,
        ];
        ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Who published: the person and the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publisher {
    /// The member's id.
    pub user: Arc<str>,
    /// The connection's id.
    pub client: Arc<str>,
}

/// A publication or a signal on its way to subscribers.
#[derive(Clone, Debug)]
pub struct Event {
    /// What happened.
    pub kind: Kind,
    /// Where, by its name within its site.
    pub channel: Arc<str>,
    /// Its place in the channel's log; signals and unstored publications have none.
    pub offset: Option<u64>,
    /// JSON text, without white space between tokens.
    pub data: Arc<str>,
    /// Set for a client's own publication.
    pub publisher: Option<Publisher>,
    /// Milliseconds since 1970.
    pub time_ms: i64,
}

/// Somebody came or went: only for subscriptions that asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// Where.
    pub channel: Arc<str>,
    /// Who.
    pub who: ClientInfo,
    /// Came, or went.
    pub joined: bool,
}

/// Someone present, as those may see who are allowed to see names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    /// The connection's id.
    pub client: Arc<str>,
    /// The member's id.
    pub user: Arc<str>,
    /// The member's name; empty when unknown. Sent as `conn_info: {"name"}`.
    pub name: Arc<str>,
    /// Whether they are signed in and let themselves be seen among those present. Sent as `conn_info: {"face": true}`.
    pub face: bool,
}

/// What a server says unasked, besides events.
#[derive(Clone, Debug)]
pub enum Push {
    /// Somebody came or went.
    Presence(Presence),
    /// The server ended a subscription.
    Unsubscribe {
        /// Where.
        channel: Arc<str>,
        /// Its number.
        code: u32,
        /// Why, in words.
        reason: &'static str,
    },
}

/// The answer to one command.
#[derive(Debug)]
pub struct Reply {
    /// The command's number.
    pub id: u32,
    /// What came of it.
    pub result: Result<Answer, Code>,
}

/// What a command came to.
#[derive(Debug)]
pub enum Answer {
    /// To `connect`.
    Connect(Connected),
    /// To `subscribe`.
    Subscribe(Subscribed),
    /// To `unsubscribe`.
    Unsubscribe,
    /// To `publish`.
    Publish,
    /// To `history`.
    History {
        /// What was found, in the order asked for.
        publications: Vec<Event>,
        /// Where the log ends.
        position: Position,
    },
    /// To `presence`.
    Presence(Vec<ClientInfo>),
    /// To `presence_stats`: connections and different people.
    PresenceStats {
        /// Connections.
        clients: u64,
        /// Different people.
        users: u64,
    },
    /// To `rpc`: JSON text.
    Rpc(Box<RawValue>),
    /// To `refresh`: seconds until the token expires.
    Refresh {
        /// Seconds until then; `None` if it does not expire.
        expires_in_s: Option<u64>,
    },
    /// To `sub_refresh`: seconds until the token expires.
    SubRefresh {
        /// Seconds until then; `None` if it does not expire.
        expires_in_s: Option<u64>,
    },
    /// To `ping`.
    Ping,
}

/// The answer to `connect`.
#[derive(Debug)]
pub struct Connected {
    /// This connection's id.
    pub client: Arc<str>,
    /// The server's version.
    pub version: &'static str,
    /// Seconds between the server's pings.
    pub ping_s: u32,
    /// Seconds until the token expires, if it does.
    pub expires_in_s: Option<u64>,
    /// A new guest's token, sent as `data: {"token"}`.
    pub guest_token: Option<String>,
}

/// The answer to `subscribe`.
#[derive(Debug)]
pub struct Subscribed {
    /// Where the subscription stands after `publications`.
    pub position: Position,
    /// Whether a position was given.
    pub was_recovering: bool,
    /// Whether everything since that position is in `publications`.
    pub recovered: bool,
    /// What was missed, oldest first, each encoded already (for all who missed it): as [`crate::json::publication`] does.
    pub publications: Vec<Arc<str>>,
    /// Seconds until the subscription's token expires, if it has one.
    pub expires_in_s: Option<u64>,
    /// The channel whose events come, where it was asked for by another name; sent as `data: {"channel"}`.
    pub home: Option<Arc<str>>,
}
