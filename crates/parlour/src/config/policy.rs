//! What options say of moderation.

use url::Url;

use super::{ConfigFault, ProcessOptions, SiteOptions};
use crate::moderation::{Hold, PolicyOptions, Words};
use crate::rule::{AkismetRules, is_address};

/// More would keep a telephone busy for minutes.
const PROOF_BITS_MAX: u64 = 20;
/// Addresses that are told what waits.
const NOTIFIED_MAX: usize = 10;

/// Reads a site's policy; `prefix` stands before the names of its options.
///
/// # Errors
/// The first option whose value does not fit.
pub(super) fn policy(prefix: &str, options: &SiteOptions) -> Result<PolicyOptions, ConfigFault> {
    let fault = |name: &str, fault: &str| ConfigFault::Value { key: format!("{prefix}{name}"), fault: fault.to_owned() };
    let hold = match options.hold.as_str() {
        "" => None,
        word => Some(Hold::parse(word).ok_or_else(|| fault("hold", "nothing, first or all is expected"))?),
    };
    let words = (!options.hold_words.is_empty()).then(|| options.hold_words.clone());
    if let Some(words) = &words {
        Words::new(words).map_err(|error| fault("hold-words", &error.to_string()))?;
    }
    if options.proof_bits > PROOF_BITS_MAX {
        return Err(fault("proof-bits", "at most 20"));
    }
    Ok(PolicyOptions {
        hold,
        links_max: options.hold_links.map(|links| u32::try_from(links).unwrap_or(u32::MAX)),
        words,
        slow_seconds: options.slow_seconds.map(|seconds| seconds.min(3_600)),
        proof_bits: options.proof_bits as u8,
    })
}

/// Reads whether and how Akismet is asked.
///
/// # Errors
/// `akismet-url` is no address.
pub(super) fn akismet(prefix: &str, options: &SiteOptions) -> Result<Option<AkismetRules>, ConfigFault> {
    let Some(key) = options.akismet_key.clone() else { return Ok(None) };
    let is_one = |url: &Url| matches!(url.scheme(), "http" | "https") && url.host().is_some() && url.query().is_none();
    if Url::parse(&options.akismet_url).ok().filter(is_one).is_none() {
        let fault = "an address such as https://rest.akismet.com is expected".to_owned();
        return Err(ConfigFault::Value { key: format!("{prefix}akismet-url"), fault });
    }
    let url = options.akismet_url.trim_end_matches('/').to_owned();
    Ok(Some(AkismetRules { key, url, wait: options.akismet_wait }))
}

/// Reads who is told by letter what waits.
///
/// # Errors
/// Not an address that letters are sent to; no way to send letters.
pub(super) fn notify(prefix: &str, options: &SiteOptions, process: &ProcessOptions) -> Result<Vec<String>, ConfigFault> {
    let fault = |fault: String| ConfigFault::Value { key: format!("{prefix}notify"), fault };
    if options.notify.len() > NOTIFIED_MAX {
        return Err(fault(format!("at most {NOTIFIED_MAX} addresses")));
    }
    if let Some(bad) = options.notify.iter().find(|address| !is_address(address)) {
        return Err(fault(format!("`{bad}` is not an address that letters are sent to")));
    }
    if !options.notify.is_empty() && (process.mail_server.is_empty() || process.public_url.is_empty()) {
        return Err(fault("letters need mail-server, and their links public-url".to_owned()));
    }
    Ok(options.notify.clone())
}
