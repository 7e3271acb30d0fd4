//! Which channel is a page's, and whether its words may be stored.
//!
//! The rule is CONTRACT §1's. The browser computes the same (WHATWG `URL`), so each step of [`url_key`] is one that a page of
//! TypeScript can repeat, and `cases/pages.json` at the repository's root is run by both. Whose page it is, is [`Origin`]'s.

mod head;
mod origin;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use url::Url;

use crate::channel::ChannelName;
use crate::render::plain_name;

pub use head::{Head, head_of};
pub use origin::{Origin, OriginFault, OriginPattern};

/// What the words that a page is named with may measure, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimits {
    /// The address, and the author's `page-id`.
    pub url_chars_max: usize,
    /// The title, after cleaning.
    pub title_chars_max: usize,
}

impl Default for PageLimits {
    fn default() -> Self {
        Self { url_chars_max: 2_048, title_chars_max: 300 }
    }
}

/// Why a page was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageFault {
    /// Not an absolute `http` or `https` address.
    #[error("the page's url is not an absolute http or https address")]
    UrlInvalid,
    /// Longer than the limit.
    #[error("the page's url has more than {max} characters")]
    UrlTooLong {
        /// The limit, in characters.
        max: usize,
    },
    /// Longer than the limit.
    #[error("the page's id has more than {max} characters")]
    IdTooLong {
        /// The limit, in characters.
        max: usize,
    },
    /// Longer than the limit.
    #[error("the page's title has more than {max} characters")]
    TitleTooLong {
        /// The limit, in characters.
        max: usize,
    },
    /// Neither address nor id.
    #[error("a page is named by its url or its id")]
    Unnamed,
}

/// What a request says of a page: nothing of it is checked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Page {
    /// Where it is.
    pub url: String,
    /// The author's `page-id`; an empty one is none.
    #[serde(default)]
    pub id: Option<String>,
    /// What it is called.
    #[serde(default)]
    pub title: Option<String>,
}

/// A page whose words keep every limit. Whether its origin is one of the site's is still to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRef {
    /// Its channel.
    pub channel: ChannelName,
    /// Its address, without user and fragment.
    pub url: String,
    /// The origin of its address.
    pub origin: Origin,
    /// Its title, cleaned; may be empty. Text, not HTML.
    pub title: String,
}

impl Page {
    /// Checks and cleans what was said.
    ///
    /// # Errors
    /// The first [`PageFault`].
    pub fn checked(&self, limits: &PageLimits) -> Result<PageRef, PageFault> {
        let channel = channel_of(Some(&self.url), self.id.as_deref(), limits)?;
        // With an id the address did not count for the channel, but it is stored and followed.
        let mut url = parsed(&self.url, limits)?;
        let origin = Origin::of(&url).ok_or(PageFault::UrlInvalid)?;
        url.set_fragment(None);
        let without_user = url.set_username("").and_then(|()| url.set_password(None));
        without_user.map_err(|()| PageFault::UrlInvalid)?;
        let title = plain_name(self.title.as_deref().unwrap_or_default());
        if title.chars().nth(limits.title_chars_max).is_some() {
            return Err(PageFault::TitleTooLong { max: limits.title_chars_max });
        }
        Ok(PageRef { channel, url: url.into(), origin, title })
    }
}

/// The channel of the page with this address or this author's id, the id first; an empty id is none.
///
/// # Errors
/// [`PageFault`].
pub fn channel_of(url: Option<&str>, id: Option<&str>, limits: &PageLimits) -> Result<ChannelName, PageFault> {
    let key = match (id.filter(|id| !id.is_empty()), url) {
        (Some(id), _) if is_longer(id, limits.url_chars_max) => {
            return Err(PageFault::IdTooLong { max: limits.url_chars_max });
        }
        (Some(id), _) => format!("id:{id}"),
        (None, Some(url)) => url_key(&parsed(url, limits)?)?,
        (None, None) => return Err(PageFault::Unnamed),
    };
    let digest: [u8; 32] = Sha256::digest(key).into();
    Ok(ChannelName::of_page(&digest))
}

fn is_longer(text: &str, max: usize) -> bool {
    text.chars().nth(max).is_some()
}

