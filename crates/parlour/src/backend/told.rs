//! What the log tells of comments and threads, as JSON text: the same words whichever backend keeps them.

use std::sync::Arc;

use crate::comment::Comment;

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
