//! The tables, as steps from one version of the file to the next, and how a connection is opened on them.
//!
//! `PRAGMA user_version` says which step a file has reached; a step runs in one transaction and is never changed once it was
//! released. What the columns mean to readers and writers is said where they are read (`rows`) and written (`append`).

use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::Options;
use crate::backend::Fault;

/// Marks a file as a Parlour store ("Parl"), so that another program's database is refused rather than built upon.
const APPLICATION_ID: i32 = 0x5061_726c;
/// Statements that a connection keeps compiled.
const STATEMENTS_MAX: usize = 128;
const BUSY_MS: u64 = 5_000;
/// The writer copies the write-ahead log back by itself only when it has so many pages, which is when `syncer` has not kept up; it
/// is cut to this size afterwards.
const CHECKPOINT_PAGES: u32 = 16_000;
const WAL_BYTES_KEPT: u32 = 16 * 1024 * 1024;

/// The way from an empty file to the newest version, a step each.
const STEPS: &[&str] = &[
    include_str!("schema_1.sql"),
    include_str!("schema_desk.sql"),
    include_str!("schema_shelf.sql"),
    include_str!("schema_threads.sql"),
    include_str!("schema_pages.sql"),
];

/// Opens the one connection that writes, and brings the file to the newest version.
pub(super) fn open_writer(options: &Options) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(&options.path, flags).map_err(unavailable)?;
    configure_writer(&connection, options).map_err(unavailable)?;
    upgrade(&mut connection)?;
    Ok(connection)
}

fn configure_writer(connection: &Connection, options: &Options) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_millis(BUSY_MS))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", if options.sync { "FULL" } else { "OFF" })?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES_KEPT, |_| Ok(()))?;
    // Withdrawn text is overwritten where it stood, on the pages that are given up too.
    connection.pragma_update_and_check(None, "secure_delete", "ON", |_| Ok(()))?;
    connection.pragma_update(None, "temp_store", "MEMORY")
}

/// Opens the connection that copies the write-ahead log back; the writer's must have been opened before.
pub(super) fn open_checkpointer(options: &Options) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&options.path, flags).map_err(unavailable)?;
    connection.busy_timeout(Duration::from_millis(BUSY_MS)).map_err(unavailable)?;
    connection.pragma_update(None, "synchronous", if options.sync { "NORMAL" } else { "OFF" }).map_err(unavailable)?;
    Ok(connection)
}

/// Opens a connection that only reads; the writer's must have been opened before.
pub(super) fn open_reader(options: &Options) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&options.path, flags).map_err(unavailable)?;
    connection.busy_timeout(Duration::from_millis(BUSY_MS)).map_err(unavailable)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

/// Runs the steps that the file has not seen.
fn upgrade(connection: &mut Connection) -> Result<(), Fault> {
    let version = pragma(connection, "user_version")?;
    let newest = STEPS.len() as i64;
    if version > newest {
        let text = format!("the file has version {version}, this program knows none above {newest}: use a newer Parlour");
        return Err(Fault::Unavailable(text));
    }
    if version == 0 {
        refuse_foreign(connection)?;
    } else if pragma(connection, "application_id")? != i64::from(APPLICATION_ID) {
        return Err(not_ours());
    }
    for (step, sql) in STEPS.iter().enumerate().skip(usize::try_from(version).unwrap_or(0)) {
        let transaction = connection.transaction().map_err(unavailable)?;
        transaction.execute_batch(sql).map_err(unavailable)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(unavailable)?;
        transaction.pragma_update(None, "user_version", step as i64 + 1).map_err(unavailable)?;
        transaction.commit().map_err(unavailable)?;
    }
    Ok(())
}

/// A file without a version must be empty.
fn refuse_foreign(connection: &Connection) -> Result<(), Fault> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(unavailable)?;
    if tables == 0 { Ok(()) } else { Err(not_ours()) }
}

fn not_ours() -> Fault {
    Fault::Unavailable("the file is a database, but not one of Parlour's".into())
}

fn pragma(connection: &Connection, name: &str) -> Result<i64, Fault> {
    connection.pragma_query_value(None, name, |row| row.get(0)).map_err(unavailable)
}

/// What SQLite said, as the fault that callers know. Its messages name tables and columns, never their content.
pub(super) fn unavailable(error: rusqlite::Error) -> Fault {
    Fault::Unavailable(error.to_string())
}

/// Sets the limit that stands in for a full disk in tests.
pub(super) fn limit_pages(connection: &Connection, options: &Options) -> Result<(), Fault> {
    match options.pages_max {
        None => Ok(()),
        Some(pages) => connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).map_err(unavailable),
    }
}

/// The newest tables, in memory.
#[cfg(test)]
pub(super) fn for_tests() -> Connection {
    let mut connection = Connection::open_in_memory().expect("memory");
    upgrade(&mut connection).expect("the steps run");
    connection
}
