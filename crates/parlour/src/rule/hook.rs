//! Webhooks: whom a site tells of its comments, of which events, and how that is signed (Standard Webhooks 1.0,
//! <https://www.standardwebhooks.com>).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use url::Url;

/// Receivers of one site at most.
pub const RECEIVERS_MAX: usize = 8;
/// Bytes of a secret, as the specification asks.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// What may have happened to a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HookEvent {
    /// It is shown from now on.
    #[serde(rename = "comment.created")]
    Created,
    /// It waits for a moderator, and is not shown.
    #[serde(rename = "comment.held")]
    Held,
    /// It reads otherwise, or was pinned or let go.
    #[serde(rename = "comment.updated")]
    Updated,
    /// It is gone, by whoever took it away.
    #[serde(rename = "comment.deleted")]
    Deleted,
}

impl HookEvent {
    /// Every event.
    pub const ALL: [HookEvent; 4] = [HookEvent::Created, HookEvent::Held, HookEvent::Updated, HookEvent::Deleted];

    /// The name, as in an event stream.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            HookEvent::Created => "comment.created",
            HookEvent::Held => "comment.held",
            HookEvent::Updated => "comment.updated",
            HookEvent::Deleted => "comment.deleted",
        }
    }
}

/// A secret that messages are signed with: `whsec_` and 24 to 64 bytes in base64.
#[derive(Clone, PartialEq, Eq)]
pub struct HookSecret(Vec<u8>);

impl HookSecret {
    /// Reads a secret; `None` for what is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<HookSecret> {
        let bytes = STANDARD.decode(text.strip_prefix("whsec_")?).ok()?;
        SECRET_BYTES.contains(&bytes.len()).then_some(HookSecret(bytes))
    }

    /// One signature: `v1,` and the keyed hash of id, time and body in base64.
    #[must_use]
    pub fn sign(&self, id: &str, time_s: i64, body: &str) -> String {
        let mut mac = match Hmac::<Sha256>::new_from_slice(&self.0) {
            Ok(mac) => mac,
            Err(_) => unreachable!("a keyed hash takes a key of any length"),
        };
        mac.update(format!("{id}.{time_s}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for HookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Whom a site tells.
#[derive(Clone, Debug, Default)]
pub struct HookRules {
    /// Where messages are sent; at most [`RECEIVERS_MAX`].
    pub receivers: Vec<Url>,
    /// What they are signed with, each: the secret, and the one before while receivers change over.
    pub secrets: Vec<HookSecret>,
    /// The events that are told.
    pub events: Vec<HookEvent>,
}

impl HookRules {
    /// The header `webhook-signature`.
    #[must_use]
    pub fn signature(&self, id: &str, time_s: i64, body: &str) -> String {
        let signatures: Vec<String> = self.secrets.iter().map(|secret| secret.sign(id, time_s, body)).collect();
        signatures.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn a_signature_is_the_one_that_others_make() {
        let secret = HookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}");
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_has_its_prefix_and_enough_bytes() {
        for bad in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!"] {
            assert!(HookSecret::parse(bad).is_none(), "{bad}");
        }
        let secret = HookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert!(!format!("{secret:?}").contains("MfKQ"));
    }

    #[test]
    fn two_secrets_make_two_signatures() {
        let secret = HookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let rules = HookRules { secrets: vec![secret.clone(), secret], ..HookRules::default() };
        assert_eq!(rules.signature("m", 1, "{}").split(' ').count(), 2);
    }
}
