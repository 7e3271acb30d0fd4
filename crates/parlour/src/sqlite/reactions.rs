//! What members say of a comment with one word: kept one by one, so that a repetition counts once and an address for a few at
//! most, and counted on the comment's row, so that lists read nothing besides. Told at most so often, by the comment.

use parlour_wire::push::Kind;
use rusqlite::{Connection, OptionalExtension};

use super::channels::Slot;
use super::decide::unchanged;
use super::ledger::{Halt, Ledger, News, Outcome};
use super::rows::{StoredComment, counts_word, reactions_told, with_mine};
use crate::backend::{Appended, Fault, REACTIONS_EVERY_MS, Reaction};
use crate::channel::Key;
use crate::comment::{CommentId, MemberId, State, score};

/// At the opening, before anybody reads: what was due when the last process ended is a change that readers recover.
pub(super) fn tell_what_was_due(connection: &Connection) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    {
        let mut select = transaction.prepare("SELECT number, channel FROM comment INDEXED BY comment_untold WHERE untold = 1")?;
        let due: Vec<(i64, i64)> = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        for (number, channel) in due {
            let offset: u64 = transaction
                .prepare_cached("UPDATE channel SET top = top + 1 WHERE id = ?1 RETURNING top")?
                .query_row([channel], |row| row.get(0))?;
            transaction
                .prepare_cached("UPDATE comment SET changed_offset = ?2, untold = 0 WHERE number = ?1")?
                .execute((number, offset))?;
        }
    }
    transaction.commit()
}

impl Ledger {
    /// A reaction comes or goes.
    pub(super) fn react(&mut self, key: &Key, reaction: &Reaction) -> Result<Outcome, Halt> {
        let (slot, mut stored) = self.living(key, &reaction.id)?;
        if stored.comment.state != State::Approved {
            return Err(Halt::Refused(Fault::UnknownComment));
        }
        if self.thread(slot)?.is_some_and(|thread| thread.closed) {
            return Err(Halt::Refused(Fault::ThreadClosed));
        }
        let changed = if reaction.there { self.add(stored.number, reaction)? } else { self.remove(stored.number, reaction)? };
        if !changed {
            return Ok(unchanged(self.mine(stored.number, stored.comment, &reaction.member)?));
        }
        let counts = &mut stored.comment.reactions;
        let count = counts.entry(reaction.name.clone()).or_default();
        *count = if reaction.there { *count + 1 } else { count.saturating_sub(1) };
        counts.retain(|_, count| *count > 0);
        let is_due_now = stored.told_ms.saturating_add(REACTIONS_EVERY_MS) <= reaction.time_ms;
        self.connection
            .prepare_cached("UPDATE comment SET reactions = ?2, score = ?3, untold = ?4 WHERE number = ?1")?
            .execute((stored.number, counts_word(counts), score(counts), !is_due_now))?;
        if is_due_now {
            return self.tell(key, slot, stored, reaction.time_ms, Some(&reaction.member));
        }
        let tell_at_ms = (!stored.untold).then_some(stored.told_ms + REACTIONS_EVERY_MS);
        let comment = self.mine(stored.number, stored.comment, &reaction.member)?;
        Ok(Outcome { appended: Appended { tell_at_ms, ..Appended::now(None, Some(comment)) }, news: None })
    }

    /// What became due is told, if it still is.
    pub(super) fn tell_reactions(&mut self, key: &Key, id: &CommentId, time_ms: i64) -> Result<Outcome, Halt> {
        let (slot, stored) = self.living(key, id)?;
        let is_too_early = stored.told_ms.saturating_add(REACTIONS_EVERY_MS) > time_ms;
        if !stored.untold || is_too_early || stored.comment.state != State::Approved {
            return Ok(unchanged(stored.comment));
        }
        self.tell(key, slot, stored, time_ms, None)
    }

    fn tell(
        &mut self,
        key: &Key,
        slot: Slot,
        mut stored: StoredComment,
        time_ms: i64,
        member: Option<&MemberId>,
    ) -> Result<Outcome, Halt> {
        debug_assert_eq!(stored.comment.channel, key.channel);
        let offset = self.channels.take_offset(slot);
        self.connection
            .prepare_cached(
                "UPDATE comment SET told_ms = ?2, untold = 0, changed_offset = ?3, changed_ms = ?2 WHERE number = ?1",
            )?
            .execute((stored.number, time_ms, offset))?;
        let previous = stored.comment.offset.unwrap_or(0);
        stored.comment.offset = Some(offset);
        let data = Some(reactions_told(&stored.comment));
        let news = News::Comment { kind: Kind::Reaction, made: stored.made.unwrap_or(offset), previous, data, time_ms };
        let comment = match member {
            Some(member) => self.mine(stored.number, stored.comment, member)?,
            None => stored.comment,
        };
        let position = Some(self.channels.position(slot, offset));
        Ok(Outcome { appended: Appended::now(position, Some(comment)), news: Some(news) })
    }

    /// Whether it is new. A guest's address counts for a few of its comment's reactions, whoever's they are.
    fn add(&self, comment: i64, reaction: &Reaction) -> rusqlite::Result<bool> {
        if let Some(address) = &reaction.address_key {
            let there: u32 = self
                .connection
                .prepare_cached("SELECT count(*) FROM reaction WHERE comment = ?1 AND address = ?2")?
                .query_row((comment, address), |row| row.get(0))?;
            if there >= reaction.address_max {
                return Ok(false);
            }
        }
        let added = self
            .connection
            .prepare_cached(
                "INSERT INTO reaction (comment, member, name, address) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            )?
            .execute((comment, reaction.member.as_str(), &reaction.name, &reaction.address_key))?;
        Ok(added > 0)
    }

    fn remove(&self, comment: i64, reaction: &Reaction) -> rusqlite::Result<bool> {
        let removed = self
            .connection
            .prepare_cached("DELETE FROM reaction WHERE comment = ?1 AND member = ?2 AND name = ?3 RETURNING 1")?
            .query_row((comment, reaction.member.as_str(), &reaction.name), |_| Ok(()))
            .optional()?;
        Ok(removed.is_some())
    }

    fn mine(
        &self,
        number: i64,
        comment: crate::comment::Comment,
        member: &MemberId,
    ) -> rusqlite::Result<crate::comment::Comment> {
        with_mine(&self.connection, number, comment, member.as_str())
    }
}
