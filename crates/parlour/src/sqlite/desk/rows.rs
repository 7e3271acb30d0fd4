//! The moderators' desk as rows: the changes, made by the writer, and the short questions. Searching is in `search`.

use rusqlite::{Connection, OptionalExtension, Row};

use crate::backend::desk::{Block, Hour, NewRecord, Record, Standing, Whom};
use crate::channel::SiteName;
use crate::comment::{CommentId, MemberId};
use crate::sqlite::rows::unknown_word;

/// What was spent and has expired is forgotten as new things are spent, so many at a time.
const FORGOTTEN_MAX: i64 = 100;
/// Rows of one answer at most.
const ROWS_MAX: usize = 1_000;

/// A change of the desk.
pub(in crate::sqlite) enum Change {
    Report { id: CommentId, reporter: String, time_ms: i64 },
    Block(Block),
    Unblock(Whom),
    Note(NewRecord),
    Undo { id: u64, time_ms: i64 },
    Set { name: String, value: String },
    Spend { what: String, until_ms: i64, now_ms: i64 },
}

/// What came of a change.
#[derive(Clone, Debug)]
pub(in crate::sqlite) enum Changed {
    /// A count, an id, or whether.
    Number(u64),
    /// The block that was.
    Block(Option<Block>),
    /// The act that was undone.
    Record(Option<Record>),
}

/// Makes a change within the writer's transaction.
pub(in crate::sqlite) fn change(connection: &Connection, site: &SiteName, change: &Change) -> rusqlite::Result<Changed> {
    let site = site.as_str();
    match change {
        Change::Report { id, reporter, time_ms } => report(connection, site, id, reporter, *time_ms).map(Changed::Number),
        Change::Block(block) => {
            let sql = "INSERT OR REPLACE INTO block (site, whom, until_ms, since_ms, name) VALUES (?1, ?2, ?3, ?4, ?5)";
            let row = (site, block.whom.written(), block.until_ms, block.since_ms, &block.name);
            connection.prepare_cached(sql)?.execute(row).map(|_| Changed::Number(1))
        }
        Change::Unblock(whom) => {
            let sql = "DELETE FROM block WHERE site = ?1 AND whom = ?2 RETURNING whom, until_ms, since_ms, name";
            let lifted = connection.prepare_cached(sql)?.query_row((site, whom.written()), block).optional()?;
            Ok(Changed::Block(lifted))
        }
        Change::Note(record) => {
            let sql = "INSERT INTO record (site, time_ms, actor, act, target, undo) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let row = (site, record.time_ms, &record.by, &record.act, &record.target, &record.undo);
            connection.prepare_cached(sql)?.insert(row).map(|id| Changed::Number(id.unsigned_abs()))
        }
        Change::Undo { id, time_ms } => undo(connection, site, *id, *time_ms).map(Changed::Record),
        Change::Set { name, value } => {
            let sql = "INSERT OR REPLACE INTO setting (site, name, value) VALUES (?1, ?2, ?3)";
            connection.prepare_cached(sql)?.execute((site, name, value)).map(|_| Changed::Number(1))
        }
        Change::Spend { what, until_ms, now_ms } => {
            let forget = "DELETE FROM spent WHERE what IN (SELECT what FROM spent WHERE until_ms <= ?1 LIMIT ?2)";
            connection.prepare_cached(forget)?.execute((now_ms, FORGOTTEN_MAX))?;
            let sql = "INSERT OR IGNORE INTO spent (what, until_ms) VALUES (?1, ?2)";
            connection.prepare_cached(sql)?.execute((what, until_ms)).map(|rows| Changed::Number(rows as u64))
        }
    }
}

fn report(connection: &Connection, site: &str, id: &CommentId, reporter: &str, time_ms: i64) -> rusqlite::Result<u64> {
    let known = "SELECT reports FROM comment JOIN channel ON channel.id = comment.channel WHERE comment.id = ?1 AND site = ?2";
    let before: Option<u64> = connection.prepare_cached(known)?.query_row((id.as_str(), site), |row| row.get(0)).optional()?;
    let Some(before) = before else { return Ok(0) };
    let sql = "INSERT OR IGNORE INTO report (comment, reporter, time_ms) VALUES (?1, ?2, ?3)";
    if connection.prepare_cached(sql)?.execute((id.as_str(), reporter, time_ms))? == 0 {
        return Ok(before);
    }
    let sql = "UPDATE comment SET reports = reports + 1 WHERE id = ?1 RETURNING reports";
    connection.prepare_cached(sql)?.query_row([id.as_str()], |row| row.get(0))
}

fn undo(connection: &Connection, site: &str, id: u64, time_ms: i64) -> rusqlite::Result<Option<Record>> {
    let sql = "UPDATE record SET undone_ms = ?3 WHERE site = ?1 AND id = ?2 AND undone_ms IS NULL AND undo <> '' \
               RETURNING id, time_ms, actor, act, target, undo, undone_ms";
    connection.prepare_cached(sql)?.query_row((site, id, time_ms), record).optional()
}

