//! JWK sets (RFC 7517): the public keys with which a site or a provider signs, as they stand at an address. Here they are only
//! read; `node` fetches them, and decides how often.
//!
//! A key's algorithm is that of its kind, whatever a token says: RSA is RS256, P-256 is ES256, Ed25519 is EdDSA. Shared secrets
//! (`oct`) have no business in a public set and are passed over, as is everything else that a site may not sign with.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use super::{KeyFault, SiteKey};

/// The most keys of a set that are used.
pub const KEYS_MAX: usize = 32;
/// The largest set that is read, in bytes.
pub const KEY_SET_BYTES_MAX: usize = 128 << 10;
/// The shortest RSA modulus that is worth something, in bytes: 2048 bits.
const RSA_BYTES_MIN: usize = 256;
/// The longest that is not a way to make us calculate: 8192 bits.
const RSA_BYTES_MAX: usize = 1_024;
const KID_BYTES_MAX: usize = 200;

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

/// Reads a set; keys that are not to be used are passed over, whatever they are.
///
/// # Errors
/// [`KeyFault::KeySetInvalid`]: not a set, or nothing in it is of use.
pub fn key_set(bytes: &[u8]) -> Result<Vec<SiteKey>, KeyFault> {
    if bytes.len() > KEY_SET_BYTES_MAX {
        return Err(KeyFault::KeySetInvalid);
    }
    let set: Set = serde_json::from_slice(bytes).map_err(|_| KeyFault::KeySetInvalid)?;
    let read = |value| serde_json::from_value::<Jwk>(value).ok().and_then(|jwk| site_key(&jwk));
    let keys: Vec<SiteKey> = set.keys.into_iter().filter_map(read).take(KEYS_MAX).collect();
    if keys.is_empty() { Err(KeyFault::KeySetInvalid) } else { Ok(keys) }
}

fn site_key(jwk: &Jwk) -> Option<SiteKey> {
    let signs = jwk.common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) if is_good_modulus(&rsa.n) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => Algorithm::ES256,
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        _ => return None,
    };
    let is_meant = jwk.common.key_algorithm.as_ref().is_none_or(|named| named.to_string() == format!("{algorithm:?}"));
    let kid = jwk.common.key_id.clone();
    // The installation's own keys have a colon in front; a set may not name one.
    let kid_is_good = kid.as_ref().is_none_or(|kid| kid.len() <= KID_BYTES_MAX && !kid.starts_with(':'));
    if !signs || !is_meant || !kid_is_good {
        return None;
    }
    let decoding = DecodingKey::from_jwk(jwk).ok()?;
    Some(SiteKey { kid, ..SiteKey::new(algorithm, decoding) })
}

fn is_good_modulus(modulus: &str) -> bool {
    let length = URL_SAFE_NO_PAD.decode(modulus).map_or(0, |bytes| bytes.iter().skip_while(|byte| **byte == 0).count());
    (RSA_BYTES_MIN..=RSA_BYTES_MAX).contains(&length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(keys: serde_json::Value) -> Option<usize> {
        key_set(json!({ "keys": keys }).to_string().as_bytes()).ok().map(|keys| keys.len())
    }

    #[test]
    fn what_is_no_public_key_for_signing_is_passed_over() {
        // RFC 8037 Appendix A.2, and the P-256 key of RFC 7517 Appendix A.1.
        let ed = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "ed" });
        let ec = json!({ "kty": "EC", "crv": "P-256", "kid": "1",
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM" });
        assert_eq!(read(json!([ed, ec])), Some(2));
        let with = |name: &str, value: &str| {
            let mut changed = ed.clone();
            changed[name] = json!(value);
            changed
        };
        for other in [
            json!({ "kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0" }),
            json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" }),
            with("use", "enc"),
            with("alg", "HS256"),
            with("alg", "RS256"),
            with("kid", ":parlour"),
            with("kid", &"k".repeat(201)),
            with("crv", "X25519"),
            with("x", "AAAA"),
            json!("text"),
            json!({}),
        ] {
            let alone = read(json!([other.clone()]));
            assert!(alone.is_none() || other["x"] == "AAAA", "{other}");
            assert!(read(json!([other, ec])).is_some_and(|count| count >= 1));
        }
        assert_eq!(read(json!([])), None);
        assert_eq!(read(json!(vec![ec; KEYS_MAX + 1])), Some(KEYS_MAX));
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_set_panic(bytes in any::<Vec<u8>>()) {
            prop_assert!(key_set(&bytes).is_err());
        }
    }
}
