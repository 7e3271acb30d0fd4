//! `/socket.io/`: Socket.IO clients from 1.x to 4.x. Engine.IO below (`engine`, `line`, and the doors `door`, `poll`, `socket`)
//! knows nothing of what it carries; Socket.IO above (`talk`) says it to a session, the same as of every other door.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use http::Response;

use crate::door::{Peer, Seat};
use crate::node::Node;

pub mod dialect;
pub mod door;
pub mod engine;
pub mod line;
mod poll;
mod socket;
mod talk;

use dialect::Spoken;
use engine::{Engine, Settings};
use talk::Talk;

/// Between two pings of the server (version 4) or the client (version 3).
const PING_INTERVAL: Duration = Duration::from_secs(25);
/// How long the answer may take.
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a client may take to connect to the namespace.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Lines at once, whatever carries them: those of polls are no connections, and so not among the limited ones.
const LINES_MAX: usize = 200_000;

/// The door of a node.
#[derive(Clone)]
pub struct SocketIo(Arc<Engine<Talk>>);

impl SocketIo {
    /// Opens the door. The limits of messages are those in force now.
    pub fn open(node: &Arc<Node>, spoken: Spoken) -> SocketIo {
        let limits = &node.book.now().limits;
        let settings = Settings {
            ping_interval: PING_INTERVAL,
            ping_timeout: PING_TIMEOUT,
            connect_within: Some(CONNECT_WITHIN),
            payload_bytes_max: limits.message_bytes_max.min(limits.request_bytes_max),
            lines_max: LINES_MAX,
            lane: node.lane_limits(),
        };
        let node = node.clone();
        SocketIo(Engine::start(settings, move |hello| Talk::new(&node, spoken, door::whence(hello.request), hello)))
    }

    /// Serves a request to `/socket.io/`.
    pub async fn serve(&self, request: Request) -> Response<Body> {
        let seat: Option<Arc<Seat>> = request.extensions().get::<Peer>().map(|peer| peer.seat.clone());
        door::serve(&self.0, request, seat).await
    }
}
