//! The ways in: out to a provider and back, and a letter with a link. Each ends with an account on the browser that began, and with
//! the page that asks "Continue as …".

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use super::form::Form;
use super::page::{button, escaped, page, refusal, stale};
use super::provider::{ProviderFault, State as Trip};
use super::window::{choose, failed, whither};
use super::{Browser, FLOW_S, Flow, LETTER_RATE, LETTERS_RATE, SignIn, provider};
use crate::backend::{After, Before, Swap, take};
use crate::door::Peer;
use crate::identity::{keyed_hash, secret_text, unseal};
use crate::mail::Letter;
use crate::node::Login;
use crate::rule::is_address;

/// `POST /auth/go/{provider}`: out.
pub(super) async fn go(State(sign_in): State<SignIn>, Path(name): Path<String>, headers: HeaderMap, body: Body) -> Response {
    let Some(form) = Form::read(&sign_in, &headers, body).await else { return stale() };
    let Some(flow) = sign_in.flow(form.field("flow"), &form.browser) else { return stale() };
    let rules = sign_in.rules();
    let Some(provider) = rules.sign_in.provider(&name).filter(|_| rules.offers(&flow.site, &name)) else { return stale() };
    let trip = Trip { flow, provider: name, id: secret_text(rand::random()) };
    match provider::address(&sign_in, provider, &trip).await {
        // A page that leaves by itself: a redirect after a form would have to be allowed by the policy, provider by provider.
        Ok(address) => {
            let html = format!(
                "<p><a id=\"leave\" rel=\"noreferrer\" href=\"{}\">To {}</a></p>",
                escaped(address.as_str()),
                escaped(&provider.title)
            );
            page(StatusCode::OK, &format!("To {}", provider.title), &html, &[("act", "leave")], None)
        }
        Err(fault) => unwell(provider.name, &fault),
    }
}

fn unwell(provider: &str, fault: &ProviderFault) -> Response {
    tracing::warn!(provider, %fault, "a provider could not say who somebody is");
    refusal(StatusCode::BAD_GATEWAY, "The provider could not say who you are. Close this window and try again.")
}

#[derive(Deserialize)]
pub(super) struct Back {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
}

/// `GET /auth/callback/{provider}?code=&state=`: back.
pub(super) async fn back(
    State(sign_in): State<SignIn>,
    Path(name): Path<String>,
    headers: HeaderMap,
    back: Result<Query<Back>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let (Ok(Query(back)), Some(browser)) = (back, Browser::known(&headers)) else { return stale() };
    let trip: Option<Trip> = unseal(&sign_in.secret, "state", &back.state.unwrap_or_default(), sign_in.now_s());
    // Whoever comes back must be who went out: another's code in this browser would sign its owner in as somebody else.
    let Some(trip) = trip.filter(|trip| trip.provider == name && trip.flow.browser == browser.hash) else { return stale() };
    let rules = sign_in.rules();
    let Some(provider) = rules.sign_in.provider(&name) else { return stale() };
    let Some(code) = back.code else {
        return refusal(StatusCode::FORBIDDEN, "The provider did not let you in. Close this window and try again.");
    };
    match provider::login(&sign_in, provider, &trip, &code, back.iss.as_deref()).await {
        Ok(login) => arrive(&sign_in, &trip.flow, &login, &browser).await,
        Err(fault) => unwell(provider.name, &fault),
    }
}

/// Somebody proved who they are: the browser is theirs from now on, and they are asked whether to go on.
async fn arrive(sign_in: &SignIn, flow: &Flow, login: &Login, browser: &Browser) -> Response {
    let account = match sign_in.node.account_of(login).await {
        Ok(account) => account,
        Err(code) => return failed(code),
    };
    match sign_in.node.keep_browser(&browser.hash, &account).await {
        Ok(()) => choose(sign_in, flow, Some(&account), browser),
        Err(code) => failed(code),
    }
}

/// What a letter's link brings back.
#[derive(Serialize, Deserialize)]
struct Ticket {
    id: String,
    email: String,
    /// The browser that asked for the letter: no other is signed in by it.
    browser: String,
}

/// `POST /auth/mail`: a letter, please.
pub(super) async fn ask_letter(State(sign_in): State<SignIn>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(form) = Form::read(&sign_in, &parts.headers, body).await else { return stale() };
    let Some(flow) = sign_in.flow(form.field("flow"), &form.browser) else { return stale() };
    if !sign_in.rules().offers(&flow.site, "mail") {
        return stale();
    }
    let email = form.field("email").trim().to_ascii_lowercase();
    if !is_address(&email) {
        return refusal(StatusCode::UNPROCESSABLE_ENTITY, "That is not an address that a letter can be sent to.");
    }
    let address = parts.extensions.get::<Peer>().and_then(|peer| peer.whence.address);
    if !sign_in.node.may_ask_letter(&keyed_hash(&sign_in.secret, &email), address, LETTER_RATE, LETTERS_RATE) {
        return refusal(
            StatusCode::TOO_MANY_REQUESTS,
            "Enough letters were asked for. Look for the last one, or try again later.",
        );
    }
    match post_letter(&sign_in, &flow, &email, &form.browser).await {
        Ok(true) => {}
        Ok(false) => return refusal(StatusCode::SERVICE_UNAVAILABLE, "Too many letters wait to be sent. Try again later."),
        Err(fault) => return failed(crate::node::fault_code(&fault)),
    }
    let sealed = sign_in.sealed("flow", &flow);
    let html = format!(
        "{}<p>A letter is on its way to <strong>{}</strong>. Open its link in this browser; then this window goes on by itself.</p>\
         <form id=\"waiting\" method=\"post\" action=\"/auth/confirm\"><input type=\"hidden\" name=\"flow\" value=\"{}\">\
         <button>I have opened the link</button></form>",
        whither(&flow),
        escaped(&email),
        escaped(&sealed)
    );
    page(StatusCode::OK, "Look into your mail", &html, &[("act", "wait")], None)
}

