//! Walking along a list of comments in the order of its index, from wherever one stands, either way. What is held is walked
//! beside what everyone sees, and merged: an author's own, or for moderators all.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::rows::{COLUMNS, StoredComment};
use crate::backend::{Cursor, List, Query, Sort};
use crate::channel::Key;
use crate::comment::CommentId;

/// A list that one index has in order.
#[derive(Clone, Copy)]
pub(super) enum Lane<'a> {
    /// All comments of the channel.
    Flat(Sort),
    /// Its roots: the pinned ones, or the others.
    Roots { sort: Sort, pinned: bool },
    /// The children of one comment, oldest first.
    Answers(&'a CommentId),
}

impl Lane<'_> {
    fn sort(self) -> Sort {
        match self {
            Lane::Flat(sort) | Lane::Roots { sort, .. } => sort,
            Lane::Answers(_) => Sort::Oldest,
        }
    }

    fn index(self) -> &'static str {
        match self {
            Lane::Flat(Sort::Best) => "comment_best",
            Lane::Flat(_) => "comment_list",
            Lane::Roots { sort: Sort::Best, .. } => "comment_best_roots",
            Lane::Roots { .. } => "comment_roots",
            Lane::Answers(_) => "comment_answers",
        }
    }

    /// What holds of all its comments; `?1` is the channel, or the comment that is answered.
    fn condition(self) -> &'static str {
        match self {
            Lane::Flat(_) => "channel = ?1",
            Lane::Roots { pinned: true, .. } => "channel = ?1 AND depth = 0 AND pinned = 1",
            Lane::Roots { pinned: false, .. } => "channel = ?1 AND depth = 0 AND pinned = 0",
            Lane::Answers(_) => "parent = ?1",
        }
    }
}

/// Whose eyes look, and at which channel.
pub(super) struct Walk<'a> {
    pub(super) connection: &'a Connection,
    pub(super) key: &'a Key,
    pub(super) channel: i64,
    pub(super) query: &'a Query,
    /// Whether there is anything held here that this asker sees.
    pub(super) sees_held: bool,
}

impl<'a> Walk<'a> {
    /// Begins.
    pub(super) fn new(connection: &'a Connection, key: &'a Key, channel: i64, query: &'a Query) -> rusqlite::Result<Walk<'a>> {
        let sees_held = match &query.member {
            _ if query.moderator => connection
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM comment INDEXED BY comment_list WHERE channel = ?1 AND seen_by = 2)",
                )?
                .query_row([channel], |row| row.get(0))?,
            Some(member) => connection
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM comment INDEXED BY comment_held \
                     WHERE channel = ?1 AND seen_by = 2 AND author_id = ?2)",
                )?
                .query_row((channel, member), |row| row.get(0))?,
            None => false,
        };
        Ok(Walk { connection, key, channel, query, sees_held })
    }

    /// The next comments after `from` as the lane is sorted; from its beginning without one; the other way if `upwards`.
    pub(super) fn next(
        &self,
        lane: Lane<'_>,
        from: Option<&Cursor>,
        rows: usize,
        upwards: bool,
    ) -> rusqlite::Result<Vec<StoredComment>> {
        let mut found = self.seen(lane, from, rows, upwards, lane.index(), "seen_by = 1", None)?;
        if !self.sees_held {
            return Ok(found);
        }
        let held = match (&self.query.member, lane) {
            _ if self.query.moderator => self.seen(lane, from, rows, upwards, lane.index(), "seen_by = 2", None)?,
            (member, Lane::Answers(_)) => {
                let member = member.as_deref();
                self.seen(lane, from, rows, upwards, lane.index(), "seen_by = 2 AND author_id = ?6", member)?
            }
            (member, _) => {
                let member = member.as_deref();
                self.seen(lane, from, rows, upwards, "comment_held", "seen_by = 2 AND author_id = ?6", member)?
            }
        };
        if !held.is_empty() {
            found.extend(held);
            sort(&mut found, lane.sort(), upwards);
            found.truncate(rows);
        }
        Ok(found)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one statement")]
    fn seen(
        &self,
        lane: Lane<'_>,
        from: Option<&Cursor>,
        rows: usize,
        upwards: bool,
        index: &str,
        seen_by: &str,
        member: Option<&str>,
    ) -> rusqlite::Result<Vec<StoredComment>> {
        let sql = statement(lane, upwards, index, seen_by);
        let first = if is_descending(lane, upwards) { i64::MAX } else { i64::MIN };
        let at = match lane {
            Lane::Answers(parent) => Value::Text(parent.to_string()),
            _ => Value::Integer(self.channel),
        };
        let (score, created_ms, id) = from.map_or((first, first, ""), |from| (from.score, from.created_ms, from.id.as_str()));
        let mut values: Vec<Value> = vec![at, score.into(), created_ms.into(), id.to_owned().into(), Value::Integer(rows as i64)];
        values.extend(member.map(|member| Value::Text(member.to_owned())));
        let mut select = self.connection.prepare_cached(&sql)?;
        let rows = select.query_map(rusqlite::params_from_iter(values), |row| StoredComment::read(row, &self.key.channel))?;
        rows.collect()
    }
}

