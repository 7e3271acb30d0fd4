//! The keys that operators made. Only their hashes are here.

use rusqlite::{Connection, OptionalExtension, Row};

use super::rows::unknown_word;
use crate::backend::KeyRow;
use crate::channel::SiteName;

/// Keys listed at most.
const KEYS_MAX: i64 = 10_000;

/// Whose key has this hash.
pub(super) fn find(connection: &Connection, hash: &str) -> rusqlite::Result<Option<KeyRow>> {
    connection.prepare_cached("SELECT id, site, label, created_ms FROM key WHERE hash = ?1")?.query_row([hash], read).optional()
}

/// All keys, the oldest first.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<KeyRow>> {
    let mut select = connection.prepare_cached("SELECT id, site, label, created_ms FROM key ORDER BY created_ms, id LIMIT ?1")?;
    let rows = select.query_map([KEYS_MAX], read)?;
    rows.collect()
}

/// Keeps a key's hash.
pub(super) fn add(connection: &Connection, hash: &str, row: &KeyRow) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO key (hash, id, site, label, created_ms) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute((hash, &row.id, row.site.as_str(), &row.label, row.created_ms))
        .map(drop)
}

/// Forgets a key; whether there was one.
pub(super) fn revoke(connection: &Connection, id: &str) -> rusqlite::Result<bool> {
    Ok(connection.execute("DELETE FROM key WHERE id = ?1", [id])? > 0)
}

fn read(row: &Row<'_>) -> rusqlite::Result<KeyRow> {
    let site: String = row.get(1)?;
    Ok(KeyRow {
        id: row.get(0)?,
        site: SiteName::parse(&site).map_err(|_| unknown_word(1))?,
        label: row.get(2)?,
        created_ms: row.get(3)?,
    })
}
