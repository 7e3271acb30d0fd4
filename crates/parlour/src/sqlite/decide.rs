//! What moderators decide of a comment: whether it is shown, and whether it is pinned. The lists, the counts of everything above
//! it and its place in the log change together with it.

use parlour_wire::push::Kind;

use super::comments::{AUTHOR_AND_MODERATORS, EVERYONE, NOBODY, appended, changed};
use super::ledger::{Halt, Ledger, News, Outcome};
use super::rows::{gone, state_word};
use crate::backend::{Appended, Fault};
use crate::channel::Key;
use crate::comment::{CommentId, State};
use crate::moderation::Reason;

impl Ledger {
    /// Shown, held, or taken for spam.
    pub(super) fn decide(
        &mut self,
        key: &Key,
        id: &CommentId,
        (state, reason): (State, Option<Reason>),
        time_ms: i64,
    ) -> Result<Outcome, Halt> {
        let (slot, mut stored) = self.living(key, id)?;
        let (was, previous) = (stored.comment.state, stored.comment.offset.unwrap_or(0));
        if was == state {
            return Ok(unchanged(stored.comment));
        }
        if state == State::Deleted {
            return Err(Halt::Refused(Fault::UnknownComment));
        }
        let change = match (was, state) {
            (_, State::Approved) => 1,
            (State::Approved, _) => -1,
            _ => 0,
        };
        let offset = (change != 0).then(|| self.channels.take_offset(slot));
        let seen_by = match state {
            State::Approved => EVERYONE,
            _ if stored.comment.replies > 0 => EVERYONE,
            State::Rejected => NOBODY,
            _ => AUTHOR_AND_MODERATORS,
        };
        let made = if state == State::Approved { offset } else { stored.made };
        self.connection
            .prepare_cached(
                "UPDATE comment SET state = ?2, seen_by = ?3, made_offset = ?4, changed_offset = coalesce(?5, changed_offset), \
                 changed_ms = ?6, reason = coalesce(?7, reason), untold = 0 WHERE number = ?1",
            )?
            .execute((stored.number, state_word(state), seen_by, made, offset, time_ms, reason.map(Reason::word)))?;
        stored.comment.state = state;
        stored.comment.offset = offset.or(stored.comment.offset);
        let Some(offset) = offset else { return Ok(Outcome { appended: appended(None, stored.comment), news: None }) };
        let channel = self.channels.change(slot);
        channel.comments = channel.comments.saturating_add_signed(change);
        self.count_answer(slot, stored.comment.parent.as_ref(), change)?;
        let position = Some(self.channels.position(slot, offset));
        let (kind, data) = match state {
            State::Approved => (Kind::CommentCreated, None),
            _ => (Kind::CommentDeleted, Some(gone(&stored.comment))),
        };
        // Who reads late and saw it come into sight before hears of it as new: between the two it was gone.
        let news = News::Comment { kind, made: made.unwrap_or(offset), previous, data, time_ms };
        Ok(Outcome { appended: appended(position, stored.comment), news: Some(news) })
    }

    /// Pinned, or no longer.
    pub(super) fn pin(&mut self, key: &Key, id: &CommentId, pinned: bool, time_ms: i64) -> Result<Outcome, Halt> {
        let (slot, mut stored) = self.living(key, id)?;
        if stored.comment.pinned == pinned {
            return Ok(unchanged(stored.comment));
        }
        let shown = (stored.comment.state == State::Approved).then(|| self.channels.take_offset(slot));
        self.connection
            .prepare_cached(
                "UPDATE comment SET pinned = ?2, changed_offset = coalesce(?3, changed_offset), \
                 changed_ms = CASE WHEN ?3 IS NULL THEN changed_ms ELSE ?4 END WHERE number = ?1",
            )?
            .execute((stored.number, pinned, shown, time_ms))?;
        let previous = stored.comment.offset.unwrap_or(0);
        stored.comment.pinned = pinned;
        let position = shown.map(|offset| self.channels.position(slot, offset));
        Ok(changed(stored, position, previous, time_ms))
    }
}

/// It was so already.
pub(super) fn unchanged(comment: crate::comment::Comment) -> Outcome {
    Outcome { appended: Appended { repeated: true, ..Appended::now(None, Some(comment)) }, news: None }
}
