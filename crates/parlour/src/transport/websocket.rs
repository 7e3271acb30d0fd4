//! `/connection/websocket`: the Centrifuge protocol in JSON. One small task a connection, which owns no buffer while nothing
//! happens: it reads through a buffer of its worker, and the outbox writes.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::iter::Peekable;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use parlour_wire::code::Close;
use parlour_wire::command::Command;
use parlour_wire::frame::{self, Handshake, HandshakeFault, Message, Reader};
use parlour_wire::json::{self, Fault, Incoming};
use rustix::net::SendFlags;
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::clients::Manners;
use crate::door::{Peer, Seat, Wire};
use crate::node::Node;
use crate::outbox::{Outbox, Pumped, WriteHalf};
use crate::session::{Session, Speech, Then};
use crate::transport::intake::{Intake, take_in};

/// Publications of one connection that are under way at once, after the first.
const PUBLISHES_AT_ONCE: usize = 24;
/// How long the last words may take to be read.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// What this door says.
static SPEECH: Speech = Speech {
    manners: &Manners { ping: Some(|| Bytes::from_static(b"\x81\x02{}")), pongs: true, close: |close| Some(frame::close(close)) },
    reply: |reply| frame::text(&json::reply(reply)),
    push: |outbox, push| outbox.send(frame::text(&json::push(push))),
};

/// `send` without waiting and without a signal. The kernel is asked first and Tokio only where it refuses: what Tokio knows of a socket lies
/// elsewhere, and a broadcast would fetch it for each.
impl WriteHalf for TcpStream {
    fn try_send(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let send = || match slices {
            [one] => rustix::net::send(self, one, SendFlags::NOSIGNAL | SendFlags::DONTWAIT).map_err(io::Error::from),
            many => socket2::SockRef::from(self).send_vectored_with_flags(many, SendFlags::NOSIGNAL.bits().cast_signed()),
        };
        match send() {
            // Once more, so that a socket that is writable again is not noted as one that is not.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.try_io(Interest::WRITABLE, send),
            done => done,
        }
    }
}

/// Answers the handshake and serves the connection in a task of its own, which keeps the seat as long as it lives.
pub fn upgrade(node: Arc<Node>, mut request: Request<Body>, peer: Option<Peer>) -> Response<Body> {
    let accept = match handshake(request.method().as_str(), request.headers()) {
        Ok(accept) => accept,
        Err(fault) => return refuse(fault),
    };
    let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() else { return refuse(HandshakeFault::NotAsked) };
    let deflate_from = u32::try_from(node.book.now().limits.deflate_from_bytes).ok().filter(|bytes| *bytes > 0);
    let deflate = deflate_from.and_then(|from_bytes| Some((from_bytes, deflate(request.headers())?)));
    let deflate_from = deflate.map(|(from_bytes, _)| from_bytes);
    tokio::spawn(async move {
        // The future of a connection is small; what it takes to get there is gone once it is.
        match upgrade.await.map(|upgraded| upgraded.downcast::<Wire>()) {
            Ok(Ok(parts)) => {
                let connect_within = node.book.now().limits.head_timeout;
                let mut connection = Connection::new(node, parts.io.into_inner(), peer, deflate_from);
                match connection.begin(parts.read_buf, connect_within).await {
                    None => drop(tokio::spawn(Stay { connection: Some(connection), busy: None })),
                    Some(end) => connection.leave(end).await,
                }
            }
            Ok(Err(_)) => tracing::error!("a WebSocket came over something that is no TCP stream"),
            Err(error) => tracing::debug!(%error, "a WebSocket handshake was not finished"),
        }
    });
    switching(&accept, deflate.map(|(_, answer)| answer))
}

/// What to answer to a client that offers to compress; `None` where it does not, or not as we do.
pub fn deflate(headers: &HeaderMap) -> Option<&'static str> {
    let offers = headers.get_all(header::SEC_WEBSOCKET_EXTENSIONS);
    offers.iter().filter_map(|value| value.to_str().ok()).find_map(frame::accept_deflate)
}

