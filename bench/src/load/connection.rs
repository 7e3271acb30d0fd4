//! One client: its socket, how far its handshake is, what of a message has arrived. An idle one owns no buffers.

use std::net::TcpStream;
use std::time::Duration;

use crate::fault::{Fault, Outcome};
use crate::wire;

/// What a connection is for.
#[derive(PartialEq, Eq, Debug)]
pub enum Role {
    Subscriber { channel: String },
    Publisher,
    HttpPublisher,
}

/// How far a connection is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// The answer to the WebSocket request is awaited.
    Opening,
    /// The answer to the peer's step of this number is awaited.
    Step(usize),
    Ready,
}

pub struct Connection {
    pub stream: TcpStream,
    pub role: Role,
    pub stage: Stage,
    /// What the answer to the present step contains.
    pub until: &'static str,
    pub sampled: bool,
    /// The beginning of a message whose end has not arrived.
    pub carry: Vec<u8>,
    /// What the socket has not taken yet.
    pub pending: Vec<u8>,
    /// Bytes of a delivery begun, for peers whose unit is bytes.
    pub partial_bytes: usize,
}

impl Connection {
    pub fn new(stream: TcpStream, role: Role, sampled: bool) -> Self {
        Self { stream, role, stage: Stage::Opening, until: "", sampled, carry: Vec::new(), pending: Vec::new(), partial_bytes: 0 }
    }

    /// The channel that it hears; a publisher's is empty.
    pub fn channel(&self) -> &str {
        match &self.role {
            Role::Subscriber { channel } => channel,
            Role::Publisher | Role::HttpPublisher => "",
        }
    }

    /// Sends a frame, after what waits.
    pub fn send(&mut self, opcode: u8, payload: &[u8]) -> Outcome<()> {
        wire::put_masked(opcode, payload, &mut self.pending);
        self.flush()
    }

    pub fn flush(&mut self) -> Outcome<()> {
        super::write_pending(&mut self.stream, &mut self.pending)
    }

    /// Checks that every answer whose beginning is in `bytes` is one of success. Answers are short and come whole often enough for this.
    pub fn expect_success(&self, bytes: &[u8]) -> Outcome<()> {
        let refused = bytes.starts_with(b"HTTP/1.1 4") || bytes.starts_with(b"HTTP/1.1 5");
        if refused { Err(Fault(format!("publishing was refused: {}", String::from_utf8_lossy(bytes)))) } else { Ok(()) }
    }
}

impl Drop for Connection {
    /// A reset leaves no address waiting, of which many runs in a row would run out.
    fn drop(&mut self) {
        if let Err(error) = rustix::net::sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO)) {
            eprintln!("a connection could not be set to reset: {error}");
        }
    }
}
