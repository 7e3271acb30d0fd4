//! The live doors of HTTP: event streams, long polls, and `/msgs`. Here the question is read; `transport` answers it.

use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use http::{Extensions, HeaderMap, HeaderValue, StatusCode};
use parlour_wire::code::Code;
use parlour_wire::command::Signals;
use serde::Deserialize;
use url::form_urlencoded;

use super::ask::Parameters;
use super::{Api, Ask, answer, bearer, channel_key};
use crate::comment::is_nonce;
use crate::dialect::msgs;
use crate::door::{Peer, Problem, body};
use crate::node::{Asker, Since};
use crate::transport::events::{CHANNELS_MAX, Question, since};
use crate::transport::{polling, sse};

#[derive(Deserialize)]
pub struct MsgsQuery {
    start: Option<u64>,
}

/// What the parameters of a request for events say, before it is known who asks.
#[derive(Default)]
struct Asked {
    /// Channels, each with the `since` that followed it.
    channels: Vec<(String, Option<String>)>,
    /// A `since` before any channel: that of the channel in the path.
    since: Option<String>,
    last_event_id: Option<String>,
    signals: Signals,
    viewer: Option<String>,
    wait: Option<String>,
    token: Option<String>,
    site: Option<String>,
    url: Option<String>,
    id: Option<String>,
}

impl Asked {
    fn read(query: Option<&str>, headers: &HeaderMap) -> Asked {
        let mut asked = Asked::default();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let value = value.into_owned();
            match &*name {
                "channel" => asked.channels.push((value, None)),
                "since" => match asked.channels.last_mut() {
                    Some((_, since)) => *since = Some(value),
                    None => asked.since = Some(value),
                },
                "last_event_id" => asked.last_event_id = Some(value),
                "signals" => asked.signals = Signals::from_names(value.split(',')),
                "viewer" => asked.viewer = Some(value),
                "wait" => asked.wait = Some(value),
                "token" => asked.token = Some(value),
                "site" => asked.site = Some(value),
                "url" => asked.url = Some(value),
                "id" => asked.id = Some(value),
                _ => {}
            }
        }
        // A browser that comes back sends it with the address of the first time, whose `since` is older.
        let header = headers.get("last-event-id").map(|value| value.to_str().unwrap_or("?").to_owned());
        asked.last_event_id = header.filter(|id| !id.is_empty()).or(asked.last_event_id);
        asked
    }

    async fn asker(&self, api: &Api, headers: &HeaderMap, extensions: &Extensions) -> Result<Asker, Problem> {
        let credential = bearer(headers)?.or(self.token.as_deref());
        let address = extensions.get::<Peer>().and_then(|peer| peer.counted);
        Ok(api.node.identify(credential, self.site.as_deref(), address).await?)
    }

    fn wait(&self) -> Result<Duration, Problem> {
        let seconds = match self.wait.as_deref() {
            None => polling::WAIT_S,
            Some(text) => text.parse().map_err(|_| Problem::with_detail(Code::BadRequest, "`wait` is a number of seconds."))?,
        };
        Ok(Duration::from_secs(seconds.min(polling::WAIT_S_MAX)))
    }

    /// The positions, one for each of `count` channels. What cannot be read is no error: it is answered like a gap.
    fn positions(&self, count: usize) -> Vec<Since> {
        match &self.last_event_id {
            Some(id) => {
                let parts: Vec<&str> = id.split(',').collect();
                if parts.len() == count { parts.into_iter().map(|part| since(Some(part))).collect() } else { vec![Since::Unreadable; count] }
            }
            None if self.channels.is_empty() => vec![since(self.since.as_deref()); count],
            None => self.channels.iter().map(|(_, text)| since(text.as_deref())).collect(),
        }
    }
}

