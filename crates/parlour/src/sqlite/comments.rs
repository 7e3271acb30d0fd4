//! What an append does to comments: posted, edited, deleted. The row, its nonce, the counts of everything above it and its
//! place in the log change together.

use std::collections::BTreeMap;

use parlour_wire::position::Position;
use parlour_wire::push::Kind;
use rusqlite::OptionalExtension;

use super::channels::Slot;
use super::ledger::{Halt, Ledger, News, Outcome, hash};
use super::rows::{StoredComment, gone, role_word, state_word};
use crate::backend::{Appended, Fault, NewComment};
use crate::channel::Key;
use crate::comment::{Comment, CommentId, Format, State, Time};
use crate::moderation::Reason;

/// Who sees a comment in a list; the index of lists begins with it.
pub(super) const NOBODY: i64 = 0;
pub(super) const EVERYONE: i64 = 1;
pub(super) const AUTHOR_AND_MODERATORS: i64 = 2;

/// Where a new comment hangs.
struct Place {
    root: CommentId,
    depth: u32,
    /// Below something that its author alone believes to be shown: so is this.
    is_shadowed: bool,
}

impl Ledger {
    /// A new comment.
    pub(super) fn post(&mut self, key: &Key, new: &NewComment) -> Result<Outcome, Halt> {
        let known = self.channels.find(&self.connection, key)?;
        let nonce = new.nonce.as_deref().map(|nonce| hash(&[new.author.id.as_str(), nonce]));
        let content = hash(&[&new.body, new.parent.as_ref().map_or("", CommentId::as_str)]);
        if let (Some(slot), Some(nonce)) = (known, &nonce)
            && let Some(repeated) = self.posted_before(key, slot, nonce, &content)?
        {
            return Ok(repeated);
        }
        let page_is_known = self.check_thread(key, known, new)?;
        let place = self.place(known, new)?;
        let slot = self.channels.make(&self.connection, key)?;
        if !page_is_known {
            self.note_page(slot, new)?;
        }
        let state = if place.is_shadowed { State::Shadow } else { new.state };
        let offset = (state == State::Approved).then(|| self.channels.take_offset(slot));
        let comment = fresh(key, new, place, state, offset);
        self.insert(slot, &comment, new, nonce, content)?;
        let Some(offset) = offset else {
            return Ok(Outcome { appended: appended(None, comment), news: None });
        };
        self.channels.change(slot).comments += 1;
        self.count_answer(slot, comment.parent.as_ref(), 1)?;
        let position = self.channels.position(slot, offset);
        let news = News::Comment { kind: Kind::CommentCreated, made: offset, previous: 0, data: None, time_ms: new.created_ms };
        Ok(Outcome { appended: appended(Some(position), comment), news: Some(news) })
    }

