//! What an append does to the tables: publications and threads here, comments in `comments`. Offsets come from the channel's
//! memory; the entry is announced by `announce` after the commit.

use std::sync::Arc;

use rusqlite::OptionalExtension;

use super::channels::Slot;
use super::ledger::{Halt, Ledger, News, Outcome, hash};
use super::pages;
use super::rows::thread_told;
use crate::backend::{Append, Appended, Fault, Thread};
use crate::channel::Key;

/// An application's publication, as [`Append::Publication`] has it.
struct Publication<'a> {
    data: &'a str,
    publisher: Option<(&'a str, &'a str)>,
    nonce: Option<&'a (String, String)>,
    time_ms: i64,
}

impl Ledger {
    pub(super) fn append(&mut self, key: &Key, append: &Append) -> Result<Outcome, Halt> {
        match append {
            Append::Publication { data, publisher, nonce, time_ms } => {
                let publisher = publisher.as_ref().map(|publisher| (&*publisher.user, &*publisher.client));
                self.publish(key, &Publication { data, publisher, nonce: nonce.as_ref(), time_ms: *time_ms })
            }
            Append::Comment(new) => self.post(key, new),
            Append::Edit { id, body, html, rendered_by, edited_ms } => self.edit(key, id, (body, html), *rendered_by, *edited_ms),
            Append::Claim { id, from, author, time_ms } => self.claim(key, (id, from), author, *time_ms),
            Append::Delete { id, time_ms } => self.delete(key, id, *time_ms),
            Append::Thread { closed, title, time_ms } => self.change_thread(key, *time_ms, |before| Thread {
                closed: closed.unwrap_or(before.closed),
                title: title.as_ref().unwrap_or(&before.title).clone(),
                ..before.clone()
            }),
            Append::Page { page, verified, time_ms } => self.change_thread(key, *time_ms, |before| Thread {
                url: page.url.clone(),
                title: page.title.clone(),
                verified: *verified,
                ..before.clone()
            }),
            Append::State { id, state, reason, time_ms } => self.decide(key, id, (*state, *reason), *time_ms),
            Append::Pin { id, pinned, time_ms } => self.pin(key, id, *pinned, *time_ms),
            Append::Reaction(reaction) => self.react(key, reaction),
            Append::Reactions { id, time_ms } => self.tell_reactions(key, id, *time_ms),
        }
    }

    fn publish(&mut self, key: &Key, publication: &Publication<'_>) -> Result<Outcome, Halt> {
        let slot = self.channels.make(&self.connection, key)?;
        let nonce = publication.nonce.map(|(who, nonce)| (hash(&[who, nonce]), hash(&[publication.data])));
        if let Some((nonce, content)) = &nonce
            && let Some(repeated) = self.published_before(slot, nonce, content)?
        {
            return Ok(repeated);
        }
        let offset = self.channels.take_offset(slot);
        if self.keep.events == 0 && self.keep.trims(key) {
            self.channels.change(slot).whole_from = offset;
        } else {
            self.keep_publication(slot, offset, publication, nonce)?;
            self.trim_count(key, slot)?;
        }
        let position = self.channels.position(slot, offset);
        let appended = Appended::now(Some(position), None);
        Ok(Outcome { appended, news: Some(News::Publication) })
    }

    fn published_before(&self, slot: Slot, nonce: &[u8; 16], content: &[u8; 16]) -> Result<Option<Outcome>, Halt> {
        let before: Option<(u64, [u8; 16])> = self
            .connection
            .prepare_cached("SELECT offset, content FROM publication WHERE channel = ?1 AND nonce = ?2")?
            .query_row((self.channels.at(slot).id, nonce), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        match before {
            None => Ok(None),
            Some((_, other)) if other != *content => Err(Halt::Refused(Fault::NonceConflict)),
            Some((offset, _)) => {
                let position = Some(self.channels.position(slot, offset));
                Ok(Some(Outcome { appended: Appended { repeated: true, ..Appended::now(position, None) }, news: None }))
            }
        }
    }

    fn keep_publication(
        &mut self,
        slot: Slot,
        offset: u64,
        publication: &Publication<'_>,
        nonce: Option<([u8; 16], [u8; 16])>,
    ) -> rusqlite::Result<()> {
        let (user, client) = publication.publisher.unzip();
        let (nonce, content) = nonce.unzip();
        self.connection
            .prepare_cached(
                "INSERT INTO publication (channel, offset, time_ms, data, user, client, nonce, content) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute((self.channels.at(slot).id, offset, publication.time_ms, publication.data, user, client, nonce, content))?;
        self.channels.change(slot).kept += 1;
        Ok(())
    }

    fn change_thread(&mut self, key: &Key, time_ms: i64, change: impl Fn(&Thread) -> Thread) -> Result<Outcome, Halt> {
        let known = match self.channels.find(&self.connection, key)? {
            Some(slot) => self.thread(slot)?,
            None => None,
        };
        let before = known.unwrap_or_default();
        let after = change(&before);
        if after == before {
            return Ok(Outcome { appended: Appended::now(None, None), news: None });
        }
        let slot = self.channels.make(&self.connection, key)?;
        let offset = self.channels.take_offset(slot);
        self.connection
            .prepare_cached(
                "INSERT INTO thread (channel, url, title, closed, verified, changed_offset, changed_ms) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (channel) DO UPDATE \
                 SET url = ?2, title = ?3, closed = ?4, verified = ?5, changed_offset = ?6, changed_ms = ?7",
            )?
            .execute((self.channels.at(slot).id, &after.url, &after.title, after.closed, after.verified, offset, time_ms))?;
        let position = Some(self.channels.position(slot, offset));
        let data: Arc<str> = thread_told(&after.url, &after.title, after.closed);
        Ok(Outcome { appended: Appended::now(position, None), news: Some(News::Thread(data)) })
    }

    /// What is known of a channel's thread.
    pub(super) fn thread(&self, slot: Slot) -> rusqlite::Result<Option<Thread>> {
        pages::thread(&self.connection, self.channels.at(slot).id)
    }
}
