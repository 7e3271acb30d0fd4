//! Atom (RFC 4287, with the threads of RFC 4685): the newest comments of a channel or of a site.

use std::fmt::Write as _;

use super::{escaped, followed, name_of, permalink, text_of};
use crate::comment::{Comment, State, Time};

/// What a feed is about.
pub struct Feed<'a> {
    /// What does not change while the feed is the same: a channel's or a site's name, in words of its own.
    pub id: &'a str,
    /// What it is called.
    pub title: &'a str,
    /// Where people read it.
    pub page: &'a str,
    /// Where it is itself; empty where the server does not know its address.
    pub own: &'a str,
    /// Its entries, newest first.
    pub entries: Vec<Written<'a>>,
}

/// Whose thread an entry is of.
#[derive(Clone, Debug, Default)]
pub struct Channel {
    /// The page's address; may be empty.
    pub url: String,
    /// The page's title; may be empty.
    pub title: String,
}

/// One entry.
pub struct Written<'a> {
    /// The comment, as everyone sees it.
    pub comment: &'a Comment,
    /// Its page.
    pub channel: &'a Channel,
}

impl Feed<'_> {
    /// The feed as XML. What is not shown to everyone is left out.
    #[must_use]
    pub fn written(&self) -> String {
        let shown = || self.entries.iter().filter(|entry| entry.comment.state == State::Approved);
        let updated = shown().map(|entry| updated(entry.comment)).max_by_key(|time| time.0).unwrap_or(Time(0));
        let mut out = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
             <feed xmlns=\"http://www.w3.org/2005/Atom\" xmlns:thr=\"http://purl.org/syndication/thread/1.0\">\n\
             <id>{}</id>\n<title>{}</title>\n<updated>{updated}</updated>\n<generator>Parlour</generator>\n",
            escaped(&urn(self.id)),
            escaped(self.title),
        );
        for (relation, kind, address) in [("self", "application/atom+xml", self.own), ("alternate", "text/html", self.page)] {
            if let Some(address) = followed(address) {
                let _ = writeln!(out, "<link rel=\"{relation}\" type=\"{kind}\" href=\"{}\"/>", escaped(address));
            }
        }
        shown().for_each(|entry| push(&mut out, entry));
        out.push_str("</feed>\n");
        out
    }
}

fn updated(comment: &Comment) -> Time {
    comment.edited.unwrap_or(comment.created)
}

fn push(out: &mut String, entry: &Written<'_>) {
    let Written { comment, channel } = entry;
    let name = name_of(comment);
    let title = match channel.title.as_str() {
        "" => name.to_owned(),
        title => format!("{name}: {title}"),
    };
    let _ = write!(
        out,
        "<entry>\n<id>{}</id>\n<title>{}</title>\n<published>{}</published>\n<updated>{}</updated>\n<author><name>{}</name></author>\n",
        escaped(&urn(comment.id.as_str())),
        escaped(&title),
        comment.created,
        updated(comment),
        escaped(name),
    );
    if let Some(link) = permalink(&channel.url, comment) {
        let _ = writeln!(out, "<link rel=\"alternate\" type=\"text/html\" href=\"{}\"/>", escaped(&link));
    }
    if let Some(parent) = &comment.parent {
        let _ = writeln!(out, "<thr:in-reply-to ref=\"{}\"/>", escaped(&urn(parent.as_str())));
    }
    let _ = writeln!(out, "<content type=\"html\">{}</content>\n</entry>", escaped(&text_of(comment)));
}

/// A name of its own for what has no address that stays.
fn urn(name: &str) -> String {
    let name: String = name
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b':' | b'_' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    format!("urn:parlour:{name}")
}
