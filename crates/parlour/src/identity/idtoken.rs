//! The word of an OpenID provider about a person: an ID token (OpenID Connect Core §2, §3.1.3.7), checked with the provider's keys
//! by the same rules as sites' tokens: the algorithm is that of the key.

use serde_json::Value;

use super::token::{decode, readable_header, seconds};
use super::{SiteKey, is_same};

/// How much clocks may differ, in seconds.
const SKEW_S: i64 = 60;
/// How long ago it may have been made, in seconds: it is read as soon as the person is back.
const AGE_S_MAX: i64 = 15 * 60;

/// The claims of an ID token of this issuer, for this client and this very sign-in; `None` for any other text.
#[must_use]
pub fn id_claims(text: &str, keys: &[SiteKey], issuer: &str, client: &str, nonce: &str, now_s: i64) -> Option<Value> {
    let header = readable_header(text)?;
    let fits = |key: &&SiteKey| key.fits(&header);
    let claims: Value = keys.iter().filter(fits).find_map(|key| decode(text, key))?;
    let audience = &claims["aud"];
    let is_for_us = match audience {
        Value::String(one) => one == client,
        Value::Array(several) => several.iter().any(|one| one == client) && (several.len() == 1 || claims["azp"] == client),
        _ => false,
    };
    let is_through_us = claims["azp"].is_null() || claims["azp"] == client;
    let time = |name: &str| claims[name].as_number().and_then(|number| seconds(number).ok());
    let is_timely = time("exp").is_some_and(|exp_s| exp_s > now_s.saturating_sub(SKEW_S))
        && time("iat").is_some_and(|iat_s| iat_s <= now_s + SKEW_S && iat_s >= now_s - AGE_S_MAX);
    let is_this_one = claims["nonce"].as_str().is_some_and(|said| is_same(said, nonce));
    (claims["iss"] == issuer && is_for_us && is_through_us && is_timely && is_this_one).then_some(claims)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::KeyAlgorithm;
    use jsonwebtoken::{Algorithm, EncodingKey, Header};
    use serde_json::json;

    const NOW_S: i64 = 1_700_000_000;

    fn read(algorithm: Algorithm, key: &EncodingKey, change: (&str, Value)) -> Option<Value> {
        let mut claims =
            json!({ "iss": "https://id.example", "sub": "1", "aud": "us", "exp": NOW_S + 300, "iat": NOW_S, "nonce": "n" });
        claims[change.0] = change.1;
        let text = jsonwebtoken::encode(&Header::new(algorithm), &claims, key).unwrap();
        let keys = [SiteKey::parse(KeyAlgorithm::Es256, include_bytes!("token/keys/ec-public.pem")).unwrap()];
        id_claims(&text, &keys, "https://id.example", "us", "n", NOW_S)
    }

    #[test]
    fn a_word_is_good_for_one_client_one_sign_in_and_a_moment() {
        let ec = EncodingKey::from_ec_pem(include_bytes!("token/keys/ec-private.pem")).unwrap();
        let good = |change| read(Algorithm::ES256, &ec, change).is_some();
        assert!(good(("x", json!(1))) && good(("aud", json!(["us"]))) && good(("azp", json!("us"))));
        for bad in [
            ("iss", json!("https://id.example/")),
            ("aud", json!("them")),
            ("aud", json!(["us", "them"])),
            ("aud", json!(null)),
            ("azp", json!("them")),
            ("exp", json!(NOW_S - 61)),
            ("exp", json!(null)),
            ("iat", json!(NOW_S + 61)),
            ("iat", json!(NOW_S - 901)),
            ("nonce", json!("m")),
            ("nonce", json!(null)),
        ] {
            assert!(!good(bad.clone()), "{bad:?}");
        }
        let public = include_bytes!("token/keys/ec-public.pem");
        assert!(
            read(Algorithm::HS256, &EncodingKey::from_secret(public), ("x", json!(1))).is_none(),
            "a public key is no secret"
        );
        let rsa = EncodingKey::from_rsa_pem(include_bytes!("token/keys/rsa-private.pem")).unwrap();
        assert!(read(Algorithm::RS256, &rsa, ("x", json!(1))).is_none());
    }
}
