//! For whoever runs the server: alive, fit to serve, and the figures.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use parlour_wire::code::Code;
use serde_json::json;

use super::{Api, Ask, answer};
use crate::door::Problem;
use crate::metrics::{self, Metrics};

/// `GET /healthz`.
pub async fn alive() -> Response {
    answer::fresh(StatusCode::OK, &json!({ "status": "ok" }))
}

/// `GET /readyz`. A store that is away is away for every node alike, so it makes none unfit; what is published and does not arrive
/// here alone does.
pub async fn ready(State(api): State<Api>) -> Response {
    if api.node.is_draining() {
        return answer::fresh(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "draining" }));
    }
    let backend = api.node.backend();
    match backend.store.check().await {
        Ok(()) if !backend.log.hears() => answer::fresh(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "deaf" })),
        Ok(()) => answer::fresh(StatusCode::OK, &json!({ "status": "ok", "degraded": false })),
        Err(_) => answer::fresh(StatusCode::OK, &json!({ "status": "ok", "degraded": true })),
    }
}

/// `GET /metrics`, with a key.
pub async fn metrics(State(api): State<Api>, ask: Ask) -> Result<Response, Problem> {
    if !ask.asker.who.is_admin() {
        return Err(if ask.is_personal { Code::Forbidden } else { Code::Unauthorized }.into());
    }
    Ok(figures(&api.metrics))
}

/// The figures as they are now.
pub fn figures(metrics: &Metrics) -> Response {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics.text()).into_response()
}