    /// The comment that this nonce made, as it is now. Once it is deleted nobody knows its content any more, so whatever comes
    /// with its nonce is told that it is gone.
    fn posted_before(&self, key: &Key, slot: Slot, nonce: &[u8; 16], content: &[u8; 16]) -> Result<Option<Outcome>, Halt> {
        let channel = self.channels.at(slot).id;
        let before: Option<(String, Option<[u8; 16]>)> = self
            .connection
            .prepare_cached("SELECT id, content FROM comment WHERE channel = ?1 AND nonce = ?2")?
            .query_row((channel, nonce), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((id, content_before)) = before else { return Ok(None) };
        if content_before.is_some_and(|before| before != *content) {
            return Err(Halt::Refused(Fault::NonceConflict));
        }
        let id = CommentId::parse(&id).map_err(|_| Halt::Refused(Fault::UnknownComment))?;
        let Some(stored) = StoredComment::find(&self.connection, channel, &key.channel, &id)? else { return Ok(None) };
        let position = stored.comment.offset.map(|offset| self.channels.position(slot, offset));
        let appended = Appended { repeated: true, ..Appended::now(position, Some(stored.comment)) };
        Ok(Some(Outcome { appended, news: None }))
    }

    /// Refuses what a closed thread or an unknown page refuses; whether the page's address is known.
    fn check_thread(&self, key: &Key, known: Option<Slot>, new: &NewComment) -> Result<bool, Halt> {
        let thread = match known {
            Some(slot) => self.thread(slot)?.unwrap_or_default(),
            None => Default::default(),
        };
        if thread.closed {
            return Err(Halt::Refused(Fault::ThreadClosed));
        }
        let is_page = key.channel.is_page();
        let page_is_known = !is_page || !thread.url.is_empty();
        if !page_is_known && new.page.is_none() && !new.may_make_page {
            return Err(Halt::Refused(Fault::PageRequired));
        }
        Ok(page_is_known)
    }

    fn place(&self, known: Option<Slot>, new: &NewComment) -> Result<Place, Halt> {
        let Some(parent) = &new.parent else { return Ok(Place { root: new.id.clone(), depth: 0, is_shadowed: false }) };
        let Some(slot) = known else { return Err(Halt::Refused(Fault::ParentNotFound)) };
        let above: Option<(String, u32, bool)> = self
            .connection
            .prepare_cached(
                "SELECT root, depth, state = 'shadow' FROM comment WHERE id = ?1 AND channel = ?2 \
                 AND (state = 'approved' OR (state = 'shadow' AND author_id = ?3))",
            )?
            .query_row((parent.as_str(), self.channels.at(slot).id, new.author.id.as_str()), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let Some((root, depth, is_shadowed)) = above else { return Err(Halt::Refused(Fault::ParentNotFound)) };
        if depth >= new.depth_max {
            return Err(Halt::Refused(Fault::TooDeep));
        }
        let root = CommentId::parse(&root).map_err(|_| Halt::Refused(Fault::ParentNotFound))?;
        Ok(Place { root, depth: depth + 1, is_shadowed })
    }

    fn note_page(&self, slot: Slot, new: &NewComment) -> rusqlite::Result<()> {
        let (url, title) = new.page.as_ref().map_or(("", ""), |page| (&page.url, &page.title));
        self.connection
            .prepare_cached(
                "INSERT INTO thread (channel, url, title, made_ms) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (channel) DO UPDATE \
                 SET url = ?2, title = CASE WHEN title = '' THEN ?3 ELSE title END, \
                 made_ms = CASE WHEN made_ms = 0 THEN ?4 ELSE made_ms END",
            )?
            .execute((self.channels.at(slot).id, url, title, new.created_ms))
            .map(drop)
    }

    fn insert(
        &self,
        slot: Slot,
        comment: &Comment,
        new: &NewComment,
        nonce: Option<[u8; 16]>,
        content: [u8; 16],
    ) -> rusqlite::Result<()> {
        let seen_by = if comment.state == State::Approved { EVERYONE } else { AUTHOR_AND_MODERATORS };
        self.connection
            .prepare_cached(
                "INSERT INTO comment (id, channel, parent, root, depth, author_id, author_name, author_avatar, author_role, \
                 author_verified, email_key, body, html, rendered_by, created_ms, state, seen_by, made_offset, changed_offset, \
                 changed_ms, nonce, content, reason, address_key) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?18, ?15, ?19, ?20, ?21, ?22)",
            )?
            .execute(rusqlite::params![
                comment.id.as_str(),
                self.channels.at(slot).id,
                comment.parent.as_ref().map(CommentId::as_str),
                comment.root.as_str(),
                comment.depth,
                new.author.id.as_str(),
                new.author.name,
                new.author.avatar,
                new.author.role.map(role_word),
                new.author.verified,
                new.email_key,
                new.body,
                new.html,
                new.rendered_by,
                new.created_ms,
                state_word(comment.state),
                seen_by,
                comment.offset,
                nonce,
                content,
                new.reason.map(Reason::word),
                new.address,
            ])
            .map(drop)
    }

    /// One visible descendant more or less for everything above; a tombstone shows only as long as it has one, and what was taken
    /// back is one for all while it has one. The walk is as long as the thread is deep, which the limit of depth bounds.
    pub(super) fn count_answer(&self, slot: Slot, parent: Option<&CommentId>, more: i64) -> rusqlite::Result<()> {
        let channel = self.channels.at(slot).id;
        let mut count = self
            .connection
            .prepare_cached("UPDATE comment SET replies = replies + ?3 WHERE id = ?1 AND channel = ?2 RETURNING parent, state")?;
        let mut above = parent.map(|parent| parent.as_str().to_owned());
        while let Some(id) = above {
            let (next, state): (Option<String>, String) =
                count.query_row((&id, channel, more), |row| Ok((row.get(0)?, row.get(1)?)))?;
            if state != state_word(State::Approved) {
                let sql = "UPDATE comment SET seen_by = CASE WHEN replies > 0 THEN 1 WHEN state IN ('deleted', 'rejected') THEN 0 ELSE 2 END \
                           WHERE id = ?1";
                self.connection.prepare_cached(sql)?.execute([&id])?;
            }
            above = next;
        }
        Ok(())
    }

    /// Another text for a comment. One that is held stays held, and nobody is told.
    pub(super) fn edit(
        &mut self,
        key: &Key,
        id: &CommentId,
        (body, html): (&str, &str),
        rendered_by: u32,
        edited_ms: i64,
    ) -> Result<Outcome, Halt> {
        let (slot, mut stored) = self.living(key, id)?;
        let shown = (stored.comment.state == State::Approved).then(|| self.channels.take_offset(slot));
        self.connection
            .prepare_cached(
                "UPDATE comment SET body = ?2, html = ?3, rendered_by = ?4, edited_ms = ?5, \
                 changed_offset = coalesce(?6, changed_offset), changed_ms = ?5 WHERE number = ?1",
            )?
            .execute((stored.number, body, html, rendered_by, edited_ms, shown))?;
        self.has_withdrawn = true;
        let previous = stored.comment.offset.unwrap_or(0);
        stored.comment.body = body.to_owned();
        stored.comment.html = html.to_owned();
        stored.comment.edited = Some(Time(edited_ms));
        let position = shown.map(|offset| self.channels.position(slot, offset));
        Ok(changed(stored, position, previous, edited_ms))
    }

    /// Takes a comment away: text and author leave the row at once. Of one that nobody was shown nobody is told.
    pub(super) fn delete(&mut self, key: &Key, id: &CommentId, time_ms: i64) -> Result<Outcome, Halt> {
        let (slot, stored) = self.living(key, id)?;
        let shown = (stored.comment.state == State::Approved).then(|| self.channels.take_offset(slot));
        self.blank(stored.number, shown, time_ms)?;
        let previous = stored.comment.offset.unwrap_or(0);
        let mut comment = stored.comment.tombstone();
        comment.offset = shown.or(comment.offset);
        let Some(offset) = shown else {
            return Ok(Outcome { appended: appended(None, comment), news: None });
        };
        let channel = self.channels.change(slot);
        channel.comments = channel.comments.saturating_sub(1);
        self.count_answer(slot, comment.parent.as_ref(), -1)?;
        let made = stored.made.unwrap_or(offset);
        let news = News::Comment { kind: Kind::CommentDeleted, made, previous, data: Some(gone(&comment)), time_ms };
        Ok(Outcome { appended: appended(Some(self.channels.position(slot, offset)), comment), news: Some(news) })
    }

    /// A comment of this channel that is not deleted.
    pub(super) fn living(&mut self, key: &Key, id: &CommentId) -> Result<(Slot, StoredComment), Halt> {
        let unknown = || Halt::Refused(Fault::UnknownComment);
        let slot = self.channels.find(&self.connection, key)?.ok_or_else(unknown)?;
        let stored = StoredComment::find(&self.connection, self.channels.at(slot).id, &key.channel, id)?.ok_or_else(unknown)?;
        if stored.comment.state == State::Deleted { Err(unknown()) } else { Ok((slot, stored)) }
    }
}

/// What came of another text, author or pin: told at its new position, where it has one.
pub(super) fn changed(mut stored: StoredComment, position: Option<Position>, previous: u64, time_ms: i64) -> Outcome {
    let offset = position.as_ref().map(|position| position.offset);
    stored.comment.offset = offset.or(stored.comment.offset);
    let news = offset.map(|offset| News::Comment {
        kind: Kind::CommentUpdated,
        made: stored.made.unwrap_or(offset),
        previous,
        data: None,
        time_ms,
    });
    Outcome { appended: appended(position, stored.comment), news }
}

pub(super) fn appended(position: Option<Position>, comment: Comment) -> Appended {
    Appended::now(position, Some(comment))
}

/// The comment as it is right after it was made.
fn fresh(key: &Key, new: &NewComment, place: Place, state: State, offset: Option<u64>) -> Comment {
    Comment {
        id: new.id.clone(),
        channel: key.channel.clone(),
        offset,
        parent: new.parent.clone(),
        root: place.root,
        depth: place.depth,
        author: Some(new.author.clone()),
        body: new.body.clone(),
        format: Format::Markdown,
        html: new.html.clone(),
        created: Time(new.created_ms),
        edited: None,
        state,
        pinned: false,
        reactions: BTreeMap::new(),
        replies: 0,
        mine: None,
    }
}
