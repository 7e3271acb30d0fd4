//! The servers that are compared. What differs between them is how one is started and how a client connects, subscribes and publishes: that is
//! [`Peer`]. Everything else, above all how it is measured, is the same for all. Relies on `wire`; knows neither sockets nor scenarios.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fault::{Fault, Outcome};
use crate::wire;

mod isso;
mod nats;
mod nchan;
mod parlour;
mod plain;
mod socketio;

/// What a server may be started with.
pub struct Place<'a> {
    pub port: u16,
    /// An empty directory that is removed afterwards.
    pub scratch: &'a Path,
    /// `bench/rivals`.
    pub rivals: &'a Path,
    /// The `parlour` binary.
    pub parlour: &'a Path,
}

/// What is counted as one delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// A frame that is at least as long as the payload.
    Frame,
    /// A line within a frame that is at least as long as the payload.
    Line,
    /// What ends with an empty line and is at least as long as the payload: an event stream's event. There are no WebSocket frames.
    Event,
    /// So many bytes beside the payload's, wherever frames begin and end.
    Bytes { beside: usize },
}

/// One exchange after the WebSocket is open.
pub struct Step {
    /// The text to send, none if empty.
    pub send: String,
    /// What the answer contains.
    pub until: &'static str,
}

/// How publications are handed in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Publishing {
    /// By a WebSocket of its own, which did the steps of a client without a channel.
    WebSocket,
    /// By pipelined HTTP requests over one connection.
    Http,
}

/// What is asked of a comment server.
pub enum CommentRequest<'a> {
    Post {
        text: &'a str,
        nonce: &'a str,
        token: Option<&'a str>,
    },
    /// A page of the thread, as sorted by default, after where `before` was given.
    Page {
        before: Option<&'a str>,
        limit: usize,
    },
}

/// One server to compare.
pub trait Peer {
    fn name(&self) -> &str;
    /// A line on what runs, with its version.
    fn version(&self, place: &Place) -> String;
    fn command(&self, place: &Place) -> Outcome<Command>;
    /// How many servers that starts, on the place's port and those after it; clients are spread over them.
    fn nodes(&self) -> u16 {
        1
    }
    /// Where a client of `channel` opens its WebSocket or event stream; an empty channel is a publisher's.
    fn path(&self, channel: &str) -> String;
    /// The `index`-th exchange of a client of `channel` (empty: a publisher's), `None` after the last.
    fn step(&self, _index: usize, _channel: &str) -> Option<Step> {
        None
    }
    /// The same for a client that comes back and was at `position`; `None` if the server knows no recovery.
    fn return_step(&self, _index: usize, _channel: &str, _position: &str) -> Option<Step> {
        None
    }
    /// The position in an answer to subscribing.
    fn position(&self, _answer: &[u8]) -> Option<String> {
        None
    }
    /// Whether returning clients get what they missed.
    fn recovers(&self) -> bool {
        self.return_step(0, "any", "e:0").is_some()
    }
    fn publishing(&self) -> Publishing {
        Publishing::WebSocket
    }
    /// Appends what publishes `payload`; `sequence` differs for each.
    fn publish(&self, channel: &str, payload: &[u8], sequence: u64, out: &mut Vec<u8>);
    fn unit(&self, _payload_bytes: usize) -> Unit {
        Unit::Frame
    }
    /// The answer to a short text that is no delivery, such as a ping of the server's own.
    fn answer(&self, _text: &[u8]) -> Option<&'static [u8]> {
        None
    }
    /// Whether it has channels at all.
    fn pushes(&self) -> bool {
        true
    }
    /// The HTTP request that does this; a fault for servers without comments.
    fn comments(&self, _ask: &CommentRequest) -> Outcome<Vec<u8>> {
        Err(Fault(format!("{} has no comments", self.name())))
    }
    /// The token in the answer to a post, where posts are signed.
    fn token(&self, _answer: &[u8]) -> Option<String> {
        None
    }
    /// Where the page after this one begins.
    fn next_page(&self, _body: &[u8]) -> Outcome<Option<String>> {
        Err(Fault(format!("{} has no comments", self.name())))
    }
    /// A program that adds so many comments to the thread; `None` if they are to be posted.
    fn fill(&self, _place: &Place, _comments: usize) -> Option<Outcome<Command>> {
        None
    }
    /// Whether a client may publish into its own channel over its own WebSocket.
    fn echoes(&self) -> bool {
        self.publishing() == Publishing::WebSocket
    }
}

