//! `POST /api/…` in the shapes of Centrifugo's server API, so that its server libraries work: the key comes as `X-API-Key` (or
//! `Authorization: apikey …`), refusals come with status 200 as `{"error": {"code", "message"}}`.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use parlour_wire::code::{Close, Code};
use parlour_wire::json;
use parlour_wire::position::{Epoch, Position};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json, value::to_raw_value};

use super::{Api, answer};
use crate::door::{Problem, Whence, body};
use crate::node::{Asker, Publishing};

#[derive(Deserialize)]
struct Publish {
    channel: String,
    data: Box<RawValue>,
    #[serde(default)]
    skip_history: bool,
    idempotency_key: Option<String>,
}

#[derive(Deserialize)]
struct Broadcast {
    channels: Vec<String>,
    data: Box<RawValue>,
    #[serde(default)]
    skip_history: bool,
    idempotency_key: Option<String>,
}

#[derive(Deserialize)]
struct Batch {
    commands: Vec<BTreeMap<String, Box<RawValue>>>,
}

#[derive(Deserialize)]
struct History {
    channel: String,
    #[serde(default)]
    limit: i64,
    since: Option<Since>,
    #[serde(default)]
    reverse: bool,
}

#[derive(Deserialize)]
struct Since {
    offset: u64,
    epoch: String,
}

#[derive(Deserialize)]
struct Named {
    channel: String,
}

#[derive(Deserialize)]
struct Disconnect {
    user: String,
    #[serde(default)]
    client: String,
    disconnect: Option<DisconnectWith>,
}

#[derive(Deserialize)]
struct DisconnectWith {
    code: u16,
}

/// A result as text: what was published is not read and written again on its way.
type Raw = Box<RawValue>;

fn raw(value: &impl Serialize) -> Result<Raw, Code> {
    to_raw_value(value).map_err(|_| Code::Internal)
}

#[derive(Serialize)]
struct Page {
    publications: Vec<Raw>,
    offset: u64,
    epoch: String,
}

/// `POST /api/{method}`.
pub async fn call(
    State(api): State<Api>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let key = headers.get("x-api-key").and_then(|value| value.to_str().ok()).or_else(|| api_key(&headers));
    let asker = api.node.identify(key, None, &Whence::default()).await?;
    if !asker.who.is_key() && !api.node.book.now().demo {
        return Err(Code::Unauthorized.into());
    }
    let text: Box<RawValue> = body::json(&headers, body, api.batch_reading()).await?;
    let value = match method.as_str() {
        "batch" => batch(&api, &asker, text.get()).await,
        method => single(&api, &asker, method, text.get()).await,
    };
    match value {
        Ok(value) => Ok(answer::fresh(StatusCode::OK, &value)),
        Err(code) => Ok(answer::fresh(StatusCode::OK, &json!({ "error": error(code) }))),
    }
}

fn api_key(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    text.strip_prefix("apikey ").map(str::trim)
}

