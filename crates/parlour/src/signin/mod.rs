//! Signing in at Parlour's own origin. A page opens a window here; the window names the site and the page's origin, lets the person
//! prove who they are (a provider, a letter), and asks "Continue as …" even of somebody who is signed in already. Then the page gets
//! a one-time code, for which it asks a token.
//!
//! What keeps it straight: everything between the steps is sealed and bound to the browser by the one cookie; forms are only taken
//! from Parlour's own origin; a code is for one origin and for whoever has the page's secret; nothing secret stands in an address.
//! Who gets which token is decided by `node::accounts`.

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post};
use http::HeaderMap;
use http::header::{COOKIE, ORIGIN};
use serde::{Deserialize, Serialize};

use crate::channel::SiteName;
use crate::identity::{Account, InstallSecret, challenge_of, is_secret, seal, secret_text, unseal};
use crate::limit::Rate;
use crate::mail::Mailbag;
use crate::node::Node;
use crate::outbound::Client;
use crate::rule::Rules;

mod form;
mod github;
mod held;
mod me;
mod oidc;
mod page;
mod provider;
mod way;
mod window;

/// How long somebody may take from the first page to the last, in seconds.
const FLOW_S: i64 = 15 * 60;
/// The only cookie.
const COOKIE_NAME: &str = "__Host-parlour";
/// Letters to one address.
const LETTER_RATE: Rate = Rate { burst: 3, per_ms: 20 * 60_000 };
/// Letters that one network address asks for.
const LETTERS_RATE: Rate = Rate { burst: 10, per_ms: 6 * 60_000 };

/// What the pages need.
#[derive(Clone)]
pub struct SignIn {
    node: Arc<Node>,
    client: Client,
    mailbag: Mailbag,
    secret: InstallSecret,
    discovered: Arc<oidc::Discovered>,
}

/// What is being done in a window, from its first page to its last; goes through the browser, sealed.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
struct Flow {
    site: SiteName,
    /// The page's origin, one of the site's.
    origin: String,
    /// The SHA-256 of the page's secret.
    challenge: String,
    /// The SHA-256 of the browser's cookie.
    browser: String,
}

/// The browser that asks.
struct Browser {
    /// The hash of its secret, by which it is known.
    hash: String,
    /// The secret, where it was made just now and is to be set.
    fresh: Option<String>,
}

impl Browser {
    /// The browser of a request; a new one if it has no cookie of ours.
    fn of(headers: &HeaderMap) -> Browser {
        match Browser::known(headers) {
            Some(browser) => browser,
            None => {
                let secret = secret_text(rand::random());
                Browser { hash: challenge_of(&secret), fresh: Some(secret) }
            }
        }
    }

    /// The browser of a request that brings our cookie, once.
    fn known(headers: &HeaderMap) -> Option<Browser> {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
        let mut ours = cookies.filter_map(|cookie| cookie.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='));
        let secret = ours.next()?;
        (ours.next().is_none() && is_secret(secret)).then(|| Browser { hash: challenge_of(secret), fresh: None })
    }
}

impl SignIn {
    /// Ready to be asked. `secret` is the installation's.
    #[must_use]
    pub fn new(node: Arc<Node>, client: Client, mailbag: Mailbag, secret: [u8; 32]) -> SignIn {
        let secret = InstallSecret::from_bytes(secret);
        SignIn { node, client, mailbag, secret, discovered: Arc::default() }
    }

    fn rules(&self) -> Arc<Rules> {
        self.node.book.now()
    }

    fn now_s(&self) -> i64 {
        self.node.clock.now_s()
    }

    /// `public-url` and this path; there is one where signing in is offered.
    fn own_url(&self, path: &str) -> String {
        format!("{}{path}", self.rules().public_url.as_deref().unwrap_or_default())
    }

    fn sealed(&self, purpose: &str, value: &impl Serialize) -> String {
        seal(&self.secret, purpose, value, self.now_s() + FLOW_S)
    }

    /// The flow that a form brings back, if it is this browser's.
    fn flow(&self, sealed: &str, browser: &Browser) -> Option<Flow> {
        let flow: Flow = unseal(&self.secret, "flow", sealed, self.now_s())?;
        (flow.browser == browser.hash).then_some(flow)
    }

    /// Whether a form comes from one of our own pages. A browser says so with every form that is posted.
    fn is_from_own_page(&self, headers: &HeaderMap) -> bool {
        let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
        let is_same_site = headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin");
        is_same_site && origin.is_some_and(|origin| self.rules().is_own_origin(origin))
    }

    /// Whether pages of this origin may have people sign in to the site.
    fn is_origin_of(&self, site: &SiteName, origin: &str) -> bool {
        self.rules().is_page_of(site, origin)
    }

    /// Who signed in with this browser; nobody where the store cannot be read.
    async fn account(&self, browser: &Browser) -> Option<Account> {
        match self.node.account_of_browser(&browser.hash).await {
            Ok(account) => account,
            Err(code) => {
                tracing::warn!(code = code.name(), "who signed in with a browser cannot be read");
                None
            }
        }
    }
}

impl FromRef<SignIn> for Arc<Node> {
    fn from_ref(sign_in: &SignIn) -> Arc<Node> {
        sign_in.node.clone()
    }
}

/// The pages, below `/auth/`; no part of the interface that programs use.
pub fn routes() -> Router<SignIn> {
    Router::new()
        .route("/auth/start", get(window::start))
        .route("/auth/window.js", get(page::script))
        .route("/auth/window.css", get(page::style))
        .route("/auth/continue", post(window::go_on))
        .route("/auth/release", post(window::release))
        .route("/auth/go/{provider}", post(way::go))
        .route("/auth/callback/{provider}", get(way::back))
        .route("/auth/mail", post(way::ask_letter))
        .route("/auth/waiting", post(way::waiting))
        .route("/auth/confirm", post(window::confirm))
        .route("/auth/link", get(way::link).post(way::follow_link))
        .route("/auth/held", get(held::open).post(held::decide))
        .route("/auth/me", get(me::show))
        .route("/auth/me/{act}", post(me::act))
}
