//! Getting rid for good of what was withdrawn. What was deleted or edited away left its row at once, and SQLite overwrites the
//! place where it stood (`secure_delete`); what moderators took for spam or took back leaves here, after its time. The pages as
//! they were before lie in the write-ahead log until that is cut, which the writer has done when a purge is through.
//!
//! Whatever was written by an older renderer is made again here as well, a few rows at a time.

use rusqlite::OptionalExtension;

use super::ledger::Ledger;
use crate::render;

/// Comments that one pass takes away.
const PASS_ROWS_MAX: usize = 64;

/// How far the rendering anew has got: the number of the last comment looked at.
#[derive(Clone, Copy, Default)]
pub(super) struct Renewal {
    after: i64,
}

impl Renewal {
    /// Whether it has not looked at anything yet.
    pub(super) fn is_fresh(self) -> bool {
        self.after == 0
    }
}

impl Ledger {
    /// One pass over what has been out of sight since before `before_ms`; whether it was the last.
    pub(super) fn purge(&mut self, before_ms: i64, now_ms: i64) -> rusqlite::Result<bool> {
        let numbers: Vec<i64> = self
            .connection
            .prepare_cached(
                "SELECT number FROM comment INDEXED BY comment_withdrawn \
                 WHERE (state IN ('spam', 'rejected') OR (state IN ('pending', 'shadow') AND made_offset IS NOT NULL)) AND changed_ms <= ?1 LIMIT ?2",
            )?
            .query_map((before_ms, PASS_ROWS_MAX as i64), |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for number in &numbers {
            // Readers were told long ago that it is gone: the log does not grow.
            self.blank(*number, None, now_ms)?;
        }
        Ok(numbers.len() < PASS_ROWS_MAX)
    }

    /// Takes everything that anyone wrote or chose out of a comment's row. Its place stays: readers who come late hear that it is
    /// gone, and answers may hang on it.
    pub(super) fn blank(&mut self, number: i64, offset: Option<u64>, time_ms: i64) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                "UPDATE comment SET author_id = NULL, author_name = NULL, author_avatar = NULL, author_role = NULL, \
                 author_verified = NULL, email_key = NULL, address_key = NULL, body = '', html = '', edited_ms = NULL, pinned = 0, \
                 content = NULL, reactions = '', score = 0, untold = 0, state = 'deleted', seen_by = (replies > 0), \
                 changed_offset = coalesce(?2, changed_offset), changed_ms = ?3 WHERE number = ?1",
            )?
            .execute((number, offset, time_ms))?;
        self.connection.prepare_cached("DELETE FROM reaction WHERE comment = ?1")?.execute([number])?;
        self.has_withdrawn = true;
        Ok(())
    }

    /// What is to be rendered anew, if another renderer than this one wrote the store's HTML.
    pub(super) fn renewal(&self) -> rusqlite::Result<Option<Renewal>> {
        let written: Option<u32> = self
            .connection
            .prepare_cached("SELECT value FROM meta WHERE name = 'renderer'")?
            .query_row([], |row| row.get(0))
            .optional()?;
        Ok((written != Some(render::VERSION)).then(Renewal::default))
    }

    /// One pass of rendering anew; where to go on, `None` at the end. Readers were given the new HTML all along.
    pub(super) fn renew(&mut self, renewal: Renewal) -> rusqlite::Result<Option<Renewal>> {
        let rows: Vec<(i64, u32, String, String)> = self
            .connection
            .prepare_cached("SELECT number, rendered_by, body, html FROM comment WHERE number > ?1 ORDER BY number LIMIT ?2")?
            .query_map((renewal.after, PASS_ROWS_MAX as i64), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
            .collect::<Result<_, _>>()?;
        for (number, rendered_by, body, html) in &rows {
            if *rendered_by != render::VERSION && !html.is_empty() {
                self.connection.prepare_cached("UPDATE comment SET html = ?2, rendered_by = ?3 WHERE number = ?1")?.execute((
                    number,
                    render::render(body),
                    render::VERSION,
                ))?;
            }
        }
        if let Some((after, ..)) = rows.last() {
            return Ok(Some(Renewal { after: *after }));
        }
        self.connection
            .prepare_cached("INSERT INTO meta (name, value) VALUES ('renderer', ?1) ON CONFLICT (name) DO UPDATE SET value = ?1")?
            .execute([render::VERSION])?;
        Ok(None)
    }
}
