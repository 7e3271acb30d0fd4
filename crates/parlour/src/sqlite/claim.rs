//! A comment is another member's from now on: a guest's, who signed in.

use super::comments::changed;
use super::ledger::{Halt, Ledger, Outcome};
use super::rows::role_word;
use crate::backend::Fault;
use crate::channel::Key;
use crate::comment::{Author, CommentId, MemberId, State};

impl Ledger {
    /// Puts `author` in place of `from`.
    pub(super) fn claim(
        &mut self,
        key: &Key,
        (id, from): (&CommentId, &MemberId),
        author: &Author,
        time_ms: i64,
    ) -> Result<Outcome, Halt> {
        let (slot, mut stored) = self.living(key, id)?;
        if stored.comment.author.as_ref().is_none_or(|before| before.id != *from) {
            return Err(Halt::Refused(Fault::UnknownComment));
        }
        let shown = (stored.comment.state == State::Approved).then(|| self.channels.take_offset(slot));
        self.connection
            .prepare_cached(
                "UPDATE comment SET author_id = ?2, author_name = ?3, author_avatar = ?4, author_role = ?5, author_verified = ?6, \
                 email_key = NULL, changed_offset = coalesce(?7, changed_offset), changed_ms = ?8 WHERE number = ?1",
            )?
            .execute(rusqlite::params![
                stored.number,
                author.id.as_str(),
                author.name,
                author.avatar,
                author.role.map(role_word),
                author.verified,
                shown,
                time_ms,
            ])?;
        self.has_withdrawn = true;
        let previous = stored.comment.offset.unwrap_or(0);
        stored.comment.author = Some(author.clone());
        let position = shown.map(|offset| self.channels.position(slot, offset));
        Ok(changed(stored, position, previous, time_ms))
    }
}
