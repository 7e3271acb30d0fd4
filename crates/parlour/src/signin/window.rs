//! The window that a page opens: who may sign in where, "Continue as …", and the code that goes back.

use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use parlour_wire::code::Code;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::form::Form;
use super::page::{button, escaped, page, refusal, stale};
use super::{Browser, Flow, SignIn};
use crate::channel::SiteName;
use crate::door::Peer;
use crate::identity::{Account, is_same, is_secret};

/// Signs that a person carries from the page to a window that is cut off from it.
const SIGNS: usize = 4;
/// Of these: none is taken for another.
const SIGN_ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

#[derive(Deserialize)]
pub(super) struct Start {
    site: Option<String>,
    origin: Option<String>,
    challenge: Option<String>,
}

/// `GET /auth/start?site=&origin=&challenge=`.
pub(super) async fn start(
    State(sign_in): State<SignIn>,
    headers: HeaderMap,
    start: Result<Query<Start>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Ok(Query(start)) = start else {
        return refusal(StatusCode::BAD_REQUEST, "The address is not one that opens this window.");
    };
    let site = start.site.as_deref().map_or(Ok(SiteName::default()), SiteName::parse);
    let (Ok(site), Some(origin), Some(challenge)) = (site, start.origin, start.challenge) else {
        return refusal(StatusCode::BAD_REQUEST, "The address is not one that opens this window.");
    };
    if !is_secret(&challenge) {
        return refusal(StatusCode::BAD_REQUEST, "The address is not one that opens this window.");
    }
    let rules = sign_in.rules();
    if rules.site(&site).is_none() || !sign_in.is_origin_of(&site, &origin) {
        return refusal(StatusCode::FORBIDDEN, "The page that opened this window is none of the site's: nothing was done.");
    }
    if rules.site(&site).is_none_or(|site| rules.ways_of(site).next().is_none()) {
        return refusal(StatusCode::NOT_FOUND, "Nobody can sign in here.");
    }
    let browser = Browser::of(&headers);
    let account = sign_in.account(&browser).await;
    let flow = Flow { site, origin, challenge, browser: browser.hash.clone() };
    choose(&sign_in, &flow, account.as_ref(), &browser)
}

/// The page that asks: go on as who you are, or as somebody else.
pub(super) fn choose(sign_in: &SignIn, flow: &Flow, account: Option<&Account>, browser: &Browser) -> Response {
    let sealed = sign_in.sealed("flow", flow);
    let rules = sign_in.rules();
    let mut body = whither(flow);
    if let Some(account) = account {
        body.push_str(&button("/auth/continue", &[("flow", &sealed)], &format!("Continue as {}", called(account)), "first"));
        body.push_str("<p>Or as somebody else:</p>");
    }
    let ways = rules.site(&flow.site).into_iter().flat_map(|site| rules.ways_of(site));
    for (name, title) in ways.filter(|(name, _)| *name != "mail") {
        body.push_str(&button(&format!("/auth/go/{name}"), &[("flow", &sealed)], &format!("Sign in with {title}"), ""));
    }
    if rules.offers(&flow.site, "mail") {
        body.push_str(&format!(
            "<form method=\"post\" action=\"/auth/mail\"><input type=\"hidden\" name=\"flow\" value=\"{}\">\
             <label for=\"email\">Or by a letter with a link:</label>\
             <p><input type=\"email\" id=\"email\" name=\"email\" required maxlength=\"254\" autocomplete=\"email\"></p>\
             <button>Send me a link</button></form>",
            escaped(&sealed)
        ));
    }
    page(StatusCode::OK, &format!("Sign in on {}", host(&flow.origin)), &body, &[("act", "choose")], Some(browser))
}

/// What is signed in to: always said, with the whole origin.
pub(super) fn whither(flow: &Flow) -> String {
    format!(
        "<p class=\"where\">The page <strong>{}</strong> of the site <strong>{}</strong> will know your name, not your address.</p>",
        escaped(&flow.origin),
        escaped(flow.site.as_str())
    )
}

fn host(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, host)| host)
}

/// How an account is called on our own pages.
pub(super) fn called(account: &Account) -> String {
    match (account.name.is_empty(), &account.email) {
        (false, _) => account.name.clone(),
        (true, Some(email)) => email.clone(),
        (true, None) => "yourself".to_owned(),
    }
}