/// The answer to a good handshake, and the extension that was agreed on.
pub fn switching(accept: &str, extension: Option<&'static str>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, http::HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, http::HeaderValue::from_static("websocket"));
    if let Ok(accept) = accept.parse() {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(extension) = extension {
        headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, http::HeaderValue::from_static(extension));
    }
    response
}

/// Checks the handshake of a WebSocket: the value of `Sec-WebSocket-Accept`.
pub fn handshake(method: &str, headers: &HeaderMap) -> Result<String, HandshakeFault> {
    let joined = |name| {
        let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then(|| values.join(","))
    };
    let (connection, upgrade) = (joined(header::CONNECTION), joined(header::UPGRADE));
    let (version, key) = (joined(header::SEC_WEBSOCKET_VERSION), joined(header::SEC_WEBSOCKET_KEY));
    Handshake {
        method,
        connection: connection.as_deref(),
        upgrade: upgrade.as_deref(),
        version: version.as_deref(),
        key: key.as_deref(),
    }
    .accept()
}

/// The answer to one that is none.
pub fn refuse(fault: HandshakeFault) -> Response<Body> {
    let mut response = Response::new(Body::from("a WebSocket handshake is expected here\n"));
    let (status, name, value) = match fault {
        HandshakeFault::NotAsked => (StatusCode::UPGRADE_REQUIRED, header::UPGRADE, "websocket"),
        HandshakeFault::Version => (StatusCode::UPGRADE_REQUIRED, header::SEC_WEBSOCKET_VERSION, "13"),
        HandshakeFault::Method => (StatusCode::METHOD_NOT_ALLOWED, header::ALLOW, "GET"),
        HandshakeFault::Key => (StatusCode::BAD_REQUEST, header::CACHE_CONTROL, "no-store"),
    };
    *response.status_mut() = status;
    response.headers_mut().insert(name, http::HeaderValue::from_static(value));
    response
}

/// What a read came to.
enum Said {
    Command(Result<Incoming, Fault>),
    Frame(Bytes),
    /// What stands in one message ends here.
    MessageEnd,
    Close(Close),
    Goodbye(Bytes),
}

/// A connection.
struct Connection {
    stream: Arc<TcpStream>,
    session: Session,
    reader: Reader,
    /// Given back when the connection is over.
    _seat: Option<Arc<Seat>>,
}

/// What follows a publication and is one too, in the order sent: these are under way at once.
fn more_publishes(first: &Command, said: &mut Peekable<impl Iterator<Item = Said>>) -> Vec<(u32, Command)> {
    let mut publishes = Vec::new();
    if !matches!(first, Command::Publish { .. }) {
        return publishes;
    }
    let goes_on = |said: &Said| {
        let is_publish = matches!(said, Said::Command(Ok(Incoming::Command { command: Command::Publish { .. }, .. })));
        is_publish || matches!(said, Said::MessageEnd)
    };
    while publishes.len() < PUBLISHES_AT_ONCE
        && let Some(said) = said.next_if(goes_on)
    {
        if let Said::Command(Ok(Incoming::Command { id, command })) = said {
            publishes.push((id, command));
        }
    }
    publishes
}

/// What a connection waits for.
enum News {
    Said(Vec<Said>),
    Over(End),
}

/// The life of a connection, which is all of it that lies in its task. Polled by hand, because that is most of what an idle one costs:
/// an `async fn` is as large as all that it ever keeps while it waits, and here that is there only while something is done.
struct Stay {
    connection: Option<Box<Connection>>,
    /// Has the connection, and gives it back if it stays.
    busy: Option<Acting>,
}

/// What [`Connection::act`] does.
type Acting = Pin<Box<dyn Future<Output = Option<Box<Connection>>> + Send>>;

impl Future for Stay {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(busy) = &mut self.busy {
                self.connection = ready!(busy.as_mut().poll(context));
                self.busy = None;
            }
            let Some(mut connection) = self.connection.take() else { return Poll::Ready(()) };
            match connection.poll_news(context) {
                Poll::Ready(news) => self.busy = Some(Box::pin(connection.act(news))),
                Poll::Pending => {
                    self.connection = Some(connection);
                    return Poll::Pending;
                }
            }
        }
    }
}

