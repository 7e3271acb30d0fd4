//! Servers that know no protocol above WebSocket: the path names the channel that a client hears, and a text `CHANNEL PAYLOAD` from anyone is
//! published to it. The bare epoll loop of this crate (`bare`), Bun and `ws` differ only in how they are started.

use std::process::Command;

use super::{Peer, Place, first_line, pinned, put_text, rival_file};
use crate::fault::Outcome;

pub enum Plain {
    /// One ready frame and one `send` for each socket; merging, one `send` for all that came in at once.
    Bare {
        merging: bool,
    },
    Bun,
    Ws,
}

impl Peer for Plain {
    fn name(&self) -> &str {
        match self {
            Self::Bare { merging: false } => "bare",
            Self::Bare { merging: true } => "bare-merging",
            Self::Bun => "bun",
            Self::Ws => "ws",
        }
    }

    fn version(&self, place: &Place) -> String {
        match self {
            Self::Bare { merging: false } => "the limit: bare epoll, one send per message".into(),
            Self::Bare { merging: true } => "the limit: bare epoll, what waits merged into one send".into(),
            Self::Bun => format!("Bun {} (µWebSockets), publish", pinned(place, "bun", "bun")),
            Self::Ws => {
                let node = first_line(Command::new("node").arg("--version"));
                format!("ws {} on Node {node}, frame prepared once", pinned(place, "ws", "ws"))
            }
        }
    }

    fn command(&self, place: &Place) -> Outcome<Command> {
        let port = place.port.to_string();
        let mut command = match self {
            Self::Bare { merging } => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["bare", "--port", &port]).args(merging.then_some("--merging"));
                return Ok(command);
            }
            Self::Bun => Command::new(rival_file(place, "bun/node_modules/bun/bin/bun.exe")?),
            Self::Ws => {
                rival_file(place, "ws/node_modules")?;
                Command::new("node")
            }
        };
        command.arg(rival_file(place, &format!("{}/server.mjs", self.name()))?).arg(port);
        Ok(command)
    }

    fn path(&self, channel: &str) -> String {
        format!("/{channel}")
    }

    fn publish(&self, channel: &str, payload: &[u8], _sequence: u64, out: &mut Vec<u8>) {
        put_text(&[channel.as_bytes(), b" ", payload], out);
    }
}
