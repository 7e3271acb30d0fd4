//! `GET …/events`: an event stream for who accepts one, else a long poll. What is asked for is read here; what comes is
//! `transport`'s.

use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use parlour_wire::code::Code;
use parlour_wire::command::Signals;

use super::{Api, bearer, channel_key, whence};
use crate::channel::Key;
use crate::comment::is_nonce;
use crate::door::Problem;
use crate::node::{Asker, Since};
use crate::transport::events::{CHANNELS_MAX, Question, since};
use crate::transport::{polling, sse};

/// The parameters, as they stand in the address; channels and their positions in the order asked.
#[derive(Default)]
struct Asked {
    channels: Vec<(String, Option<String>)>,
    since: Option<String>,
    last_event_id: Option<String>,
    signals: Signals,
    wait_s: Option<u64>,
    viewer: Option<String>,
    token: Option<String>,
    site: Option<String>,
    url: Option<String>,
    id: Option<String>,
}

fn read(parts: &Parts) -> Result<Asked, Problem> {
    let mut asked = Asked::default();
    let query = parts.uri.query().unwrap_or_default();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let value = value.into_owned();
        match &*name {
            "channel" if asked.channels.len() == CHANNELS_MAX => {
                return Err(Problem::with_detail(Code::LimitExceeded, format!("At most {CHANNELS_MAX} channels.")));
            }
            "channel" => asked.channels.push((value, None)),
            "since" => match asked.channels.last_mut() {
                Some((_, since)) => *since = Some(value),
                None => asked.since = Some(value),
            },
            "last_event_id" => asked.last_event_id = Some(value),
            "signals" => asked.signals = Signals::from_names(value.split(',')),
            "wait" => {
                asked.wait_s = Some(value.parse().map_err(|_| Problem::with_detail(Code::BadRequest, "`wait` is in seconds."))?)
            }
            "viewer" if !is_nonce(&value) => {
                return Err(Problem::with_detail(Code::BadRequest, "`viewer` is 1 to 64 of A-Z, a-z, 0-9, _ and -."));
            }
            "viewer" => asked.viewer = Some(value),
            "token" => asked.token = Some(value),
            "site" => asked.site = Some(value),
            "url" => asked.url = Some(value),
            "id" => asked.id = Some(value),
            _ => {}
        }
    }
    // A browser that comes back says so in the header; its address still has what it began with.
    if let Some(header) = parts.headers.get("last-event-id").and_then(|value| value.to_str().ok()) {
        asked.last_event_id = Some(header.to_owned());
    }
    Ok(asked)
}

async fn identify(api: &Api, parts: &Parts, asked: &Asked) -> Result<Asker, Problem> {
    let credential = match bearer(&parts.headers)? {
        Some(credential) => Some(credential),
        None => asked.token.as_deref(),
    };
    Ok(api.node.identify(credential, asked.site.as_deref(), &whence(parts)).await?)
}

/// `GET /v1/channels/{channel}/events`.
pub async fn of_channel(
    State(api): State<Api>,
    name: Result<Path<String>, PathRejection>,
    parts: Parts,
) -> Result<Response, Problem> {
    let asked = read(&parts)?;
    let asker = identify(&api, &parts, &asked).await?;
    let Path(name) = name.map_err(|_| Code::InvalidChannel)?;
    let key = channel_key(&api.node, &asker, &name, asked.url.as_deref(), asked.id.as_deref())?;
    let from = since(asked.last_event_id.as_deref().or(asked.since.as_deref()));
    answer(&api, &parts.headers, asker, asked, vec![(key, from)]).await
}

/// `GET /v1/events`.
pub async fn of_channels(State(api): State<Api>, parts: Parts) -> Result<Response, Problem> {
    let mut asked = read(&parts)?;
    let asker = identify(&api, &parts, &asked).await?;
    let named = std::mem::take(&mut asked.channels);
    if named.is_empty() {
        return Err(Problem::with_detail(Code::BadRequest, "At least one `channel` is needed."));
    }
    let positions = asked.last_event_id.as_deref().map(|text| text.split(',').collect::<Vec<_>>());
    let mut channels = Vec::with_capacity(named.len());
    for (index, (name, from)) in named.iter().enumerate() {
        let from = match &positions {
            Some(positions) if positions.len() == named.len() => since(positions.get(index).copied()),
            Some(_) => Since::Unreadable,
            None => since(from.as_deref()),
        };
        channels.push((api.node.key(&asker, name)?, from));
    }
    answer(&api, &parts.headers, asker, asked, channels).await
}

async fn answer(
    api: &Api,
    headers: &HeaderMap,
    asker: Asker,
    asked: Asked,
    channels: Vec<(Key, Since)>,
) -> Result<Response, Problem> {
    let question = Question { channels, signals: asked.signals, viewer: asked.viewer };
    let accepts =
        headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).any(|value| value.contains("text/event-stream"));
    if accepts {
        return Ok(sse::answer(&api.node, asker, Question { viewer: None, ..question }).await?);
    }
    let wait_s = asked.wait_s.unwrap_or(polling::WAIT_S).min(polling::WAIT_S_MAX);
    let text = polling::answer(&api.node, asker, question, Duration::from_secs(wait_s)).await?;
    let mut response = text.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
