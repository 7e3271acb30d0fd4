//! `comments.html` and its fragment. The markup says in attributes all that a list of comments says in JSON, so that a script can
//! take over without asking again; what it means stands in `docs/html.md`.

use std::fmt::Write as _;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{escaped, followed, name_of, permalink, text_of};
use crate::backend::CommentPage;
use crate::channel::ChannelName;
use crate::comment::{Comment, Role, State};

/// The most that a document weighs, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 300_000;
/// What its frame may weigh: head, links, and the branches that are said to go on.
const FRAME_BYTES: usize = 24_000;

/// What is put on paper.
pub struct Document<'a> {
    /// The channel.
    pub channel: &'a ChannelName,
    /// The site, if it is not `default`.
    pub site: Option<&'a str>,
    /// The first part of links: the server's address, or nothing.
    pub base: &'a str,
    /// `newest`, `oldest` or `best`.
    pub sort: &'a str,
    /// The comment whose answers these are.
    pub parent: Option<&'a str>,
    /// A tree's page, as everyone sees it.
    pub page: &'a CommentPage,
}

/// What came of it.
pub struct Fragment {
    /// The markup.
    pub html: String,
    /// Roots that it holds whole; fewer than the page had where it would have been too large.
    pub heads: usize,
    /// Roots that were given.
    pub given: usize,
}

/// Writes the fragment; of a page that would be too large as many heads as fit, and the first in any case, with as many of its
/// answers as fit.
#[must_use]
pub fn written(document: &Document<'_>) -> Fragment {
    let budget = DOCUMENT_BYTES_MAX - FRAME_BYTES;
    let mut body = String::new();
    let mut heads = 0;
    let mut open: Vec<u32> = Vec::new();
    let given = branches(&document.page.comments).count();
    for branch in branches(&document.page.comments) {
        let mut text = String::new();
        for comment in branch {
            let piece = document.article(comment);
            if heads == 0 && !text.is_empty() && text.len() + piece.len() > budget {
                text.push_str(&document.answers_of(&branch[0]));
                break;
            }
            nest(&mut text, &mut open, comment.depth);
            text.push_str(&piece);
        }
        close(&mut text, &mut open);
        if heads > 0 && body.len() + text.len() > budget {
            break;
        }
        body.push_str(&text);
        heads += 1;
    }
    Fragment { html: document.around(&body), heads, given }
}

/// Each head with what hangs on it.
fn branches(comments: &[Comment]) -> impl Iterator<Item = &[Comment]> {
    let head_depth = comments.first().map_or(0, |first| first.depth);
    let mut rest = comments;
    std::iter::from_fn(move || {
        let (_, below) = rest.split_first()?;
        let length = 1 + below.iter().take_while(|comment| comment.depth > head_depth).count();
        let (branch, after) = rest.split_at(length);
        rest = after;
        Some(branch)
    })
}

/// Opens and closes lists, so that the next item is at this depth. An item stays open for what hangs on it.
fn nest(out: &mut String, open: &mut Vec<u32>, depth: u32) {
    while open.last().is_some_and(|last| *last > depth) {
        out.push_str("</li></ol>\n");
        open.pop();
    }
    match open.last() {
        Some(last) if *last == depth => out.push_str("</li>\n"),
        Some(_) => {
            out.push_str("<ol>\n");
            open.push(depth);
        }
        None => open.push(depth),
    }
    out.push_str("<li>");
}

fn close(out: &mut String, open: &mut Vec<u32>) {
    while open.pop().is_some() {
        out.push_str("</li>");
        out.push_str(if open.is_empty() { "\n" } else { "</ol>\n" });
    }
}

