//! `parlour-conformance --listen 127.0.0.1:3000`: what other people's suites are run against. Engine.IO that echoes, the reference
//! server of the Socket.IO protocol document, and a WebSocket that echoes, all over the product's own codecs and transports;
//! nothing of it is in the product.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::any;
use http::{HeaderValue, Response, StatusCode, header};
use hyper::service::service_fn;
use parlour::backend::NodeId;
use parlour::door::Wire;
use parlour::outbox::LaneLimits;
use parlour::transport::socketio::door;
use parlour::transport::socketio::engine::{Engine, Settings};
use parlour::transport::socketio::line::Upper;
use tokio::net::TcpListener;
use tower::ServiceExt as _;

mod echo;
mod engineio;
mod socketio;

/// Bytes of the largest message.
pub const MESSAGE_BYTES_MAX: usize = 1_000_000;

/// What the suites expect.
fn settings(connect_within: Option<Duration>) -> Settings {
    Settings {
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(200),
        connect_within,
        payload_bytes_max: MESSAGE_BYTES_MAX,
        lines_max: 10_000,
        lines_per_address_max: 10_000,
        lane: LaneLimits { frames_max: 8_192, bytes_max: 16 * MESSAGE_BYTES_MAX as u32 },
    }
}

/// What sessions' ids begin with.
fn node() -> NodeId {
    NodeId::new(*b"fixtur")
}

/// Everything that is served.
fn router() -> Router {
    let below = Engine::start(node(), settings(None), engineio::Echo::new);
    let above = Engine::start(node(), settings(Some(Duration::from_millis(1_000))), socketio::Reference::new);
    Router::new().route("/engine.io/", serve(below)).route("/socket.io/", serve(above)).route("/echo", any(echo::upgrade))
}

fn serve<U: Upper>(engine: Arc<Engine<U>>) -> axum::routing::MethodRouter {
    any(move |request: Request| {
        let engine = engine.clone();
        async move {
            let origin = request.headers().get(header::ORIGIN).cloned();
            let is_preflight = request.method() == http::Method::OPTIONS;
            let mut response = if is_preflight { preflight() } else { door::serve(&engine, request, None).await };
            if let Some(origin) = origin {
                response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            }
            response
        }
    })
}

fn preflight() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
    response
}

fn listen() -> anyhow::Result<String> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next(), arguments.next()) {
        (None, ..) => Ok("127.0.0.1:3000".to_owned()),
        (Some("--listen"), Some(address), None) => Ok(address),
        _ => bail!("usage: parlour-conformance [--listen ADDRESS:PORT]"),
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = listen()?;
    let listener = TcpListener::bind(&address).await.with_context(|| format!("cannot listen on {address}"))?;
    println!("Conformance listens on http://{}/", listener.local_addr()?);
    std::io::stdout().flush()?;
    let router = router();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let router = router.clone();
        tokio::spawn(async move {
            let service =
                service_fn(move |request: http::Request<hyper::body::Incoming>| router.clone().oneshot(request.map(Body::new)));
            let connection =
                hyper::server::conn::http1::Builder::new().serve_connection(Wire::new(stream), service).with_upgrades();
            if let Err(error) = connection.await {
                eprintln!("a connection ended: {error}");
            }
        });
    }
}
