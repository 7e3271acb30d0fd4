//! Tokens (JWT, RFC 7519): made for guests and for `parlour token`, and read, whoever signed them.
//!
//! Two worlds that never meet: a token whose `kid` is [`OWN_KID`] counts only if the installation's secret signed it, any other
//! only if a key of a site did. So no site's key can make a guest, and no guest's token passes for a site's.

mod claims;

use std::collections::HashMap;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::Deserialize;

use super::{InstallSecret, MemberId, Role, SiteKey, Token, Who};
use crate::channel::{ChannelName, Key, Patterns, SiteName};
use crate::comment::letters;
pub(crate) use claims::is_made_of_letters;
pub(super) use claims::seconds;
use claims::{Claims, GUEST_ID_LETTERS};

/// How long a guest's token is good, in seconds: 180 days.
pub const GUEST_LIFE_S: i64 = 180 * 24 * 60 * 60;
/// How many random bytes a guest's id is made of.
pub const GUEST_ID_BYTES: usize = 14;
/// The longest token that is looked at, in bytes.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// The `kid` of what the installation's secret signed. A site's own key ids do not have a colon in front.
const OWN_KID: &str = ":parlour";

/// Why a token was refused. None says more: who forges learns nothing from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// The signature is bad, or what it signs is not what a token must be.
    #[error("the token is not valid")]
    Forged,
    /// It was good once.
    #[error("the token has expired")]
    Expired,
    /// It is good, but not here.
    #[error("the token is of another site")]
    WrongSite,
}

/// With what a site signs its tokens, and what these must say besides.
#[derive(Debug, Clone, Default)]
pub struct SiteTokens {
    /// The keys that the operator named, and those of the JWK set; several are for changing them.
    pub keys: Vec<SiteKey>,
    /// Where a JWK set is to be had, if the site has one.
    pub key_set_url: Option<String>,
    /// What `aud` must name; `None` where it is not asked.
    pub audience: Option<String>,
    /// What `iss` must be; `None` where it is not asked.
    pub issuer: Option<String>,
}

impl SiteTokens {
    /// Whether the site signs tokens at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.key_set_url.is_none()
    }

    fn accepts(&self, claims: &Claims) -> bool {
        self.audience.as_ref().is_none_or(|audience| claims.is_for(audience))
            && self.issuer.as_ref().is_none_or(|issuer| claims.iss.as_ref().is_some_and(|iss| iss == issuer))
    }
}

/// A token could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the token could not be signed: {0}")]
pub struct SignFault(#[from] jsonwebtoken::errors::Error);

/// What `parlour token` puts into a token.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Whom it names.
    pub member: MemberId,
    /// Their name, if it is to say one.
    pub name: Option<String>,
    /// Their role, if more than a member's.
    pub role: Option<Role>,
    /// Where it counts.
    pub site: SiteName,
    /// The channels it opens.
    pub channels: Patterns,
    /// The channels it may publish to.
    pub publish: Patterns,
    /// Whether a page will keep it.
    pub kept_by_page: bool,
    /// Until when it is good, in Unix seconds.
    pub exp_s: i64,
}

/// A good subscribe token: lets its bearer into one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// For whom it was made.
    pub member: MemberId,
    /// Which channel it opens.
    pub key: Key,
    /// Until when, in Unix seconds.
    pub exp_s: i64,
}

const OWN_GUEST: &str = "guest";
const OWN_MEMBER: &str = "member";

/// The key that signs, of the installation's secret.
fn own_key(secret: &InstallSecret) -> [u8; 32] {
    secret.derived("parlour token")
}

/// Makes the installation's own tokens.
pub struct Signer {
    key: EncodingKey,
}

impl Signer {
    /// Signs with what is derived from `secret`.
    #[must_use]
    pub fn new(secret: &InstallSecret) -> Self {
        Self { key: EncodingKey::from_secret(&own_key(secret)) }
    }

    /// A new guest of `site`, from random bytes that the caller drew, and their token, good for [`GUEST_LIFE_S`].
    ///
    /// # Errors
    /// [`SignFault`].
    pub fn guest(&self, site: &SiteName, random: [u8; GUEST_ID_BYTES], now_s: i64) -> Result<(String, Token), SignFault> {
        let id = format!("g{}", letters(&random, GUEST_ID_LETTERS));
        let exp_s = now_s.saturating_add(GUEST_LIFE_S);
        let claims = Claims { iat: Some(now_s.into()), ..Claims::new(id, exp_s, site, OWN_GUEST) };
        let text = self.sign(&claims)?;
        // What was signed is what would be read; the round trip is spared the caller, not the rules.
        let token = claims
            .into_token(site.clone(), true, true)
            .map_err(|_| SignFault(jsonwebtoken::errors::ErrorKind::InvalidToken.into()))?;
        Ok((text, token))
    }

