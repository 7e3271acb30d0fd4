//! Seals: short texts that go through strangers' hands and come back as they left, for one use and until a time. Like a token, but
//! for the server's own pages: what stands in one is not a secret, only not to be changed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::InstallSecret;

/// The longest sealed text that is looked at, in bytes.
pub const SEAL_BYTES_MAX: usize = 6 << 10;

#[derive(Serialize, Deserialize)]
struct Sealed<T> {
    exp_s: i64,
    text: T,
}

/// `value` as a text that only this installation can have made, good for `purpose` alone and until `exp_s`.
#[must_use]
pub fn seal(secret: &InstallSecret, purpose: &str, value: &impl Serialize, exp_s: i64) -> String {
    // Plain structs of texts: there is nothing in them that JSON cannot say.
    let text = serde_json::to_vec(&Sealed { exp_s, text: value }).unwrap_or_default();
    let body = URL_SAFE_NO_PAD.encode(text);
    format!("{body}.{}", mark(secret, purpose, &body))
}

/// What [`seal`] sealed for the same purpose, unless its time is over.
#[must_use]
pub fn unseal<T: DeserializeOwned>(secret: &InstallSecret, purpose: &str, sealed: &str, now_s: i64) -> Option<T> {
    let (body, given) = sealed.split_once('.').filter(|_| sealed.len() <= SEAL_BYTES_MAX)?;
    if !is_same(&mark(secret, purpose, body), given) {
        return None;
    }
    let sealed: Sealed<T> = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()?;
    (sealed.exp_s > now_s).then_some(sealed.text)
}

fn mark(secret: &InstallSecret, purpose: &str, body: &str) -> String {
    let key = InstallSecret::from_bytes(secret.derived(&format!("parlour seal {purpose}")));
    URL_SAFE_NO_PAD.encode(key.derived(body))
}

/// A secret of 43 characters that hangs on the installation, a purpose and a text, and on nothing that has to be kept.
#[must_use]
pub fn derived_secret(secret: &InstallSecret, purpose: &str, text: &str) -> String {
    mark(secret, purpose, text)
}

/// The SHA-256 of a text in base64url, 43 characters: how a page's secret and a browser's are known here (RFC 7636 §4.2).
#[must_use]
pub fn challenge_of(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret))
}

/// Whether a text is 32 bytes in base64url.
#[must_use]
pub fn is_secret(text: &str) -> bool {
    text.len() == 43 && URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

/// 32 random bytes, which the caller drew, in base64url.
#[must_use]
pub fn secret_text(random: [u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(random)
}

/// Compared without telling by the time it takes where the two differ: their hashes are.
#[must_use]
pub fn is_same(one: &str, other: &str) -> bool {
    Sha256::digest(one) == Sha256::digest(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secret() -> InstallSecret {
        InstallSecret::from_bytes([7; 32])
    }

    #[test]
    fn a_seal_is_good_for_its_use_and_time_alone() {
        let sealed = seal(&secret(), "flow", &("a", 1), 100);
        let open = |purpose: &str, sealed: &str, now_s| unseal::<(String, i32)>(&secret(), purpose, sealed, now_s);
        assert_eq!(open("flow", &sealed, 99), Some(("a".to_owned(), 1)));
        assert_eq!(open("flow", &sealed, 100), None);
        assert_eq!(open("mail", &sealed, 99), None);
        assert_eq!(open("flow", &format!("{sealed}A"), 99), None);
        assert_eq!(open("flow", sealed.split_once('.').unwrap().0, 99), None);
        let other = seal(&InstallSecret::from_bytes([8; 32]), "flow", &("a", 1), 100);
        assert_eq!(open("flow", &other, 99), None);
        let (body, _) =
            seal(&secret(), "flow", &("b", 1), 100).split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        assert_eq!(open("flow", &format!("{body}.{}", sealed.split_once('.').unwrap().1), 99), None);
    }

    #[test]
    fn a_challenge_is_that_of_rfc_7636() {
        // Appendix B.
        assert_eq!(challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(is_secret(&secret_text([255; 32])) && !is_secret("short") && !is_secret(&"!".repeat(43)));
    }

    proptest! {
        #[test]
        fn no_text_opens(text in any::<String>()) {
            prop_assert!(unseal::<String>(&secret(), "flow", &text, 0).is_none());
        }
    }
}