async fn post_letter(sign_in: &SignIn, flow: &Flow, email: &str, browser: &Browser) -> Result<bool, crate::backend::Fault> {
    let ticket = Ticket { id: secret_text(rand::random()), email: email.to_owned(), browser: browser.hash.clone() };
    let link = format!("{}#{}", sign_in.own_url("/auth/link"), sign_in.sealed("ticket", &ticket));
    let now_ms = sign_in.node.clock.now_ms();
    let useless_ms = now_ms + FLOW_S * 1_000;
    let text = format!(
        "Somebody asked to sign in on {} with this address.\n\nIf it was you, open this link in the same browser within 15 minutes:\n\n\
         {link}\n\nIf it was not you, do nothing: without the link nobody gets in.\n",
        flow.origin
    );
    let letter = Letter { to: email.to_owned(), subject: "Your link to sign in".to_owned(), text, about: Vec::new() };
    // The link is good once: it takes this record away.
    let unused =
        Swap { name: format!("ticket/{}", ticket.id), before: Before::Nothing, after: After::Until(String::new(), useless_ms) };
    sign_in.node.backend().shelf.swap(vec![unused], now_ms).await?;
    sign_in.mailbag.post(letter, useless_ms, now_ms).await
}

/// `POST /auth/waiting`: whether the letter was answered; asked by the window's script.
pub(super) async fn waiting(State(sign_in): State<SignIn>, headers: HeaderMap, body: Body) -> Response {
    let Some(form) = Form::read(&sign_in, &headers, body).await else { return StatusCode::BAD_REQUEST.into_response() };
    if sign_in.flow(form.field("flow"), &form.browser).is_none() {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let is_ready = sign_in.account(&form.browser).await.is_some_and(|account| account.provider == "mail");
    ([("content-type", "application/json"), ("cache-control", "no-store")], format!("{{\"ready\":{is_ready}}}")).into_response()
}

/// `GET /auth/link`: the same for everyone; the ticket is behind `#` and does not get here. A scanner that opens the link of a
/// letter uses nothing up.
pub(super) async fn link() -> Response {
    let form = "<form method=\"post\" action=\"/auth/link\"><input type=\"hidden\" id=\"ticket\" name=\"ticket\">\
                <button class=\"first\">Sign in</button></form>";
    page(StatusCode::OK, "Sign in with this letter?", form, &[("act", "ticket")], None)
}

/// `POST /auth/link`: yes.
pub(super) async fn follow_link(State(sign_in): State<SignIn>, headers: HeaderMap, body: Body) -> Response {
    let Some(form) = Form::read(&sign_in, &headers, body).await else { return wrong_browser() };
    let ticket: Option<Ticket> = unseal(&sign_in.secret, "ticket", form.field("ticket"), sign_in.now_s());
    let Some(ticket) = ticket else {
        return refusal(StatusCode::BAD_REQUEST, "The link is too old, or not whole. Ask for another letter.");
    };
    if ticket.browser != form.browser.hash {
        return wrong_browser();
    }
    let shelf = &sign_in.node.backend().shelf;
    match take(&**shelf, &format!("ticket/{}", ticket.id), sign_in.node.clock.now_ms()).await {
        Ok(Some(_)) => {}
        Ok(None) => return refusal(StatusCode::BAD_REQUEST, "The link was used already. Ask for another letter."),
        Err(fault) => return failed(crate::node::fault_code(&fault)),
    }
    // The name is not made of the address: what stands before the @ is nobody's to show.
    let login = Login { provider: "mail", subject: ticket.email.clone(), name: String::new(), email: Some(ticket.email) };
    let kept = async {
        let account = sign_in.node.account_of(&login).await?;
        sign_in.node.keep_browser(&form.browser.hash, &account).await
    };
    match kept.await {
        Ok(()) => {
            let html = format!(
                "<p>You are signed in. Go back to the window where you began; it goes on by itself.</p>{}",
                button("/auth/me/show", &[], "What is kept about me", "")
            );
            page(StatusCode::OK, "Signed in", &html, &[], None)
        }
        Err(code) => failed(code),
    }
}

fn wrong_browser() -> Response {
    refusal(
        StatusCode::FORBIDDEN,
        "This is not the browser that asked for the letter. Open the link there; here nothing was done.",
    )
}