fn is_descending(lane: Lane<'_>, upwards: bool) -> bool {
    (lane.sort() != Sort::Oldest) != upwards
}

/// `?2`, `?3` and `?4` are the keys of the comment to go on after, `?5` the rows at most, `?6` the member where `seen_by` asks.
fn statement(lane: Lane<'_>, upwards: bool, index: &str, seen_by: &str) -> String {
    let (beyond, order) = if is_descending(lane, upwards) { ("<", "DESC") } else { (">", "ASC") };
    let (keys, values, sorted) = match lane.sort() {
        Sort::Best => ("score, created_ms, id", "?2, ?3, ?4", format!("score {order}, created_ms {order}, id {order}")),
        Sort::Newest | Sort::Oldest => ("created_ms, id", "?3, ?4", format!("created_ms {order}, id {order}")),
    };
    let condition = lane.condition();
    format!(
        "SELECT {COLUMNS} FROM comment INDEXED BY {index} WHERE {condition} AND {seen_by} AND ({keys}) {beyond} ({values}) \
         ORDER BY {sorted} LIMIT ?5"
    )
}

fn sort(comments: &mut [StoredComment], by: Sort, upwards: bool) {
    let created = |stored: &StoredComment| (stored.comment.created, stored.comment.id.clone());
    match by {
        Sort::Best => comments.sort_by_key(|stored| (stored.score, created(stored))),
        _ => comments.sort_by_key(created),
    }
    if (by != Sort::Oldest) != upwards {
        comments.reverse();
    }
}

/// After this comment, in this list.
pub(super) fn after(stored: &StoredComment, list: List) -> Cursor {
    let is_best = matches!(list, List::Flat(Sort::Best) | List::Roots(Sort::Best));
    Cursor {
        pinned: matches!(list, List::Roots(_)) && stored.comment.pinned,
        score: if is_best { stored.score } else { 0 },
        created_ms: stored.comment.created.0,
        id: stored.comment.id.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::for_tests;
    use super::*;

    #[test]
    fn every_list_is_read_from_its_index_and_sorts_nothing() {
        let connection = for_tests();
        let parent = CommentId::parse("c1").unwrap();
        let sorts = [Sort::Newest, Sort::Oldest, Sort::Best];
        let roots = |sort| [true, false].map(|pinned| Lane::Roots { sort, pinned });
        let lanes = sorts.into_iter().flat_map(|sort| [Lane::Flat(sort)].into_iter().chain(roots(sort)));
        for lane in lanes.chain([Lane::Answers(&parent)]) {
            for upwards in [false, true] {
                for seen_by in ["seen_by = 1", "seen_by = 2"] {
                    let sql = statement(lane, upwards, lane.index(), seen_by);
                    let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
                    let nothing = rusqlite::params_from_iter(std::iter::repeat_n(Value::Null, 5));
                    let rows = explain.query_map(nothing, |row| row.get::<_, String>(3)).unwrap();
                    let plan = rows.map(Result::unwrap).collect::<Vec<_>>().join("; ");
                    let is_bounded = plan.contains("(created_ms,id)") || plan.contains("(score,created_ms,id)");
                    assert!(is_bounded && !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
                }
            }
        }
    }
}
