//! A line carried by polls: one request waits for what is to be sent, others bring what is said. A second poll beside the first,
//! and a poll that is given up, end the line: what was on its way may be lost, and the client is to know.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response, StatusCode};
use parlour_wire::engineio::{self, Body as Payload, Encoded, Refusal, Version};
use parlour_wire::frame::{self, Written};

use super::door::respond;
use super::line::{Carrier, End, Line, Upper};
use crate::door::body::{Reading, bytes};

/// How long a poll waits while a WebSocket is about to take over: the client wants its polls to end.
const PROBED_WAIT: Duration = Duration::from_millis(100);
/// How long the body of a post may take.
const BODY_WITHIN: Duration = Duration::from_secs(20);

/// How a client wants its payloads, if it is of version 3.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// Bytes as base64.
    pub(super) base64: bool,
    /// As a script, for JSONP: the number of its callback.
    pub(super) script: Option<String>,
}

/// A request that must come to its end: if its client gives it up, the line is lost.
pub(super) struct Unfinished<'a, U: Upper>(Option<&'a Arc<Line<U>>>);

impl<'a, U: Upper> Unfinished<'a, U> {
    pub(super) fn new(line: &'a Arc<Line<U>>) -> Unfinished<'a, U> {
        Unfinished(Some(line))
    }

    pub(super) fn finish(mut self) {
        self.0 = None;
    }
}

impl<U: Upper> Drop for Unfinished<'_, U> {
    fn drop(&mut self) {
        if let Some(line) = self.0 {
            line.close(End::Lost);
        }
    }
}

/// The answer to the handshake: the open packet and what was said at once.
pub(super) fn first<U: Upper>(line: &Arc<Line<U>>, way: &Way) -> Response<Body> {
    let (frames, _, _) = line.outbox.take_frames();
    payload(line.version, way, &frames, None)
}

/// A poll: waits for something to send.
pub(super) async fn wait<U: Upper>(line: &Arc<Line<U>>, way: &Way) -> Result<Response<Body>, Refusal> {
    let is_second = {
        let mut state = line.state.lock();
        if state.carrier == Carrier::Socket {
            return Err(Refusal::BadRequest);
        }
        std::mem::replace(&mut state.polled, true)
    };
    if is_second {
        line.close(End::Lost);
        return Err(Refusal::BadRequest);
    }
    let unfinished = Unfinished::new(line);
    let response = loop {
        let (frames, fallen, finishing) = line.outbox.take_frames();
        line.room.notify_waiters();
        let (ended, probed, taken_over) = {
            let state = line.state.lock();
            (state.ended, state.probed, state.carrier == Carrier::Socket)
        };
        match (ended, fallen) {
            // A client that says goodbye hears nothing more than that its poll is over.
            (Some(End::Goodbye), _) => break payload(line.version, way, &frames, Some(engineio::NOOP)),
            (ended, _) if ended.is_some() || finishing => {
                line.close(End::Closed);
                break payload(line.version, way, &frames, Some(engineio::CLOSE));
            }
            _ if !frames.is_empty() => break payload(line.version, way, &frames, None),
            (_, Some(place)) => line.upper.lock().await.fell(place).await,
            _ if taken_over => break payload(line.version, way, &[], Some(engineio::NOOP)),
            _ if probed => match tokio::time::timeout(PROBED_WAIT, line.outbox.woken()).await {
                Ok(()) => {}
                Err(_) => break payload(line.version, way, &[], Some(engineio::NOOP)),
            },
            _ => line.outbox.woken().await,
        }
    };
    line.state.lock().polled = false;
    unfinished.finish();
    Ok(response)
}

/// Packets out of frames, and one more, as the body of an answer.
fn payload(version: Version, way: &Way, frames: &[u8], last: Option<&str>) -> Response<Body> {
    let packets = frame::messages(frames).into_iter().map(|message| match message {
        Written::Text(text) => Encoded::Text(text),
        // Version 3 writes a type before bytes in frames, and payloads have it elsewhere.
        Written::Binary([4, bytes @ ..]) if version == Version::V3 => Encoded::Binary(bytes),
        Written::Binary(bytes) => Encoded::Binary(bytes),
    });
    let packets: Vec<Encoded<'_>> = packets.chain(last.map(Encoded::Text)).collect();
    let base64 = way.base64 || way.script.is_some();
    match engineio::encode_payload(version, &packets, base64) {
        Payload::Binary(bytes) => respond(StatusCode::OK, "application/octet-stream", bytes.into()),
        Payload::Text(text) => match way.script.as_deref().filter(|_| version == Version::V3) {
            Some(index) => respond(StatusCode::OK, "text/javascript; charset=UTF-8", engineio::jsonp(index, &text).into()),
            None => respond(StatusCode::OK, "text/plain; charset=UTF-8", text.into()),
        },
    }
}

/// A post: what the client says, in its order.
pub(super) async fn take<U: Upper>(
    line: &Arc<Line<U>>,
    headers: &HeaderMap,
    body: Body,
    way: &Way,
) -> Result<Response<Body>, Refusal> {
    let is_second = {
        let mut state = line.state.lock();
        if state.carrier == Carrier::Socket {
            return Err(Refusal::BadRequest);
        }
        std::mem::replace(&mut state.posted, true)
    };
    if is_second {
        line.close(End::Lost);
        return Err(Refusal::BadRequest);
    }
    let unfinished = Unfinished::new(line);
    let reading = Reading { bytes_max: line.engine.settings.payload_bytes_max, timeout: BODY_WITHIN };
    let body = match bytes(headers, body, reading).await {
        Ok(body) => body,
        Err(problem) => {
            let status = StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
            return Ok(respond(status, "text/plain; charset=UTF-8", Body::empty()));
        }
    };
    if !hear(line, headers, &body, way).await {
        return Err(Refusal::BadRequest);
    }
    line.state.lock().posted = false;
    unfinished.finish();
    Ok(respond(StatusCode::OK, "text/html", "ok".into()))
}

/// Tells the packets of a payload. `false`: it is none, or one of them ended the line against the rules.
async fn hear<U: Upper>(line: &Arc<Line<U>>, headers: &HeaderMap, body: &[u8], way: &Way) -> bool {
    let is_binary = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/octet-stream"));
    let form;
    let payload = match (is_binary, std::str::from_utf8(body)) {
        (true, _) => Payload::Binary(body),
        (false, Err(_)) => return false,
        (false, Ok(text)) if way.script.is_some() && line.version == Version::V3 => match engineio::jsonp_form(text) {
            Ok(text) => {
                form = text;
                Payload::Text(form.as_str())
            }
            Err(_) => return false,
        },
        (false, Ok(text)) => Payload::Text(text),
    };
    let Ok(packets) = engineio::decode_payload(line.version, payload) else { return false };
    for packet in packets {
        if !line.hear(packet).await {
            return line.state.lock().ended == Some(End::Goodbye);
        }
    }
    true
}
