//! Keys and secrets: a site's API keys, the keys with which a site signs its tokens, and the secret of the installation.
//!
//! None of them shows itself in `Debug`, and only the secret that is made here is ever written anywhere.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use sha2::{Digest, Sha256};

const API_KEY_PREFIX: &str = "pk_";

/// Why a key was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Not `pk_` and 32 bytes in base64url.
    #[error("an API key is pk_ and 43 characters")]
    ApiKeyInvalid,
    /// Not 64 hex digits in lower case.
    #[error("a stored key is 64 hex digits in lower case")]
    HashInvalid,
    /// No algorithm that a site may sign with.
    #[error("the algorithm is none of HS256, RS256, ES256 and EdDSA")]
    AlgorithmUnknown,
    /// Not a secret or public key of the algorithm.
    #[error("the key is not one of its algorithm: a secret for HS256, else a public key in PEM")]
    SiteKeyInvalid,
    /// Not a JWK set (RFC 7517), or one without a key that a site may sign with.
    #[error("not a JWK set with a key for RS256, ES256 or EdDSA")]
    KeySetInvalid,
}

/// A key that may what an admin may: `pk_` and 32 random bytes in base64url. Only its [`KeyHash`] is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey([u8; 32]);

impl ApiKey {
    /// A new key, from random bytes that the caller drew.
    #[must_use]
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Whether a bearer credential calls itself a key; everything else is a token.
    #[must_use]
    pub fn claims_to_be_one(text: &str) -> bool {
        text.starts_with(API_KEY_PREFIX)
    }

    /// Reads a key.
    ///
    /// # Errors
    /// [`KeyFault::ApiKeyInvalid`].
    pub fn parse(text: &str) -> Result<Self, KeyFault> {
        let encoded = text.strip_prefix(API_KEY_PREFIX).ok_or(KeyFault::ApiKeyInvalid)?;
        if encoded.len() != 43 {
            return Err(KeyFault::ApiKeyInvalid);
        }
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| KeyFault::ApiKeyInvalid)?;
        bytes.try_into().map(Self).map_err(|_| KeyFault::ApiKeyInvalid)
    }

    /// The key as its owner is shown it, once.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{API_KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0))
    }

    /// What is stored of it. The key is random, so a plain hash cannot be searched for it.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash(format!("{:x}", Sha256::digest(self.reveal())))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// The SHA-256 of an API key's text, in 64 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyHash(String);

impl KeyHash {
    /// Reads what was stored.
    ///
    /// # Errors
    /// [`KeyFault::HashInvalid`].
    pub fn parse(text: &str) -> Result<Self, KeyFault> {
        let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() == 64 && is_hex { Ok(Self(text.to_owned())) } else { Err(KeyFault::HashInvalid) }
    }

    /// The hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The secret made at the first start and kept in the store; guest tokens and Parlour's own hang on it.
#[derive(Clone, PartialEq, Eq)]
pub struct InstallSecret([u8; 32]);

impl InstallSecret {
    /// From random bytes that the caller drew, or that the store kept.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the store.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A key for one use, so that what is made for one is worth nothing for another: who could have any text hashed by
    /// [`keyed_hash`] could otherwise have a token signed.
    pub(crate) fn derived(&self, for_use: &str) -> [u8; 32] {
        hmac_sha256(&self.0, for_use)
    }
}

impl fmt::Debug for InstallSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstallSecret(…)")
    }
}

/// HMAC-SHA-256 of `text` in 64 hex digits: how hashes of e-mail addresses, and network addresses, are stored, so that nobody who
/// reads the store can try out addresses.
#[must_use]
pub fn keyed_hash(secret: &InstallSecret, text: &str) -> String {
    let digest = hmac_sha256(&secret.derived("parlour keyed hash"), text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hmac_sha256(key: &[u8; 32], text: &str) -> [u8; 32] {
    // The block of SHA-256 is 64 bytes; a shorter key is filled with zeros (RFC 2104), and with that length nothing can fail.
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

/// The algorithms with which a site may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum KeyAlgorithm {
    /// HMAC with SHA-256; a shared secret.
    #[serde(rename = "HS256")]
    Hs256,
    /// RSA PKCS#1 v1.5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl std::str::FromStr for KeyAlgorithm {
    type Err = KeyFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "HS256" => Ok(Self::Hs256),
            "RS256" => Ok(Self::Rs256),
            "ES256" => Ok(Self::Es256),
            "EdDSA" => Ok(Self::EdDsa),
            _ => Err(KeyFault::AlgorithmUnknown),
        }
    }
}

/// A key with which a site signs its tokens, bound to one algorithm: what a token's header says never chooses it.
#[derive(Clone)]
pub struct SiteKey {
    pub(super) algorithm: Algorithm,
    /// The name under which a JWK set has it; a key without one is tried whatever the token's `kid`.
    pub(super) kid: Option<String>,
    pub(super) decoding: DecodingKey,
    pub(super) validation: Validation,
}