impl Document<'_> {
    /// The whole document around a fragment.
    #[must_use]
    pub fn whole(&self, fragment: &str, next: Option<&str>) -> String {
        let thread = self.page.thread.clone().unwrap_or_default();
        let title = if thread.title.is_empty() { "Comments".to_owned() } else { format!("Comments: {}", thread.title) };
        let mut head = String::new();
        if let Some(url) = followed(&thread.url) {
            let _ = writeln!(head, "<link rel=\"canonical\" href=\"{}\">", escaped(url));
        }
        if let Some(next) = next {
            let _ = writeln!(head, "<link rel=\"next\" href=\"{}\">", escaped(&self.address(next)));
        }
        let feed = format!("{}/v1/channels/{}/comments.atom{}", self.base, encoded(self.channel.as_str()), self.site_query('?'));
        let title = escaped(&title);
        let back = match followed(&thread.url) {
            Some(url) => format!("<p><a href=\"{}\">Back to the page</a></p>\n", escaped(url)),
            None => String::new(),
        };
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n{head}\
             <link rel=\"alternate\" type=\"application/atom+xml\" href=\"{}\">\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n\
             {back}{fragment}</main>\n</body>\n</html>\n",
            escaped(&feed),
        )
    }

    /// A link to all answers of a comment whose own do not fit.
    fn answers_of(&self, comment: &Comment) -> String {
        let address = format!("{}?parent={}{}", self.path(), comment.id, self.site_query('&'));
        format!("<p><a rel=\"nofollow\" href=\"{}\">More answers</a></p>\n", escaped(&address))
    }

    /// Everything around the items.
    fn around(&self, items: &str) -> String {
        let CommentPage { total, position, thread, next, .. } = self.page;
        let closed = thread.as_ref().is_some_and(|thread| thread.closed);
        let mut out = format!(
            "<div class=\"parlour-thread\" data-parlour-channel=\"{}\" data-parlour-position=\"{position}\" \
             data-parlour-total=\"{total}\" data-parlour-sort=\"{}\"",
            escaped(self.channel.as_str()),
            escaped(self.sort),
        );
        for (name, value) in [("next", next.as_deref()), ("parent", self.parent), ("closed", closed.then_some("true"))] {
            if let Some(value) = value {
                let _ = write!(out, " data-parlour-{name}=\"{}\"", escaped(value));
            }
        }
        out.push_str(">\n");
        if items.is_empty() {
            out.push_str("<p>No comments yet.</p>\n");
        } else {
            let _ = write!(out, "<ol>\n{items}</ol>\n");
        }
        if let Some(next) = next {
            let _ = writeln!(out, "<p><a rel=\"next\" href=\"{}\">More comments</a></p>", escaped(&self.address(next)));
        }
        out.push_str("</div>\n");
        out
    }

    fn address(&self, before: &str) -> String {
        let parent = self.parent.map(|parent| format!("parent={parent}&")).unwrap_or_default();
        let sort = if self.sort == "newest" { String::new() } else { format!("sort={}&", self.sort) };
        format!("{}?{parent}{sort}before={}{}", self.path(), encoded(before), self.site_query('&'))
    }

    fn path(&self) -> String {
        format!("{}/v1/channels/{}/comments.html", self.base, encoded(self.channel.as_str()))
    }

    fn site_query(&self, first: char) -> String {
        self.site.map(|site| format!("{first}site={}", encoded(site))).unwrap_or_default()
    }

    fn article(&self, comment: &Comment) -> String {
        let mut out = format!("<article id=\"parlour-{}\" data-parlour-id=\"{}\"", comment.id, comment.id);
        for (name, value) in attributes(comment) {
            let _ = write!(out, " data-parlour-{name}=\"{}\"", escaped(&value));
        }
        out.push_str(">\n");
        let time = comment.created.to_string();
        if comment.state == State::Deleted {
            let _ = writeln!(out, "<p>This comment was deleted.</p>");
        } else {
            let page = self.page.thread.as_ref().map_or("", |thread| &thread.url);
            let when = format!("<time datetime=\"{time}\">{}</time>", &time[..time.len().min(10)]);
            let when = match permalink(page, comment) {
                Some(link) => format!("<a href=\"{}\">{when}</a>", escaped(&link)),
                None => when,
            };
            let edited = if comment.edited.is_some() { " (edited)" } else { "" };
            let _ = writeln!(out, "<p><b>{}</b> {when}{edited}</p>", escaped(name_of(comment)));
            let _ = writeln!(out, "<div>\n{}</div>", text_of(comment));
        }
        if let Some(cursor) = self.page.more.get(&comment.id) {
            let more = format!("{}?parent={}&before={}{}", self.path(), comment.id, encoded(cursor), self.site_query('&'));
            let _ = writeln!(out, "<p><a rel=\"nofollow\" href=\"{}\">More answers</a></p>", escaped(&more));
        }
        out.push_str("</article>\n");
        out
    }
}

/// What a list of comments says of one beside its text.
fn attributes(comment: &Comment) -> Vec<(&'static str, String)> {
    let mut said = vec![
        ("root", comment.root.to_string()),
        ("depth", comment.depth.to_string()),
        ("created", comment.created.to_string()),
        ("replies", comment.replies.to_string()),
        ("state", if comment.state == State::Deleted { "deleted" } else { "approved" }.to_owned()),
    ];
    said.extend(comment.parent.as_ref().map(|parent| ("parent", parent.to_string())));
    said.extend(comment.offset.map(|offset| ("offset", offset.to_string())));
    said.extend(comment.edited.map(|edited| ("edited", edited.to_string())));
    said.extend(comment.pinned.then(|| ("pinned", "true".to_owned())));
    if !comment.reactions.is_empty() {
        said.extend(serde_json::to_string(&comment.reactions).ok().map(|reactions| ("reactions", reactions)));
    }
    if let Some(author) = &comment.author {
        said.push(("author", author.id.to_string()));
        said.push(("name", author.name.clone()));
        said.extend(author.avatar.clone().map(|avatar| ("avatar", avatar)));
        said.extend(author.verified.then(|| ("verified", "true".to_owned())));
        let role = author.role.map(|role| match role {
            Role::Member => "member",
            Role::Moderator => "moderator",
            Role::Admin => "admin",
        });
        said.extend(role.map(|role| ("role", role.to_owned())));
    }
    said
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
