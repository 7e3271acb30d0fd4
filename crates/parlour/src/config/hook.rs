//! What options say of webhooks.

use url::Url;

use super::{ConfigFault, SiteOptions};
use crate::rule::{HookEvent, HookRules, HookSecret, RECEIVERS_MAX, Secret};

/// Reads whom a site tells; `prefix` stands before the names of its options.
///
/// # Errors
/// The first option whose value does not fit.
pub(super) fn hooks(prefix: &str, options: &SiteOptions) -> Result<HookRules, ConfigFault> {
    let fault = |name: &str, fault: String| ConfigFault::Value { key: format!("{prefix}{name}"), fault };
    if options.webhooks.len() > RECEIVERS_MAX {
        return Err(fault("webhooks", format!("at most {RECEIVERS_MAX} addresses")));
    }
    let receiver = |text: &String| {
        let is_one =
            |url: &Url| matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
        let expected = || fault("webhooks", format!("`{text}`: an address such as https://example.org/hook is expected"));
        Url::parse(text).ok().filter(is_one).ok_or_else(expected)
    };
    let receivers = options.webhooks.iter().map(receiver).collect::<Result<Vec<Url>, _>>()?;
    let secret = |name: &str, given: &Option<Secret>| {
        let expected = || fault(name, "whsec_ and 24 to 64 bytes in base64 are expected".to_owned());
        given.as_ref().map(|secret| HookSecret::parse(secret.reveal()).ok_or_else(expected)).transpose()
    };
    let current = secret("webhook-secret", &options.webhook_secret)?;
    if current.is_none() && !receivers.is_empty() {
        return Err(fault("webhook-secret", "webhooks are signed: a secret is needed".to_owned()));
    }
    let old = secret("webhook-secret-old", &options.webhook_secret_old)?;
    let event = |text: &String| {
        let names = HookEvent::ALL.map(HookEvent::name).join(", ");
        let found = HookEvent::ALL.into_iter().find(|event| event.name() == text);
        found.ok_or_else(|| fault("webhook-events", format!("`{text}` is none of {names}")))
    };
    let mut events = options.webhook_events.iter().map(event).collect::<Result<Vec<_>, _>>()?;
    if events.is_empty() {
        events = HookEvent::ALL.to_vec();
    }
    Ok(HookRules { receivers, secrets: current.into_iter().chain(old).collect(), events })
}
