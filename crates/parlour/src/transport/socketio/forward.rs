//! Polls and posts that reach a node whose session it is not: they travel to the node that the `sid` names, are served there as if
//! they had come there, and the answer travels back. So a balancer may send each request where it likes. A WebSocket does not travel:
//! the client is refused and goes on with polls. What is lost on the way ends as a refusal, and the client comes back with its
//! positions; a poll that its client gives up is given up on the other node too.
//!
//! A question is `S`, METHOD, QUERY and the content type, a line each, then the body; an answer the status and the content type, a line
//! each, then the body.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::{BufMut, Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::BodyExt;
use parlour_wire::engineio::Refusal;

use super::door::{refuse, respond};
use super::engine::Engine;
use super::line::Upper;
use crate::backend::{NodeId, Presence, Unanswered};
use crate::door::body::{Reading, bytes};

/// What a question begins with, so that it is told from others.
pub(super) const MARK: u8 = b'S';
/// A poll is answered at the latest by the next heartbeat, which is sooner.
const POLL_WITHIN: Duration = Duration::from_secs(75);
/// A post waits until its client has read what it was told before, which may take a while.
const POST_WITHIN: Duration = Duration::from_secs(45);
/// How long the body of a post may take.
const BODY_WITHIN: Duration = Duration::from_secs(20);
/// The longest query that travels.
const QUERY_BYTES_MAX: usize = 4096;

/// Has the session's own node serve the request.
pub(super) async fn ask(presence: &dyn Presence, owner: &NodeId, request: Request, payload_bytes_max: usize) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    if !matches!(parts.method, Method::GET | Method::POST) || query.len() > QUERY_BYTES_MAX {
        return refuse(Refusal::BadRequest);
    }
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let mut question = BytesMut::new();
    question.put_slice(format!("S{}\n{query}\n{kind}\n", parts.method).as_bytes());
    let mut within = POLL_WITHIN;
    if parts.method == Method::POST {
        within = POST_WITHIN;
        match bytes(&parts.headers, body, Reading { bytes_max: payload_bytes_max, timeout: BODY_WITHIN }).await {
            Ok(body) => question.put(body),
            Err(problem) => {
                let status = StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
                return respond(status, "text/plain; charset=UTF-8", Body::empty());
            }
        }
    }
    match presence.ask(owner, question.freeze(), within).await {
        Ok(answer) => read_answer(&answer).unwrap_or_else(|| refuse(Refusal::BadRequest)),
        Err(Unanswered::Gone) => refuse(Refusal::SessionUnknown),
        Err(why @ (Unanswered::Late | Unanswered::Away)) => {
            tracing::debug!(%why, "a poll or post could not travel to its session");
            respond(StatusCode::SERVICE_UNAVAILABLE, "text/plain; charset=UTF-8", Body::empty())
        }
    }
}

/// Serves what another node asks; `None` where it is no question of this kind.
pub(super) async fn answer<U: Upper>(engine: &Arc<Engine<U>>, question: Bytes) -> Option<Bytes> {
    let (method, rest) = line(question.strip_prefix(&[MARK])?)?;
    let (query, rest) = line(rest)?;
    let (kind, body) = line(rest)?;
    let mut request = Request::new(Body::from(question.slice_ref(body)));
    *request.method_mut() = Method::from_bytes(method).ok().filter(|method| matches!(*method, Method::GET | Method::POST))?;
    *request.uri_mut() = format!("/socket.io/?{}", str::from_utf8(query).ok()?).parse().ok()?;
    if !kind.is_empty() {
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_bytes(kind).ok()?);
    }
    let is_theirs = super::door::names(&request).is_some_and(|(sid, is_polled)| is_polled && engine.find(&sid).is_some());
    if !is_theirs {
        // Only what a session here asks for is served: nobody begins one from another node.
        return write_answer(refuse(Refusal::SessionUnknown)).await;
    }
    write_answer(super::door::serve(engine, request, None).await).await
}

async fn write_answer(response: Response<Body>) -> Option<Bytes> {
    let (parts, body) = response.into_parts();
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let mut answer = BytesMut::new();
    answer.put_slice(format!("{}\n{kind}\n", parts.status.as_u16()).as_bytes());
    answer.put(body.collect().await.ok()?.to_bytes());
    Some(answer.freeze())
}

fn read_answer(answer: &Bytes) -> Option<Response<Body>> {
    let (status, rest) = line(answer)?;
    let (kind, body) = line(rest)?;
    let mut response = respond(StatusCode::from_bytes(status).ok()?, "text/plain", Body::from(answer.slice_ref(body)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_bytes(kind).ok()?);
    Some(response)
}

/// The bytes before the first line feed, and those after it.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_arrives_as_it_was_given() {
        let given = respond(StatusCode::BAD_REQUEST, "application/octet-stream", Body::from(&b"a\nb\xff\n"[..]));
        let arrived = read_answer(&write_answer(given).await.unwrap()).unwrap();
        assert_eq!(
            (arrived.status().as_u16(), &arrived.headers()[CONTENT_TYPE]),
            (400, &"application/octet-stream".parse().unwrap())
        );
        assert_eq!(arrived.headers()["cache-control"], "no-store");
        assert_eq!(&arrived.into_body().collect().await.unwrap().to_bytes()[..], b"a\nb\xff\n");
    }

    #[test]
    fn what_is_no_answer_is_none() {
        for bytes in [&b""[..], b"200", b"200\n", b"20\ntext/plain\n", b"200\ntext/\x00plain\n"] {
            assert!(read_answer(&Bytes::from_static(bytes)).is_none(), "{bytes:?}");
        }
    }
}
