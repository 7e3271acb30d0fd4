//! Reading comments as rows: one by its id, a page of a channel's, and counts. A page walks an index (`walk`) from the cursor
//! on, in a tree each head's branch besides (`tree`), and touches no more rows than it shows, however long the thread is.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{Connection, OptionalExtension};

use super::log::{find, nowhere};
use super::pages::{self, thread};
use super::rows::{StoredComment, unknown_word, with_mine};
use super::tree::Tree;
use super::walk::{Lane, Walk, after};
use crate::backend::{CommentPage, Counts, Cursor, HEADS_MAX, List, Query, View};
use crate::channel::{ChannelName, Key, SiteName};
use crate::comment::{Comment, CommentId, MemberId};

/// One comment of a site with its channel, in whatever state.
pub(super) fn comment(
    connection: &Connection,
    site: &SiteName,
    id: &CommentId,
    member: Option<&MemberId>,
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
    let Some(stored) = StoredComment::find(connection, channel, &name, id)? else { return Ok(None) };
    let comment = match member {
        Some(member) => with_mine(connection, stored.number, stored.comment, member.as_str())?,
        None => stored.comment,
    };
    Ok(Some((name, comment)))
}

/// A page, its cursor already read; `None` where the comment that it is to be about or around is not to be seen in this channel.
pub(super) fn page(
    connection: &Connection,
    base: &str,
    key: &Key,
    query: &Query,
    cursor: Option<Cursor>,
) -> rusqlite::Result<Option<CommentPage>> {
    let is_about_one = query.parent.is_some() || query.around.is_some();
    let Some(found) = find(connection, base, key)? else {
        let position = nowhere(base)?;
        let empty = CommentPage { comments: Vec::new(), next: None, more: BTreeMap::new(), total: 0, position, thread: None };
        return Ok((!is_about_one).then_some(empty));
    };
    let walk = Walk::new(connection, key, found.id, query)?;
    let Some(page) = read(&walk, cursor)? else { return Ok(None) };
    let list = List::of(query);
    let mut comments = Vec::with_capacity(page.comments.len());
    for stored in page.comments {
        let number = stored.number;
        let comment = stored.into_listed(query.member.as_deref(), query.moderator);
        comments.push(match &query.member {
            Some(member) => with_mine(connection, number, comment, member)?,
            None => comment,
        });
    }
    Ok(Some(CommentPage {
        comments,
        next: page.next.map(|next| next.written(list)),
        more: page.more.into_iter().map(|(id, cursor)| (id, cursor.written(List::Answers))).collect(),
        total: found.comments + shadows(connection, found.id, query)?,
        position: found.top,
        thread: thread(connection, found.id)?,
    }))
}

/// A page before it is written for a client.
struct Rows {
    comments: Vec<StoredComment>,
    next: Option<Cursor>,
    more: BTreeMap<CommentId, Cursor>,
}

fn read(walk: &Walk<'_>, cursor: Option<Cursor>) -> rusqlite::Result<Option<Rows>> {
    let query = walk.query;
    if let Some(parent) = &query.parent {
        if StoredComment::find(walk.connection, walk.channel, &walk.key.channel, parent)?.is_none() {
            return Ok(None);
        }
        return heads(walk, |rows| walk.next(Lane::Answers(parent), cursor.as_ref(), rows, false)).map(Some);
    }
    let way = match &query.around {
        Some(around) => match way_to(walk, around)? {
            Some(way) => way,
            None => return Ok(None),
        },
        None => Vec::new(),
    };
    match query.view {
        View::Flat => flat(walk, cursor, way),
        View::Tree => tree(walk, cursor, way),
    }
    .map(Some)
}

/// All comments; around one of them what is above it in the list as well, and its ancestors.
fn flat(walk: &Walk<'_>, cursor: Option<Cursor>, way: Vec<StoredComment>) -> rusqlite::Result<Rows> {
    let lane = Lane::Flat(walk.query.sort);
    let start = match way.last() {
        Some(around) => above(walk, lane, List::Flat(walk.query.sort), around)?,
        None => cursor,
    };
    let (comments, next) = cut(walk, walk.next(lane, start.as_ref(), limit(walk) + 1, false)?);
    let there: HashSet<&CommentId> = comments.iter().map(|stored| &stored.comment.id).collect();
    let mut all: Vec<StoredComment> = Vec::new();
    all.extend(way.into_iter().filter(|step| !there.contains(&step.comment.id)));
    all.extend(comments);
    Ok(Rows { comments: all, next, more: BTreeMap::new() })
}

