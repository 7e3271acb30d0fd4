//! A comment: its shape as everyone sees it (CONTRACT §3), and what a person sent before it was checked.
//!
//! Here is what a comment *is*. Who may write one is decided in `identity`, where it is kept by the backends, and its
//! HTML is made by `render`.

mod draft;
mod limits;
mod score;
mod time;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use crate::channel::ChannelName;

pub use draft::{CheckedDraft, Draft, DraftAuthor, DraftFault, checked_body, checked_name, is_nonce};
pub use limits::Limits;
pub use score::{AGAINST, score};
pub use time::Time;

/// How many random bytes a new id is made of: 100 of their 104 bits are used.
pub const ID_BYTES: usize = 13;
const ID_BYTES_MAX: usize = 40;
const ID_ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Why a word of a comment was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommentFault {
    /// Not a comment's id.
    #[error("a comment's id is a letter and up to 39 of a-z and 0-9")]
    IdInvalid,
    /// Not a member's id.
    #[error("a member's id has 1 to 200 bytes without control characters")]
    MemberInvalid,
}

/// A comment's name: a letter and up to 39 of `[a-z0-9]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct CommentId(Arc<str>);

impl CommentId {
    /// A new id, `c` and 20 characters, from random bytes that the caller drew.
    #[must_use]
    pub fn from_random(bytes: [u8; ID_BYTES]) -> Self {
        Self(format!("c{}", letters(&bytes, 20)).into())
    }

    /// Checks `text`.
    ///
    /// # Errors
    /// [`CommentFault::IdInvalid`].
    pub fn parse(text: &str) -> Result<Self, CommentFault> {
        let begins_with_a_letter = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        let bytes_are_good = text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'));
        if begins_with_a_letter && bytes_are_good && text.len() <= ID_BYTES_MAX {
            Ok(Self(text.into()))
        } else {
            Err(CommentFault::IdInvalid)
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The first `length` characters of `bytes` written with 32 letters and digits that are not taken for one another.
/// Five bits make a character; what `bytes` do not reach is left out.
pub(crate) fn letters(bytes: &[u8], length: usize) -> String {
    let bit = |index: usize| bytes[index / 8] >> (7 - index % 8) & 1;
    (0..length.min(bytes.len() * 8 / 5))
        .map(|letter| {
            let value = (0..5).fold(0, |value, index| value << 1 | bit(letter * 5 + index));
            char::from(ID_ALPHABET[usize::from(value)])
        })
        .collect()
}

/// A person's id within a site: 1 to 200 bytes without control characters; a guest's is made by Parlour, anyone else's is
/// the `sub` of the site's token.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct MemberId(Arc<str>);

impl MemberId {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`CommentFault::MemberInvalid`].
    pub fn parse(text: &str) -> Result<Self, CommentFault> {
        if (1..=200).contains(&text.len()) && !text.contains(char::is_control) {
            Ok(Self(text.into()))
        } else {
            Err(CommentFault::MemberInvalid)
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as text that is shared.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        self.0.clone()
    }
}

macro_rules! read_as_checked_text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

read_as_checked_text!(CommentId);
read_as_checked_text!(MemberId);

/// What a signed-in person may do beyond writing. The order is that of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Signed in, no more.
    Member,
    /// Decides on what others wrote.
    Moderator,
    /// May what a key may.
    Admin,
}

/// Whether a comment is shown, and to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Shown to everyone.
    Approved,
    /// Seen by its author's token and by moderators.
    Pending,
    /// Seen by moderators, and by its author as pending.
    Spam,
    /// Seen by moderators as pending, and by its author as approved: nobody learns that they talk to themselves.
    Shadow,
    /// Taken away by a moderator: told as deleted to everyone, while its text stays for moderators until it is purged.
    Rejected,
    /// A tombstone, where answers hang on it.
    Deleted,
}

/// How a comment's `body` is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The Markdown of `render`.
    #[default]
    Markdown,
}

/// Who wrote a comment, as it was when it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The member.
    pub id: MemberId,
    /// The name then; may be empty. Text, not HTML.
    pub name: String,
    /// A path on Parlour's own origin.
    pub avatar: Option<String>,
    /// Null for guests.
    pub role: Option<Role>,
    /// Whether they were signed in.
    pub verified: bool,
}

/// What of a comment is for the asking member alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mine {
    /// The names of their reactions to it.
    pub reactions: Vec<String>,
    /// Until when they may edit it; null if not, or no longer.
    pub editable_until: Option<Time>,
    /// Whether they may delete it.
    pub deletable: bool,
}

/// A comment, exactly as CONTRACT §3 lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// Its name.
    pub id: CommentId,
    /// Where it stands.
    pub channel: ChannelName,
    /// The offset of its last change; null until it is shown.
    pub offset: Option<u64>,
    /// What it answers.
    pub parent: Option<CommentId>,
    /// The first comment of its branch; its own id if it answers none.
    pub root: CommentId,
    /// How many comments stand above it.
    pub depth: u32,
    /// Null in a tombstone.
    pub author: Option<Author>,
    /// The source as written.
    pub body: String,
    /// How to read the source.
    pub format: Format,
    /// What may be shown.
    pub html: String,
    /// When it was made.
    pub created: Time,
    /// When its body was last edited.
    pub edited: Option<Time>,
    /// Whether it is shown.
    pub state: State,
    /// Whether a moderator pinned it.
    pub pinned: bool,
    /// How many members reacted, by the reaction's name, in the order of the names.
    pub reactions: BTreeMap<String, u64>,
    /// How many of those below it are visible.
    pub replies: u64,
    /// What is for the asking member alone; left out where nobody is known to ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mine: Option<Mine>,
}

impl Comment {
    /// What stays of it when it is deleted while answers hang on it: its place, and nothing that anyone wrote or chose.
    #[must_use]
    pub fn tombstone(&self) -> Self {
        Self {
            id: self.id.clone(),
            channel: self.channel.clone(),
            offset: self.offset,
            parent: self.parent.clone(),
            root: self.root.clone(),
            depth: self.depth,
            author: None,
            body: String::new(),
            format: self.format,
            html: String::new(),
            created: self.created,
            edited: None,
            state: State::Deleted,
            pinned: false,
            reactions: BTreeMap::new(),
            replies: self.replies,
            mine: None,
        }
    }
}

impl State {
    /// The word that is stored and told.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Pending => "pending",
            Self::Spam => "spam",
            Self::Shadow => "shadow",
            Self::Rejected => "rejected",
            Self::Deleted => "deleted",
        }
    }

    /// Reads [`State::word`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Approved, Self::Pending, Self::Spam, Self::Shadow, Self::Rejected, Self::Deleted]
            .into_iter()
            .find(|state| state.word() == word)
    }

    /// The state as its author is told it: nobody learns that they were taken for a spammer.
    #[must_use]
    pub fn as_its_author_sees_it(self) -> Self {
        match self {
            Self::Spam => Self::Pending,
            Self::Shadow => Self::Approved,
            Self::Rejected => Self::Deleted,
            seen => seen,
        }
    }

    /// The state as moderators are told it.
    #[must_use]
    pub fn as_moderators_see_it(self) -> Self {
        match self {
            Self::Shadow => Self::Pending,
            Self::Rejected => Self::Deleted,
            seen => seen,
        }
    }
}

#[cfg(test)]
mod tests;
