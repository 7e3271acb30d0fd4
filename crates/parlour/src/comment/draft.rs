//! What a person sent, before and after it was checked. A [`Draft`] may hold anything; a [`CheckedDraft`] keeps every limit.

use std::fmt;

use serde::Deserialize;

use super::{CommentId, Limits};
use crate::channel::Sort;
use crate::render::plain_name;

/// What stands in the body of a request that posts: nothing of it is checked.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Draft {
    /// The source.
    #[serde(default)]
    pub body: String,
    /// The id of what it answers.
    #[serde(default)]
    pub parent: Option<String>,
    /// How its author signs.
    #[serde(default)]
    pub author: Option<DraftAuthor>,
    /// What makes a repeated request the same one.
    #[serde(default)]
    pub nonce: Option<String>,
    /// The solution of a challenge.
    #[serde(default)]
    pub proof: Option<String>,
    /// A field that people do not see and robots fill.
    #[serde(default)]
    pub website: Option<String>,
}

/// How an author signs; unproved, so it gives no trust.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
pub struct DraftAuthor {
    /// The name as typed.
    #[serde(default)]
    pub name: String,
    /// The SHA-256 of the e-mail address, made in the browser: 64 hex digits in lower case.
    #[serde(default)]
    pub email_hash: Option<String>,
}

/// A draft that keeps every limit.
#[derive(Clone, PartialEq, Eq)]
pub struct CheckedDraft {
    /// The source, trimmed, not empty.
    pub body: String,
    /// What it answers; whether that exists is the store's to say.
    pub parent: Option<CommentId>,
    /// The name, cleaned; may be empty. Null if no `author` was sent.
    pub name: Option<String>,
    /// 64 hex digits in lower case, to be keyed before it is stored.
    pub email_hash: Option<String>,
    /// 1 to 64 of `[A-Za-z0-9_-]`.
    pub nonce: Option<String>,
    /// The solution of a challenge, to be looked at where one is asked for.
    pub proof: Option<String>,
    /// Whether a field was filled that people do not see.
    pub is_trapped: bool,
}

/// Why a draft was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DraftFault {
    /// Nothing but white space.
    #[error("the body is empty")]
    BodyEmpty,
    /// Longer than the limit.
    #[error("the body has more than {max} characters")]
    BodyTooLong {
        /// The limit, in characters.
        max: usize,
    },
    /// Not a comment's id.
    #[error("the parent is no comment's id")]
    ParentInvalid,
    /// Longer than the limit.
    #[error("the name has more than {max} characters")]
    NameTooLong {
        /// The limit, in characters.
        max: usize,
    },
    /// Not a SHA-256.
    #[error("the email_hash is not 64 hex digits in lower case")]
    EmailHashInvalid,
    /// Not a nonce.
    #[error("the nonce is not 1 to 64 of A-Z, a-z, 0-9, _ and -")]
    NonceInvalid,
}

impl Draft {
    /// Checks and cleans what was sent; `sort` is that of the channel, since a chat's lines are shorter.
    ///
    /// # Errors
    /// The first [`DraftFault`], in the order of the fields.
    pub fn checked(self, limits: &Limits, sort: Sort) -> Result<CheckedDraft, DraftFault> {
        let body = checked_body(&self.body, limits, sort)?;
        let parent = match self.parent {
            Some(text) => Some(CommentId::parse(&text).map_err(|_| DraftFault::ParentInvalid)?),
            None => None,
        };
        let (name, email_hash) = match self.author {
            Some(author) => (Some(checked_name(&author.name, limits)?), author.email_hash),
            None => (None, None),
        };
        if email_hash.as_deref().is_some_and(|hash| !is_lower_hex(hash, 64)) {
            return Err(DraftFault::EmailHashInvalid);
        }
        if self.nonce.as_deref().is_some_and(|nonce| !is_nonce(nonce)) {
            return Err(DraftFault::NonceInvalid);
        }
        let is_trapped = self.website.is_some_and(|website| !website.is_empty());
        Ok(CheckedDraft { body, parent, name, email_hash, nonce: self.nonce, proof: self.proof, is_trapped })
    }
}

/// Checks a body on its own, as an edit and a preview bring it: trimmed, not empty, not too long for the channel's sort.
///
/// # Errors
/// [`DraftFault::BodyEmpty`], [`DraftFault::BodyTooLong`].
pub fn checked_body(body: &str, limits: &Limits, sort: Sort) -> Result<String, DraftFault> {
    let max = if sort == Sort::Chat { limits.chat_chars_max } else { limits.body_chars_max };
    let trimmed = body.trim();
    if trimmed.is_empty() {
        Err(DraftFault::BodyEmpty)
    } else if trimmed.chars().nth(max).is_some() {
        Err(DraftFault::BodyTooLong { max })
    } else {
        Ok(trimmed.to_owned())
    }
}

/// Cleans a name; may be empty afterwards.
///
/// # Errors
/// [`DraftFault::NameTooLong`].
pub fn checked_name(name: &str, limits: &Limits) -> Result<String, DraftFault> {
    let plain = plain_name(name);
    let max = limits.name_chars_max;
    if plain.chars().nth(max).is_some() { Err(DraftFault::NameTooLong { max }) } else { Ok(plain) }
}

/// Whether `text` may serve as a nonce, of a comment or of a publication.
#[must_use]
pub fn is_nonce(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn is_lower_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl fmt::Debug for Draft {
    /// Says what is there, not what it says: a draft must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft").field("body_bytes", &self.body.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for DraftAuthor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DraftAuthor").finish_non_exhaustive()
    }
}

impl fmt::Debug for CheckedDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckedDraft").field("body_bytes", &self.body.len()).finish_non_exhaustive()
    }
}