impl SiteKey {
    /// Reads a key: the secret's bytes for HS256, else the public key in PEM.
    ///
    /// # Errors
    /// [`KeyFault::SiteKeyInvalid`].
    pub fn parse(algorithm: KeyAlgorithm, text: &[u8]) -> Result<Self, KeyFault> {
        let decoding = match algorithm {
            KeyAlgorithm::Hs256 if text.is_empty() => return Err(KeyFault::SiteKeyInvalid),
            KeyAlgorithm::Hs256 => Ok(DecodingKey::from_secret(text)),
            KeyAlgorithm::Rs256 => DecodingKey::from_rsa_pem(text),
            KeyAlgorithm::Es256 => DecodingKey::from_ec_pem(text),
            KeyAlgorithm::EdDsa => DecodingKey::from_ed_pem(text),
        };
        let algorithm = match algorithm {
            KeyAlgorithm::Hs256 => Algorithm::HS256,
            KeyAlgorithm::Rs256 => Algorithm::RS256,
            KeyAlgorithm::Es256 => Algorithm::ES256,
            KeyAlgorithm::EdDsa => Algorithm::EdDSA,
        };
        let decoding = decoding.map_err(|_| KeyFault::SiteKeyInvalid)?;
        Ok(Self::new(algorithm, decoding))
    }

    /// Whether a token with this header can be its: of another algorithm or name it is not.
    pub(super) fn fits(&self, header: &jsonwebtoken::Header) -> bool {
        self.algorithm == header.alg && (self.kid.is_none() || header.kid.is_none() || self.kid == header.kid)
    }

    pub(super) fn new(algorithm: Algorithm, decoding: DecodingKey) -> Self {
        let mut validation = Validation::new(algorithm);
        // Only the signature is checked there; `exp` is checked here, with the time that the caller gives.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        Self { algorithm, kid: None, decoding, validation }
    }
}

impl fmt::Debug for SiteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SiteKey({:?}, …)", self.algorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_api_key_is_read_as_it_was_shown_and_stored_as_a_hash() {
        let key = ApiKey::from_random([7; 32]);
        let text = key.reveal();
        assert_eq!(text.len(), 46);
        assert_eq!(ApiKey::parse(&text), Ok(key.clone()));
        assert_eq!(key.hash().as_str(), format!("{:x}", Sha256::digest(&text)));
        assert_eq!(KeyHash::parse(key.hash().as_str()), Ok(key.hash()));
        assert!(ApiKey::claims_to_be_one(&text) && !ApiKey::claims_to_be_one("eyJ"));
    }

    #[test]
    fn what_is_no_api_key_is_refused() {
        let good = ApiKey::from_random([255; 32]).reveal();
        let long = format!("{good}A");
        let not_canonical = format!("{}9", &good[..45]);
        for bad in ["", "pk_", "PK_", &good[3..], &good[..45], &long, &not_canonical, "pk_é"] {
            assert_eq!(ApiKey::parse(bad), Err(KeyFault::ApiKeyInvalid), "{bad}");
        }
        assert_eq!(KeyHash::parse(&"A".repeat(64)), Err(KeyFault::HashInvalid));
        assert_eq!(KeyHash::parse("0"), Err(KeyFault::HashInvalid));
    }

    #[test]
    fn secrets_do_not_show_themselves() {
        let key = SiteKey::parse(KeyAlgorithm::Hs256, b"hunter2").unwrap();
        let shown = format!("{:?}{:?}{key:?}", ApiKey::from_random([7; 32]), InstallSecret::from_bytes([7; 32]));
        assert!(!shown.contains('7') && !shown.contains("hunter"), "{shown}");
    }

    #[test]
    fn hmac_is_that_of_rfc_2104() {
        // Computed with `openssl dgst -sha256 -mac HMAC` and a key of 32 bytes 0x0b.
        let digest = hmac_sha256(&[0x0b; 32], "Hi There");
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, HI_THERE);
    }

    const HI_THERE: &str = "198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7";

    #[test]
    fn a_keyed_hash_hangs_on_the_secret_and_the_text() {
        let one = InstallSecret::from_bytes([1; 32]);
        let other = InstallSecret::from_bytes([2; 32]);
        assert_eq!(keyed_hash(&one, "a"), keyed_hash(&one, "a"));
        assert_ne!(keyed_hash(&one, "a"), keyed_hash(&one, "b"));
        assert_ne!(keyed_hash(&one, "a"), keyed_hash(&other, "a"));
        assert_eq!(keyed_hash(&one, "a").len(), 64);
    }

    #[test]
    fn a_site_key_is_one_of_its_algorithm() {
        for algorithm in [KeyAlgorithm::Rs256, KeyAlgorithm::Es256, KeyAlgorithm::EdDsa] {
            let fault = SiteKey::parse(algorithm, b"a secret").unwrap_err();
            assert_eq!(fault, KeyFault::SiteKeyInvalid);
        }
        assert!(SiteKey::parse(KeyAlgorithm::Hs256, b"").is_err());
        assert_eq!("none".parse::<KeyAlgorithm>(), Err(KeyFault::AlgorithmUnknown));
        assert_eq!("EdDSA".parse(), Ok(KeyAlgorithm::EdDsa));
    }

    proptest! {
        #[test]
        fn no_text_makes_a_key_panic(text in any::<String>(), bytes in any::<Vec<u8>>()) {
            prop_assert!(ApiKey::parse(&text).is_err());
            prop_assert!(SiteKey::parse(KeyAlgorithm::Es256, &bytes).is_err());
        }
    }
}
