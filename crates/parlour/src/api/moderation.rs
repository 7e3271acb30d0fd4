//! The moderators' desk over HTTP: the queue and searching, orders and taking them back, what was done, who is blocked, the rules; and
//! for readers, reporting a comment and the challenge of a proof of work.

use std::collections::HashSet;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use parlour_wire::code::Code;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ask::Parameters;
use super::{Api, Ask, Target, answer};
use crate::backend::desk::{Filing, Search, Whom};
use crate::channel::ChannelName;
use crate::comment::{self, CommentId, MemberId, Time};
use crate::door::{Problem, body};
use crate::node::{Order, ROWS_MAX};

/// Comments of one page when nobody says how many.
const LIMIT_DEFAULT: usize = 50;
/// The graph's hours when nobody says how many, and at most.
const HOURS_DEFAULT: u32 = 48;
const HOURS_MAX: u32 = 31 * 24;

#[derive(Deserialize)]
pub struct SearchQuery {
    state: Option<String>,
    author: Option<String>,
    channel: Option<String>,
    #[serde(default)]
    words: String,
    before: Option<String>,
    limit: Option<usize>,
}

#[derive(Deserialize)]
pub struct RecordsQuery {
    before: Option<u64>,
}

#[derive(Deserialize)]
pub struct ThreadsQuery {
    after: Option<String>,
}

#[derive(Deserialize)]
pub struct TrustedQuery {
    after: Option<String>,
}

#[derive(Deserialize)]
pub struct HoursQuery {
    hours: Option<u32>,
}

impl SearchQuery {
    fn checked(self) -> Result<Search, Problem> {
        let wrong = |name: &str| Problem::with_detail(Code::BadRequest, format!("`{name}` is not well formed"));
        let state = match self.state.as_deref() {
            None | Some("") => None,
            Some("deleted") => Some(comment::State::Rejected),
            Some("shadow") => Some(comment::State::Shadow),
            Some(word) => Some(serde_json::from_value(json!(word)).map_err(|_| wrong("state"))?),
        };
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(Search {
            state,
            author: given(self.author).map(|id| MemberId::parse(&id)).transpose().map_err(|_| wrong("author"))?,
            channel: given(self.channel).map(|name| ChannelName::parse(&name)).transpose().map_err(|_| wrong("channel"))?,
            words: self.words,
            before: given(self.before),
            limit: self.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, 100),
        })
    }
}

/// `GET /v1/moderation/comments`: `{"comments": [{"comment", "reason", "reports", "shadow", "address", "trusted"}], "next", "waiting"}`.
pub async fn search(State(api): State<Api>, ask: Ask, Parameters(query): Parameters<SearchQuery>) -> Result<Response, Problem> {
    let found = api.node.search(&ask.asker, query.checked()?).await?;
    let authors = found.filings.iter().filter_map(author).cloned().collect();
    let trusted = api.node.trusted_among(&ask.asker, authors).await?;
    let comments: Vec<Value> = found.filings.into_iter().map(|found| filing(found, &trusted)).collect();
    Ok(answer::fresh(StatusCode::OK, &json!({ "comments": comments, "next": found.next, "waiting": found.waiting })))
}

/// `GET /v1/moderation/comments/{id}`.
pub async fn one(State(api): State<Api>, ask: Ask, id: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let Path(id) = id.map_err(|_| Code::UnknownComment)?;
    let id = CommentId::parse(&id).map_err(|_| Code::UnknownComment)?;
    let found = api.node.filing(&ask.asker, &id).await?;
    let trusted = api.node.trusted_among(&ask.asker, author(&found).cloned().into_iter().collect()).await?;
    Ok(answer::fresh(StatusCode::OK, &filing(found, &trusted)))
}

fn author(filing: &Filing) -> Option<&MemberId> {
    filing.comment.author.as_ref().map(|author| &author.id)
}

fn filing(filing: Filing, trusted: &HashSet<MemberId>) -> Value {
    let is_trusted = author(&filing).is_some_and(|author| trusted.contains(author));
    let shadow = filing.comment.state == comment::State::Shadow;
    let mut comment = filing.comment;
    comment.state = comment.state.as_moderators_see_it();
    json!({
        "comment": comment,
        "reason": filing.reason,
        "reports": filing.reports,
        "shadow": shadow,
        "address": filing.address.is_some(),
        "trusted": is_trusted,
    })
}

/// `POST /v1/moderation/orders`: `{"act": "approve" | "trust" | "hold" | "reject" | "spam" | "shadow", "ids"}`,
/// `{"act": "block", "id", "seconds"?, "address"?, "all"?}`, `{"act": "unblock" | "untrust", "whom"}`, `{"act": "rules", "rules"}` →
/// `{"record", "changed"}`.
pub async fn order(State(api): State<Api>, ask: Ask, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let order: Order = body::json(&headers, body, api.reading()).await?;
    Ok(answer::fresh(StatusCode::OK, &json!(api.node.order(&ask.asker, order).await?)))
}

/// `POST /v1/moderation/records/{id}/undo` → `{"record", "changed"}`.
pub async fn undo(State(api): State<Api>, ask: Ask, id: Result<Path<u64>, PathRejection>) -> Result<Response, Problem> {
    let Path(id) = id.map_err(|_| Code::Expired)?;
    Ok(answer::fresh(StatusCode::OK, &json!(api.node.undo(&ask.asker, id).await?)))
}