    /// A token for the same guest, good for [`GUEST_LIFE_S`] from now.
    ///
    /// # Errors
    /// [`SignFault`].
    pub fn renewed(&self, token: &Token, now_s: i64) -> Result<String, SignFault> {
        let exp_s = now_s.saturating_add(GUEST_LIFE_S);
        let id = token.member.id.to_string();
        self.sign(&Claims { iat: Some(now_s.into()), ..Claims::new(id, exp_s, &token.site, OWN_GUEST) })
    }

    /// A token as `parlour token` prints it, and as a sign-in ends with. `now_s` is the time that it bears.
    ///
    /// # Errors
    /// [`SignFault`].
    pub fn member(&self, grant: &Grant, now_s: i64) -> Result<String, SignFault> {
        let texts = |patterns: &Patterns| (!patterns.is_empty()).then(|| patterns.texts().collect());
        self.sign(&Claims {
            iat: Some(now_s.into()),
            name: grant.name.clone(),
            role: grant.role,
            channels: texts(&grant.channels),
            publish: texts(&grant.publish),
            at: grant.kept_by_page.then(|| "page".into()),
            ..Claims::new(grant.member.to_string(), grant.exp_s, &grant.site, OWN_MEMBER)
        })
    }

    fn sign(&self, claims: &Claims) -> Result<String, SignFault> {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(OWN_KID.to_owned());
        Ok(jsonwebtoken::encode(&header, claims, &self.key)?)
    }
}

/// Reads tokens: knows the installation's secret and every site's keys.
#[derive(Clone)]
pub struct Verifier {
    own: SiteKey,
    sites: HashMap<SiteName, SiteTokens>,
}

impl Verifier {
    /// Knows `secret` and no site's key yet.
    #[must_use]
    pub fn new(secret: &InstallSecret) -> Self {
        let own = SiteKey::new(Algorithm::HS256, DecodingKey::from_secret(&own_key(secret)));
        Self { own, sites: HashMap::new() }
    }

    /// Knows one more key with which `site` signs; several are for changing them.
    #[must_use]
    pub fn with_site_key(mut self, site: SiteName, key: SiteKey) -> Self {
        self.sites.entry(site).or_default().keys.push(key);
        self
    }

    /// Knows with what `site` signs; what was known of it before is forgotten.
    #[must_use]
    pub fn with_site(mut self, site: SiteName, tokens: SiteTokens) -> Self {
        self.sites.insert(site, tokens);
        self
    }

    /// The addresses of JWK sets that may have the key of a token for which none is known: of the sites that it may be of,
    /// those whose set has no key of its `kid` and algorithm. Empty for what cannot be a site's token.
    #[must_use]
    pub fn key_sets_to_ask(&self, text: &str, asked: Option<&SiteName>) -> Vec<String> {
        let Some(header) = readable_header(text).filter(|header| header.kid.as_deref() != Some(OWN_KID)) else {
            return Vec::new();
        };
        let sites = self.candidates(text, asked).unwrap_or_default();
        let tokens = sites.iter().filter_map(|site| self.sites.get(site));
        let lacks = |tokens: &&SiteTokens| {
            let has = |key: &SiteKey| key.algorithm == header.alg && key.kid.is_some() && key.kid == header.kid;
            !tokens.keys.iter().any(has)
        };
        tokens.filter(lacks).filter_map(|tokens| tokens.key_set_url.clone()).collect()
    }

    /// Who brings this token, to a request whose `site` parameter is `asked`.
    ///
    /// # Errors
    /// [`TokenFault`]; a token made to subscribe is no token of a member, and so forged.
    pub fn verify(&self, text: &str, asked: Option<&SiteName>, now_s: i64) -> Result<Who, TokenFault> {
        let (site, claims, is_own) = self.open(text, asked)?;
        if claims.channel.is_some() {
            return Err(TokenFault::Forged);
        }
        let guest = is_own && claims.parlour.as_ref().is_some_and(|kind| kind == OWN_GUEST);
        let has_begun = claims.has_begun(now_s)?;
        let token = claims.into_token(site, is_own, guest)?;
        if !has_begun {
            return Err(TokenFault::Forged);
        }
        if token.exp_s <= now_s {
            return Err(TokenFault::Expired);
        }
        let who = Who::Token(Box::new(token));
        who.site_meant(asked).map(|_| who)
    }

