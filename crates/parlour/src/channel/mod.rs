//! The names of things: sites, channels, the two together, and lists of channels written as patterns.
//!
//! A name is checked once, where it comes in; from then on its type says that it is good, and a clone costs a counter.
//! Relies on nothing. Who may do what in which sort of channel is decided in `identity`.

use std::fmt;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest channel name, in bytes of UTF-8.
pub const CHANNEL_NAME_BYTES_MAX: usize = 200;
/// The longest site name, in bytes.
pub const SITE_NAME_BYTES_MAX: usize = 64;
/// How many patterns one list holds at most.
pub const PATTERNS_MAX: usize = 1_000;

/// Why a name or a pattern was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChannelFault {
    /// Not a channel name.
    #[error("a channel name has 1 to 200 bytes without control characters, white space, {{, }} or *")]
    NameInvalid,
    /// Not a site name.
    #[error("a site name has 1 to 64 of a-z, 0-9, _ and -")]
    SiteInvalid,
    /// Neither a channel name nor the beginning of one followed by `*`.
    #[error("a pattern is a channel name, or the beginning of one and *")]
    PatternInvalid,
    /// More than [`PATTERNS_MAX`] patterns.
    #[error("a list has at most 1000 patterns")]
    PatternsTooMany,
}

/// One tenant's name: 1 to 64 of `[a-z0-9_-]`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SiteName(Arc<str>);

impl SiteName {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`ChannelFault::SiteInvalid`].
    pub fn parse(text: &str) -> Result<Self, ChannelFault> {
        let length_is_good = (1..=SITE_NAME_BYTES_MAX).contains(&text.len());
        let bytes_are_good = text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
        if length_is_good && bytes_are_good { Ok(Self(text.into())) } else { Err(ChannelFault::SiteInvalid) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for SiteName {
    /// The site `default`, which exists without configuration.
    fn default() -> Self {
        // Nearly every session is of this site: one text for all of them.
        static DEFAULT: LazyLock<SiteName> = LazyLock::new(|| SiteName("default".into()));
        DEFAULT.clone()
    }
}

/// A channel's name as CONTRACT §1 has it; compared byte by byte.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelName(Arc<str>);

/// Whether a name may contain `character`. `*`, `{` and `}` are left out because patterns and Redis hash tags use them.
fn may_be_in_a_name(character: char) -> bool {
    !character.is_control() && !character.is_whitespace() && !matches!(character, '{' | '}' | '*')
}

impl ChannelName {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`ChannelFault::NameInvalid`].
    pub fn parse(text: &str) -> Result<Self, ChannelFault> {
        let length_is_good = (1..=CHANNEL_NAME_BYTES_MAX).contains(&text.len());
        // A dot or two would be a path segment that every proxy resolves away.
        let is_dots = text == "." || text == "..";
        if length_is_good && !is_dots && text.chars().all(may_be_in_a_name) {
            Ok(Self(text.into()))
        } else {
            Err(ChannelFault::NameInvalid)
        }
    }

    /// A page's channel: `page:` and the first 32 hex digits of the SHA-256 of the page's key.
    #[must_use]
    pub fn of_page(key_sha_256: &[u8; 32]) -> Self {
        let hex: String = key_sha_256[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        Self(format!("page:{hex}").into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a page's.
    #[must_use]
    pub fn is_page(&self) -> bool {
        self.0.starts_with("page:")
    }

    /// What sort of channel this is, given the site's `chats`. What a prefix claims (`$`, `page:`) no list takes away.
    #[must_use]
    pub fn sort(&self, chats: &Patterns) -> Sort {
        if self.0.starts_with("$parlour:") {
            Sort::Own
        } else if self.0.starts_with('$') {
            Sort::Private
        } else if self.is_page() {
            Sort::Page
        } else if chats.matches(self) {
            Sort::Chat
        } else {
            Sort::Other
        }
    }
}

/// What sort of channel a name stands for; rights hang on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sort {
    /// `page:…`, a page's thread.
    Page,
    /// Listed in the site's `chats`.
    Chat,
    /// Any other: an application's.
    Other,
    /// `$…`, private.
    Private,
    /// `$parlour:…`, the server's own.
    Own,
}

/// The key of everything: nothing is looked up by a channel's name alone, so sites never see each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Whose channel.
    pub site: SiteName,
    /// Which of its channels.
    pub channel: ChannelName,
}

impl Key {
    /// The two together.
    #[must_use]
    pub fn new(site: SiteName, channel: ChannelName) -> Self {
        Self { site, channel }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.site, self.channel)
    }
}

/// A list of channel names and of beginnings written with a `*` at the end (`team-*`). An empty list matches nothing.
///
/// A beginning reaches `$…` only if it says so: `*` is every channel but the private ones, `$*` is those.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patterns(Arc<[Pattern]>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Name(ChannelName),
    Prefix(Box<str>),
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, ChannelFault> {
        let Some(prefix) = text.strip_suffix('*') else {
            return ChannelName::parse(text).map(Self::Name).map_err(|_| ChannelFault::PatternInvalid);
        };
        if prefix.len() < CHANNEL_NAME_BYTES_MAX && prefix.chars().all(may_be_in_a_name) {
            Ok(Self::Prefix(prefix.into()))
        } else {
            Err(ChannelFault::PatternInvalid)
        }
    }

    fn matches(&self, channel: &ChannelName) -> bool {
        match self {
            Self::Name(name) => name == channel,
            Self::Prefix(prefix) if prefix.is_empty() => !channel.0.starts_with('$'),
            Self::Prefix(prefix) => channel.0.starts_with(&**prefix),
        }
    }
}

impl Patterns {
    /// Reads a list of patterns.
    ///
    /// # Errors
    /// [`ChannelFault::PatternInvalid`] for the first that is none, [`ChannelFault::PatternsTooMany`].
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, ChannelFault> {
        if texts.len() > PATTERNS_MAX {
            return Err(ChannelFault::PatternsTooMany);
        }
        texts.iter().map(|text| Pattern::parse(text.as_ref())).collect::<Result<Arc<[_]>, _>>().map(Self)
    }

    /// Whether one of the patterns is this channel's name or its beginning.
    #[must_use]
    pub fn matches(&self, channel: &ChannelName) -> bool {
        self.0.iter().any(|pattern| pattern.matches(channel))
    }

    /// Whether the list is empty, and so matches nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The patterns as they are written, in their order.
    pub fn texts(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(|pattern| match pattern {
            Pattern::Name(name) => name.to_string(),
            Pattern::Prefix(prefix) => format!("{prefix}*"),
        })
    }
}

/// Text that was checked: shown, written and read as a JSON string, and checked again when read.
macro_rules! checked_text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = ChannelFault;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
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

checked_text!(SiteName);
checked_text!(ChannelName);

#[cfg(test)]
mod tests;
