//! What the log tells of comments and threads, as JSON text, and what a list shows of a comment to whom: the same whichever backend
//! keeps them.

use std::sync::Arc;

use crate::comment::{Comment, State};

/// A comment, as everyone is told it: without `mine`.
pub(crate) fn told(comment: &Comment) -> Result<Arc<str>, serde_json::Error> {
    let everyones = Comment { mine: None, ..comment.clone() };
    serde_json::to_string(&everyones).map(Into::into)
}

/// The data of `reaction`.
pub(crate) fn reactions_told(comment: &Comment) -> Arc<str> {
    serde_json::json!({ "id": comment.id, "reactions": comment.reactions }).to_string().into()
}

/// The data of `comment.deleted`.
pub(crate) fn gone(comment: &Comment) -> Arc<str> {
    let data = serde_json::json!({
        "id": comment.id,
        "root": comment.root,
        "parent": comment.parent,
        "tombstone": comment.replies > 0,
    });
    data.to_string().into()
}

/// The data of `thread.updated`.
pub(crate) fn thread_told(url: &str, title: &str, closed: bool) -> Arc<str> {
    serde_json::json!({ "url": url, "title": title, "closed": closed }).to_string().into()
}

/// The comment as a list shows it to a member or a moderator. What was taken back while answers hang on it is listed for all,
/// and is a tombstone for all but its author and moderators.
pub(crate) fn listed(comment: Comment, member: Option<&str>, moderator: bool) -> Comment {
    if comment.state == State::Rejected {
        return comment.tombstone();
    }
    if moderator {
        return Comment { state: comment.state.as_moderators_see_it(), ..comment };
    }
    if matches!(comment.state, State::Approved | State::Deleted) {
        return comment;
    }
    let author = comment.author.as_ref().map(|author| author.id.as_str());
    if member.is_none() || author != member {
        return comment.tombstone();
    }
    Comment { state: comment.state.as_its_author_sees_it(), ..comment }
}
