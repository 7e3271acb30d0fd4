//! Server-Sent Events (WHATWG HTML §9.2). The body is written as it is asked for, so a reader that does not read costs its place.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Response, header};
use parlour_wire::code::Code;
use parlour_wire::sse;
use serde_json::json;

use super::events::{News, Question, Readers};
use crate::clients::Manners;
use crate::node::{Asker, Node};

/// Bytes gathered for one chunk.
const CHUNK_BYTES: usize = 16 * 1024;

/// A comment keeps the line open; the end of a stream says when to come back.
static MANNERS: Manners = Manners {
    ping: Some(|| Bytes::from_static(b":\n\n")),
    pongs: false,
    close: |_| Some(Bytes::from(sse::retry(come_back_ms()))),
};

/// When a client is to come back: spread out, so that not all come at once.
fn come_back_ms() -> u64 {
    rand::random_range(500..4_000)
}

/// Answers with a stream of the channels' events. Refusals of rights are errors; what cannot be served is an event.
pub async fn answer(node: &Arc<Node>, asker: Asker, question: Question) -> Result<Response<Body>, Code> {
    match node.admit() {
        Some(wait) if wait.is_zero() => {}
        Some(wait) => tokio::time::sleep(wait).await,
        None => return Ok(respond(Body::from(sse::retry(come_back_ms())))),
    }
    if node.is_draining() {
        return Ok(respond(Body::from(sse::retry(come_back_ms()))));
    }
    let readers = Readers::open(node, asker, question, true, &MANNERS).await?;
    let first = sse::retry(1_000) + &position(&readers);
    let state = Writing { readers, first: Some(first), ended: false };
    Ok(respond(Body::from_stream(stream::unfold(state, |mut writing| async {
        writing.chunk().await.map(|chunk| (Ok::<Bytes, Infallible>(chunk), writing))
    }))))
}

fn respond(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would hold events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Where the reader stands.
fn position(readers: &Readers) -> String {
    let positions = readers.positions();
    sse::event("position", Some(&positions), &positions)
}

struct Writing {
    readers: Readers,
    first: Option<String>,
    ended: bool,
}

impl Writing {
    /// The next bytes; `None` at the end. Waits while there is nothing to tell.
    async fn chunk(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first.into());
        }
        loop {
            if self.ended {
                return None;
            }
            let mut chunk = String::new();
            while chunk.len() < CHUNK_BYTES {
                match self.readers.next().await {
                    Ok(Some(news)) => self.write(&mut chunk, news),
                    Ok(None) => break,
                    Err(code) => {
                        // The store is away: the reader comes back with its position.
                        tracing::debug!(code = code.name(), "an event stream ends");
                        chunk.push_str(&sse::retry(come_back_ms()));
                        self.ended = true;
                        break;
                    }
                }
            }
            self.ended |= self.readers.is_finished();
            if !chunk.is_empty() {
                return Some(chunk.into());
            }
            if !self.ended {
                self.readers.wait().await;
            }
        }
    }

    fn write(&self, chunk: &mut String, news: News) {
        match news {
            News::Event { name, text, has_offset } => {
                let id = has_offset.then(|| self.readers.positions());
                // The text was made by us, from text: it is UTF-8.
                if let Ok(text) = std::str::from_utf8(&text) {
                    chunk.push_str(&sse::event(name, id.as_deref(), text));
                }
            }
            News::Gap { channel, reason } => {
                let data = json!({ "channel": channel, "reason": reason }).to_string();
                chunk.push_str(&sse::event("gap", Some(&self.readers.positions()), &data));
            }
            News::Moved => chunk.push_str(&position(&self.readers)),
            News::Frame(frame) => {
                if let Ok(text) = std::str::from_utf8(&frame) {
                    chunk.push_str(text);
                }
            }
        }
    }
}
