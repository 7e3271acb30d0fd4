//! A provider is asked who somebody is: where the browser is sent, and what its way back is worth. The two kinds are beside this file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Flow, SignIn, github, oidc};
use crate::identity::{challenge_of, derived_secret};
use crate::node::Login;
use crate::outbound::{Answer, Ask, Fault};
use crate::rule::{Provider, ProviderKind};

/// Why nobody knows who somebody is.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProviderFault {
    /// It could not be asked.
    #[error("it could not be asked: {0}")]
    Unasked(#[from] Fault),
    /// It did not do as it was asked.
    #[error("it answered {0}")]
    Refused(u16),
    /// Its answer is not what it documents.
    #[error("its answer is not understood: {0}")]
    Strange(&'static str),
    /// What it says of the person is not to be believed.
    #[error("its word is not good: {0}")]
    Disbelieved(&'static str),
}

/// What comes back with the person, sealed, as `state`.
#[derive(Serialize, Deserialize)]
pub(super) struct State {
    pub(super) flow: Flow,
    pub(super) provider: String,
    /// By chance; the secrets of this trip hang on it and are kept nowhere.
    pub(super) id: String,
}

impl State {
    /// The verifier of PKCE (RFC 7636): never in an address.
    pub(super) fn verifier(&self, sign_in: &SignIn) -> String {
        derived_secret(&sign_in.secret, "pkce", &self.id)
    }

    /// What the provider must put into its word.
    pub(super) fn nonce(&self, sign_in: &SignIn) -> String {
        derived_secret(&sign_in.secret, "nonce", &self.id)
    }
}

/// Where the browser is sent.
pub(super) async fn address(sign_in: &SignIn, provider: &Provider, state: &State) -> Result<Url, ProviderFault> {
    let (mut url, scope) = match &provider.kind {
        ProviderKind::GitHub { url, .. } => (parsed(&format!("{url}/login/oauth/authorize"))?, "read:user user:email"),
        ProviderKind::OpenId { issuer } => {
            (parsed(&sign_in.discovered.of(sign_in, issuer).await?.authorization_endpoint)?, "openid profile email")
        }
    };
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &provider.client_id)
        .append_pair("redirect_uri", &redirect(sign_in, provider))
        .append_pair("scope", scope)
        .append_pair("state", &sign_in.sealed("state", state))
        .append_pair("code_challenge", &challenge_of(&state.verifier(sign_in)))
        .append_pair("code_challenge_method", "S256");
    if matches!(provider.kind, ProviderKind::OpenId { .. }) {
        url.query_pairs_mut().append_pair("nonce", &state.nonce(sign_in));
    }
    Ok(url)
}

/// Who came back with this code.
pub(super) async fn login(
    sign_in: &SignIn,
    provider: &Provider,
    state: &State,
    code: &str,
    issuer_said: Option<&str>,
) -> Result<Login, ProviderFault> {
    match &provider.kind {
        ProviderKind::GitHub { url, api } => github::login(sign_in, provider, (url, api), state, code).await,
        ProviderKind::OpenId { issuer } => {
            // Two providers must not be mixed up (RFC 9207).
            if issuer_said.is_some_and(|said| said != issuer) {
                return Err(ProviderFault::Disbelieved("another issuer"));
            }
            oidc::login(sign_in, provider, issuer, state, code).await
        }
    }
}

pub(super) fn redirect(sign_in: &SignIn, provider: &Provider) -> String {
    sign_in.own_url(&format!("/auth/callback/{}", provider.name))
}

/// How this server says to a provider who it is (RFC 6749 §2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Introduction {
    /// `client_secret_basic`: in the header.
    Header,
    /// `client_secret_post`: in the form.
    Form,
}

/// Exchanges the code at the provider's token endpoint; the answer as JSON. A provider may list a way that it does not take from
/// us: the next is tried when it says that it does not know us, which uses no code up.
pub(super) async fn exchange(
    sign_in: &SignIn,
    provider: &Provider,
    (endpoint, ways): (Url, &[Introduction]),
    state: &State,
    code: &str,
) -> Result<serde_json::Value, ProviderFault> {
    let mut refused = ProviderFault::Strange("no way to say who we are");
    for way in ways {
        let ask = question(sign_in, provider, &endpoint, *way, (state, code))?;
        match json(sign_in.client.send(ask).await?) {
            Err(fault @ ProviderFault::Refused(400 | 401)) => refused = fault,
            other => return other,
        }
    }
    Err(refused)
}

fn question(
    sign_in: &SignIn,
    provider: &Provider,
    endpoint: &Url,
    way: Introduction,
    (state, code): (&State, &str),
) -> Result<Ask, ProviderFault> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", &redirect(sign_in, provider))
        .append_pair("code_verifier", &state.verifier(sign_in));
    if way == Introduction::Form {
        form.append_pair("client_id", &provider.client_id).append_pair("client_secret", provider.client_secret.reveal());
    }
    let ask = Ask::post(endpoint.clone(), "application/x-www-form-urlencoded", form.finish())
        .header(http::header::ACCEPT, http::HeaderValue::from_static("application/json"));
    if way == Introduction::Form {
        return Ok(ask);
    }
    let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(&provider.client_id), encoded(provider.client_secret.reveal()));
    let mut value = http::HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair)))
        .map_err(|_| ProviderFault::Strange("our own secret"))?;
    value.set_sensitive(true);
    Ok(ask.header(http::header::AUTHORIZATION, value))
}

/// The body of a good answer as JSON.
pub(super) fn json(answer: Answer) -> Result<serde_json::Value, ProviderFault> {
    if !answer.status.is_success() {
        return Err(ProviderFault::Refused(answer.status.as_u16()));
    }
    serde_json::from_slice(&answer.body).map_err(|_| ProviderFault::Strange("no JSON"))
}

pub(super) fn parsed(text: &str) -> Result<Url, ProviderFault> {
    Url::parse(text).map_err(|_| ProviderFault::Strange("an address"))
}

/// Asks with a token of the provider's.
pub(super) fn asked_with(url: Url, token: &str) -> Result<Ask, ProviderFault> {
    let mut value = http::HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| ProviderFault::Strange("a token"))?;
    value.set_sensitive(true);
    Ok(Ask::get(url).header(http::header::AUTHORIZATION, value))
}
