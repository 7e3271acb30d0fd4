//! Pages in SQLite: their other names, and threads that go from one channel into another. A thread whose new home is empty takes
//! its channel along, under the new name; two threads become one by giving the entries of the one offsets above the other's.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension};

use super::ledger::{Halt, Ledger};
use super::rows::unknown_word;
use super::{Sqlite, Task, log};
use crate::backend::Fault;
use crate::backend::pages::{Fold, PageRow, Pages};
use crate::backend::{PageNote, Thread};
use crate::channel::{ChannelName, Key, SiteName};

/// Pages of one list at most.
const LIMIT_MAX: usize = 1_000;

/// What the writer is asked about pages.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Fold(Fold),
    Alias { site: SiteName, name: ChannelName, home: ChannelName },
}

#[async_trait]
impl Pages for Sqlite {
    async fn homes(&self, keys: &[Key]) -> Result<Vec<Key>, Fault> {
        let keys = keys.to_vec();
        self.readers
            .ask(move |connection| {
                let home = |key: Key| {
                    let home = home(connection, &key)?;
                    Ok(home.map_or(key.clone(), |channel| Key::new(key.site, channel)))
                };
                keys.into_iter().map(home).collect()
            })
            .await
    }

    async fn pages(&self, site: &SiteName, after: Option<&ChannelName>, limit: usize) -> Result<Vec<PageRow>, Fault> {
        let (site, after) = (site.clone(), after.map_or(String::new(), ToString::to_string));
        self.readers.ask(move |connection| rows(connection, &site, &after, limit.clamp(1, LIMIT_MAX))).await
    }

    async fn page(&self, key: &Key) -> Result<Option<PageRow>, Fault> {
        let (base, key) = (self.base.clone(), key.clone());
        self.readers
            .ask(move |connection| {
                let channel = home(connection, &key)?.unwrap_or_else(|| key.channel.clone());
                let Some(found) = log::find(connection, &base, &Key::new(key.site, channel.clone()))? else { return Ok(None) };
                let thread = thread(connection, found.id)?;
                Ok(thread.map(|thread| PageRow { channel, thread, comments: found.comments }))
            })
            .await
    }

    async fn fold(&self, fold: Fold) -> Result<(), Fault> {
        self.done(Task::Pages(Change::Fold(fold))).await.map(drop)
    }

    async fn alias(&self, site: &SiteName, name: &ChannelName, home: &ChannelName) -> Result<(), Fault> {
        let change = Change::Alias { site: site.clone(), name: name.clone(), home: home.clone() };
        self.done(Task::Pages(change)).await.map(drop)
    }
}

/// The home of a channel that is another name.
pub(super) fn home(connection: &Connection, key: &Key) -> rusqlite::Result<Option<ChannelName>> {
    let home: Option<String> = connection
        .prepare_cached("SELECT home FROM alias WHERE site = ?1 AND name = ?2")?
        .query_row((key.site.as_str(), key.channel.as_str()), |row| row.get(0))
        .optional()?;
    home.map(|home| ChannelName::parse(&home).map_err(|_| unknown_word(0))).transpose()
}

/// What is known of a channel's thread.
pub(super) fn thread(connection: &Connection, channel: i64) -> rusqlite::Result<Option<Thread>> {
    connection
        .prepare_cached("SELECT url, title, closed, verified, made_ms FROM thread WHERE channel = ?1")?
        .query_row([channel], |row| {
            Ok(Thread { url: row.get(0)?, title: row.get(1)?, closed: row.get(2)?, verified: row.get(3)?, made_ms: row.get(4)? })
        })
        .optional()
}

fn rows(connection: &Connection, site: &SiteName, after: &str, limit: usize) -> rusqlite::Result<Vec<PageRow>> {
    let mut select = connection.prepare_cached(
        "SELECT channel.name, channel.comments, url, title, closed, verified, made_ms FROM channel JOIN thread ON thread.channel = channel.id \
         WHERE site = ?1 AND name > ?2 AND url <> '' ORDER BY name LIMIT ?3",
    )?;
    let rows = select.query_map((site.as_str(), after, limit as i64), |row| {
        let channel = ChannelName::parse(&row.get::<_, String>(0)?).map_err(|_| unknown_word(0))?;
        let thread =
            Thread { url: row.get(2)?, title: row.get(3)?, closed: row.get(4)?, verified: row.get(5)?, made_ms: row.get(6)? };
        Ok(PageRow { channel, thread, comments: row.get(1)? })
    })?;
    rows.collect()
}

/// Whose readers are to be told of a change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    /// Of the channel that is another name now.
    pub(super) from: bool,
    /// Of its home, where something came to it.
    pub(super) into: bool,
}

/// A channel's row, as far as a fold needs it.
struct Row {
    id: i64,
    generation: u64,
    top: u64,
    whole_from: u64,
}

impl Ledger {
    /// Changes names; whose readers are to be told.
    pub(super) fn change_pages(&mut self, change: &Change) -> Result<Told, Halt> {
        // What is remembered of channels is about to be wrong.
        self.channels.flush(&self.connection)?;
        self.channels.forget();
        let (site, from, into) = match change {
            Change::Fold(Fold { site, from, into, .. }) => (site, from, into),
            Change::Alias { site, name, home } => (site, name, home),
        };
        self.channels.take_over([&Key::new(site.clone(), from.clone()), &Key::new(site.clone(), into.clone())]);
        match change {
            Change::Fold(fold) => self.fold(fold),
            Change::Alias { site, name, home } => self.add_alias(site, name, home),
        }
    }

