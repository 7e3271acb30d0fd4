//! What applications publish over HTTP: one, many, by the old shape of `POST /`; and what a channel kept of it.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use parlour_wire::code::Code;
use parlour_wire::position::Position;
use parlour_wire::stream;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use super::ask::Parameters;
use super::{Api, Ask, Target, answer};
use crate::dialect::msgs;
use crate::door::{Problem, body};
use crate::node::{Asker, Publishing};
use crate::shape;

#[derive(Deserialize)]
pub struct Publish {
    data: Box<RawValue>,
    nonce: Option<String>,
    store: Option<bool>,
}

#[derive(Deserialize)]
pub struct Batch {
    publications: Vec<Box<RawValue>>,
}

/// One of a batch. Read on its own, so that one that is not well formed spoils no other.
#[derive(Deserialize)]
pub struct BatchItem {
    channel: String,
    data: Box<RawValue>,
    nonce: Option<String>,
    store: Option<bool>,
}

#[derive(Deserialize)]
pub struct Root {
    chan: String,
    msg: Box<RawValue>,
}

#[derive(Deserialize)]
pub struct Typing {
    name: Option<String>,
    parent: Option<String>,
}

/// Publications as text: what was published is not read and written again on its way.
#[derive(Serialize)]
struct History<'a> {
    channel: &'a str,
    publications: Vec<Box<RawValue>>,
    position: String,
}

#[derive(Deserialize)]
pub struct HistoryQuery {
    limit: Option<usize>,
    since: Option<String>,
    reverse: Option<String>,
}

/// `POST /v1/channels/{channel}/publications`.
pub async fn publish(
    State(api): State<Api>,
    Target { ask, key }: Target,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let publish: Publish = body::json(&headers, body, api.reading()).await?;
    let publishing =
        Publishing { data: publish.data.get(), nonce: publish.nonce.as_deref(), store: publish.store.unwrap_or(true) };
    let position = api.node.publish(&ask.asker, &key, publishing).await?;
    Ok(answer::fresh(StatusCode::OK, &shape::position(position.as_ref())))
}

/// `POST /v1/batch`. One after the other, so that the order within a channel is that of the batch.
pub async fn batch(State(api): State<Api>, ask: Ask, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let batch: Batch = body::json(&headers, body, api.batch_reading()).await?;
    let most = api.node.book.now().limits.batch_entries_max;
    if batch.publications.len() > most {
        return Err(Problem::with_detail(Code::LimitExceeded, format!("A batch may have {most} publications.")));
    }
    let mut results = Vec::with_capacity(batch.publications.len());
    for item in &batch.publications {
        results.push(match publish_item(&api, &ask.asker, item.get()).await {
            Ok(position) => shape::position(position.as_ref()),
            Err(problem) => serde_json::json!({ "error": problem.json() }),
        });
    }
    Ok(answer::fresh(StatusCode::OK, &serde_json::json!({ "results": results })))
}

async fn publish_item(api: &Api, asker: &Asker, text: &str) -> Result<Option<Position>, Problem> {
    let item: BatchItem =
        serde_json::from_str(text).map_err(|error| Problem::with_detail(Code::BadRequest, error.to_string()))?;
    let key = api.node.key(asker, &item.channel)?;
    let publishing = Publishing { data: item.data.get(), nonce: item.nonce.as_deref(), store: item.store.unwrap_or(true) };
    Ok(api.node.publish(asker, &key, publishing).await?)
}

/// `POST /`, a dialect: `{"chan", "msg"}` is answered `ok`.
pub async fn publish_root(State(api): State<Api>, ask: Ask, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    if !api.node.book.now().publish_root {
        return Err(Problem::with_detail(Code::MethodNotAllowed, "This dialect is off: see the option publish-root."));
    }
    let root: Root = body::json(&headers, body, api.reading()).await?;
    let key = api.node.key(&ask.asker, &root.chan)?;
    api.node.publish(&ask.asker, &key, Publishing { data: root.msg.get(), nonce: None, store: true }).await?;
    Ok("ok\n".into_response())
}

#[derive(Deserialize)]
pub struct MsgsQuery {
    #[serde(default)]
    start: u64,
}

/// `GET /msgs`, a dialect.
pub async fn read_msgs(State(api): State<Api>, ask: Ask, Parameters(query): Parameters<MsgsQuery>) -> Result<Response, Problem> {
    let entries = msgs::read(&api.node, &ask.asker, query.start).await?;
    Ok(answer::fresh(StatusCode::OK, &json!(entries)))
}

/// `POST /msgs`, a dialect: answers `{}`.
pub async fn post_msgs(State(api): State<Api>, ask: Ask, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let entry: msgs::Entry = body::json(&headers, body, api.reading()).await?;
    msgs::post(&api.node, &ask.asker, &entry).await?;
    Ok(answer::fresh(StatusCode::OK, &json!({})))
}

/// `POST /v1/channels/{channel}/typing`. A body is optional: who has a name of their own need not say it.
pub async fn typing(
    State(api): State<Api>,
    Target { ask, key }: Target,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let typing = if http_body::Body::is_end_stream(&body) {
        Typing { name: None, parent: None }
    } else {
        body::json(&headers, body, api.reading()).await?
    };
    api.node.typing(&ask.asker, &key, typing.name.as_deref(), typing.parent.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `GET /v1/channels/{channel}/history`.
pub async fn history(
    State(api): State<Api>,
    headers: HeaderMap,
    Target { ask, key }: Target,
    Parameters(query): Parameters<HistoryQuery>,
) -> Result<Response, Problem> {
    let since = match query.since.as_deref() {
        Some(text) => Some(text.parse::<Position>().map_err(|fault| Problem::with_detail(Code::BadRequest, fault.to_string()))?),
        None => None,
    };
    let reverse = match query.reverse.as_deref() {
        None | Some("false" | "0") => false,
        Some("true" | "1" | "") => true,
        Some(_) => return Err(Problem::with_detail(Code::BadRequest, "`reverse` is true or false.")),
    };
    let page = api.node.history(&ask.asker, &key, query.limit, since, reverse).await?;
    let publications = page.events.iter().map(|event| RawValue::from_string(stream::event(event)));
    let publications: Vec<Box<RawValue>> = publications.collect::<Result<_, _>>().map_err(|_| Code::Internal)?;
    let value = History { channel: key.channel.as_str(), publications, position: page.position.to_string() };
    Ok(answer::read(&headers, ask.is_personal, &value))
}