/// The names that [`find`] knows, in the order of the table.
pub const NAMES: &[&str] = &[
    "parlour",
    "parlour-linger-0",
    "parlour-keep-0",
    "parlour-unsynced",
    "parlour-events",
    "parlour-socketio",
    "parlour-redis",
    "parlour-redis-2",
    "parlour-redis-3",
    "bare",
    "bare-merging",
    "bun",
    "ws",
    "nchan",
    "nats",
    "socketioxide",
    "socketio",
    "socketio-redis",
    "socketio-redis-2",
    "socketio-redis-3",
    "isso",
];

/// The peer of that name.
pub fn find(name: &str) -> Outcome<Box<dyn Peer>> {
    Ok(match name {
        "parlour" => Box::new(parlour::Parlour { name: "parlour", flags: &[], unsynced: false }),
        "parlour-linger-0" => {
            Box::new(parlour::Parlour { name: "parlour-linger-0", flags: &["--flush-linger", "0ms"], unsynced: false })
        }
        "parlour-keep-0" => {
            Box::new(parlour::Parlour { name: "parlour-keep-0", flags: &["--keep-events", "0"], unsynced: false })
        }
        "parlour-unsynced" => Box::new(parlour::Parlour { name: "parlour-unsynced", flags: &[], unsynced: true }),
        "parlour-events" => Box::new(parlour::Events(parlour::Parlour { name: "parlour-events", flags: &[], unsynced: false })),
        "parlour-socketio" => {
            Box::new(parlour::SocketIo(parlour::Parlour { name: "parlour-socketio", flags: &[], unsynced: false }))
        }
        "parlour-redis" => nodes("parlour-redis", 1),
        "parlour-redis-2" => nodes("parlour-redis-2", 2),
        "parlour-redis-3" => nodes("parlour-redis-3", 3),
        "bare" => Box::new(plain::Plain::Bare { merging: false }),
        "bare-merging" => Box::new(plain::Plain::Bare { merging: true }),
        "bun" => Box::new(plain::Plain::Bun),
        "ws" => Box::new(plain::Plain::Ws),
        "nchan" => Box::new(nchan::Nchan),
        "isso" => Box::new(isso::Isso),
        "nats" => Box::new(nats::Nats),
        "socketioxide" => Box::new(socketio::SocketIo::Oxide),
        "socketio" => Box::new(socketio::SocketIo::Node),
        "socketio-redis" => Box::new(socketio::SocketIo::NodesWithRedis { name: "socketio-redis", count: 1 }),
        "socketio-redis-2" => Box::new(socketio::SocketIo::NodesWithRedis { name: "socketio-redis-2", count: 2 }),
        "socketio-redis-3" => Box::new(socketio::SocketIo::NodesWithRedis { name: "socketio-redis-3", count: 3 }),
        _ => return Err(Fault(format!("no peer is called {name}; there are {}", NAMES.join(", ")))),
    })
}

fn nodes(name: &'static str, count: u16) -> Box<dyn Peer> {
    Box::new(parlour::Nodes { parlour: parlour::Parlour { name, flags: &[], unsynced: false }, count })
}

/// Appends a publication that is one masked text frame.
fn put_text(parts: &[&[u8]], out: &mut Vec<u8>) {
    wire::put_masked(wire::TEXT, &parts.concat(), out);
}

/// A request over a connection that is kept.
fn http_request(method: &str, path: &str, token: Option<&str>, body: &str) -> Vec<u8> {
    let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let kind = if body.is_empty() {
        String::new()
    } else {
        format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len())
    };
    format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{bearer}{kind}\r\n{body}").into_bytes()
}

/// A file of a rival, with a sentence that helps when it is not there.
fn rival_file(place: &Place, path: &str) -> Outcome<PathBuf> {
    let file = place.rivals.join(path);
    if file.exists() {
        Ok(file)
    } else {
        Err(Fault(format!("{} is missing: see bench/README.md on how to install rivals", file.display())))
    }
}

/// The first line that a command prints, for the record of versions.
fn first_line(command: &mut Command) -> String {
    let printed =
        command.output().map(|output| if output.stdout.is_empty() { output.stderr } else { output.stdout }).unwrap_or_default();
    String::from_utf8_lossy(&printed).lines().next().unwrap_or("version unknown").trim().to_owned()
}

/// The version that a rival's `package.json` pins for `package`.
fn pinned(place: &Place, rival: &str, package: &str) -> String {
    let text = std::fs::read(place.rivals.join(rival).join("package.json")).unwrap_or_default();
    let json: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    json["dependencies"][package].as_str().unwrap_or("version unknown").to_owned()
}
