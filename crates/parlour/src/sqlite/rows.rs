//! Rows of `comment` as [`Comment`]s, and what the log says of one. Reader and writer share it.

use std::collections::BTreeMap;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};

pub(super) use crate::backend::told::{gone, thread_told, told};
use crate::channel::ChannelName;
use crate::comment::{Author, Comment, CommentId, Format, MemberId, Role, State, Time};

/// The columns that [`StoredComment::read`] reads, in its order.
pub(super) const COLUMNS: &str = "number, id, parent, root, depth, author_id, author_name, author_avatar, author_role, \
     author_verified, body, html, created_ms, edited_ms, state, pinned, replies, made_offset, changed_offset, changed_ms";

/// A comment and what is kept of its place in the log.
pub(super) struct StoredComment {
    pub(super) number: i64,
    pub(super) comment: Comment,
    pub(super) made: Option<u64>,
    pub(super) changed_ms: i64,
}

impl StoredComment {
    pub(super) fn read(row: &Row<'_>, channel: &ChannelName) -> rusqlite::Result<StoredComment> {
        let id: String = row.get(1)?;
        let parent: Option<String> = row.get(2)?;
        let state: String = row.get(14)?;
        let comment = Comment {
            id: id_at(1, &id)?,
            channel: channel.clone(),
            offset: row.get(18)?,
            parent: parent.map(|parent| id_at(2, &parent)).transpose()?,
            root: id_at(3, &row.get::<_, String>(3)?)?,
            depth: row.get(4)?,
            author: author(row)?,
            body: row.get(10)?,
            format: Format::Markdown,
            html: row.get(11)?,
            created: Time(row.get(12)?),
            edited: row.get::<_, Option<i64>>(13)?.map(Time),
            state: state_from(&state)?,
            pinned: row.get(15)?,
            reactions: BTreeMap::new(),
            replies: row.get(16)?,
            mine: None,
        };
        let changed_ms: Option<i64> = row.get(19)?;
        Ok(StoredComment {
            number: row.get(0)?,
            made: row.get(17)?,
            changed_ms: changed_ms.unwrap_or(comment.created.0),
            comment,
        })
    }

    /// The comment of this id in this channel, in whatever state.
    pub(super) fn find(
        connection: &Connection,
        channel: i64,
        name: &ChannelName,
        id: &CommentId,
    ) -> rusqlite::Result<Option<StoredComment>> {
        connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM comment WHERE id = ?1 AND channel = ?2"))?
            .query_row((id.as_str(), channel), |row| StoredComment::read(row, name))
            .optional()
    }
}

fn author(row: &Row<'_>) -> rusqlite::Result<Option<Author>> {
    let Some(id) = row.get::<_, Option<String>>(5)? else { return Ok(None) };
    let role = match row.get::<_, Option<String>>(8)?.as_deref() {
        None => None,
        Some("member") => Some(Role::Member),
        Some("moderator") => Some(Role::Moderator),
        Some("admin") => Some(Role::Admin),
        Some(_) => return Err(unknown_word(8)),
    };
    Ok(Some(Author {
        id: MemberId::parse(&id).map_err(|fault| rusqlite::Error::FromSqlConversionFailure(5, Type::Text, Box::new(fault)))?,
        name: row.get::<_, Option<String>>(6)?.unwrap_or_default(),
        avatar: row.get(7)?,
        role,
        verified: row.get::<_, Option<bool>>(9)?.unwrap_or(false),
    }))
}

fn id_at(column: usize, text: &str) -> rusqlite::Result<CommentId> {
    CommentId::parse(text).map_err(|fault| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(fault)))
}

/// What stands in a column is nothing that a version of Parlour wrote. The text itself is not told: it may be anyone's.
pub(super) fn unknown_word(column: usize) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, "a word that no version wrote".into())
}

/// How a state is written.
pub(super) fn state_word(state: State) -> &'static str {
    state.word()
}

fn state_from(word: &str) -> rusqlite::Result<State> {
    State::parse(word).ok_or_else(|| unknown_word(14))
}

/// How a role is written.
pub(super) fn role_word(role: Role) -> &'static str {
    match role {
        Role::Member => "member",
        Role::Moderator => "moderator",
        Role::Admin => "admin",
    }
}