    fn add_alias(&mut self, site: &SiteName, name: &ChannelName, at: &ChannelName) -> Result<Told, Halt> {
        let at = home(&self.connection, &Key::new(site.clone(), at.clone()))?.unwrap_or_else(|| at.clone());
        if *name == at {
            return Err(Halt::Refused(Fault::PageTaken));
        }
        let known = home(&self.connection, &Key::new(site.clone(), name.clone()))?;
        if known.as_ref() == Some(&at) {
            return Ok(Told { from: false, into: false });
        }
        if let Some(row) = self.row(site, name)? {
            let is_taken: bool = self
                .connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM comment WHERE channel = ?1)")?
                .query_row([row.id], |row| row.get(0))?;
            if is_taken {
                return Err(Halt::Refused(Fault::PageTaken));
            }
        }
        self.fold(&Fold { site: site.clone(), from: name.clone(), into: at, page: None })
    }

    /// All of `from` goes to `into`.
    fn fold(&mut self, fold: &Fold) -> Result<Told, Halt> {
        let Fold { site, from, into, page } = fold;
        if from == into {
            return Err(Halt::Refused(Fault::PageTaken));
        }
        let leads = |channel: &ChannelName| home(&self.connection, &Key::new(site.clone(), channel.clone()));
        if let Some(elsewhere) = leads(into)?.filter(|home| home != from) {
            return Err(Halt::Refused(Fault::Moved(elsewhere)));
        }
        let mut told = Told { from: leads(from)?.as_ref() != Some(into), into: false };
        self.execute("DELETE FROM alias WHERE site = ?1 AND name = ?2", (site.as_str(), into.as_str()))?;
        match (self.row(site, from)?, self.row(site, into)?) {
            (None, _) => {}
            (Some(from), None) => {
                told.into = true;
                let sql = "UPDATE channel SET name = ?2, generation = generation + 1 WHERE id = ?1";
                self.execute(sql, (from.id, into.as_str()))?;
            }
            (Some(from), Some(into)) => {
                told.into = true;
                self.merge(&from, &into)?;
            }
        }
        let sql = "UPDATE alias SET home = ?3 WHERE site = ?1 AND home = ?2";
        self.execute(sql, (site.as_str(), from.as_str(), into.as_str()))?;
        let sql = "INSERT INTO alias (site, name, home) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET home = ?3";
        self.execute(sql, (site.as_str(), from.as_str(), into.as_str()))?;
        if let (Some(page), Some(row)) = (page, self.row(site, into)?) {
            self.name_page(row.id, page)?;
        }
        Ok(told)
    }

    /// What is in `from` comes after what is in `into`, and `from` is gone.
    fn merge(&self, from: &Row, into: &Row) -> Result<(), Halt> {
        let both = (from.id, into.id);
        // The same nonce in both: the one that comes is not remembered any more.
        for table in ["comment", "publication"] {
            self.execute(
                &format!(
                    "UPDATE {table} SET nonce = NULL WHERE channel = ?1 AND nonce IN \
                     (SELECT nonce FROM {table} WHERE channel = ?2 AND nonce IS NOT NULL)"
                ),
                both,
            )?;
        }
        let moved = (from.id, into.id, into.top);
        self.execute(
            "UPDATE comment SET channel = ?2, made_offset = made_offset + ?3, changed_offset = changed_offset + ?3 WHERE channel = ?1",
            moved,
        )?;
        self.execute("UPDATE publication SET channel = ?2, offset = offset + ?3 WHERE channel = ?1", moved)?;
        let whole_from = if from.whole_from > 0 { into.top + from.whole_from } else { into.whole_from };
        self.execute(
            "UPDATE channel SET generation = ?2, top = ?3, whole_from = ?4, (kept, comments, views) = \
             (SELECT channel.kept + gone.kept, channel.comments + gone.comments, channel.views + gone.views \
             FROM channel AS gone WHERE gone.id = ?5) WHERE id = ?1",
            (into.id, into.generation.max(from.generation) + 1, into.top + from.top, whole_from, from.id),
        )?;
        // A thread without an address takes that of the one that comes.
        self.execute(
            "DELETE FROM thread WHERE channel = ?1 AND url = '' AND EXISTS (SELECT 1 FROM thread WHERE channel = ?2)",
            (into.id, from.id),
        )?;
        self.execute("UPDATE OR IGNORE thread SET channel = ?2, changed_offset = changed_offset + ?3 WHERE channel = ?1", moved)?;
        self.execute("DELETE FROM thread WHERE channel = ?1", [from.id])?;
        self.execute("DELETE FROM channel WHERE id = ?1", [from.id])?;
        Ok(())
    }

    fn name_page(&self, channel: i64, page: &PageNote) -> rusqlite::Result<()> {
        self.execute(
            "INSERT INTO thread (channel, url, title, verified) VALUES (?1, ?2, ?3, 1) ON CONFLICT (channel) DO UPDATE \
             SET url = ?2, title = CASE WHEN ?3 = '' THEN title ELSE ?3 END, verified = 1",
            (channel, &page.url, &page.title),
        )
    }

    fn row(&self, site: &SiteName, channel: &ChannelName) -> rusqlite::Result<Option<Row>> {
        self.connection
            .prepare_cached("SELECT id, generation, top, whole_from FROM channel WHERE site = ?1 AND name = ?2")?
            .query_row((site.as_str(), channel.as_str()), |row| {
                Ok(Row { id: row.get(0)?, generation: row.get(1)?, top: row.get(2)?, whole_from: row.get(3)? })
            })
            .optional()
    }

    fn execute(&self, sql: &str, values: impl rusqlite::Params) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute(values).map(drop)
    }
}
