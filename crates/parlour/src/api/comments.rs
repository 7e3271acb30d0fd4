//! Comments over HTTP: read, write, change, take away; and guests, who are made by writing or on their own.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use parlour_wire::code::Code;
use serde::Deserialize;
use serde_json::json;

use super::ask::Parameters;
use super::{Api, Ask, Target, answer};
use crate::comment::Draft;
use crate::door::{Problem, body};
use crate::identity::Who;
use crate::page::Page;
use crate::shape::{self, ListQuery};

#[derive(Deserialize)]
pub struct Create {
    page: Option<Page>,
    #[serde(flatten)]
    draft: Draft,
}

#[derive(Deserialize)]
pub struct Preview {
    body: String,
}

/// What a handler answers.
type Reply = Result<Response, Problem>;

/// `POST /v1/guests`.
pub async fn new_guest(State(api): State<Api>, ask: Ask) -> Result<Response, Problem> {
    // A guest who asks again stays who they are.
    let (text, token) = match (&ask.asker.who, ask.credential.as_deref()) {
        (Who::Token(token), Some(text)) if token.guest => {
            (api.node.renewed_guest(token).unwrap_or_else(|| text.to_owned()), (**token).clone())
        }
        _ => api.node.new_guest(&ask.asker.site)?,
    };
    let member =
        json!({ "id": token.member.id, "name": token.member.name, "role": token.member.role, "verified": token.member.verified });
    Ok(answer::fresh(StatusCode::OK, &json!({ "token": text, "member": member })))
}

/// `GET /v1/channels/{channel}/comments`.
pub async fn list(
    State(api): State<Api>,
    headers: HeaderMap,
    Target { ask, key }: Target,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Response, Problem> {
    let key = api.node.home(&key).await?;
    let page = api.node.comments(&ask.asker, &key, query.checked()?).await?;
    Ok(answer::read(&headers, ask.is_personal, &shape::comment_page(&key, &page)))
}

/// `POST /v1/channels/{channel}/comments`.
pub async fn create(
    State(api): State<Api>,
    Target { ask, key }: Target,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let create: Create = body::json(&headers, body, api.reading()).await?;
    let posted = match api.node.post(&ask.asker, &key, create.draft, create.page).await {
        Err(Code::ProofRequired) => return Err(Problem::with_challenge(api.node.challenge(&ask.asker, &key).await?)),
        posted => posted?,
    };
    let status = if posted.repeated { StatusCode::OK } else { StatusCode::CREATED };
    Ok(answer::fresh(status, &shape::comment(&posted.comment, posted.token.as_deref())))
}

/// `GET /v1/comments/{id}`.
pub async fn read(
    State(api): State<Api>,
    headers: HeaderMap,
    ask: Ask,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let comment = api.node.comment(&ask.asker, &named(id)?).await?;
    Ok(answer::read(&headers, ask.is_personal, &json!({ "comment": comment })))
}

/// `PATCH /v1/comments/{id}`.
pub async fn change(
    State(api): State<Api>,
    ask: Ask,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let changed: shape::Changed = body::json(&headers, body, api.reading()).await?;
    let change = changed
        .checked()
        .map_err(|code| Problem::with_detail(code, "Nothing to change: `body`, `state` or `pinned` is expected."))?;
    let comment = api.node.change(&ask.asker, &named(id)?, change).await?;
    Ok(answer::fresh(StatusCode::OK, &shape::comment(&comment, None)))
}

/// `DELETE /v1/comments/{id}`.
pub async fn delete(State(api): State<Api>, ask: Ask, id: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    api.node.delete(&ask.asker, &named(id)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `PUT /v1/comments/{id}/reactions/{name}`.
pub async fn react(State(api): State<Api>, ask: Ask, path: Result<Path<(String, String)>, PathRejection>) -> Reply {
    reaction(&api, &ask, path, true).await
}

/// `DELETE /v1/comments/{id}/reactions/{name}`.
pub async fn unreact(State(api): State<Api>, ask: Ask, path: Result<Path<(String, String)>, PathRejection>) -> Reply {
    reaction(&api, &ask, path, false).await
}

async fn reaction(api: &Api, ask: &Ask, path: Result<Path<(String, String)>, PathRejection>, there: bool) -> Reply {
    let Path((id, name)) = path.map_err(|_| Code::UnknownComment)?;
    let reacted = api.node.react(&ask.asker, &id, &name, there).await?;
    Ok(answer::fresh(StatusCode::OK, &shape::comment(&reacted.comment, reacted.token.as_deref())))
}

/// `POST /v1/preview`.
pub async fn preview(State(api): State<Api>, ask: Ask, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let preview: Preview = body::json(&headers, body, api.reading()).await?;
    let html = api.node.preview(&ask.asker, &preview.body)?;
    Ok(answer::fresh(StatusCode::OK, &json!({ "html": html })))
}

fn named(id: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    id.map(|Path(id)| id).map_err(|_| Code::UnknownComment.into())
}
