//! `POST /v1/pages`: moving, merging, naming and closing pages, for keys and admins.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::{Api, Ask, answer};
use crate::door::{Problem, body};
use crate::node::PagesChange;

/// `POST /v1/pages`.
pub async fn change(State(api): State<Api>, ask: Ask, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let change: PagesChange = body::json(&headers, body, api.reading()).await?;
    let changed = api.node.change_pages(&ask.asker, &change).await;
    let steps = changed.map_err(|refused| Problem::with_detail(refused.code, refused.why))?;
    Ok(answer::fresh(StatusCode::OK, &json!({ "dry_run": change.dry_run, "steps": steps })))
}
