//! Reading a channel's log. It lies in three places, each with the offset of an entry: publications, comments at their last
//! change, and the thread. They are merged by offset, lazily, within the limits asked.

use std::sync::Arc;

use parlour_wire::position::Position;
use parlour_wire::push::{Event, Kind, Publisher};
use rusqlite::{Connection, OptionalExtension, Rows};

use super::rows::{COLUMNS, StoredComment, gone, thread_told, told};
use super::vouch;
use crate::backend::{Change, Entry, Part, Range};
use crate::channel::Key;
use crate::comment::State;

/// A channel as a reader finds it.
pub(super) struct Found {
    pub(super) id: i64,
    pub(super) top: Position,
    pub(super) whole_from: u64,
    pub(super) comments: u64,
    pub(super) views: u64,
}

/// The channel, if anything was ever appended to it.
pub(super) fn find(connection: &Connection, base: &str, key: &Key) -> rusqlite::Result<Option<Found>> {
    connection
        .prepare_cached("SELECT id, generation, top, whole_from, comments, views FROM channel WHERE site = ?1 AND name = ?2")?
        .query_row((key.site.as_str(), key.channel.as_str()), |row| {
            Ok(Found {
                id: row.get(0)?,
                top: Position { epoch: vouch::epoch(base, row.get(1)?)?, offset: row.get(2)? },
                whole_from: row.get(3)?,
                comments: row.get(4)?,
                views: row.get(5)?,
            })
        })
        .optional()
}

/// Where a channel stands that nobody appended to.
pub(super) fn nowhere(base: &str) -> rusqlite::Result<Position> {
    Ok(Position { epoch: vouch::epoch(base, 0)?, offset: 0 })
}

/// The top of a channel's log.
pub(super) fn top(connection: &Connection, base: &str, key: &Key) -> rusqlite::Result<Position> {
    find(connection, base, key)?.map_or_else(|| nowhere(base), |found| Ok(found.top))
}

/// Part of a channel's log.
pub(super) fn read(connection: &Connection, base: &str, key: &Key, range: Range) -> rusqlite::Result<Part> {
    let Some(found) = find(connection, base, key)? else {
        return Ok(Part { top: nowhere(base)?, entries: Vec::new(), more: false, whole_from: 0, older: Vec::new() });
    };
    let (beyond, order) = if range.reverse { ("<", "DESC") } else { (">", "ASC") };
    let mut publications = connection.prepare_cached(&format!(
        "SELECT offset, time_ms, data, user, client FROM publication WHERE channel = ?1 AND offset {beyond} ?2 ORDER BY offset {order}"
    ))?;
    let mut comments = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM comment INDEXED BY comment_log WHERE channel = ?1 AND changed_offset {beyond} ?2 \
         ORDER BY changed_offset {order}"
    ))?;
    let mut thread = connection.prepare_cached(&format!(
        "SELECT changed_offset, changed_ms, url, title, closed FROM thread WHERE channel = ?1 AND changed_offset {beyond} ?2"
    ))?;
    // SQLite's integers end before `u64` does; no offset lies beyond.
    let asked = (found.id, i64::try_from(range.after).unwrap_or(i64::MAX));
    let channel: Arc<str> = key.channel.as_str().into();
    let mut merge = Merge {
        publications: Source::new(publications.query(asked)?, |row| publication(row, &channel))?,
        comments: Source::new(comments.query(asked)?, |row| comment(row, key, &channel))?,
        thread: Source::new(thread.query(asked)?, |row| thread_change(row, &channel))?,
        reverse: range.reverse,
    };
    let mut entries = Vec::new();
    let mut bytes = 0;
    while entries.len() < range.entries_max && bytes <= range.bytes_max {
        let Some(entry) = merge.next()? else { break };
        bytes += weight(&entry);
        entries.push(Arc::new(entry));
    }
    let more = merge.is_left();
    Ok(Part { top: found.top, entries, more, whole_from: found.whole_from, older: Vec::new() })
}

fn weight(entry: &Entry) -> usize {
    entry.comment.as_ref().and_then(|change| change.now.as_ref()).map_or(entry.event.data.len(), |now| now.len())
}

/// One of the places, with its next entry at hand.
struct Source<'statement, F> {
    rows: Rows<'statement>,
    build: F,
    head: Option<Entry>,
}