fn parsed(url: &str, limits: &PageLimits) -> Result<Url, PageFault> {
    if is_longer(url, limits.url_chars_max) {
        return Err(PageFault::UrlTooLong { max: limits.url_chars_max });
    }
    let url = Url::parse(url).map_err(|_| PageFault::UrlInvalid)?;
    if matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(PageFault::UrlInvalid) }
}

/// The key of an address: `url:`, host, port, path, parameters.
///
/// 1. The parser of the URL standard has put scheme and host in lower case (host in ASCII), dropped the scheme's default port,
///    resolved dot segments (`%2e` too) and percent-encoded what is not ASCII. Scheme, user and fragment are left out.
/// 2. One leading `www.` of the host goes, if something remains.
/// 3. The path in percent-encoding normal form; then runs of `/` become one; then the last segment goes if it is `index.html`,
///    `index.htm` or `index.php`; then one last `/` goes.
/// 4. The query is cut at `&`; empty pieces go; each is put in percent-encoding normal form; those go whose name (up to the first
///    `=`) tracks; the rest is sorted by name, equal names staying in their order; `?` and the pieces joined by `&`, if any.
fn url_key(url: &Url) -> Result<String, PageFault> {
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(PageFault::UrlInvalid)?;
    let host = host.strip_prefix("www.").filter(|rest| !rest.is_empty()).unwrap_or(host);
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok(format!("url:{host}{port}{}{}", normal_path(url.path()), normal_query(url.query())))
}

fn normal_path(path: &str) -> String {
    let mut normal = percent_normal(path, b"/");
    let mut previous = ' ';
    normal.retain(|character| {
        let is_doubled = character == '/' && previous == '/';
        previous = character;
        !is_doubled
    });
    let (folder, last) = normal.rsplit_once('/').unwrap_or_default();
    if matches!(last, "index.html" | "index.htm" | "index.php") {
        normal.truncate(folder.len() + 1);
    }
    if normal.ends_with('/') {
        normal.pop();
    }
    normal
}

fn normal_query(query: Option<&str>) -> String {
    let pieces = query.unwrap_or_default().split('&').filter(|piece| !piece.is_empty());
    let mut pieces: Vec<String> = pieces.map(|piece| percent_normal(piece, b"/?")).collect();
    pieces.retain(|piece| !tracks(name_of(piece)));
    pieces.sort_by(|one, other| name_of(one).cmp(name_of(other)));
    if pieces.is_empty() { String::new() } else { format!("?{}", pieces.join("&")) }
}

fn name_of(piece: &str) -> &str {
    piece.split_once('=').map_or(piece, |(name, _)| name)
}

/// Whether a parameter says where a reader came from rather than what they read.
fn tracks(name: &str) -> bool {
    const NAMES: [&str; 13] =
        ["fbclid", "gclid", "gbraid", "wbraid", "dclid", "msclkid", "mc_cid", "mc_eid", "igshid", "yclid", "_ga", "_gl", "ref"];
    name.starts_with("utm_") || NAMES.contains(&name)
}

/// Percent-encoding normal form (RFC 3986 §6.2.2): hex digits in upper case, unreserved characters bare, and everything encoded
/// that may not stand there bare: all but unreserved characters, sub-delimiters, `:`, `@` and `also_bare`. A `%` that begins
/// no encoding is one itself.
fn percent_normal(text: &str, also_bare: &[u8]) -> String {
    let bytes = text.as_bytes();
    let mut normal = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let encoded = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3).and_then(hex_byte)).flatten();
        let (byte, may_be_bare) = match encoded {
            Some(byte) => (byte, is_unreserved(byte)),
            None => (bytes[at], is_bare(bytes[at]) || also_bare.contains(&bytes[at])),
        };
        at += if encoded.is_some() { 3 } else { 1 };
        if may_be_bare {
            normal.push(char::from(byte));
        } else {
            normal.push_str(&format!("%{byte:02X}"));
        }
    }
    normal
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let value = digit(digits[0])? * 16 + digit(digits[1])?;
    u8::try_from(value).ok()
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn is_bare(byte: u8) -> bool {
    is_unreserved(byte) || b"!$&'()*+,;=:@".contains(&byte)
}

#[cfg(test)]
mod tests;
