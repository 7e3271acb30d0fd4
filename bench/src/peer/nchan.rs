//! nchan on nginx: subscribing by WebSocket, publishing by HTTP POST over one connection, which is how nchan is meant to be published to.

use std::process::Command;

use super::{Peer, Place, Publishing, first_line, rival_file};
use crate::fault::Outcome;

pub struct Nchan;

const NGINX: &str = "/usr/sbin/nginx";

impl Peer for Nchan {
    fn name(&self) -> &str {
        "nchan"
    }

    fn version(&self, _place: &Place) -> String {
        let package = first_line(Command::new("dpkg-query").args(["-W", "-f", "${Version}", "libnginx-mod-nchan"]));
        format!("nchan {package} on {}", first_line(Command::new(NGINX).arg("-v")))
    }

    fn command(&self, place: &Place) -> Outcome<Command> {
        let configuration = place.scratch.join("nginx.conf");
        let text = std::fs::read_to_string(rival_file(place, "nchan/nginx.conf")?)?;
        std::fs::write(&configuration, text.replace("PORT", &place.port.to_string()))?;
        let mut command = Command::new(NGINX);
        command.arg("-p").arg(place.scratch).arg("-c").arg(configuration);
        Ok(command)
    }

    fn path(&self, channel: &str) -> String {
        format!("/subscribe/{channel}")
    }

    fn publishing(&self) -> Publishing {
        Publishing::Http
    }

    fn publish(&self, channel: &str, payload: &[u8], _sequence: u64, out: &mut Vec<u8>) {
        let head = format!(
            "POST /publish/{channel} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            payload.len()
        );
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(payload);
    }
}
