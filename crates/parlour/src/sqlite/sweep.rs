//! Trimming: a channel keeps so many publications, and each for so long. By count it is done as one appends, by age in small
//! passes over the channels between the writer's transactions. Comments are never trimmed.

use super::channels::Slot;
use super::ledger::{Halt, Ledger};
use super::rows::unknown_word;
use crate::channel::{ChannelName, Key, SiteName};

/// Publications over the limit before the oldest are deleted together: a sixteenth of it, but no more than this.
const SLACK_MAX: u64 = 64;
/// Channels that one pass looks at, and rows that it deletes in each.
const PASS_CHANNELS_MAX: usize = 64;
const PASS_ROWS_MAX: usize = 256;

/// Where the sweep has got to: the id of the last channel looked at.
#[derive(Default)]
pub(super) struct Sweep {
    after: i64,
}

impl Ledger {
    /// After an append: deletes the oldest of a channel that has too many.
    pub(super) fn trim_count(&mut self, key: &Key, slot: Slot) -> rusqlite::Result<()> {
        let channel = self.channels.at(slot);
        let slack = (self.keep.events / 16).min(SLACK_MAX);
        if channel.kept <= self.keep.events.saturating_add(slack) || !self.keep.trims(key) {
            return Ok(());
        }
        // What an option made smaller is caught up with over the next appends.
        let surplus = (channel.kept - self.keep.events).min(PASS_ROWS_MAX as u64);
        let through: u64 = self
            .connection
            .prepare_cached("SELECT offset FROM publication WHERE channel = ?1 ORDER BY offset LIMIT 1 OFFSET ?2")?
            .query_row((channel.id, surplus - 1), |row| row.get(0))?;
        self.trim(slot, through)
    }

    /// One pass by age; whether it reached the end of the channels.
    pub(super) fn sweep(&mut self, sweep: &mut Sweep, now_ms: i64) -> rusqlite::Result<bool> {
        let oldest_ms = now_ms.saturating_sub(self.keep.for_ms);
        let channels = self.channels_with_publications(sweep.after)?;
        let ended = channels.len() < PASS_CHANNELS_MAX;
        let last = channels.last().map_or(0, |(id, _)| *id);
        for (_, key) in channels {
            if self.keep.trims(&key) {
                self.trim_age(&key, oldest_ms)?;
            }
        }
        sweep.after = if ended { 0 } else { last };
        Ok(ended)
    }

    fn channels_with_publications(&self, after: i64) -> rusqlite::Result<Vec<(i64, Key)>> {
        let mut select = self.connection.prepare_cached(
            "SELECT id, site, name FROM channel INDEXED BY channel_kept WHERE kept > 0 AND id > ?1 ORDER BY id LIMIT ?2",
        )?;
        let rows = select.query_map((after, PASS_CHANNELS_MAX as i64), |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
        })?;
        rows.map(|row| {
            let (id, site, name) = row?;
            match (SiteName::parse(&site), ChannelName::parse(&name)) {
                (Ok(site), Ok(channel)) => Ok((id, Key { site, channel })),
                _ => Err(unknown_word(2)),
            }
        })
        .collect()
    }

    fn trim_age(&mut self, key: &Key, oldest_ms: i64) -> rusqlite::Result<()> {
        let slot = match self.channels.find(&self.connection, key) {
            Ok(Some(slot)) => slot,
            // Gone, or another's name, since it was listed.
            Ok(None) | Err(Halt::Refused(_)) => return Ok(()),
            Err(Halt::Broken(error)) => return Err(error),
        };
        let through = {
            let mut select = self
                .connection
                .prepare_cached("SELECT offset, time_ms FROM publication WHERE channel = ?1 ORDER BY offset LIMIT ?2")?;
            let mut rows = select.query((self.channels.at(slot).id, PASS_ROWS_MAX as i64))?;
            let mut through = None;
            while let Some(row) = rows.next()? {
                if row.get::<_, i64>(1)? >= oldest_ms {
                    break;
                }
                through = Some(row.get::<_, u64>(0)?);
            }
            through
        };
        through.map_or(Ok(()), |through| self.trim(slot, through))
    }

    fn trim(&mut self, slot: Slot, through: u64) -> rusqlite::Result<()> {
        let id = self.channels.at(slot).id;
        let gone = self
            .connection
            .prepare_cached("DELETE FROM publication WHERE channel = ?1 AND offset <= ?2")?
            .execute((id, through))?;
        let channel = self.channels.change(slot);
        channel.kept = channel.kept.saturating_sub(gone as u64);
        channel.whole_from = channel.whole_from.max(through);
        Ok(())
    }
}
