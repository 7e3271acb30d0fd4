//! What stands in a token, and what is made of it once its signature was found good.

use serde::{Deserialize, Serialize};

use super::super::{Member, MemberId, Named, Role, Token, is_account_id};
use super::TokenFault;
use crate::channel::{Patterns, SiteName};
use crate::render::plain_name;

/// How many characters follow the `g` of a guest's id.
pub(super) const GUEST_ID_LETTERS: usize = 21;
/// How much later than ours the clock of who signs may be, in seconds.
const SKEW_S: i64 = 60;
const NAME_CHARS_MAX: usize = 60;
const EMAIL_BYTES_MAX: usize = 254;

/// What stands in a token. Unknown claims are passed over; known ones of the wrong type spoil it.
#[derive(Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    pub(super) exp: serde_json::Number,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) iat: Option<serde_json::Number>,
    /// From when it is good (RFC 7519 §4.1.5).
    #[serde(default, skip_serializing)]
    pub(super) nbf: Option<serde_json::Number>,
    /// For whom it was made: a text, or several.
    #[serde(default, skip_serializing)]
    pub(super) aud: Option<serde_json::Value>,
    /// Who made it.
    #[serde(default, skip_serializing)]
    pub(super) iss: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(default, skip_serializing)]
    pub(super) email: Option<String>,
    #[serde(default, skip_serializing)]
    pub(super) email_verified: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) channels: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) publish: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) site: Option<String>,
    /// Only in subscribe tokens.
    #[serde(default, skip_serializing)]
    pub(super) channel: Option<String>,
    /// Where one of Parlour's own is kept: `page`, or nothing; means nothing in a site's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<serde_json::Value>,
    /// What Parlour made it for, `guest` or `member`; means nothing in a site's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) parlour: Option<serde_json::Value>,
}

impl Claims {
    pub(super) fn new(sub: String, exp_s: i64, site: &SiteName, kind: &str) -> Self {
        Self {
            sub,
            exp: exp_s.into(),
            iat: None,
            nbf: None,
            aud: None,
            iss: None,
            name: None,
            email: None,
            email_verified: None,
            role: None,
            channels: None,
            publish: None,
            site: Some(site.to_string()),
            channel: None,
            at: None,
            parlour: Some(kind.into()),
        }
    }

    pub(super) fn site(&self) -> Result<Option<SiteName>, TokenFault> {
        let site = self.site.as_deref().map(SiteName::parse);
        site.transpose().map_err(|_| TokenFault::Forged)
    }

    /// Whether it is good already. Clocks differ: a minute is forgiven.
    pub(super) fn has_begun(&self, now_s: i64) -> Result<bool, TokenFault> {
        let begins_s = self.nbf.as_ref().map(seconds).transpose()?;
        Ok(begins_s.is_none_or(|begins_s| begins_s <= now_s.saturating_add(SKEW_S)))
    }

    /// Whether it was made for `audience`.
    pub(super) fn is_for(&self, audience: &str) -> bool {
        match &self.aud {
            Some(serde_json::Value::String(one)) => one == audience,
            Some(serde_json::Value::Array(several)) => several.iter().any(|one| one == audience),
            _ => false,
        }
    }

    pub(super) fn into_token(self, site: SiteName, is_own: bool, guest: bool) -> Result<Token, TokenFault> {
        // A guest's id is known to all who read; nobody whom a site names may take a guest's place.
        // Nor that of somebody who signed in at Parlour's own origin.
        if is_guest_id(&self.sub) != guest || (!is_own && is_account_id(&self.sub)) {
            return Err(TokenFault::Forged);
        }
        let patterns = |texts: Option<Vec<String>>| Patterns::parse(&texts.unwrap_or_default()).map_err(|_| TokenFault::Forged);
        let named = match (self.channels, self.publish) {
            (None, None) => None,
            (channels, publish) => Some(Box::new(Named { channels: patterns(channels)?, publish: patterns(publish)? })),
        };
        let email = self.email.filter(|email| email.len() <= EMAIL_BYTES_MAX);
        let member = Member {
            id: MemberId::parse(&self.sub).map_err(|_| TokenFault::Forged)?,
            name: plain_name(&self.name.unwrap_or_default()).chars().take(NAME_CHARS_MAX).collect(),
            role: if guest { None } else { Some(self.role.unwrap_or(Role::Member)) },
            verified: !guest,
        };
        Ok(Token {
            member,
            site,
            named,
            email: if self.email_verified == Some(true) { email } else { None },
            guest,
            kept_by_page: !is_own || guest || self.at.is_some(),
            iat_s: self.iat.as_ref().map(seconds).transpose()?,
            exp_s: seconds(&self.exp)?,
        })
    }
}

/// A `NumericDate` (RFC 7519 §2), which may have a fraction; what is beyond the range is its end.
pub(in crate::identity) fn seconds(number: &serde_json::Number) -> Result<i64, TokenFault> {
    let whole = number.as_i64().or_else(|| number.as_u64().map(|_| i64::MAX));
    whole.or_else(|| number.as_f64().map(|float| float.floor() as i64)).ok_or(TokenFault::Forged)
}

/// Whether `id` has the form that Parlour gives to guests.
fn is_guest_id(id: &str) -> bool {
    let letters = id.strip_prefix('g');
    letters.is_some_and(|letters| letters.len() == GUEST_ID_LETTERS && is_made_of_letters(letters))
}

/// Whether a text has only the 32 digits and letters that ids are made of.
pub(crate) fn is_made_of_letters(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || (byte.is_ascii_lowercase() && !b"ilou".contains(&byte)))
}
