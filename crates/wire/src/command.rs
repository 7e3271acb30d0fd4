//! What a client may ask, before any wire format. The JSON form of the Centrifuge protocol and Socket.IO both end here.

use serde_json::value::RawValue;

use crate::position::Position;

/// One request of a client. Names are as sent: nothing here has been checked against rights or limits.
#[derive(Debug)]
pub enum Command {
    /// The first of every session.
    Connect(Connect),
    /// Read a channel from now on, or from a position.
    Subscribe(Subscribe),
    /// Read it no more.
    Unsubscribe {
        /// The channel, as sent.
        channel: String,
    },
    /// Publish as an application.
    Publish {
        /// The channel, as sent.
        channel: String,
        /// JSON text, as sent.
        data: Box<RawValue>,
    },
    /// Kept publications of a channel.
    History(History),
    /// Who is present.
    Presence {
        /// The channel, as sent.
        channel: String,
    },
    /// How many are present.
    PresenceStats {
        /// The channel, as sent.
        channel: String,
    },
    /// Everything else, by name: `comment.create`, `typing`, …
    Rpc {
        /// Its name.
        method: String,
        /// JSON text, as sent.
        data: Option<Box<RawValue>>,
    },
    /// A fresh token for the session.
    Refresh {
        /// The token, as sent.
        token: String,
    },
    /// A fresh token for a subscription.
    SubRefresh {
        /// The channel, as sent.
        channel: String,
        /// The token, as sent.
        token: String,
    },
    /// A message without an answer; Parlour has no use for it.
    Send,
    /// A client's own ping.
    Ping,
}

/// The methods of `rpc`; over Socket.IO each is an event of its own.
pub const RPC_METHODS: [&str; 11] = [
    "comment.create",
    "comment.edit",
    "comment.delete",
    "comment.list",
    "comment.preview",
    "comment.challenge",
    "comment.report",
    "comment.react",
    "comment.unreact",
    "typing",
    "publish",
];

/// The first command.
#[derive(Debug, Default)]
pub struct Connect {
    /// A JWT or a key; empty for a guest without one.
    pub token: String,
    /// `{"count": false}` is not counted as a viewer.
    pub count: bool,
    /// `{"face": true}`: whoever is signed in lets themselves be seen among those present.
    pub face: bool,
    /// The site asked for, where neither token nor key says it.
    pub site: Option<String>,
}

/// A subscription.
#[derive(Debug, Default)]
pub struct Subscribe {
    /// The channel, as sent.
    pub channel: String,
    /// A JWT for a `$…` channel, or empty.
    pub token: String,
    /// `recover: true` with an epoch and an offset: everything since is wanted.
    pub recover: Option<Position>,
    /// `recover: true` with an epoch or offset that cannot be read: answered like a position that cannot be served.
    pub recover_unreadable: bool,
    /// Wants `join` and `leave`.
    pub join_leave: bool,
    /// Wants these signals.
    pub signals: Signals,
}

/// The signals that a subscription asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals {
    /// `viewers`: how many are here.
    pub viewers: bool,
    /// `typing`: who is writing.
    pub typing: bool,
}

impl Signals {
    /// Reads names; unknown ones are passed over, so that a later server's names do no harm.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Signals {
        let mut signals = Signals::default();
        for name in names {
            match name.trim() {
                "viewers" => signals.viewers = true,
                "typing" => signals.typing = true,
                _ => {}
            }
        }
        signals
    }
}

/// A question for kept publications.
#[derive(Debug, Default)]
pub struct History {
    /// The channel, as sent.
    pub channel: String,
    /// At most so many; 0 asks for the position alone; `None` takes the server's default; negative (sent as -1) as many as allowed.
    pub limit: Option<i64>,
    /// Only what came after (or before, when reversed).
    pub since: Option<Position>,
    /// Newest first.
    pub reverse: bool,
}