    /// Reads a subscribe token (`sub`, `channel`, `exp`) that a session of `site` brings. Only sites make them.
    ///
    /// # Errors
    /// [`TokenFault`].
    pub fn verify_subscribe(&self, text: &str, site: &SiteName, now_s: i64) -> Result<Subscribe, TokenFault> {
        let (signed_for, claims, is_own) = self.open(text, Some(site))?;
        let channel = claims.channel.as_deref().ok_or(TokenFault::Forged)?;
        let channel = ChannelName::parse(channel).map_err(|_| TokenFault::Forged)?;
        let member = MemberId::parse(&claims.sub).map_err(|_| TokenFault::Forged)?;
        let exp_s = seconds(&claims.exp)?;
        if is_own || !claims.has_begun(now_s)? {
            Err(TokenFault::Forged)
        } else if exp_s <= now_s {
            Err(TokenFault::Expired)
        } else if signed_for != *site {
            Err(TokenFault::WrongSite)
        } else {
            Ok(Subscribe { member, key: Key::new(signed_for, channel), exp_s })
        }
    }

    /// Checks the signature alone; says whose it is, and whether it is the installation's own.
    fn open(&self, text: &str, asked: Option<&SiteName>) -> Result<(SiteName, Claims, bool), TokenFault> {
        let header = readable_header(text).ok_or(TokenFault::Forged)?;
        if header.kid.as_deref() == Some(OWN_KID) {
            let claims: Claims = decode(text, &self.own).ok_or(TokenFault::Forged)?;
            let is_kind = |kind: &serde_json::Value| kind == OWN_GUEST || kind == OWN_MEMBER;
            let site = claims.site()?.ok_or(TokenFault::Forged)?;
            if !claims.parlour.as_ref().is_some_and(is_kind) {
                return Err(TokenFault::Forged);
            }
            return Ok((site, claims, true));
        }
        for site in self.candidates(text, asked)? {
            let Some(tokens) = self.sites.get(&site) else { continue };
            // A key of another algorithm or name is passed over; the one that is tried uses its own.
            let fits = |key: &&SiteKey| key.fits(&header);
            let claims = tokens.keys.iter().filter(fits).find_map(|key| decode(text, key));
            if let Some(claims) = claims.filter(|claims| tokens.accepts(claims)) {
                return Ok((site, claims, false));
            }
        }
        Err(TokenFault::Forged)
    }

    /// Whose keys are tried: those of the site that the token names; if it names none, of the site asked for, then of all
    /// others, so that a good token in the wrong place is told from a forged one.
    fn candidates(&self, text: &str, asked: Option<&SiteName>) -> Result<Vec<SiteName>, TokenFault> {
        #[derive(Deserialize)]
        struct Named {
            #[serde(default)]
            site: Option<String>,
        }
        let named: Named = jsonwebtoken::dangerous::insecure_decode_claims(text).map_err(|_| TokenFault::Forged)?;
        if let Some(site) = named.site {
            let site = SiteName::parse(&site).map_err(|_| TokenFault::Forged)?;
            return Ok(vec![site]);
        }
        let first = asked.cloned().unwrap_or_default();
        let mut others: Vec<_> = self.sites.keys().filter(|site| **site != first).cloned().collect();
        others.sort_unstable();
        others.insert(0, first);
        Ok(others)
    }
}

/// Whether a token, good or not, says that it is a guest's: who brings one that is no longer good gets a new one.
#[must_use]
pub fn claims_to_be_a_guest(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Kind {
        parlour: String,
    }
    let is_own = || jsonwebtoken::decode_header(text).is_ok_and(|header| header.kid.as_deref() == Some(OWN_KID));
    let kind = || jsonwebtoken::dangerous::insecure_decode_claims::<Kind>(text);
    text.len() <= TOKEN_BYTES_MAX && is_own() && kind().is_ok_and(|kind| kind.parlour == OWN_GUEST)
}

/// The header of what may be a token.
pub(super) fn readable_header(text: &str) -> Option<Header> {
    let header = (text.len() <= TOKEN_BYTES_MAX).then(|| jsonwebtoken::decode_header(text).ok())??;
    // Whoever marks something as critical wants it understood (RFC 7515 §4.1.11), and nothing of the kind is here.
    header.crit.is_none().then_some(header)
}

/// What stands in a token that this key signed.
pub(super) fn decode<T: serde::de::DeserializeOwned>(text: &str, key: &SiteKey) -> Option<T> {
    let data = jsonwebtoken::decode(text, &key.decoding, &key.validation).ok()?;
    Some(data.claims)
}

#[cfg(test)]
mod tests;
