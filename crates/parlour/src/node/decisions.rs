//! What is changed of a comment that stands: its text, whether it is shown, whether it is pinned, and that it goes. Each is
//! asked for by its author or a moderator, checked here, and appended to the channel's log.

use parlour_wire::code::Code;

use super::comments::{draft_code, is_own, refused};
use super::moderation::Order;
use super::undo::Undo;
use super::verdict::Writing;
use super::{Asker, Node, told};
use crate::backend::Append;
use crate::channel::Key;
use crate::comment::{Comment, CommentId, State, checked_body};
use crate::hook::event_of;
use crate::render;
use crate::rule::{HookEvent, SiteRules};

/// What is to be changed of a comment; at least one of them.
#[derive(Debug, Default)]
pub struct Change {
    /// Another text.
    pub body: Option<String>,
    /// Moderators: whether it is shown.
    pub state: Option<State>,
    /// Moderators: whether it is pinned.
    pub pinned: Option<bool>,
}

impl Node {
    /// Changes a comment; everything is checked before anything is done. The comment afterwards.
    pub async fn change(&self, asker: &Asker, id: &str, change: Change) -> Result<Comment, Code> {
        let (key, comment) = self.seen_comment(asker, id).await?;
        let rules = self.site_rules(&key.site)?;
        rules.writable()?;
        if comment.state == State::Deleted {
            return Err(Code::UnknownComment);
        }
        if (change.state.is_some() || change.pinned.is_some()) && !asker.who.is_moderator() {
            return Err(refused(asker));
        }
        let body = match &change.body {
            Some(body) => Some(self.checked_edit(asker, &key, &rules, &comment, body)?),
            None => None,
        };
        let is_others = !is_own(asker, &comment);
        let author = comment.author.map(|author| author.name).unwrap_or_default();
        let (mine, mut changed) = (comment.mine, None);
        let id = comment.id;
        if let Some(body) = body {
            let kept = if is_others { Some(self.keep_text(&key.site, &id, &comment.body).await?) } else { None };
            changed = self.edit(asker, &key, (&id, comment.state), &author, body).await?;
            if let Some(kept) = kept {
                // By the comment, not by its author's name: the record outlives both.
                let undo = Undo { texts: vec![(id.clone(), kept)], ..Undo::default() };
                self.noted(asker, "edit", id.to_string(), undo).await?;
            }
        }
        if let Some(pinned) = change.pinned {
            changed = self.decide(&key, Append::Pin { id: id.clone(), pinned, time_ms: self.clock.now_ms() }).await?;
            let undo = Undo { pins: vec![(id.clone(), comment.pinned)], ..Undo::default() };
            self.noted(asker, if pinned { "pin" } else { "unpin" }, id.to_string(), undo).await?;
        }
        if let Some(state) = change.state {
            self.order(asker, Order::of(state, vec![id.clone()])).await?;
            changed = self.backend.store.comment(&key.site, &id, None).await.map_err(told)?.map(|(_, comment)| comment);
        }
        let mut comment = changed.ok_or(Code::BadRequest)?;
        if comment.state == State::Rejected {
            comment = comment.tombstone();
        }
        comment.mine = mine;
        Ok(self.as_seen(asker, &rules, comment))
    }

    /// A text that may take the place of another: of one's own while the window is open, for moderators at any time.
    fn checked_edit(&self, asker: &Asker, key: &Key, rules: &SiteRules, comment: &Comment, body: &str) -> Result<String, Code> {
        if !asker.who.is_moderator() {
            if !is_own(asker, comment) {
                return Err(refused(asker));
            }
            if !rules.limits.may_edit(comment.created.0, self.clock.now_ms()) {
                return Err(Code::EditWindowClosed);
            }
        }
        checked_body(body, &rules.limits, key.channel.sort(&rules.chats)).map_err(draft_code)
    }

    /// Another text, which passes the rules again: one that would be held is out of sight before it takes the old one's place.
    async fn edit(
        &self,
        asker: &Asker,
        key: &Key,
        (id, state): (&CommentId, State),
        name: &str,
        body: String,
    ) -> Result<Option<Comment>, Code> {
        let (html, edited_ms) = (render::render(&body), self.clock.now_ms());
        let sort = self.sort(key)?;
        let page = self.backend.store.thread(key).await.map_err(told)?.unwrap_or_default().url;
        let writing = Writing {
            body: &body,
            name,
            html: &html,
            page: &page,
            is_reply: false,
            is_trapped: false,
            is_over: false,
            proof: None,
        };
        let held = if state == State::Approved { self.verdict_again(asker, key, sort, &writing).await? } else { None };
        if let Some(reason) = held {
            let hold = Append::State { id: id.clone(), state: State::Pending, reason: Some(reason), time_ms: edited_ms };
            self.decide(key, hold).await?;
        }
        let edit = Append::Edit { id: id.clone(), body, html, rendered_by: render::VERSION, edited_ms };
        let edited = self.decide(key, edit).await?;
        if let (Some(reason), Some(comment)) = (held, &edited) {
            self.tell_held(key, comment, reason).await;
        }
        Ok(edited)
    }

    /// Appends it, tells the site's receivers, and answers when what it withdrew has left the ring.
    pub(super) async fn decide(&self, key: &Key, append: Append) -> Result<Option<Comment>, Code> {
        let event = match &append {
            Append::Edit { id, .. } | Append::Pin { id, .. } => Some((id.clone(), HookEvent::Updated)),
            Append::State { id, state, .. } => Some((id.clone(), event_of(*state))),
            Append::Delete { id, .. } => Some((id.clone(), HookEvent::Deleted)),
            _ => None,
        };
        let is_deletion = matches!(append, Append::Delete { .. });
        let appended = self.backend.log.append(key, append).await.map_err(told)?;
        self.withdrawn(key, appended.position.as_ref()).await;
        if let Some((id, event)) = event.filter(|_| !appended.repeated) {
            if is_deletion {
                self.let_texts_go(&key.site, &id).await?;
            }
            self.tell_receivers(key, id, event).await;
        }
        Ok(appended.comment)
    }

    /// Tells the site's receivers. It is in the store when this answers, or when it would have: whoever asked may go away meanwhile.
    pub(super) async fn tell_receivers(&self, key: &Key, id: CommentId, event: HookEvent) {
        if !self.hooks.are_told(&key.site, event) {
            return;
        }
        let (hooks, key, now_ms) = (self.hooks.clone(), key.clone(), self.clock.now_ms());
        // It ends by itself, and does not panic.
        let _ = tokio::spawn(async move { hooks.tell(event, key, id, now_ms).await }).await;
    }

    /// Taken away: by its author at any time, or by a moderator.
    pub async fn delete(&self, asker: &Asker, id: &str) -> Result<(), Code> {
        let (key, comment) = self.seen_comment(asker, id).await?;
        self.site_rules(&key.site)?.writable()?;
        if comment.state == State::Deleted {
            return Err(Code::UnknownComment);
        }
        if is_own(asker, &comment) {
            return self.decide(&key, Append::Delete { id: comment.id, time_ms: self.clock.now_ms() }).await.map(drop);
        }
        if !asker.who.is_moderator() {
            return Err(refused(asker));
        }
        self.order(asker, Order::Reject { ids: vec![comment.id] }).await.map(drop)
    }
}
