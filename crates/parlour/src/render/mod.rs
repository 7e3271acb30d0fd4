//! From what a person typed to what may be shown: Markdown, in a tight subset, and twice guarded.
//!
//! `filter` lets only known events of the parser pass, so that raw HTML becomes text before there is any HTML; the gate here then
//! parses the HTML like a browser and keeps an allow-list. Either alone would do; a fault in one is not a hole.
//! Names and titles, which are no Markdown, are cleaned by [`plain_name`].

mod filter;
mod name;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt::{self, Write};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};
use pulldown_cmark::html::write_html_fmt;

pub use name::plain_name;

/// Which renderer made the HTML that is stored beside a source. It grows whenever [`render`] answers something else, so that
/// what an older one made can be made again.
pub const VERSION: u32 = 1;

/// How much of a source is rendered, in bytes; the limit on bodies is far below.
pub const SOURCE_BYTES_MAX: usize = 64 * 1024;
/// The longest HTML that comes out, in bytes. What would be longer is shown as plain text.
pub const HTML_BYTES_MAX: usize = 512 * 1024;

/// The only schemes that a link may have.
const SCHEMES: [&str; 3] = ["http", "https", "mailto"];
/// What is allowed besides text; of attributes only `href` of `a`, `class` of `code`, and the `rel` that the gate sets itself.
const TAGS: [&str; 12] = ["p", "br", "em", "strong", "del", "code", "pre", "blockquote", "ul", "ol", "li", "a"];
const LINK_REL: &str = "nofollow ugc noopener";
const LANGUAGE_CLASS: &str = "language-";

/// Renders Markdown to HTML that may be put into any page: paragraphs, emphasis, code, quotes, lists and links, a line break where
/// one was typed. Total: every text has a rendering, and none has active content.
#[must_use]
pub fn render(source: &str) -> String {
    let source = &source[..source.floor_char_boundary(SOURCE_BYTES_MAX)];
    let mut html = Bounded(String::with_capacity(source.len() + source.len() / 2));
    if write_html_fmt(&mut html, filter::events(source).into_iter()).is_err() {
        return plain(source);
    }
    let clean = GATE.clean(&html.0).to_string();
    if clean.len() > HTML_BYTES_MAX { plain(source) } else { clean.trim_end().to_owned() }
}

/// The last gate, built once: it is the same for all and never changes.
static GATE: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut gate = Builder::empty();
    gate.tags(HashSet::from(TAGS))
        .tag_attributes(HashMap::from([("a", HashSet::from(["href"])), ("code", HashSet::from(["class"]))]))
        .generic_attributes(HashSet::new())
        .url_schemes(HashSet::from(SCHEMES))
        .url_relative(UrlRelative::Deny)
        .link_rel(Some(LINK_REL))
        .attribute_filter(allowed_attribute);
    gate
});

fn allowed_attribute<'value>(tag: &str, attribute: &str, value: &'value str) -> Option<Cow<'value, str>> {
    let is_allowed = match (tag, attribute) {
        ("a", "href") => true,
        // Nobody else can bring one: it is no attribute of `a` on the list.
        ("a", "rel") => value == LINK_REL,
        ("code", "class") => value.strip_prefix(LANGUAGE_CLASS).is_some_and(is_language),
        _ => false,
    };
    is_allowed.then_some(Cow::Borrowed(value))
}

/// Whether a fence may name this language.
fn is_language(text: &str) -> bool {
    let is_good = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'#' | b'-');
    (1..=30).contains(&text.len()) && text.bytes().all(is_good)
}

/// A source whose rendering would be too long, as text in one paragraph.
fn plain(source: &str) -> String {
    let mut html = String::from("<p>");
    for character in source.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '\n' => html.push_str("<br>"),
            '\0' => html.push(char::REPLACEMENT_CHARACTER),
            other => html.push(other),
        }
    }
    html.push_str("</p>");
    html
}

/// A text that refuses to grow beyond [`HTML_BYTES_MAX`].
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > HTML_BYTES_MAX {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
