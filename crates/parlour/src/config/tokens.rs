//! With what a site signs its tokens: the keys that options name, read from their files, and the address of a JWK set.

use url::Url;

use super::{ConfigFault, SiteOptions};
use crate::identity::{KeyAlgorithm, SiteKey, SiteTokens};
use crate::rule::Secret;

/// The shortest secret that HS256 is worth something with, in bytes (RFC 7518 §3.2).
const SECRET_BYTES_MIN: usize = 32;
/// The largest file of a public key, in bytes.
const KEY_BYTES_MAX: u64 = 64 << 10;
/// Keys of one site that may be named.
const KEYS_MAX: usize = 16;

/// Reads a site's keys; `prefix` stands before the names of its options.
///
/// # Errors
/// The first option whose value does not fit, or whose file cannot be read.
pub(super) fn site_tokens(prefix: &str, options: &SiteOptions) -> Result<SiteTokens, ConfigFault> {
    let mut keys = Vec::new();
    for (name, secret) in [("token-secret", &options.token_secret), ("token-secret-old", &options.token_secret_old)] {
        if let Some(secret) = secret {
            keys.push(shared_secret(secret).map_err(|text| fault(prefix, name, text))?);
        }
    }
    if options.token_keys.len() > KEYS_MAX {
        return Err(fault(prefix, "token-keys", format!("at most {KEYS_MAX}")));
    }
    for named in &options.token_keys {
        keys.push(public_key(named).map_err(|text| fault(prefix, "token-keys", text))?);
    }
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Ok(SiteTokens {
        keys,
        key_set_url: key_set_url(&options.token_key_set).map_err(|text| fault(prefix, "token-key-set", text))?,
        audience: text(&options.token_audience),
        issuer: text(&options.token_issuer),
    })
}

fn fault(prefix: &str, name: &str, fault: String) -> ConfigFault {
    ConfigFault::Value { key: format!("{prefix}{name}"), fault }
}

fn shared_secret(secret: &Secret) -> Result<SiteKey, String> {
    let bytes = secret.reveal().as_bytes();
    if bytes.len() < SECRET_BYTES_MIN {
        return Err(format!("at least {SECRET_BYTES_MIN} bytes are needed; try: openssl rand -hex 32"));
    }
    SiteKey::parse(KeyAlgorithm::Hs256, bytes).map_err(|error| error.to_string())
}

/// `ALGORITHM:PATH`.
fn public_key(named: &str) -> Result<SiteKey, String> {
    let (algorithm, path) =
        named.split_once(':').ok_or("an algorithm, a colon and a file are expected, such as ES256:site.pem")?;
    let algorithm: KeyAlgorithm = algorithm.parse().map_err(|_| format!("`{algorithm}` is none of RS256, ES256 and EdDSA"))?;
    if algorithm == KeyAlgorithm::Hs256 {
        return Err("a shared secret goes into token-secret".to_owned());
    }
    let unreadable = |error: std::io::Error| format!("{path}: {error}");
    if std::fs::metadata(path).map_err(unreadable)?.len() > KEY_BYTES_MAX {
        return Err(format!("{path}: larger than a key"));
    }
    let text = std::fs::read(path).map_err(unreadable)?;
    SiteKey::parse(algorithm, &text).map_err(|error| format!("{path}: {error}"))
}

fn key_set_url(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
    let url = url.ok_or("an address such as https://example.org/.well-known/jwks.json is expected")?;
    Ok(Some(url.into()))
}