/// `POST /auth/confirm`: whoever has answered a letter is asked.
pub(super) async fn confirm(State(sign_in): State<SignIn>, headers: HeaderMap, body: Body) -> Response {
    let Some(form) = Form::read(&sign_in, &headers, body).await else { return stale() };
    let Some(flow) = sign_in.flow(form.field("flow"), &form.browser) else { return stale() };
    let account = sign_in.account(&form.browser).await;
    choose(&sign_in, &flow, account.as_ref(), &form.browser)
}

/// `POST /auth/continue`: yes, as this account, for that page.
pub(super) async fn go_on(State(sign_in): State<SignIn>, headers: HeaderMap, body: Body) -> Response {
    let Some(form) = Form::read(&sign_in, &headers, body).await else { return stale() };
    let Some(flow) = sign_in.flow(form.field("flow"), &form.browser) else { return stale() };
    let Some(account) = sign_in.account(&form.browser).await else { return stale() };
    // The site may have lost the origin meanwhile.
    if !sign_in.is_origin_of(&flow.site, &flow.origin) {
        return stale();
    }
    let code = match sign_in.node.issue_code(&flow.site, &flow.origin, &flow.challenge, &account, None).await {
        Ok(code) => code,
        Err(code) => return failed(code),
    };
    let sealed = sign_in.sealed("flow", &flow);
    let html = format!(
        "<p id=\"handed-over\">You are signed in; this window closes by itself.</p>\
         <div id=\"cut-off\" hidden>{}<p>This window cannot reach the page that opened it. If you opened it there, the page shows \
         {SIGNS} signs. Type them here; if it shows none, close this window.</p>\
         <form method=\"post\" action=\"/auth/release\"><input type=\"hidden\" name=\"flow\" value=\"{}\">\
         <p><input type=\"text\" name=\"signs\" aria-label=\"The signs\" required maxlength=\"8\" autocomplete=\"off\" \
         autocapitalize=\"characters\"></p><button class=\"first\">Sign that page in</button></form></div>",
        whither(&flow),
        escaped(&sealed)
    );
    let did = [("act", "hand-over"), ("code", &code), ("challenge", &flow.challenge), ("origin", &flow.origin)];
    page(StatusCode::OK, "Signed in", &html, &did, None)
}

/// `POST /auth/release`: the window is cut off from its page; whoever typed the signs sees that page, and its browser is at this
/// address. So the page may fetch the token with its secret, from this address alone.
pub(super) async fn release(State(sign_in): State<SignIn>, request: axum::extract::Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(form) = Form::read(&sign_in, &parts.headers, body).await else { return stale() };
    let Some(flow) = sign_in.flow(form.field("flow"), &form.browser) else { return stale() };
    let Some(account) = sign_in.account(&form.browser).await else { return stale() };
    if !is_same(&form.field("signs").trim().to_ascii_uppercase(), &signs_of(&flow.challenge)) {
        return refusal(StatusCode::FORBIDDEN, "These are not the signs. Close this window and begin again on the page.");
    }
    let address = parts.extensions.get::<Peer>().and_then(|peer| peer.whence.address);
    match sign_in.node.issue_code(&flow.site, &flow.origin, &flow.challenge, &account, Some(address)).await {
        Ok(_) => page(StatusCode::OK, "Signed in", "<p>Go back to the page; you may close this window.</p>", &[], None),
        Err(code) => failed(code),
    }
}

/// The signs of a page's secret; the page computes them too.
pub(super) fn signs_of(challenge: &str) -> String {
    let digest = Sha256::digest(format!("parlour signs {challenge}"));
    digest.iter().take(SIGNS).map(|byte| char::from(SIGN_ALPHABET[usize::from(byte % 32)])).collect()
}

/// The store did not do what it was asked.
pub(super) fn failed(code: Code) -> Response {
    tracing::warn!(code = code.name(), "a sign-in could not go on");
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    refusal(status, "That did not work just now. Try again in a moment.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signs_hang_on_the_secret_and_are_easy_to_tell_apart() {
        let signs = signs_of("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert_eq!(signs.len(), SIGNS);
        assert!(signs.bytes().all(|sign| SIGN_ALPHABET.contains(&sign)));
        assert_ne!(signs, signs_of("another"));
    }
}
