//! The JSON shapes of CONTRACT §3 that more than one door answers with, and the parameters that more than one door reads.

use parlour_wire::code::Code;
use parlour_wire::position::Position;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::backend::{CommentPage, Sort};
use crate::channel::Key;
use crate::node::Posted;

/// Comments of a page when nobody says how many.
const COMMENTS_DEFAULT: usize = 50;

/// How a page of comments is asked for.
#[derive(Debug, Default, Deserialize)]
pub struct ListQuery {
    /// 1–100.
    pub limit: Option<usize>,
    /// A cursor.
    pub before: Option<String>,
    /// `newest` or `oldest`.
    pub sort: Option<String>,
    /// `flat`.
    pub view: Option<String>,
}

impl ListQuery {
    /// Which way and how many.
    pub fn checked(&self) -> Result<(Sort, usize), Code> {
        if !matches!(self.view.as_deref(), None | Some("flat")) {
            return Err(Code::NotAvailable);
        }
        let sort = match self.sort.as_deref() {
            None | Some("newest") => Sort::Newest,
            Some("oldest") => Sort::Oldest,
            Some(_) => return Err(Code::NotAvailable),
        };
        match self.limit.unwrap_or(COMMENTS_DEFAULT) {
            limit @ 1..=crate::node::COMMENTS_MAX => Ok((sort, limit)),
            _ => Err(Code::LimitExceeded),
        }
    }
}

/// `{"channel", "page", "comments", "next", "more", "total", "position"}`.
pub fn comment_page(key: &Key, page: &CommentPage) -> Value {
    let thread = page.thread.clone().unwrap_or_default();
    json!({
        "channel": key.channel.as_str(),
        "page": { "url": thread.url, "title": thread.title, "closed": thread.closed },
        "comments": page.comments,
        "next": page.next,
        "more": {},
        "total": page.total,
        "position": page.position.to_string(),
    })
}

/// `{"comment", "token"?}`.
pub fn posted(posted: &Posted) -> Value {
    match &posted.token {
        Some(token) => json!({ "comment": posted.comment, "token": token }),
        None => json!({ "comment": posted.comment }),
    }
}

/// `{"position"}`, null for what was not stored.
pub fn position(position: Option<&Position>) -> Value {
    json!({ "position": position.map(Position::to_string) })
}
