//! A thread on paper: as an HTML document for readers without script and for search engines, and as an Atom feed. Pure text from
//! what everyone may see; which comments those are was decided before. Everything is escaped here, except a comment's `html`,
//! which `render` has made safe.

mod document;
mod feed;
#[cfg(test)]
mod tests;

pub use document::{DOCUMENT_BYTES_MAX, Document, Fragment, written};
pub use feed::{Channel, Feed, Written};

use crate::comment::Comment;

/// What a comment's HTML may weigh here, in bytes; beyond it the source is shown as plain text.
const HTML_BYTES_MAX: usize = 96 << 10;

/// Text for HTML and XML, between tags and in quoted attributes. What XML 1.0 cannot hold is left out.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars().filter(|character| is_xml(*character)) {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            character => out.push(character),
        }
    }
    out
}

fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{7e}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// What is shown of a comment's text.
fn text_of(comment: &Comment) -> String {
    match comment.html.len() {
        0..=HTML_BYTES_MAX => comment.html.clone(),
        _ => format!("<p>{}</p>", escaped(&comment.body)),
    }
}

/// How its author signs.
fn name_of(comment: &Comment) -> &str {
    match &comment.author {
        Some(author) if !author.name.trim().is_empty() => &author.name,
        _ => "Anonymous",
    }
}

/// An address that may be followed: of the web, and nothing else.
fn followed(url: &str) -> Option<&str> {
    let url = url.trim();
    (url.starts_with("https://") || url.starts_with("http://")).then_some(url)
}

/// A comment on its page.
fn permalink(page: &str, comment: &Comment) -> Option<String> {
    let page = followed(page)?.split('#').next()?;
    Some(format!("{page}#parlour-{}", comment.id))
}
