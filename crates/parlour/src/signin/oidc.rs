//! OpenID Connect (Core 1.0, Discovery 1.0): an issuer is found by its document, and its word about a person is a token that is
//! verified with its own keys, by the verifier that reads the sites' tokens too.

use std::collections::HashMap;

use parking_lot::Mutex;
use serde::Deserialize;

use super::SignIn;
use super::provider::{self, Introduction, ProviderFault, State, asked_with, json, parsed};
use crate::identity::id_claims;
use crate::node::Login;
use crate::outbound::Ask;
use crate::rule::Provider;

/// How long what an issuer says of itself is believed, in seconds.
const FRESH_S: i64 = 60 * 60;
/// Issuers that are remembered; the configuration names them.
const ISSUERS_MAX: usize = 64;

/// What an issuer says of itself.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Issuer {
    issuer: String,
    pub(super) authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

impl Issuer {
    /// The ways in which it wants to hear who we are: where it does not say, the header (Discovery §3).
    fn introductions(&self) -> Vec<Introduction> {
        let listed = self.token_endpoint_auth_methods_supported.as_deref();
        let takes = |method: &str| listed.is_some_and(|listed| listed.iter().any(|one| one == method));
        let header = (listed.is_none() || takes("client_secret_basic")).then_some(Introduction::Header);
        header.into_iter().chain(takes("client_secret_post").then_some(Introduction::Form)).collect()
    }
}

/// Issuers that were asked lately.
#[derive(Default)]
pub(super) struct Discovered(Mutex<HashMap<String, (Issuer, i64)>>);

impl Discovered {
    /// What this issuer says of itself.
    pub(super) async fn of(&self, sign_in: &SignIn, issuer: &str) -> Result<Issuer, ProviderFault> {
        let now_s = sign_in.now_s();
        if let Some((found, at_s)) = self.0.lock().get(issuer)
            && *at_s + FRESH_S > now_s
        {
            return Ok(found.clone());
        }
        let url = parsed(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))?;
        let answer = sign_in.client.send(Ask::get(url)).await?;
        let found: Issuer = serde_json::from_value(json(answer)?).map_err(|_| ProviderFault::Strange("its configuration"))?;
        if found.issuer != issuer {
            return Err(ProviderFault::Disbelieved("it calls itself otherwise"));
        }
        let mut all = self.0.lock();
        if all.len() >= ISSUERS_MAX {
            all.clear();
        }
        all.insert(issuer.to_owned(), (found.clone(), now_s));
        Ok(found)
    }
}

/// Who came back.
pub(super) async fn login(
    sign_in: &SignIn,
    provider: &Provider,
    issuer: &str,
    state: &State,
    code: &str,
) -> Result<Login, ProviderFault> {
    let found = sign_in.discovered.of(sign_in, issuer).await?;
    let asked = (parsed(&found.token_endpoint)?, &*found.introductions());
    let answer = provider::exchange(sign_in, provider, asked, state, code).await?;
    let word = answer["id_token"].as_str().ok_or(ProviderFault::Disbelieved("no word for the code"))?;
    let claims = verified(sign_in, &found, provider, &state.nonce(sign_in), word).await?;
    let subject = claims["sub"].as_str().filter(|sub| !sub.is_empty()).ok_or(ProviderFault::Strange("no sub"))?.to_owned();
    let more = match (&found.userinfo_endpoint, answer["access_token"].as_str()) {
        (Some(endpoint), Some(token)) if claims["name"].is_null() => {
            json(sign_in.client.send(asked_with(parsed(endpoint)?, token)?).await?)?
        }
        _ => serde_json::Value::Null,
    };
    // An answer about somebody else is no answer (Core §5.3.2).
    if !more.is_null() && more["sub"] != claims["sub"] {
        return Err(ProviderFault::Disbelieved("it speaks of somebody else"));
    }
    let said = |name: &str| claims.get(name).or(more.get(name)).cloned().unwrap_or_default();
    let name = ["name", "preferred_username", "nickname"].iter().find_map(|claim| said(claim).as_str().map(str::to_owned));
    let email = said("email").as_str().filter(|_| said("email_verified") == true).map(str::to_owned);
    Ok(Login { provider: provider.name, subject, name: name.unwrap_or_default(), email })
}

/// The claims of an issuer's word (Core §3.1.3.7). Its keys are asked for where none is known that fits.
async fn verified(
    sign_in: &SignIn,
    issuer: &Issuer,
    provider: &Provider,
    nonce: &str,
    word: &str,
) -> Result<serde_json::Value, ProviderFault> {
    let (url, node) = (&issuer.jwks_uri, &sign_in.node);
    let read = || {
        let keys = node.keyring.keys(url, node.clock.now_ms());
        id_claims(word, &keys, &issuer.issuer, &provider.client_id, nonce, node.clock.now_s())
    };
    if let Some(claims) = read() {
        return Ok(claims);
    }
    node.ask_key_set(url).await;
    read().ok_or(ProviderFault::Disbelieved("its word is not signed by it, not for us, not for this, or over"))
}
