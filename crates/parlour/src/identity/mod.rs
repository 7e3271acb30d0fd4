//! Who asks, and what they may: members, tokens, keys, and the table of rights (CONTRACT §1).
//!
//! Every function is told the time and given its random bytes. Where keys and secrets are kept is the store's business; here they
//! are only made, read and compared.

mod idtoken;
mod jwks;
mod key;
mod likeness;
mod person;
mod rights;
mod seal;
mod token;

use std::fmt;

use crate::channel::{ChannelName, Patterns, SiteName};

pub use crate::comment::{MemberId, Role};
pub use idtoken::id_claims;
pub use jwks::{KEY_SET_BYTES_MAX, KEYS_MAX, key_set};
pub use key::{ApiKey, InstallSecret, KeyAlgorithm, KeyFault, KeyHash, SiteKey, keyed_hash};
pub use likeness::{is_reserved, likeness};
pub use person::{ACCOUNT_ID_BYTES, Account, Person, is_account_id, member_of_account};
pub use rights::{Act, allowed};
pub use seal::{SEAL_BYTES_MAX, challenge_of, derived_secret, is_same, is_secret, seal, secret_text, unseal};
use token::is_made_of_letters;
pub use token::{
    GUEST_ID_BYTES, GUEST_LIFE_S, Grant, SignFault, Signer, SiteTokens, Subscribe, TOKEN_BYTES_MAX, TokenFault, Verifier,
    claims_to_be_a_guest,
};

/// A person, as their token tells of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Unique within the site.
    pub id: MemberId,
    /// The name, cleaned, at most 60 characters; may be empty.
    pub name: String,
    /// `None` for guests.
    pub role: Option<Role>,
    /// Whether they are signed in: true for all but guests.
    pub verified: bool,
}

/// What a token says that was found good.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Whose it is.
    pub member: Member,
    /// The only site where it counts.
    pub site: SiteName,
    /// The channels that it names; boxed, since few name any and every session keeps its token.
    pub named: Option<Box<Named>>,
    /// The e-mail address, if the site says that it verified it.
    pub email: Option<String>,
    /// Whether it is a guest's.
    pub guest: bool,
    /// Whether a page keeps it, where every script of the page can take it: all but those of Parlour's own pages and of the
    /// command line.
    pub kept_by_page: bool,
    /// When it was made, in Unix seconds, if it says so.
    pub iat_s: Option<i64>,
    /// Until when it is good, in Unix seconds; at that second it no longer is.
    pub exp_s: i64,
}

/// The channels that a token names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// In `channels`.
    pub channels: Patterns,
    /// In `publish`.
    pub publish: Patterns,
}

impl fmt::Debug for Token {
    /// Without the address, which no log may have.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("member", &self.member)
            .field("site", &self.site)
            .field("guest", &self.guest)
            .field("exp_s", &self.exp_s)
            .finish_non_exhaustive()
    }
}

/// What a request is known to be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Who {
    /// It brought nothing.
    #[default]
    Nobody,
    /// It brought a good token; boxed, since most sessions are nobody's.
    Token(Box<Token>),
    /// It brought a good key of this site.
    Key {
        /// The only site where it counts.
        site: SiteName,
    },
}

impl Who {
    /// The site that the key or token is good for.
    #[must_use]
    pub fn site(&self) -> Option<&SiteName> {
        match self {
            Self::Nobody => None,
            Self::Token(token) => Some(&token.site),
            Self::Key { site } => Some(site),
        }
    }

    /// The site that a request means, whose parameter `site` is `asked`: the key's or token's, else the parameter, else `default`.
    ///
    /// # Errors
    /// [`TokenFault::WrongSite`] if the two differ.
    pub fn site_meant(&self, asked: Option<&SiteName>) -> Result<SiteName, TokenFault> {
        match (self.site(), asked) {
            (Some(own), Some(asked)) if own != asked => Err(TokenFault::WrongSite),
            (Some(site), _) | (None, Some(site)) => Ok(site.clone()),
            (None, None) => Ok(SiteName::default()),
        }
    }

    /// The token, if one was brought.
    #[must_use]
    pub fn token(&self) -> Option<&Token> {
        match self {
            Self::Token(token) => Some(token),
            Self::Nobody | Self::Key { .. } => None,
        }
    }

    /// The member, if a token told of one.
    #[must_use]
    pub fn member(&self) -> Option<&Member> {
        match self {
            Self::Token(token) => Some(&token.member),
            Self::Nobody | Self::Key { .. } => None,
        }
    }

    /// Whether it is a key.
    #[must_use]
    pub fn is_key(&self) -> bool {
        matches!(self, Self::Key { .. })
    }

    /// Whether it may decide on what others wrote: a moderator, an admin or a key.
    #[must_use]
    pub fn is_moderator(&self) -> bool {
        self.has_role(Role::Moderator)
    }

    /// Whether it may what an admin may: an admin or a key.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.has_role(Role::Admin)
    }

    fn has_role(&self, least: Role) -> bool {
        let role = self.member().and_then(|member| member.role);
        self.is_key() || role.is_some_and(|role| role >= least)
    }

    /// Whether it is a token that names the channel in `channels`.
    #[must_use]
    pub fn names_channel(&self, channel: &ChannelName) -> bool {
        self.named().is_some_and(|named| named.channels.matches(channel))
    }

    /// Whether it is a token that names the channel in `publish`.
    #[must_use]
    pub fn names_publish(&self, channel: &ChannelName) -> bool {
        self.named().is_some_and(|named| named.publish.matches(channel))
    }

    fn named(&self) -> Option<&Named> {
        self.token()?.named.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_site_is_the_keys_then_the_parameters_then_the_default() {
        let site = |text: &str| SiteName::parse(text).unwrap();
        let key = Who::Key { site: site("a") };
        assert_eq!(key.site_meant(None), Ok(site("a")));
        assert_eq!(key.site_meant(Some(&site("a"))), Ok(site("a")));
        assert_eq!(key.site_meant(Some(&site("b"))), Err(TokenFault::WrongSite));
        assert_eq!(Who::Nobody.site_meant(Some(&site("b"))), Ok(site("b")));
        assert_eq!(Who::Nobody.site_meant(None), Ok(SiteName::default()));
    }
}