/// How a connection ended.
#[derive(PartialEq, Eq)]
enum End {
    /// The client said goodbye.
    Goodbye,
    /// We did, or the line is gone.
    Lost,
}

impl Connection {
    fn new(node: Arc<Node>, stream: TcpStream, peer: Option<Peer>, deflate_from: Option<u32>) -> Box<Connection> {
        let stream = Arc::new(stream);
        let (outbox, reader) = match deflate_from {
            Some(from_bytes) => (Outbox::deflating(stream.clone(), from_bytes, node.lane_limits()), Reader::deflating()),
            None => (Outbox::direct(stream.clone(), node.lane_limits()), Reader::default()),
        };
        let outbox = Arc::new(outbox);
        let (whence, seat) = peer.map_or_else(Default::default, |peer| (peer.whence, Some(peer.seat)));
        let session = Session::new(node, outbox, &SPEECH, whence);
        Box::new(Connection { stream, session, reader, _seat: seat })
    }

    /// What came with the handshake, then `connect`: whoever does not say it within the time that an unused connection may stay
    /// is sent away.
    async fn begin(&mut self, first: Bytes, connect_within: Duration) -> Option<End> {
        let said = Self::read(&self.session, &mut self.reader, &mut first.to_vec());
        // Even empty it would keep the buffer alive into which the request's head was read.
        drop(first);
        if let Some(end) = Box::pin(self.obey(said)).await {
            return Some(end);
        }
        tokio::time::timeout(connect_within, self.until_connected()).await.unwrap_or_else(|_| {
            self.session.close(Close::STALE);
            Some(End::Lost)
        })
    }

    async fn leave(mut self: Box<Self>, end: End) {
        self.session.end(end == End::Lost);
        linger(&self.stream, self.session.outbox()).await;
    }

    async fn until_connected(&mut self) -> Option<End> {
        while !self.session.is_connected() {
            let end = match poll_fn(|context| self.poll_news(context)).await {
                News::Said(said) => Box::pin(self.obey(said)).await,
                News::Over(end) => Some(end),
            };
            if end.is_some() {
                return end;
            }
        }
        None
    }