fn error(code: Code) -> Value {
    json!({ "code": code.number(), "message": json::message(code) })
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, Code> {
    serde_json::from_str(text).map_err(|_| Code::BadRequest)
}

/// One command after the other, so that order within a channel is kept.
async fn batch(api: &Api, asker: &Asker, text: &str) -> Result<Raw, Code> {
    let batch: Batch = read(text)?;
    if batch.commands.len() > api.node.book.now().limits.batch_entries_max {
        return Err(Code::LimitExceeded);
    }
    let mut replies = Vec::with_capacity(batch.commands.len());
    for command in &batch.commands {
        let Some((method, body)) = command.iter().next().filter(|_| command.len() == 1) else {
            replies.push(BTreeMap::from([("error", raw(&error(Code::BadRequest))?)]));
            continue;
        };
        replies.push(match result(api, asker, method, body.get()).await {
            Ok(result) => BTreeMap::from([(method.as_str(), result)]),
            Err(code) => BTreeMap::from([("error", raw(&error(code))?)]),
        });
    }
    raw(&BTreeMap::from([("replies", replies)]))
}

async fn single(api: &Api, asker: &Asker, method: &str, text: &str) -> Result<Raw, Code> {
    raw(&BTreeMap::from([("result", result(api, asker, method, text).await?)]))
}

async fn result(api: &Api, asker: &Asker, method: &str, text: &str) -> Result<Raw, Code> {
    match method {
        "publish" => {
            let publish: Publish = read(text)?;
            let nonce = publish.idempotency_key.as_deref();
            let publishing = Publishing { data: publish.data.get(), nonce, store: !publish.skip_history };
            raw(&publish_to(api, asker, &publish.channel, publishing).await?)
        }
        "broadcast" => {
            let broadcast: Broadcast = read(text)?;
            if broadcast.channels.len() > api.node.book.now().limits.batch_entries_max {
                return Err(Code::LimitExceeded);
            }
            let nonce = broadcast.idempotency_key.as_deref();
            let mut responses = Vec::with_capacity(broadcast.channels.len());
            for channel in &broadcast.channels {
                let publishing = Publishing { data: broadcast.data.get(), nonce, store: !broadcast.skip_history };
                responses.push(match publish_to(api, asker, channel, publishing).await {
                    Ok(result) => json!({ "result": result }),
                    Err(code) => json!({ "error": error(code) }),
                });
            }
            raw(&json!({ "responses": responses }))
        }
        "history" => raw(&history(api, asker, read(text)?).await?),
        "presence" => {
            let named: Named = read(text)?;
            let members = api.node.members(asker, &api.node.key(asker, &named.channel)?).await?;
            let presence: BTreeMap<&str, Value> =
                members.iter().map(|who| (&*who.client, json!({ "client": who.client, "user": who.user }))).collect();
            raw(&json!({ "presence": presence }))
        }
        "presence_stats" => {
            let named: Named = read(text)?;
            let (clients, users) = api.node.presence_stats(asker, &api.node.key(asker, &named.channel)?).await?;
            raw(&json!({ "num_clients": clients, "num_users": users }))
        }
        "disconnect" => {
            let disconnect: Disconnect = read(text)?;
            let close = match disconnect.disconnect {
                Some(DisconnectWith { code }) if (3000..5000).contains(&code) => Close { code, ..Close::FORCE_DISCONNECT },
                Some(_) => return Err(Code::BadRequest),
                None => Close::FORCE_DISCONNECT,
            };
            api.node.disconnect(asker, &disconnect.user, &disconnect.client, close)?;
            raw(&json!({}))
        }
        _ => Err(Code::MethodNotFound),
    }
}

async fn publish_to(api: &Api, asker: &Asker, channel: &str, publishing: Publishing<'_>) -> Result<Value, Code> {
    let position = api.node.publish(asker, &api.node.key(asker, channel)?, publishing).await?;
    Ok(position.map_or_else(|| json!({}), |position| json!({ "offset": position.offset, "epoch": position.epoch.as_str() })))
}

async fn history(api: &Api, asker: &Asker, history: History) -> Result<Page, Code> {
    let key = api.node.key(asker, &history.channel)?;
    let since = match history.since {
        Some(since) => {
            Some(Position { epoch: Epoch::new(&since.epoch).map_err(|_| Code::UnrecoverablePosition)?, offset: since.offset })
        }
        None => None,
    };
    let limit = usize::try_from(history.limit).ok();
    let page = api.node.history(asker, &key, limit, since, history.reverse).await?;
    let publications: Vec<Raw> = page
        .events
        .iter()
        .map(|event| RawValue::from_string(json::publication(event)))
        .collect::<Result<_, _>>()
        .map_err(|_| Code::Internal)?;
    Ok(Page { publications, offset: page.position.offset, epoch: page.position.epoch.as_str().to_owned() })
}
