//! Signing in and mail: what their options mean together.

use url::Url;

use super::{ConfigFault, ProcessOptions};
use crate::rule::{MailRules, Provider, ProviderKind, Secret, SignInRules};

/// The rules that the options make.
///
/// # Errors
/// The first option whose value does not fit, by name.
pub(super) fn sign_in(process: &ProcessOptions) -> Result<SignInRules, ConfigFault> {
    let mut providers = Vec::new();
    let github = ProviderKind::GitHub {
        url: address("signin-github-url", &process.signin_github_url)?,
        api: address("signin-github-api", &process.signin_github_api)?,
    };
    add(&mut providers, "github", "GitHub", (&process.signin_github_id, &process.signin_github_secret), github)?;
    let google = ProviderKind::OpenId { issuer: address("signin-google-url", &process.signin_google_url)? };
    add(&mut providers, "google", "Google", (&process.signin_google_id, &process.signin_google_secret), google)?;
    if !process.signin_oidc_id.is_empty() {
        // An issuer is compared as it stands, a slash at its end included (OpenID Connect Discovery §4.3).
        address("signin-oidc-url", &process.signin_oidc_url)?;
        let oidc = ProviderKind::OpenId { issuer: process.signin_oidc_url.clone() };
        let title = process.signin_oidc_name.as_str();
        add(&mut providers, "oidc", title, (&process.signin_oidc_id, &process.signin_oidc_secret), oidc)?;
    }
    let mail = mail(process)?;
    if process.signin_mail && mail.is_none() {
        return Err(fault("signin-mail", "letters need mail-server and mail-from"));
    }
    let rules = SignInRules {
        providers,
        by_mail: process.signin_mail,
        good_s: i64::try_from(process.signin_for.as_secs()).unwrap_or(i64::MAX),
        mail,
    };
    if rules.is_offered() && process.public_url.is_empty() {
        return Err(fault("public-url", "signing in needs the address that browsers know this server by"));
    }
    Ok(rules)
}

fn fault(key: &str, text: &str) -> ConfigFault {
    ConfigFault::Value { key: key.to_owned(), fault: text.to_owned() }
}

/// A provider is offered when it has given this server a name.
fn add(
    providers: &mut Vec<Provider>,
    name: &'static str,
    title: &str,
    (client_id, client_secret): (&str, &Option<Secret>),
    kind: ProviderKind,
) -> Result<(), ConfigFault> {
    if client_id.is_empty() {
        return Ok(());
    }
    let client_secret = client_secret
        .clone()
        .ok_or_else(|| fault(&format!("signin-{name}-secret"), "the secret that goes with the id is needed"))?;
    providers.push(Provider { name, title: title.to_owned(), client_id: client_id.to_owned(), client_secret, kind });
    Ok(())
}

fn address(key: &str, text: &str) -> Result<String, ConfigFault> {
    let is_one = |url: &Url| matches!(url.scheme(), "http" | "https") && url.host().is_some() && url.query().is_none();
    match Url::parse(text).ok().filter(is_one) {
        Some(_) => Ok(text.trim_end_matches('/').to_owned()),
        None => Err(fault(key, "an address such as https://id.example.org is expected")),
    }
}

fn mail(process: &ProcessOptions) -> Result<Option<MailRules>, ConfigFault> {
    if process.mail_server.is_empty() {
        return Ok(None);
    }
    let expected = "smtps://HOST or smtp://HOST:587?tls=required is expected";
    let url = Url::parse(&process.mail_server).map_err(|_| fault("mail-server", expected))?;
    let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let is_sealed = url.scheme() == "smtps" || url.query_pairs().any(|(name, value)| name == "tls" && value == "required");
    if !matches!(url.scheme(), "smtp" | "smtps") || url.host().is_none() || url.password().is_some() {
        return Err(fault("mail-server", expected));
    }
    if !is_sealed && !is_local {
        return Err(fault("mail-server", "without TLS only a server on this machine is used: add ?tls=required"));
    }
    if process.mail_from.is_empty() {
        return Err(fault("mail-from", "an address that letters come from is needed"));
    }
    Ok(Some(MailRules {
        server: process.mail_server.clone(),
        user: process.mail_user.clone(),
        password: process.mail_password.clone(),
        from: process.mail_from.clone(),
        letters_max: process.mail_queue,
    }))
}
