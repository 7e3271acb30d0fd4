//! What is asked of channels as such: who is there, how much there is, and a thread's title and state.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use parlour_wire::code::Code;
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{Api, Ask, Target, answer};
use crate::channel::ChannelName;
use crate::door::{Problem, body};
use crate::node::{Asker, Node};
use crate::page;

/// Channels and addresses in the parameters of one request.
const ASKED_MAX: usize = 50;
/// Channels and addresses in the body of one.
const LISTED_MAX: usize = 200;

#[derive(Deserialize)]
pub struct Change {
    closed: Option<bool>,
    title: Option<String>,
}

#[derive(Default, Deserialize)]
pub struct Listed {
    #[serde(default)]
    channels: Vec<String>,
    #[serde(default)]
    urls: Vec<String>,
}

/// `PATCH /v1/channels/{channel}`.
pub async fn change(
    State(api): State<Api>,
    Target { ask, key }: Target,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let change: Change = body::json(&headers, body, api.reading()).await?;
    if change.closed.is_none() && change.title.is_none() {
        return Err(Problem::with_detail(Code::BadRequest, "Nothing to change: `closed` or `title` is expected."));
    }
    let key = api.node.home(&key).await?;
    api.node.set_thread(&ask.asker, &key, change.closed, change.title.clone()).await?;
    Ok(answer::fresh(StatusCode::OK, &json!({ "channel": key.channel })))
}

/// `GET /v1/channels/{channel}/presence`. Who may not see names is told the number alone.
pub async fn presence(State(api): State<Api>, headers: HeaderMap, Target { ask, key }: Target) -> Result<Response, Problem> {
    let mut value = json!({ "viewers": api.node.viewers_of(&ask.asker, &key).await? });
    match api.node.members(&ask.asker, &key).await {
        Ok(members) => {
            let members: Vec<Value> = members
                .iter()
                .map(|member| json!({ "client": &*member.client, "user": &*member.user, "name": &*member.name, "face": member.face }))
                .collect();
            value["members"] = json!(members);
        }
        Err(Code::Forbidden | Code::Unauthorized) => {}
        Err(code) => return Err(code.into()),
    }
    Ok(answer::read(&headers, ask.is_personal, &value))
}

/// `GET /v1/counts?channel=…&url=…`.
pub async fn counts_asked(
    State(api): State<Api>,
    headers: HeaderMap,
    ask: Ask,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let mut listed = Listed::default();
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match &*name {
            "channel" => listed.channels.push(value.into_owned()),
            "url" => listed.urls.push(value.into_owned()),
            _ => {}
        }
    }
    let value = counts(&api.node, &ask.asker, listed, ASKED_MAX).await?;
    Ok(answer::read(&headers, ask.is_personal, &value))
}

/// `POST /v1/counts`.
pub async fn counts_listed(State(api): State<Api>, ask: Ask, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let listed: Listed = body::json(&headers, body, api.reading()).await?;
    let value = counts(&api.node, &ask.asker, listed, LISTED_MAX).await?;
    Ok(answer::fresh(StatusCode::OK, &value))
}

async fn counts(node: &Node, asker: &Asker, listed: Listed, most: usize) -> Result<Value, Problem> {
    if listed.channels.len() + listed.urls.len() > most {
        return Err(Problem::with_detail(
            Code::LimitExceeded,
            format!("At most {most} channels and addresses can be asked for at once."),
        ));
    }
    let limits = node.site_rules(&asker.site)?.limits.page;
    let mut asked: BTreeMap<String, Option<ChannelName>> = BTreeMap::new();
    for name in listed.channels {
        let channel = ChannelName::parse(&name).ok();
        asked.insert(name, channel);
    }
    for url in listed.urls {
        let channel = page::channel_of(Some(&url), None, &limits).ok();
        asked.insert(url, channel);
    }
    // What names no channel is unknown like what names one that is not there.
    let channels: Vec<ChannelName> = asked.values().flatten().cloned().collect();
    let mut counted = node.counts(asker, channels).await?.into_iter();
    let mut answers = serde_json::Map::new();
    for (name, channel) in asked {
        let (counts, viewers) = channel.and_then(|_| counted.next()).unwrap_or_default();
        answers.insert(name, json!({ "comments": counts.comments, "viewers": viewers, "views": counts.views }));
    }
    Ok(json!({ "counts": answers }))
}
