//! A page of Parlour's own for whoever signed in with this browser: what is kept about them, signing out everywhere, forgetting all.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::form::Form;
use super::page::{button, escaped, page, stale};
use super::window::{called, failed};
use super::{Browser, SignIn};
use crate::identity::Account;

/// `GET /auth/me`.
pub(super) async fn show(State(sign_in): State<SignIn>, headers: HeaderMap) -> Response {
    let browser = Browser::of(&headers);
    let account = sign_in.account(&browser).await;
    shown(account.as_ref(), &browser)
}

fn shown(account: Option<&Account>, browser: &Browser) -> Response {
    let Some(account) = account else {
        return page(
            StatusCode::OK,
            "Nobody is signed in",
            "<p>Sign in on a page that uses this server.</p>",
            &[],
            Some(browser),
        );
    };
    let html = format!(
        "<p>Signed in with {}{}.</p>{}{}{}<p>Forgetting takes away everything you wrote while signed in, on every site of this \
         server, and cannot be undone.</p>{}",
        escaped(&account.provider),
        account.email.as_ref().map(|email| format!(" as {}", escaped(email))).unwrap_or_default(),
        button("/auth/me/export", &[], "Everything kept about me", ""),
        button("/auth/me/leave", &[], "Sign out in this browser", ""),
        button("/auth/me/leave-everywhere", &[], "Sign out everywhere", ""),
        button("/auth/me/forget", &[], "Forget me", "grave"),
    );
    page(StatusCode::OK, &called(account), &html, &[], Some(browser))
}

/// `POST /auth/me/{act}`: `show`, `export`, `leave`, `leave-everywhere`, `forget`.
pub(super) async fn act(State(sign_in): State<SignIn>, Path(act): Path<String>, headers: HeaderMap, body: Body) -> Response {
    let Some(form) = Form::read(&sign_in, &headers, body).await else { return stale() };
    let Some(account) = sign_in.account(&form.browser).await else { return shown(None, &form.browser) };
    let node = &sign_in.node;
    let done = match act.as_str() {
        "show" => return shown(Some(&account), &form.browser),
        "export" => return export(&sign_in, &account).await,
        "leave" => node.forget_browser(&form.browser.hash).await,
        "leave-everywhere" => node.sign_out_account(&account.id).await,
        "forget" => node.forget_account(&account).await,
        _ => return stale(),
    };
    match done {
        Ok(()) => page(StatusCode::OK, "Done", "<p>You are signed out.</p>", &[], None),
        Err(code) => failed(code),
    }
}

async fn export(sign_in: &SignIn, account: &Account) -> Response {
    match sign_in.node.all_of_account(account).await {
        Ok(all) => {
            let mut response = all.to_string().into_response();
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"parlour-me.json\""));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(code) => failed(code),
    }
}