/// `GET /v1/channels/{channel}/events`.
pub async fn of_channel(
    State(api): State<Api>,
    name: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, Problem> {
    let mut asked = Asked::read(query.as_deref(), &headers);
    // The path names the channel; parameters of that name are not read here, but the positions after them are.
    asked.since = asked.since.take().or_else(|| asked.channels.iter().find_map(|(_, since)| since.clone()));
    asked.channels.clear();
    let asker = asked.asker(&api, &headers, &extensions).await?;
    let Path(name) = name.map_err(|_| Code::InvalidChannel)?;
    let key = channel_key(&api.node, &asker, &name, asked.url.as_deref(), asked.id.as_deref())?;
    let channels = std::iter::once(key).zip(asked.positions(1)).collect();
    respond(&api, asker, &asked, channels, &headers).await
}

/// `GET /v1/events?channel=a&since=P&channel=b&since=P`.
pub async fn of_channels(
    State(api): State<Api>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, Problem> {
    let asked = Asked::read(query.as_deref(), &headers);
    let asker = asked.asker(&api, &headers, &extensions).await?;
    if asked.channels.is_empty() || asked.channels.len() > CHANNELS_MAX {
        return Err(Problem::with_detail(Code::BadRequest, format!("1 to {CHANNELS_MAX} channels can be asked for: channel=NAME.")));
    }
    let keys = asked.channels.iter().map(|(name, _)| api.node.key(&asker, name));
    let keys: Vec<_> = keys.collect::<Result<_, _>>()?;
    let positions = asked.positions(keys.len());
    let channels = keys.into_iter().zip(positions).collect();
    respond(&api, asker, &asked, channels, &headers).await
}

async fn respond(
    api: &Api,
    asker: Asker,
    asked: &Asked,
    channels: Vec<(crate::channel::Key, Since)>,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    if asked.viewer.as_deref().is_some_and(|viewer| !is_nonce(viewer)) {
        return Err(Problem::with_detail(Code::BadRequest, "`viewer` is 1 to 64 of A–Z, a–z, 0–9, _ and -."));
    }
    let wait = asked.wait()?;
    let question = Question { channels, signals: asked.signals, viewer: asked.viewer.clone() };
    if wants_stream(headers) {
        return Ok(sse::answer(&api.node, asker, question).await?);
    }
    let mut response = Response::new(Body::from(polling::answer(&api.node, asker, question, wait).await?));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream")))
}

/// `GET /msgs?start=N`, a dialect.
pub async fn read_msgs(State(api): State<Api>, ask: Ask, Parameters(query): Parameters<MsgsQuery>) -> Result<Response, Problem> {
    let entries = msgs::read(&api.node, &ask.asker, query.start.unwrap_or(0)).await?;
    Ok(answer::fresh(StatusCode::OK, &entries))
}

/// `POST /msgs`, a dialect.
pub async fn post_msgs(State(api): State<Api>, ask: Ask, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let entry: msgs::Entry = body::json(&headers, body, api.reading()).await?;
    msgs::post(&api.node, &ask.asker, &entry).await?;
    Ok(answer::fresh(StatusCode::OK, &serde_json::json!({})))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str, last_event_id: Option<&'static str>) -> Asked {
        let mut headers = HeaderMap::new();
        if let Some(id) = last_event_id {
            headers.insert("last-event-id", HeaderValue::from_static(id));
        }
        Asked::read(Some(query), &headers)
    }

    fn shown(positions: &[Since]) -> Vec<String> {
        let text = |since: &Since| match since {
            Since::Now => "now".to_owned(),
            Since::Unreadable => "unreadable".to_owned(),
            Since::Position(position) => position.to_string(),
        };
        positions.iter().map(text).collect()
    }

    #[test]
    fn each_since_belongs_to_the_channel_before_it() {
        let both = asked("channel=a&since=e:1&channel=b&channel=c&since=x", None);
        assert_eq!(shown(&both.positions(3)), ["e:1", "now", "unreadable"]);
        assert_eq!(both.channels.len(), 3);
    }

    #[test]
    fn who_comes_back_is_heard_and_the_old_address_is_not() {
        assert_eq!(shown(&asked("since=e:1", Some("e:5")).positions(1)), ["e:5"]);
        assert_eq!(shown(&asked("since=e:1&last_event_id=e:4", None).positions(1)), ["e:4"]);
        assert_eq!(shown(&asked("channel=a&since=e:1&channel=b", Some("e:5,f:6")).positions(2)), ["e:5", "f:6"]);
        assert_eq!(shown(&asked("channel=a&channel=b", Some("e:5")).positions(2)), ["unreadable", "unreadable"]);
        assert_eq!(shown(&asked("", None).positions(1)), ["now"]);
    }

    #[test]
    fn a_stream_is_given_to_who_accepts_one() {
        let wants = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(value));
            wants_stream(&headers)
        };
        assert!(wants("text/event-stream") && wants("application/json, Text/Event-Stream; q=0.9"));
        assert!(!wants("*/*") && !wants("application/json"));
    }

    #[test]
    fn a_poll_waits_as_long_as_it_says_within_reason() {
        assert_eq!(asked("", None).wait().unwrap().as_secs(), 25);
        assert_eq!(asked("wait=3", None).wait().unwrap().as_secs(), 3);
        assert_eq!(asked("wait=999999", None).wait().unwrap().as_secs(), 60);
        assert!(asked("wait=soon", None).wait().is_err());
    }
}
