//! The shelf as a table. What is over its time is passed over by everyone and swept with the old publications.

use rusqlite::{Connection, OptionalExtension};

use crate::backend::{After, Before, LISTED_MAX, Swap};

/// Records that one pass of the sweep deletes.
const SWEPT_MAX: usize = 256;

/// The record of this name.
pub(super) fn record(connection: &Connection, name: &str, now_ms: i64) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT value FROM shelf WHERE name = ?1 AND (expires_ms IS NULL OR expires_ms > ?2)")?
        .query_row((name, now_ms), |row| row.get(0))
        .optional()
}

/// Changes all or none; whether it did.
pub(super) fn swap(connection: &Connection, swaps: &[Swap], now_ms: i64) -> rusqlite::Result<bool> {
    for swap in swaps {
        let fits = match &swap.before {
            Before::Anything => true,
            Before::Nothing => record(connection, &swap.name, now_ms)?.is_none(),
            Before::This(before) => record(connection, &swap.name, now_ms)?.as_ref() == Some(before),
        };
        if !fits {
            return Ok(false);
        }
    }
    for Swap { name, after, .. } in swaps {
        match after {
            After::Nothing => connection.prepare_cached("DELETE FROM shelf WHERE name = ?1")?.execute([name])?,
            After::Kept(value) => put(connection, name, value, None)?,
            After::Until(value, expires_ms) => put(connection, name, value, Some(*expires_ms))?,
        };
    }
    Ok(true)
}

fn put(connection: &Connection, name: &str, value: &str, expires_ms: Option<i64>) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "INSERT INTO shelf (name, value, expires_ms) VALUES (?1, ?2, ?3) \
             ON CONFLICT (name) DO UPDATE SET value = ?2, expires_ms = ?3",
        )?
        .execute((name, value, expires_ms))
}

/// Names and records of a prefix, in order.
pub(super) fn list(
    connection: &Connection,
    prefix: &str,
    after: &str,
    limit: usize,
    now_ms: i64,
) -> rusqlite::Result<Vec<(String, String)>> {
    let mut select = connection.prepare_cached(
        "SELECT name, value FROM shelf WHERE name > ?2 AND name >= ?1 AND substr(name, 1, length(?1)) = ?1 \
         AND (expires_ms IS NULL OR expires_ms > ?3) AND name < ?1 || ?5 ORDER BY name LIMIT ?4",
    )?;
    let limit = limit.min(LISTED_MAX) as i64;
    let rows = select.query_map((prefix, after, now_ms, limit, "\u{10ffff}"), |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// Deletes some records that are over their time; whether that was all.
pub(super) fn sweep(connection: &Connection, now_ms: i64) -> rusqlite::Result<bool> {
    let gone = connection
        .prepare_cached("DELETE FROM shelf WHERE name IN (SELECT name FROM shelf WHERE expires_ms <= ?1 LIMIT ?2)")?
        .execute((now_ms, SWEPT_MAX as i64))?;
    Ok(gone < SWEPT_MAX)
}
