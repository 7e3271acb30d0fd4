//! NATS through its WebSocket listener. Its protocol runs through the frames as through a pipe, several messages in one or one in several: so
//! deliveries are counted by bytes, which are the same for each, because channel names and payloads have one length.

use std::process::Command;

use super::{Peer, Place, Step, Unit, first_line, put_text, rival_file};
use crate::fault::Outcome;
use crate::scenario::CHANNEL_BYTES;

pub struct Nats;

const SERVER: &str = "/usr/sbin/nats-server";
const CONNECT: &str = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n";

impl Peer for Nats {
    fn name(&self) -> &str {
        "nats"
    }

    fn version(&self, _place: &Place) -> String {
        first_line(Command::new(SERVER).arg("--version"))
    }

    fn command(&self, place: &Place) -> Outcome<Command> {
        let configuration = place.scratch.join("nats.conf");
        let text = std::fs::read_to_string(rival_file(place, "nats/nats.conf")?)?;
        std::fs::write(&configuration, text.replace("PORT", &place.port.to_string()))?;
        let mut command = Command::new(SERVER);
        command.arg("-c").arg(configuration);
        Ok(command)
    }

    fn path(&self, _channel: &str) -> String {
        "/".into()
    }

    fn step(&self, index: usize, channel: &str) -> Option<Step> {
        match (index, channel) {
            (0, _) => Some(Step { send: String::new(), until: "INFO" }),
            (1, "") => Some(Step { send: format!("{CONNECT}PING\r\n"), until: "PONG" }),
            (1, _) => Some(Step { send: format!("{CONNECT}SUB {channel} 1\r\nPING\r\n"), until: "PONG" }),
            _ => None,
        }
    }

    fn publish(&self, channel: &str, payload: &[u8], _sequence: u64, out: &mut Vec<u8>) {
        let head = format!("PUB {channel} {}\r\n", payload.len());
        put_text(&[head.as_bytes(), payload, b"\r\n"], out);
    }

    fn unit(&self, payload_bytes: usize) -> Unit {
        let head = format!("MSG {:CHANNEL_BYTES$} 1 {payload_bytes}\r\n", "");
        Unit::Bytes { beside: head.len() + b"\r\n".len() }
    }

    fn answer(&self, text: &[u8]) -> Option<&'static [u8]> {
        (text == b"PING\r\n").then_some(b"PONG\r\n")
    }
}
