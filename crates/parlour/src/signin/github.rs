//! GitHub, as it documents its OAuth apps (docs.github.com, "Authorizing OAuth apps") and its REST interface (`GET /user`,
//! `GET /user/emails`). It is no OpenID provider: who somebody is has to be asked with the token that the code brought.

use super::SignIn;
use super::provider::{self, Introduction, ProviderFault, State, asked_with, json, parsed};
use crate::node::Login;
use crate::outbound::Ask;
use crate::rule::Provider;

/// Who came back.
pub(super) async fn login(
    sign_in: &SignIn,
    provider: &Provider,
    (url, api): (&str, &str),
    state: &State,
    code: &str,
) -> Result<Login, ProviderFault> {
    let endpoint = parsed(&format!("{url}/login/oauth/access_token"))?;
    let answer = provider::exchange(sign_in, provider, (endpoint, &[Introduction::Form]), state, code).await?;
    let token = answer["access_token"].as_str().ok_or(ProviderFault::Disbelieved("no token for the code"))?;
    let user = ask(sign_in, api, "/user", token).await?;
    // The number: a login may be given up and taken by somebody else.
    let subject = user["id"].as_u64().ok_or(ProviderFault::Strange("no id"))?.to_string();
    let name = user["name"].as_str().filter(|name| !name.is_empty()).or(user["login"].as_str()).unwrap_or_default().to_owned();
    // Whoever does not let us see it has no address here; that is no fault.
    let emails = ask(sign_in, api, "/user/emails", token).await.unwrap_or_default();
    let is_primary = |email: &&serde_json::Value| email["primary"] == true && email["verified"] == true;
    let email = emails.as_array().and_then(|emails| emails.iter().find(is_primary)).and_then(|email| email["email"].as_str());
    Ok(Login { provider: "github", subject, name, email: email.map(str::to_owned) })
}

/// A question of the interface, with the token that the code brought.
async fn ask(sign_in: &SignIn, api: &str, path: &str, token: &str) -> Result<serde_json::Value, ProviderFault> {
    let accept = http::HeaderValue::from_static("application/vnd.github+json");
    let ask: Ask = asked_with(parsed(&format!("{api}{path}"))?, token)?.header(http::header::ACCEPT, accept);
    json(sign_in.client.send(ask).await?)
}
