//! socket.io on Node, with and without its Redis adapter, and socketioxide: Engine.IO 4 over WebSocket alone, a room per channel, one `emit` to
//! the room per publication, arriving as the event `m`.

use std::process::Command;

use super::{Peer, Place, Step, first_line, pinned, put_text, rival_file};
use crate::fault::Outcome;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SocketIo {
    Node,
    /// So many processes on one Redis, each on a port of its own.
    NodesWithRedis {
        name: &'static str,
        count: u16,
    },
    Oxide,
}

/// The crate's own build directory, where `cargo build --release` puts it.
const OXIDE: &str = "socketioxide/target/release/rival-socketioxide";

impl Peer for SocketIo {
    fn name(&self) -> &str {
        match self {
            Self::Node => "socketio",
            Self::NodesWithRedis { name, .. } => name,
            Self::Oxide => "socketioxide",
        }
    }

    fn version(&self, place: &Place) -> String {
        if *self == Self::Oxide {
            return "socketioxide on axum, as pinned in bench/rivals/socketioxide".into();
        }
        let version = pinned(place, "socketio", "socket.io");
        let node = first_line(Command::new("node").arg("--version"));
        let adapter = pinned(place, "socketio", "@socket.io/redis-adapter");
        let adapter = match self {
            Self::NodesWithRedis { count, .. } => format!(", @socket.io/redis-adapter {adapter}, {count} on one Redis"),
            _ => String::new(),
        };
        format!("socket.io {version} on Node {node}{adapter}")
    }

    fn command(&self, place: &Place) -> Outcome<Command> {
        if *self == Self::Oxide {
            let mut command = Command::new(rival_file(place, OXIDE)?);
            command.arg(place.port.to_string());
            return Ok(command);
        }
        rival_file(place, "socketio/node_modules")?;
        let mut command = Command::new("node");
        command.arg(rival_file(place, "socketio/server.mjs")?).arg(place.port.to_string());
        if let Self::NodesWithRedis { count, .. } = self {
            command.args(["redis", &count.to_string()]);
        }
        Ok(command)
    }

    fn nodes(&self) -> u16 {
        match self {
            Self::NodesWithRedis { count, .. } => *count,
            _ => 1,
        }
    }

    fn path(&self, _channel: &str) -> String {
        "/socket.io/?EIO=4&transport=websocket".into()
    }

    fn step(&self, index: usize, channel: &str) -> Option<Step> {
        match (index, channel) {
            (0, _) => Some(Step { send: String::new(), until: "\"sid\"" }),
            (1, _) => Some(Step { send: "40".into(), until: "40" }),
            (2, "") => None,
            (2, _) => Some(Step { send: format!("420[\"subscribe\",\"{channel}\"]"), until: "430" }),
            _ => None,
        }
    }

    fn publish(&self, channel: &str, payload: &[u8], _sequence: u64, out: &mut Vec<u8>) {
        put_text(&[b"42[\"publish\",\"", channel.as_bytes(), b"\",", payload, b"]"], out);
    }

    fn answer(&self, text: &[u8]) -> Option<&'static [u8]> {
        (text == b"2").then_some(b"3")
    }
}
