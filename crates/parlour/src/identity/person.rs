//! Whom the server remembers: people who signed in at Parlour's own origin (accounts), and what it knows of a site's members.
//!
//! An account is of the whole installation and no site sees it: its id on a site is another on each, so that two sites cannot
//! tell that they have the same reader.

use serde::{Deserialize, Serialize};

use super::{InstallSecret, MemberId, Role};
use crate::channel::SiteName;
use crate::comment::letters;

/// How many characters follow the `m` of the id that an account has on a site.
const ACCOUNT_ID_LETTERS: usize = 21;
/// How many random bytes an account's id is made of.
pub const ACCOUNT_ID_BYTES: usize = 14;

/// Somebody who signed in at Parlour's own origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Random; never shown outside Parlour's own pages.
    pub id: String,
    /// With what they signed in: `github`, `google`, `oidc`, `mail`.
    pub provider: String,
    /// Who they are there, keyed: the record of the way in is found by it.
    pub subject_key: String,
    /// The name that the provider gave.
    pub name: String,
    /// The address, if the provider verified it or a letter to it was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Since when, in milliseconds since 1970.
    pub since_ms: i64,
}

impl Account {
    /// A new account's id, from random bytes that the caller drew.
    #[must_use]
    pub fn id_from_random(random: [u8; ACCOUNT_ID_BYTES]) -> String {
        letters(&random, ACCOUNT_ID_LETTERS)
    }
}

/// The id that an account has on a site.
#[must_use]
pub fn member_of_account(secret: &InstallSecret, account: &str, site: &SiteName) -> Option<MemberId> {
    let digest = secret.derived(&format!("parlour member {site} {account}"));
    MemberId::parse(&format!("m{}", letters(&digest, ACCOUNT_ID_LETTERS))).ok()
}

/// Whether an id has the form that Parlour gives to those who signed in there: no site's token may have it.
#[must_use]
pub fn is_account_id(id: &str) -> bool {
    id.strip_prefix('m').is_some_and(|letters| letters.len() == ACCOUNT_ID_LETTERS && super::is_made_of_letters(letters))
}

/// What is known of a member of a site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Under which name they were seen last.
    pub name: String,
    /// The role that an admin gave; none is a member's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The account, of those who signed in at Parlour's own origin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The guests that they were before, whose comments they said are theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guests: Vec<MemberId>,
    /// Since when, in milliseconds since 1970.
    pub since_ms: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_another_id_on_every_site() {
        let secret = InstallSecret::from_bytes([1; 32]);
        let id = |account: &str, site: &str| member_of_account(&secret, account, &SiteName::parse(site).unwrap()).unwrap();
        assert_eq!(id("x", "a"), id("x", "a"));
        assert_ne!(id("x", "a"), id("x", "b"));
        assert_ne!(id("x", "a"), id("y", "a"));
        assert!(is_account_id(id("x", "a").as_str()));
        for other in ["alice", "m", "g123456789012345678901", "mmmmmmmmmmmmmmmmmmmmmi"] {
            assert!(!is_account_id(other), "{other}");
        }
        assert_eq!(Account::id_from_random([255; ACCOUNT_ID_BYTES]).len(), ACCOUNT_ID_LETTERS);
    }
}
