//! `/socket.io/`: Socket.IO clients from 1.x to 4.x. Engine.IO below (`engine`, `line`, and the doors `door`, `poll`, `socket`)
//! knows nothing of what it carries; Socket.IO above (`talk`) says it to a session, the same as of every other door.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::{HeaderMap, Response, Uri};
use parlour_wire::engineio::Refusal;
use url::Url;

use crate::backend::Presence;
use crate::door::{Peer, Seat};
use crate::node::Node;
use crate::rule::{Book, Rules};

pub mod dialect;
pub mod door;
pub mod engine;
mod forward;
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
pub struct SocketIo {
    engine: Arc<Engine<Talk>>,
    book: Arc<Book>,
    presence: Arc<dyn Presence>,
}

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
            lines_per_address_max: match limits.connections_per_address_max {
                0 => LINES_MAX,
                max => max,
            },
            lane: node.lane_limits(),
        };
        let (node, book, presence) = (node.clone(), node.book.clone(), node.backend().presence.clone());
        let engine = Engine::start(presence.node().clone(), settings, move |hello| {
            Talk::new(&node, spoken, door::whence(hello.request), hello)
        });
        SocketIo { engine, book, presence }
    }

    /// Serves a request to `/socket.io/`.
    pub async fn serve(&self, request: Request) -> Response<Body> {
        let seat: Option<Arc<Seat>> = request.extensions().get::<Peer>().map(|peer| peer.seat.clone());
        if asks_for_script(request.uri()) && !may_be_read_by(&self.book.now(), request.headers()) {
            return door::refuse(Refusal::Forbidden);
        }
        if let Some((sid, true)) = door::names(&request)
            && let Some(owner) = self.engine.owner_elsewhere(&sid)
        {
            return forward::ask(&*self.presence, &owner, request, self.engine.settings.payload_bytes_max).await;
        }
        door::serve(&self.engine, request, seat).await
    }

    /// Serves a poll or a post that reached another node; `None` where the question is none of this kind.
    pub async fn answer_peer(&self, question: Bytes) -> Option<Bytes> {
        forward::answer(&self.engine, question).await
    }
}

/// Whether the answer is to be a script, which any page may load.
fn asks_for_script(uri: &Uri) -> bool {
    url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).any(|(name, _)| name == "j")
}

/// Whether a script may be loaded from where it is: browsers send no `Origin` with it, but say where it stands, or at least that
/// it stands elsewhere. Whoever says nothing is no browser, as everywhere.
fn may_be_read_by(rules: &Rules, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let referer = match text("referer").map(Url::parse) {
        Some(Ok(referer)) => referer,
        Some(Err(_)) => return false,
        None => return text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none")),
    };
    let is_own = text("host").is_some_and(|host| referer.authority() == host);
    is_own || rules.allows_origin(&referer.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;
    use crate::config::layer::FileLayers;

    #[test]
    fn a_script_is_read_only_by_pages_that_might_ask_otherwise() {
        let layers = FileLayers::from_text("origins = [\"https://example.org\"]").unwrap();
        let rules = Sources::default().read_with(layers, None).unwrap().rules().unwrap();
        let may = |named: &[(&'static str, &'static str)]| {
            let headers = named.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
            may_be_read_by(&rules, &headers)
        };
        assert!(may(&[]) && may(&[("sec-fetch-site", "same-origin")]));
        assert!(may(&[("referer", "https://example.org/page"), ("sec-fetch-site", "cross-site")]));
        assert!(may(&[("referer", "https://talk.example/page"), ("host", "talk.example")]));
        assert!(!may(&[("referer", "https://evil.example/page"), ("host", "talk.example")]));
        assert!(!may(&[("referer", "nonsense")]));
        assert!(!may(&[("sec-fetch-site", "cross-site")]) && !may(&[("sec-fetch-site", "same-site")]));
        assert!(
            asks_for_script(&Uri::from_static("/socket.io/?EIO=3&j=0"))
                && !asks_for_script(&Uri::from_static("/socket.io/?EIO=3"))
        );
    }
}