    /// Waits for what comes next and does what can be done without waiting again.
    fn poll_news(&mut self, context: &mut Context<'_>) -> Poll<News> {
        loop {
            let blocked = self.session.outbox().is_blocked();
            // Whoever does not read its answers is not asked for more questions.
            let crowded_and_blocked = blocked && self.session.outbox().is_crowded();
            let readable = !crowded_and_blocked && self.stream.poll_read_ready(context).is_ready();
            let writable = blocked && self.stream.poll_write_ready(context).is_ready();
            let woken = self.session.outbox().poll_woken(context).is_ready();
            if !readable && !writable && !woken {
                return Poll::Pending;
            }
            if writable || woken {
                match self.pump() {
                    Pumped::Finished => return Poll::Ready(News::Over(End::Lost)),
                    // Others have their turn first.
                    Pumped::Again => {
                        self.session.outbox().wake();
                        context.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    _ => {}
                }
            }
            if readable {
                match self.hear() {
                    Ok(said) if said.is_empty() => {}
                    Ok(said) => return Poll::Ready(News::Said(said)),
                    Err(end) => return Poll::Ready(News::Over(end)),
                }
            }
        }
    }

    /// Does what news ask for; the connection, if it stays.
    async fn act(mut self: Box<Self>, news: News) -> Option<Box<Self>> {
        let end = match news {
            News::Said(said) => self.obey(said).await,
            News::Over(end) => Some(end),
        };
        let Some(end) = end else { return Some(self) };
        self.leave(end).await;
        None
    }

    /// Sends what can be sent, and tells of every reader that fell.
    fn pump(&mut self) -> Pumped {
        loop {
            match self.session.outbox().pump() {
                Pumped::Fell(place) => self.session.fell(place),
                pumped => return pumped,
            }
        }
    }

    /// What came, as far as it is whole.
    fn hear(&mut self) -> Result<Vec<Said>, End> {
        let Connection { stream, session, reader, .. } = self;
        match take_in(stream, |input| Self::read(session, reader, input)) {
            Intake::Some(said) => Ok(said),
            Intake::Nothing => Ok(Vec::new()),
            Intake::End => Err(End::Lost),
        }
    }

    fn read(session: &Session, reader: &mut Reader, input: &mut [u8]) -> Vec<Said> {
        let message_bytes_max = session.node().book.now().limits.message_bytes_max;
        let mut said = Vec::new();
        let result = reader.feed(input, message_bytes_max, &mut |message| match message {
            Message::Text("{}") => session.heard(),
            Message::Text(text) => {
                session.heard();
                said.extend(json::decode(text).map(Said::Command));
                said.push(Said::MessageEnd);
            }
            Message::Binary(_) => said.push(Said::Close(Close::UNSUPPORTED)),
            Message::Ping(payload) => said.push(Said::Frame(frame::pong(payload))),
            Message::Pong => session.heard(),
            Message::Close(code) => said.push(Said::Goodbye(frame::close_reply(code))),
        });
        if let Err(close) = result {
            said.push(Said::Close(close));
        }
        said
    }

    async fn obey(&mut self, said: Vec<Said>) -> Option<End> {
        let mut skipping = false;
        let mut said = said.into_iter().peekable();
        while let Some(one) = said.next() {
            let then = match one {
                Said::MessageEnd => {
                    skipping = false;
                    Then::Continue
                }
                Said::Command(_) if skipping => Then::Continue,
                Said::Command(Ok(Incoming::Pong)) => Then::Continue,
                Said::Command(Ok(Incoming::Command { id, command })) => {
                    if self.session.outbox().owes() {
                        self.room().await;
                    }
                    let publishes = more_publishes(&command, &mut said);
                    match publishes.is_empty() {
                        true => self.session.handle(id, command).await,
                        false => self.session.publish_all((id, command), publishes).await,
                    }
                }
                Said::Command(Err(Fault::Refused { id, code })) => self.session.refuse(id, code),
                Said::Command(Err(Fault::Malformed)) => Then::Close(Close::BAD_REQUEST),
                Said::Frame(frame) => match self.session.outbox().send(frame) {
                    Ok(()) => Then::Continue,
                    Err(_) => Then::Close(Close::SLOW),
                },
                Said::Close(close) => Then::Close(close),
                Said::Goodbye(reply) => {
                    self.session.outbox().finish(Some(reply));
                    return Some(End::Goodbye);
                }
            };
            match then {
                Then::Continue => {}
                Then::SkipFrame => skipping = true,
                Then::Close(close) => {
                    self.session.close(close);
                    return Some(End::Lost);
                }
            }
        }
        None
    }

    /// Waits until the client has read its answers: the next one may be as large as a recovery, for which there is room only where
    /// nothing else waits. A line that is lost is noticed by whoever reads next.
    async fn room(&mut self) {
        while self.session.outbox().owes() {
            match self.pump() {
                Pumped::Finished => return,
                Pumped::Again => tokio::task::yield_now().await,
                _ if self.session.outbox().is_blocked() && self.stream.writable().await.is_err() => return,
                _ => {}
            }
        }
    }
}

/// Lets the last words be read: what is left is sent, then the client's goodbye is waited for, both for a short while.
pub(super) async fn linger(stream: &TcpStream, outbox: &Outbox) {
    let farewell = async {
        while !matches!(outbox.pump(), Pumped::Idle | Pumped::Finished) {
            stream.writable().await?;
        }
        socket2::SockRef::from(stream).shutdown(std::net::Shutdown::Write)?;
        loop {
            stream.readable().await?;
            if take_in(stream, |_| ()) == Intake::End {
                return Ok::<(), io::Error>(());
            }
        }
    };
    if let Ok(Err(error)) = tokio::time::timeout(CLOSE_WITHIN, farewell).await {
        tracing::trace!(%error, "a connection was gone before it was closed");
    }
}
