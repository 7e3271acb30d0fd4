//! Whoever asks about themselves: a token for a page that had its reader sign in, what is kept, signing out everywhere.

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use parlour_wire::code::Code;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ask::whence;
use super::{Api, Ask, answer};
use crate::door::{Problem, body};
use crate::limit::Rate;

/// Questions for a token from one address: a page that waits asks every two seconds.
const EXCHANGE_RATE: Rate = Rate { burst: 60, per_ms: 1_000 };

/// `GET /v1/auth`: how somebody signs in to the site at Parlour's own origin; nothing where that is not offered.
pub async fn ways(State(api): State<Api>, headers: HeaderMap, ask: Ask) -> Result<Response, Problem> {
    let rules = api.node.book.now();
    let site = api.node.site_rules(&ask.asker.site)?;
    let ways: Vec<Value> = rules.ways_of(&site).map(|(name, title)| json!({ "name": name, "title": title })).collect();
    Ok(answer::read(&headers, ask.is_personal, &json!({ "ways": ways })))
}

#[derive(Deserialize)]
struct Exchange {
    secret: String,
    code: Option<String>,
}

/// `POST /v1/auth/token`.
pub async fn exchange(State(api): State<Api>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let whence = whence(&parts);
    api.node.limit_exchanges(whence.address, EXCHANGE_RATE)?;
    let exchange: Exchange = body::json(&parts.headers, body, api.reading()).await?;
    let (code, origin) = (exchange.code.as_deref(), whence.origin.as_deref());
    let answer = match api.node.exchange(&exchange.secret, code, origin, whence.address).await? {
        Some(signed_in) => {
            let member = signed_in.member;
            let member = json!({ "id": member.id, "name": member.name, "role": member.role, "verified": member.verified });
            json!({ "token": signed_in.token, "member": member, "expires": signed_in.exp_s })
        }
        None => json!({ "token": Value::Null }),
    };
    Ok(answer::fresh(StatusCode::OK, &answer))
}

/// `DELETE /v1/auth/token`: signs out everywhere.
pub async fn sign_out(State(api): State<Api>, ask: Ask) -> Result<Response, Problem> {
    let token = ask.asker.who.token().ok_or(Code::Unauthorized)?;
    api.node.sign_out_everywhere(&token.site, &token.member.id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `GET /v1/me`.
pub async fn read(State(api): State<Api>, ask: Ask) -> Result<Response, Problem> {
    Ok(answer::fresh(StatusCode::OK, &api.node.me(&ask.asker).await?))
}

#[derive(Deserialize)]
struct Claim {
    /// The guest's.
    token: String,
    #[serde(default)]
    take: bool,
}

/// `POST /v1/me/claim`: how many comments a guest left; with `take` they are the asker's.
pub async fn claim(State(api): State<Api>, request: Request) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let ask = Ask::from_request_parts(&mut parts, &api).await?;
    api.node.limit_exchanges(whence(&parts).address, EXCHANGE_RATE)?;
    let claim: Claim = body::json(&parts.headers, body, api.reading()).await?;
    let comments = api.node.claim(&ask.asker, &claim.token, claim.take).await?;
    Ok(answer::fresh(StatusCode::OK, &json!({ "comments": comments })))
}

/// `DELETE /v1/me`.
pub async fn forget(State(api): State<Api>, ask: Ask, _: HeaderMap, _: Body) -> Result<Response, Problem> {
    api.node.forget_me(&ask.asker).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
