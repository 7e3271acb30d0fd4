//! The accept loop: sockets in, HTTP/1.1 connections served by a router, upgrades handed over, answers without an end told past the HTTP
//! library ([`endless`]). What keeps a hostile client from costing more than its seat stands here: limits of connections, of a request's
//! head in bytes, fields and time, and a limit of time for what was sent and is not acknowledged. Knows nothing of what the router does.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Method, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use parking_lot::Mutex;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::door::{Endless, Peer, Seat, Seats, Whence, Wire};
use crate::metrics::Metrics;
use crate::rule::{Book, Limits};

mod endless;

/// How long to wait after `accept` failed for want of files or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the loop needs.
pub struct Acceptor {
    /// Serves every request; each carries its [`Peer`].
    pub router: Router,
    /// The rules in force.
    pub book: Arc<Book>,
    /// Where connections are counted.
    pub metrics: Arc<Metrics>,
    /// The most connections, from the limit of open files.
    pub connections_max: usize,
    /// Their seats.
    pub seats: Arc<Seats>,
}

impl Acceptor {
    /// Accepts until `closing` turns true, then closes the listener and returns the connections that are left: each ends after
    /// the request that it is at. Connections that were upgraded are not among them.
    pub async fn run(self, listener: TcpListener, mut closing: watch::Receiver<bool>) -> JoinSet<()> {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = closed(&mut closing) => break,
                Some(_) = connections.join_next() => continue,
            };
            match accepted {
                Ok((stream, address)) => self.admit(stream, address, &mut connections, &closing),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "no connection can be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        connections
    }

    fn admit(&self, stream: TcpStream, address: SocketAddr, connections: &mut JoinSet<()>, closing: &watch::Receiver<bool>) {
        let rules = self.book.now();
        let per_address = rules.limits.connections_per_address_max;
        let is_counted = !rules.demo && per_address > 0 && !rules.trusts(address.ip());
        let Some(seat) = self.seats.take(address.ip(), self.connections_max, is_counted.then_some(per_address)) else {
            self.metrics.connections_refused.inc();
            return;
        };
        if let Err(error) = prepare(&stream, &rules.limits) {
            // The other end is usually gone already.
            tracing::debug!(%error, "a socket could not be prepared");
            return;
        }
        let peer = Peer { socket_address: address.ip(), whence: Whence::default(), seat: seat.clone() };
        let talk = talk(self.router.clone(), stream, peer, rules.limits.clone(), closing.clone());
        connections.spawn(serve(Box::pin(talk), seat));
    }
}

/// Serves one connection until it ends, is upgraded, or the server closes.
async fn serve(talk: Pin<Box<impl Future<Output = Option<Taken>>>>, seat: Arc<Seat>) {
    // What HTTP took is given back before an answer without an end is told.
    if let Some(Taken { stream, head, body }) = talk.await
        && let Err(error) = endless::tell(stream, head, body).await
    {
        tracing::debug!(%error, "an event stream ended");
    }
    drop(seat);
}

/// A socket taken over from the HTTP library, and what is still to be said on it.
struct Taken {
    stream: TcpStream,
    head: Vec<u8>,
    body: Body,
}

/// Speaks HTTP until the connection ends, or an answer has no end.
async fn talk(
    router: Router,
    stream: TcpStream,
    peer: Peer,
    limits: Limits,
    mut closing: watch::Receiver<bool>,
) -> Option<Taken> {
    // Filled while the connection is polled, and looked into right after.
    let endless = Arc::new(Mutex::new(None));
    let put = endless.clone();
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        let may_be_taken = request.version() == Version::HTTP_11 && request.method() == Method::GET;
        let answer = router.clone().oneshot(request.map(Body::new));
        let put = put.clone();
        async move {
            let response = answer.await?;
            if may_be_taken && response.extensions().get::<Endless>().is_some() {
                *put.lock() = Some(response);
                // The connection ends here for the library.
                return std::future::pending().await;
            }
            Ok::<_, Infallible>(response)
        }
    });
    let wire = Wire::new(stream);
    let unsent = wire.unsent();
    let mut connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_headers(limits.headers_max)
        .max_buf_size(limits.head_bytes_max)
        .serve_connection(wire, service)
        .with_upgrades();
    let mut told_to_close = false;
    let ended = loop {
        tokio::select! {
            ended = poll_fn(|context| {
                let ended = Pin::new(&mut connection).poll(context);
                // Whoever asks again before an answer has come gets that one whole.
                let is_taken = endless.lock().is_some() && !unsent.load(Ordering::Relaxed);
                if is_taken { Poll::Ready(Ok(())) } else { ended }
            }) => break ended,
            () = closed(&mut closing), if !told_to_close => {
                told_to_close = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
    let response = endless.lock().take()?;
    let stream = connection.into_parts()?.io.into_inner();
    let (head, body) = endless::begin(response);
    Some(Taken { stream, head, body })
}

/// Waits until the server closes; whoever would say so being gone counts as well.
async fn closed(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}

/// Sets what every connection's socket has: no delay, few unsent bytes in the kernel, an end for dead peers.
fn prepare(stream: &TcpStream, limits: &Limits) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    #[cfg(target_os = "linux")]
    {
        socket.set_tcp_notsent_lowat(u32::try_from(limits.unsent_bytes_max).unwrap_or(u32::MAX))?;
        socket.set_tcp_user_timeout(Some(limits.send_timeout))?;
    }
    let keepalive = socket2::TcpKeepalive::new().with_time(limits.send_timeout.max(Duration::from_secs(1)));
    socket.set_tcp_keepalive(&keepalive)
}

/// Whether a failure of `accept` concerns one connection that never came to be, and not the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests;
