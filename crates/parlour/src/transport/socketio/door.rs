//! What a request of Engine.IO asks for: a handshake, a poll, a post, or a WebSocket, and the refusals of the protocol.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use parlour_wire::engineio::{Refusal, Version};

use super::engine::Engine;
use super::line::{Carrier, End, Upper};
use super::{poll, socket};
use crate::door::{Peer, Seat, Whence};

/// The parameters of a request.
#[derive(Debug, Default)]
struct Asked {
    version: Option<Version>,
    transport: String,
    sid: Option<String>,
    way: poll::Way,
}

fn read(parts: &Parts) -> Asked {
    let mut asked = Asked::default();
    for (name, value) in url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
        match &*name {
            "EIO" => asked.version = Version::from_parameter(&value),
            "transport" => asked.transport = value.into_owned(),
            "sid" => asked.sid = Some(value.into_owned()),
            "b64" => asked.way.base64 = !matches!(&*value, "" | "0" | "false"),
            "j" => asked.way.script = Some(value.into_owned()),
            _ => {}
        }
    }
    asked
}

/// The `sid` that a request names, and whether it is a poll's or a post's.
pub(super) fn names(request: &Request) -> Option<(String, bool)> {
    let query = request.uri().query().unwrap_or_default();
    let parameter = |wanted: &str| {
        url::form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| name == wanted)
            .last()
            .map(|(_, value)| value.into_owned())
    };
    Some((parameter("sid")?, parameter("transport").is_some_and(|transport| transport == "polling")))
}

/// Serves a request. The seat is kept as long as a WebSocket that comes of it lives.
pub async fn serve<U: Upper>(engine: &Arc<Engine<U>>, request: Request, seat: Option<Arc<Seat>>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    match answer(engine, parts, body, seat).await {
        Ok(response) => response,
        Err(refusal) => refuse(refusal),
    }
}

/// The protocol's refusal as HTTP says it.
pub(super) fn refuse(refusal: Refusal) -> Response<Body> {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    respond(status, "application/json", refusal.json().into())
}

/// An answer that nobody keeps.
pub(super) fn respond(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn answer<U: Upper>(
    engine: &Arc<Engine<U>>,
    parts: Parts,
    body: Body,
    seat: Option<Arc<Seat>>,
) -> Result<Response<Body>, Refusal> {
    let asked = read(&parts);
    let carrier = match asked.transport.as_str() {
        "polling" => Carrier::Polls,
        "websocket" => Carrier::Socket,
        _ => return Err(Refusal::TransportUnknown),
    };
    let version = asked.version.ok_or(Refusal::UnsupportedVersion)?;
    let line = match &asked.sid {
        None if parts.method != Method::GET => return Err(Refusal::BadHandshakeMethod),
        None => None,
        Some(sid) => Some(engine.find(sid).filter(|line| line.version == version).ok_or(Refusal::SessionUnknown)?),
    };
    match (carrier, line) {
        (Carrier::Socket, line) => socket::upgrade(engine, version, line, parts, seat),
        (Carrier::Polls, None) => {
            let line = engine.begin(version, &parts, carrier).ok_or(Refusal::Forbidden)?;
            let unfinished = poll::Unfinished::new(&line);
            line.open().await;
            let response = poll::first(&line, &asked.way);
            unfinished.finish();
            Ok(response)
        }
        (Carrier::Polls, Some(line)) => match parts.method {
            Method::GET => poll::wait(&line, &asked.way).await,
            Method::POST => poll::take(&line, &parts.headers, body, &asked.way).await,
            _ => {
                line.close(End::Lost);
                Err(Refusal::BadRequest)
            }
        },
    }
}

/// Where a request comes from, as the guard found it.
pub(super) fn whence(parts: &Parts) -> Whence {
    parts.extensions.get::<Peer>().map(|peer| peer.whence.clone()).unwrap_or_default()
}
