//! The JSON shapes of CONTRACT §3 that more than one door answers with, and the parameters that more than one door reads.

use parlour_wire::code::Code;
use parlour_wire::position::Position;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::backend::{CommentPage, Query, Sort, View};
use crate::channel::Key;
use crate::comment::{Comment, CommentId, State};
use crate::node::{COMMENTS_MAX, Change};

/// Comments of a page when nobody says how many.
const COMMENTS_DEFAULT: usize = 50;

/// How a page of comments is asked for.
#[derive(Debug, Default, Deserialize)]
pub struct ListQuery {
    /// 1–100.
    pub limit: Option<usize>,
    /// A cursor.
    pub before: Option<String>,
    /// `newest`, `oldest` or `best`.
    pub sort: Option<String>,
    /// `flat` or `tree`.
    pub view: Option<String>,
    /// The comment whose answers are read.
    pub parent: Option<String>,
    /// The comment that the page is to hold.
    pub around: Option<String>,
}

impl ListQuery {
    /// The question; whose eyes look is left open.
    pub fn checked(self) -> Result<Query, Code> {
        let view = match self.view.as_deref() {
            None | Some("flat") => View::Flat,
            Some("tree") => View::Tree,
            Some(_) => return Err(Code::NotAvailable),
        };
        let sort = match self.sort.as_deref() {
            None | Some("newest") => Sort::Newest,
            Some("oldest") => Sort::Oldest,
            Some("best") => Sort::Best,
            Some(_) => return Err(Code::NotAvailable),
        };
        if self.around.is_some() && (self.parent.is_some() || self.before.is_some()) {
            return Err(Code::BadRequest);
        }
        let limit = self.limit.unwrap_or(COMMENTS_DEFAULT);
        if !(1..=COMMENTS_MAX).contains(&limit) {
            return Err(Code::LimitExceeded);
        }
        let named = |id: Option<String>| id.map(|id| CommentId::parse(&id).map_err(|_| Code::UnknownComment)).transpose();
        let (parent, around) = (named(self.parent)?, named(self.around)?);
        Ok(Query { view, sort, limit, before: self.before, parent, around, member: None, moderator: false })
    }
}

/// What is to be changed of a comment, as a request brings it.
#[derive(Debug, Default, Deserialize)]
pub struct Changed {
    /// Another text.
    pub body: Option<String>,
    /// One of the states.
    pub state: Option<State>,
    /// Whether it is pinned.
    pub pinned: Option<bool>,
}

impl Changed {
    /// At least one of them.
    pub fn checked(self) -> Result<Change, Code> {
        // Nobody outside knows of the shadow.
        let is_empty = self.body.is_none() && self.state.is_none() && self.pinned.is_none();
        if is_empty || matches!(self.state, Some(State::Shadow | State::Rejected)) {
            return Err(Code::BadRequest);
        }
        Ok(Change { body: self.body, state: self.state, pinned: self.pinned })
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
        "more": page.more,
        "total": page.total,
        "position": page.position.to_string(),
    })
}

/// `{"comment", "token"?}`: the comment as it is now, and a new guest's token.
pub fn comment(comment: &Comment, token: Option<&str>) -> Value {
    match token {
        Some(token) => json!({ "comment": comment, "token": token }),
        None => json!({ "comment": comment }),
    }
}

/// `{"position"}`, null for what was not stored.
pub fn position(position: Option<&Position>) -> Value {
    json!({ "position": position.map(Position::to_string) })
}