impl<'statement, F: Fn(&rusqlite::Row<'_>) -> rusqlite::Result<Entry>> Source<'statement, F> {
    fn new(mut rows: Rows<'statement>, build: F) -> rusqlite::Result<Self> {
        let head = rows.next()?.map(&build).transpose()?;
        Ok(Source { rows, build, head })
    }

    fn take(&mut self) -> rusqlite::Result<Option<Entry>> {
        let next = self.rows.next()?.map(&self.build).transpose()?;
        Ok(std::mem::replace(&mut self.head, next))
    }
}

/// The three places in one order.
struct Merge<'statement, P, C, T> {
    publications: Source<'statement, P>,
    comments: Source<'statement, C>,
    thread: Source<'statement, T>,
    reverse: bool,
}

impl<P, C, T> Merge<'_, P, C, T>
where
    P: Fn(&rusqlite::Row<'_>) -> rusqlite::Result<Entry>,
    C: Fn(&rusqlite::Row<'_>) -> rusqlite::Result<Entry>,
    T: Fn(&rusqlite::Row<'_>) -> rusqlite::Result<Entry>,
{
    fn next(&mut self) -> rusqlite::Result<Option<Entry>> {
        let heads =
            [&self.publications.head, &self.comments.head, &self.thread.head].map(|head| head.as_ref().map(Entry::offset));
        let offsets = heads.into_iter().flatten();
        let Some(next) = (if self.reverse { offsets.max() } else { offsets.min() }) else { return Ok(None) };
        match heads.iter().position(|head| *head == Some(next)) {
            Some(0) => self.publications.take(),
            Some(1) => self.comments.take(),
            _ => self.thread.take(),
        }
    }

    fn is_left(&self) -> bool {
        self.publications.head.is_some() || self.comments.head.is_some() || self.thread.head.is_some()
    }
}

fn publication(row: &rusqlite::Row<'_>, channel: &Arc<str>) -> rusqlite::Result<Entry> {
    let user: Option<Arc<str>> = row.get(3)?;
    let client: Option<Arc<str>> = row.get(4)?;
    let publisher = user.zip(client).map(|(user, client)| Publisher { user, client });
    let event = Event {
        kind: Kind::Publication,
        channel: channel.clone(),
        offset: Some(row.get(0)?),
        data: row.get(2)?,
        publisher,
        time_ms: row.get(1)?,
    };
    Ok(Entry { event, comment: None })
}

fn comment(row: &rusqlite::Row<'_>, key: &Key, channel: &Arc<str>) -> rusqlite::Result<Entry> {
    let stored = StoredComment::read(row, &key.channel)?;
    let offset = stored.comment.offset.unwrap_or(0);
    let made = stored.made.unwrap_or(offset);
    // Deleted, or taken back: whoever saw it hears that it is gone.
    let is_gone = stored.comment.state != State::Approved;
    let failed = |error: serde_json::Error| rusqlite::Error::ToSqlConversionFailure(error.into());
    let now = if is_gone { None } else { Some(told(&stored.comment).map_err(failed)?) };
    let kind = match &now {
        None => Kind::CommentDeleted,
        Some(_) if made == offset => Kind::CommentCreated,
        Some(_) => Kind::CommentUpdated,
    };
    let data = now.clone().unwrap_or_else(|| gone(&stored.comment));
    let event = Event { kind, channel: channel.clone(), offset: Some(offset), data, publisher: None, time_ms: stored.changed_ms };
    // What the change before was is not kept: every reader gets the comment whole, which is never wrong.
    let change = Change { id: stored.comment.id, made, previous: offset, now };
    Ok(Entry { event, comment: Some(change) })
}

fn thread_change(row: &rusqlite::Row<'_>, channel: &Arc<str>) -> rusqlite::Result<Entry> {
    let url: String = row.get(2)?;
    let title: String = row.get(3)?;
    let event = Event {
        kind: Kind::ThreadUpdated,
        channel: channel.clone(),
        offset: Some(row.get(0)?),
        data: thread_told(&url, &title, row.get(4)?),
        publisher: None,
        time_ms: row.get(1)?,
    };
    Ok(Entry { event, comment: None })
}