/// Roots, the pinned ones first, with their branches; around a comment those beside its own root, and the way to it.
fn tree(walk: &Walk<'_>, cursor: Option<Cursor>, way: Vec<StoredComment>) -> rusqlite::Result<Rows> {
    let sort = walk.query.sort;
    let lane = |pinned| Lane::Roots { sort, pinned };
    let (starts_pinned, start) = match way.first() {
        Some(root) => (root.comment.pinned, above(walk, lane(root.comment.pinned), List::Roots(sort), root)?),
        None => (cursor.as_ref().is_none_or(|cursor| cursor.pinned), cursor),
    };
    let rows = limit(walk) + 1;
    let mut roots = walk.next(lane(starts_pinned), start.as_ref(), rows, false)?;
    if starts_pinned && roots.len() < rows {
        roots.extend(walk.next(lane(false), None, rows - roots.len(), false)?);
    }
    let (roots, next) = cut(walk, roots);
    let mut tree = Tree::new(walk);
    let mut way = Some(way).filter(|way| !way.is_empty());
    for root in roots {
        let leads_there = way.as_ref().and_then(|way| way.first()).is_some_and(|first| first.number == root.number);
        match way.take_if(|_| leads_there) {
            Some(way) => tree.add_with(way)?,
            None => tree.add(root)?,
        }
    }
    Ok(Rows { comments: tree.comments, next, more: tree.more })
}

/// Heads from one lane, each with its branch.
fn heads(walk: &Walk<'_>, next: impl FnOnce(usize) -> rusqlite::Result<Vec<StoredComment>>) -> rusqlite::Result<Rows> {
    let (heads, next) = cut(walk, next(limit(walk) + 1)?);
    let mut tree = Tree::new(walk);
    for head in heads {
        tree.add(head)?;
    }
    Ok(Rows { comments: tree.comments, next, more: tree.more })
}

fn limit(walk: &Walk<'_>) -> usize {
    walk.query.limit.clamp(1, HEADS_MAX)
}

/// The heads of this page, of which one too many was read, and where the next begins.
fn cut(walk: &Walk<'_>, mut heads: Vec<StoredComment>) -> (Vec<StoredComment>, Option<Cursor>) {
    let has_more = heads.len() > limit(walk);
    heads.truncate(limit(walk));
    let next = heads.last().filter(|_| has_more).map(|last| after(last, List::of(walk.query)));
    (heads, next)
}

/// Where a page begins that has this comment in its middle; `None` where it is the first.
fn above(walk: &Walk<'_>, lane: Lane<'_>, list: List, of: &StoredComment) -> rusqlite::Result<Option<Cursor>> {
    let before = (limit(walk) - 1) / 2;
    let upwards = walk.next(lane, Some(&after(of, list)), before + 1, true)?;
    Ok(upwards.get(before).map(|last| after(last, list)))
}

/// The way to a comment from its root, both included; `None` if it is not to be seen here. As long as the thread is deep.
fn way_to(walk: &Walk<'_>, id: &CommentId) -> rusqlite::Result<Option<Vec<StoredComment>>> {
    let find = |id: &CommentId| StoredComment::find(walk.connection, walk.channel, &walk.key.channel, id);
    let Some(target) = find(id)?.filter(|stored| stored.is_listed_for(walk.query)) else { return Ok(None) };
    let mut way = vec![target];
    while let Some(parent) = way.last().and_then(|stored| stored.comment.parent.clone()) {
        let Some(above) = find(&parent)? else { return Ok(None) };
        way.push(above);
    }
    way.reverse();
    Ok(Some(way))
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

/// What the asker alone believes to be shown: counted for them like the rest.
fn shadows(connection: &Connection, channel: i64, query: &Query) -> rusqlite::Result<u64> {
    let Some(member) = query.member.as_ref().filter(|_| !query.moderator) else { return Ok(0) };
    let sql = "SELECT count(*) FROM comment WHERE channel = ?1 AND author_id = ?2 AND seen_by = 2 AND state = 'shadow'";
    connection.prepare_cached(sql)?.query_row((channel, member), |row| row.get(0))
}