/// What is known of a member and the address that they write from.
pub(in crate::sqlite) fn standing(
    connection: &Connection,
    site: &SiteName,
    member: Option<&MemberId>,
    address: Option<&str>,
    now_ms: i64,
) -> rusqlite::Result<Standing> {
    let known = "SELECT 1 FROM comment JOIN channel ON channel.id = comment.channel \
                   WHERE author_id = ?1 AND state = 'approved' AND site = ?2 LIMIT 1";
    let is_known = match member {
        Some(member) => connection.prepare_cached(known)?.exists((member.as_str(), site.as_str()))?,
        None => false,
    };
    let mut find = connection.prepare_cached("SELECT whom, until_ms, since_ms, name FROM block WHERE site = ?1 AND whom = ?2")?;
    let whom = [member.cloned().map(Whom::Member), address.map(|hash| Whom::Address(hash.to_owned()))];
    let mut blocked = None;
    for whom in whom.into_iter().flatten() {
        let found = find.query_row((site.as_str(), whom.written()), block).optional()?;
        blocked = blocked.or(found.filter(|block| block.holds(now_ms)));
    }
    Ok(Standing { is_known, blocked })
}

/// The newest blocks.
pub(in crate::sqlite) fn blocks(connection: &Connection, site: &SiteName, limit: usize) -> rusqlite::Result<Vec<Block>> {
    let sql = "SELECT whom, until_ms, since_ms, name FROM block WHERE site = ?1 ORDER BY since_ms DESC LIMIT ?2";
    connection.prepare_cached(sql)?.query_map((site.as_str(), limit.min(ROWS_MAX) as i64), block)?.collect()
}

/// The block on a member, whether or not its time is over.
pub(in crate::sqlite) fn block_of(connection: &Connection, site: &SiteName, member: &MemberId) -> rusqlite::Result<Block> {
    let sql = "SELECT whom, until_ms, since_ms, name FROM block WHERE site = ?1 AND whom = ?2";
    connection.prepare_cached(sql)?.query_row((site.as_str(), Whom::Member(member.clone()).written()), block)
}

/// What a member did as a moderator, and what names them.
pub(in crate::sqlite) fn records_of(
    connection: &Connection,
    site: &SiteName,
    member: &MemberId,
    limit: usize,
) -> rusqlite::Result<Vec<Record>> {
    let sql = "SELECT id, time_ms, actor, act, target, undo, undone_ms FROM record \
               WHERE site = ?1 AND (actor = ?2 OR instr(target || undo, ?2) > 0) LIMIT ?3";
    connection.prepare_cached(sql)?.query_map((site.as_str(), member.as_str(), limit as i64), record)?.collect()
}

/// The newest acts before this one.
pub(in crate::sqlite) fn records(
    connection: &Connection,
    site: &SiteName,
    before: Option<u64>,
    limit: usize,
) -> rusqlite::Result<Vec<Record>> {
    let sql = "SELECT id, time_ms, actor, act, target, undo, undone_ms FROM record WHERE site = ?1 AND id < ?2 \
               ORDER BY id DESC LIMIT ?3";
    let before = before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
    connection.prepare_cached(sql)?.query_map((site.as_str(), before, limit.min(ROWS_MAX) as i64), record)?.collect()
}

/// What was set.
pub(in crate::sqlite) fn setting(connection: &Connection, site: &SiteName, name: &str) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT value FROM setting WHERE site = ?1 AND name = ?2";
    connection.prepare_cached(sql)?.query_row((site.as_str(), name), |row| row.get(0)).optional()
}

/// The hours in which comments came, oldest first.
pub(in crate::sqlite) fn hours(connection: &Connection, site: &SiteName, since_ms: i64) -> rusqlite::Result<Vec<Hour>> {
    let sql = "SELECT begin_ms, came, held FROM hour WHERE site = ?1 AND begin_ms >= ?2 ORDER BY begin_ms LIMIT ?3";
    connection
        .prepare_cached(sql)?
        .query_map((site.as_str(), since_ms, ROWS_MAX as i64), |row| {
            Ok(Hour { begin_ms: row.get(0)?, came: row.get(1)?, held: row.get(2)? })
        })?
        .collect()
}

fn block(row: &Row<'_>) -> rusqlite::Result<Block> {
    let whom: String = row.get(0)?;
    Ok(Block {
        whom: Whom::parse(&whom).ok_or_else(|| unknown_word(0))?,
        until_ms: row.get(1)?,
        since_ms: row.get(2)?,
        name: row.get(3)?,
    })
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record {
        id: row.get(0)?,
        record: NewRecord { time_ms: row.get(1)?, by: row.get(2)?, act: row.get(3)?, target: row.get(4)?, undo: row.get(5)? },
        undone_ms: row.get(6)?,
    })
}
