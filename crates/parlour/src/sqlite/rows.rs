//! Rows of `comment` as [`Comment`]s, and what the log says of one. Reader and writer share it.

use std::collections::BTreeMap;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::backend::Query;
use crate::backend::told::listed;
pub(super) use crate::backend::told::{gone, reactions_told, thread_told, told};
use crate::channel::ChannelName;
use crate::comment::{Author, Comment, CommentId, Format, MemberId, Mine, Role, State, Time};
use crate::render;

/// The columns that [`StoredComment::read`] reads, in its order.
pub(super) const COLUMNS: &str = "number, id, parent, root, depth, author_id, author_name, author_avatar, author_role, \
     author_verified, body, html, created_ms, edited_ms, state, pinned, replies, made_offset, changed_offset, changed_ms, reactions, score, told_ms, untold, rendered_by";

/// A comment and what is kept of its place in the log.
pub(super) struct StoredComment {
    pub(super) number: i64,
    pub(super) comment: Comment,
    pub(super) made: Option<u64>,
    pub(super) changed_ms: i64,
    /// What `best` sorts by.
    pub(super) score: i64,
    /// When its reactions were last told.
    pub(super) told_ms: i64,
    /// Whether they are due to be told.
    pub(super) untold: bool,
}

impl StoredComment {
    pub(super) fn read(row: &Row<'_>, channel: &ChannelName) -> rusqlite::Result<StoredComment> {
        let id: String = row.get(1)?;
        let parent: Option<String> = row.get(2)?;
        let state: String = row.get(14)?;
        let html: String = row.get(11)?;
        let is_current = row.get::<_, u32>(24)? == render::VERSION || html.is_empty();
        let body: String = row.get(10)?;
        let comment = Comment {
            id: id_at(1, &id)?,
            channel: channel.clone(),
            offset: row.get(18)?,
            parent: parent.map(|parent| id_at(2, &parent)).transpose()?,
            root: id_at(3, &row.get::<_, String>(3)?)?,
            depth: row.get(4)?,
            author: author(row)?,
            // What another renderer made is made again; `refresh` writes it down in time.
            html: if is_current { html } else { render::render(&body) },
            body,
            format: Format::Markdown,
            created: Time(row.get(12)?),
            edited: row.get::<_, Option<i64>>(13)?.map(Time),
            state: state_from(&state)?,
            pinned: row.get(15)?,
            reactions: counts_from(row.get_ref(20)?.as_str()?)?,
            replies: row.get(16)?,
            mine: None,
        };
        let changed_ms: Option<i64> = row.get(19)?;
        Ok(StoredComment {
            number: row.get(0)?,
            made: row.get(17)?,
            changed_ms: changed_ms.unwrap_or(comment.created.0),
            score: row.get(21)?,
            told_ms: row.get(22)?,
            untold: row.get(23)?,
            comment,
        })
    }

    /// Whether it has a place in the lists that this asker reads.
    pub(super) fn is_listed_for(&self, query: &Query) -> bool {
        let author = self.comment.author.as_ref().map(|author| author.id.as_str());
        match self.comment.state {
            State::Approved => true,
            _ if self.comment.replies > 0 => true,
            State::Rejected | State::Deleted => false,
            State::Pending | State::Spam | State::Shadow => {
                query.moderator || (query.member.is_some() && author == query.member.as_deref())
            }
        }
    }

    /// The comment as a list shows it.
    pub(super) fn into_listed(self, member: Option<&str>, moderator: bool) -> Comment {
        listed(self.comment, member, moderator)
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

/// Counts of reactions as they are written.
pub(super) fn counts_word(counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() { String::new() } else { serde_json::json!(counts).to_string() }
}

fn counts_from(text: &str) -> rusqlite::Result<BTreeMap<String, u64>> {
    if text.is_empty() { Ok(BTreeMap::new()) } else { serde_json::from_str(text).map_err(|_| unknown_word(20)) }
}

/// The names of a member's reactions to a comment, in their order.
pub(super) fn reactions_of(connection: &Connection, number: i64, member: &str) -> rusqlite::Result<Vec<String>> {
    let mut select = connection.prepare_cached("SELECT name FROM reaction WHERE comment = ?1 AND member = ?2 ORDER BY name")?;
    let rows = select.query_map((number, member), |row| row.get(0))?;
    rows.collect()
}

/// The comment with what is `mine` of it as far as the store knows.
pub(super) fn with_mine(connection: &Connection, number: i64, mut comment: Comment, member: &str) -> rusqlite::Result<Comment> {
    let reactions = if comment.reactions.is_empty() { Vec::new() } else { reactions_of(connection, number, member)? };
    comment.mine = Some(Mine { reactions, editable_until: None, deletable: false });
    Ok(comment)
}

/// How a role is written.
pub(super) fn role_word(role: Role) -> &'static str {
    match role {
        Role::Member => "member",
        Role::Moderator => "moderator",
        Role::Admin => "admin",
    }
}