/// `GET /v1/moderation/records?before=` → `{"records": [{"id", "time", "by", "act", "target", "undoable", "undone"}]}`.
pub async fn records(State(api): State<Api>, ask: Ask, Parameters(query): Parameters<RecordsQuery>) -> Result<Response, Problem> {
    let records = api.node.records(&ask.asker, query.before).await?;
    let shown = records.into_iter().map(|kept| {
        json!({
            "id": kept.id,
            "time": Time(kept.record.time_ms),
            "by": kept.record.by,
            "act": kept.record.act,
            "target": kept.record.target,
            "undoable": !kept.record.undo.is_empty() && kept.undone_ms.is_none(),
            "undone": kept.undone_ms.map(Time),
        })
    });
    Ok(answer::fresh(StatusCode::OK, &json!({ "records": shown.collect::<Vec<_>>() })))
}

/// `GET /v1/moderation/blocks` → `{"blocks": [{"whom", "name", "since", "until"}]}`.
pub async fn blocks(State(api): State<Api>, ask: Ask) -> Result<Response, Problem> {
    let blocks = api.node.blocks(&ask.asker).await?.into_iter().map(|block| {
        json!({
            "whom": block.whom.written(),
            "name": block.name,
            "since": Time(block.since_ms),
            "until": block.until_ms.map(Time),
        })
    });
    Ok(answer::fresh(StatusCode::OK, &json!({ "blocks": blocks.collect::<Vec<_>>() })))
}

/// `GET /v1/moderation/trusted?after=` → `{"trusted": [{"whom", "name", "since"}], "next"}`.
pub async fn trusted(State(api): State<Api>, ask: Ask, Parameters(query): Parameters<TrustedQuery>) -> Result<Response, Problem> {
    let after = match query.after.as_deref().filter(|whom| !whom.is_empty()).map(Whom::parse) {
        None => None,
        Some(Some(Whom::Member(id))) => Some(id),
        Some(_) => return Err(Problem::with_detail(Code::BadRequest, "`after` is not well formed")),
    };
    let found = api.node.trusted(&ask.asker, after.as_ref()).await?;
    let whom = |id: &MemberId| Whom::Member(id.clone()).written();
    let next = found.last().filter(|_| found.len() == ROWS_MAX).map(|(id, _)| whom(id));
    let shown = found.iter().map(|(id, trust)| json!({ "whom": whom(id), "name": trust.name, "since": Time(trust.since_ms) }));
    Ok(answer::fresh(StatusCode::OK, &json!({ "trusted": shown.collect::<Vec<_>>(), "next": next })))
}

/// `GET /v1/moderation/hours?hours=` → `{"hours": [{"begin", "came", "held"}]}`, hours without comments left out.
pub async fn hours(State(api): State<Api>, ask: Ask, Parameters(query): Parameters<HoursQuery>) -> Result<Response, Problem> {
    let hours = query.hours.unwrap_or(HOURS_DEFAULT).clamp(1, HOURS_MAX);
    let since_ms = api.node.clock.now_ms() - i64::from(hours) * 3_600_000;
    let found = api.node.hours(&ask.asker, since_ms).await?;
    let shown = found.into_iter().map(|hour| json!({ "begin": Time(hour.begin_ms), "came": hour.came, "held": hour.held }));
    Ok(answer::fresh(StatusCode::OK, &json!({ "hours": shown.collect::<Vec<_>>() })))
}

/// `GET /v1/moderation/rules` → `{"rules": {"hold", "links", "words", "slow_seconds"}, "locked": [NAME]}`.
pub async fn rules(State(api): State<Api>, ask: Ask) -> Result<Response, Problem> {
    let (rules, locked) = api.node.rules_set(&ask.asker).await?;
    Ok(answer::fresh(StatusCode::OK, &json!({ "rules": rules, "locked": locked })))
}

/// `GET /v1/moderation/channels` → `{"channels": [{"channel", "url", "title", "closed", "comments", "viewers"}]}`: those that are read now.
pub async fn channels(State(api): State<Api>, ask: Ask) -> Result<Response, Problem> {
    let channels = api.node.channels_read(&ask.asker).await?.into_iter().map(|read| {
        json!({
            "channel": read.channel,
            "url": read.thread.url,
            "title": read.thread.title,
            "closed": read.thread.closed,
            "comments": read.counts.comments,
            "viewers": read.viewers,
        })
    });
    Ok(answer::fresh(StatusCode::OK, &json!({ "channels": channels.collect::<Vec<_>>() })))
}

/// `GET /v1/moderation/threads?after=` → `{"threads": [{"channel", "url", "title", "closed", "comments", "made"}], "next"}`.
pub async fn threads(State(api): State<Api>, ask: Ask, Parameters(query): Parameters<ThreadsQuery>) -> Result<Response, Problem> {
    let after = query.after.filter(|name| !name.is_empty()).map(|name| ChannelName::parse(&name)).transpose();
    let rows = api.node.threads(&ask.asker, after.map_err(|_| Code::InvalidChannel)?.as_ref()).await?;
    let next = rows.last().filter(|_| rows.len() == ROWS_MAX).map(|row| row.channel.clone());
    let shown = rows.into_iter().map(|row| {
        json!({
            "channel": row.channel,
            "url": row.thread.url,
            "title": row.thread.title,
            "closed": row.thread.closed,
            "comments": row.comments,
            "made": Time(row.thread.made_ms),
        })
    });
    Ok(answer::fresh(StatusCode::OK, &json!({ "threads": shown.collect::<Vec<_>>(), "next": next })))
}

/// `POST /v1/comments/{id}/report`: 204.
pub async fn report(State(api): State<Api>, ask: Ask, id: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let Path(id) = id.map_err(|_| Code::UnknownComment)?;
    api.node.report(&ask.asker, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /v1/channels/{channel}/challenge` → `{"challenge"}`: what a proof of work is to solve.
pub async fn challenge(State(api): State<Api>, Target { ask, key }: Target) -> Result<Response, Problem> {
    Ok(answer::fresh(StatusCode::OK, &json!({ "challenge": api.node.challenge(&ask.asker, &key).await? })))
}
