//! Reading comments as rows: one by its id, a flat page of a channel's, and counts. A page walks an index from the cursor on
//! and touches no more rows than it shows, however long the thread is.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension};

use super::log::{find, nowhere};
use super::pages;
use super::rows::{COLUMNS, StoredComment, unknown_word};
use crate::backend::{CommentPage, Counts, Fault, Query, Sort};
use crate::channel::{ChannelName, Key, SiteName};
use crate::comment::{Comment, CommentId};

/// A page's comments at most.
const LIMIT_MAX: usize = 100;

/// One comment of a site with its channel, in whatever state.
pub(super) fn comment(
    connection: &Connection,
    site: &SiteName,
    id: &CommentId,
) -> rusqlite::Result<Option<(ChannelName, Comment)>> {
    let channel: Option<(i64, String)> = connection
        .prepare_cached(
            "SELECT channel.id, channel.name FROM comment JOIN channel ON channel.id = comment.channel \
             WHERE comment.id = ?1 AND channel.site = ?2",
        )?
        .query_row((id.as_str(), site.as_str()), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((channel, name)) = channel else { return Ok(None) };
    let name = ChannelName::parse(&name).map_err(|_| unknown_word(1))?;
    Ok(StoredComment::find(connection, channel, &name, id)?.map(|stored| (name, stored.comment)))
}

/// Where the next page begins: after this comment, as the list is sorted.
#[derive(Clone)]
pub(super) struct Cursor {
    created_ms: i64,
    id: CommentId,
}

impl Cursor {
    /// Reads what [`Cursor::written`] wrote, and nothing else.
    pub(super) fn parse(text: &str) -> Result<Cursor, Fault> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Fault::CursorInvalid)?;
        let (created_ms, id) = bytes.split_first_chunk::<8>().ok_or(Fault::CursorInvalid)?;
        let id = std::str::from_utf8(id).ok().and_then(|id| CommentId::parse(id).ok()).ok_or(Fault::CursorInvalid)?;
        Ok(Cursor { created_ms: i64::from_be_bytes(*created_ms), id })
    }

    fn after(comment: &Comment) -> Cursor {
        Cursor { created_ms: comment.created.0, id: comment.id.clone() }
    }

    fn written(&self) -> String {
        URL_SAFE_NO_PAD.encode([&self.created_ms.to_be_bytes()[..], self.id.as_str().as_bytes()].concat())
    }
}

/// A flat page, its cursor already read.
pub(super) fn page(
    connection: &Connection,
    base: &str,
    key: &Key,
    query: &Query,
    cursor: Option<Cursor>,
) -> rusqlite::Result<CommentPage> {
    let Some(found) = find(connection, base, key)? else {
        return Ok(CommentPage { comments: Vec::new(), next: None, total: 0, position: nowhere(base)?, thread: None });
    };
    let limit = query.limit.clamp(1, LIMIT_MAX);
    let walk = Walk { connection, key, channel: found.id, sort: query.sort, cursor, rows: limit + 1 };
    let mut comments = walk.seen("INDEXED BY comment_list", "seen_by = 1", None)?;
    let held = match &query.member {
        _ if query.moderator => walk.seen("INDEXED BY comment_list", "seen_by = 2", None)?,
        Some(member) => walk.seen("INDEXED BY comment_held", "seen_by = 2 AND author_id = ?5", Some(member))?,
        None => Vec::new(),
    };
    if !held.is_empty() {
        comments.extend(held);
        comments.sort_by(|left, right| (left.created, &left.id).cmp(&(right.created, &right.id)));
        if query.sort == Sort::Newest {
            comments.reverse();
        }
    }
    let more = comments.len() > limit;
    comments.truncate(limit);
    let next = comments.last().filter(|_| more).map(|last| Cursor::after(last).written());
    for comment in &mut comments {
        let state = comment.state;
        comment.state = if query.moderator { state.as_moderators_see_it() } else { state.as_its_author_sees_it() };
    }
    let thread = pages::thread(connection, found.id)?;
    Ok(CommentPage { comments, next, total: found.comments, position: found.top, thread })
}

/// A walk along an index.
struct Walk<'a> {
    connection: &'a Connection,
    key: &'a Key,
    channel: i64,
    sort: Sort,
    cursor: Option<Cursor>,
    rows: usize,
}

impl Walk<'_> {
    /// The next comments after the cursor of which `condition` holds.
    fn seen(&self, index: &str, condition: &str, member: Option<&str>) -> rusqlite::Result<Vec<Comment>> {
        let (beyond, order, start) = match self.sort {
            Sort::Newest => ("<", "DESC", i64::MAX),
            Sort::Oldest => (">", "ASC", i64::MIN),
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM comment {index} WHERE channel = ?1 AND {condition} AND (created_ms, id) {beyond} (?2, ?3) \
             ORDER BY created_ms {order}, id {order} LIMIT ?4"
        );
        let (created_ms, id) = self.cursor.as_ref().map_or((start, ""), |cursor| (cursor.created_ms, cursor.id.as_str()));
        let mut values: Vec<Value> =
            vec![self.channel.into(), created_ms.into(), id.to_owned().into(), Value::Integer(self.rows as i64)];
        values.extend(member.map(|member| Value::Text(member.to_owned())));
        let mut select = self.connection.prepare_cached(&sql)?;
        let rows = select.query_map(rusqlite::params_from_iter(values), |row| StoredComment::read(row, &self.key.channel))?;
        rows.map(|row| row.map(|stored| stored.comment)).collect()
    }
}

/// Counts of many channels, in the order asked.
pub(super) fn counts(connection: &Connection, base: &str, keys: &[Key]) -> rusqlite::Result<Vec<Counts>> {
    keys.iter()
        .map(|key| {
            let home = pages::home(connection, key)?.map(|channel| Key::new(key.site.clone(), channel));
            let found = find(connection, base, home.as_ref().unwrap_or(key))?;
            Ok(found.map_or_else(Counts::default, |found| Counts { comments: found.comments, views: found.views }))
        })
        .collect()
}
