//! The record of what moderators did, and taking it back: every act is kept with what brings back what was before it, and taking back
//! is an act too.
//!
//! A record holds no text that somebody wrote: one that a moderator edited away lies on the shelf, leaves it by itself when the act can be
//! undone no longer, and at once when its comment is taken away.

use parlour_wire::code::Code;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::moderation::Done;
use super::trust::Trust;
use super::{Asker, Node, told};
use crate::backend::desk::{Block, NewRecord, Whom};
use crate::backend::{After, Append, LISTED_MAX, Swap};
use crate::channel::{ChannelName, Key, SiteName};
use crate::comment::{CommentId, MemberId, State};
use crate::moderation::PolicySetting;
use crate::render;

/// How long an act can be undone, in milliseconds.
const UNDO_MS: i64 = 30 * 86_400_000;

/// What brings back what was before an act. Stored with it.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Undo {
    /// Comments and the states that they had.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) states: Vec<(CommentId, State)>,
    /// Comments, and the names of the records on the shelf that hold what they said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) texts: Vec<(CommentId, String)>,
    /// Comments and whether they were pinned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) pins: Vec<(CommentId, bool)>,
    /// Threads, whether they were closed, and their titles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) threads: Vec<(ChannelName, bool, String)>,
    /// Blocks to be lifted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) lift: Vec<String>,
    /// Blocks to be set again: whom, until, since, name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) block: Vec<(String, Option<i64>, i64, String)>,
    /// Members, and the trust in them that was before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) trust: Vec<(MemberId, Option<Trust>)>,
    /// Rules to be set again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rules: Option<PolicySetting>,
}

impl Undo {
    /// The comments that it is about.
    fn ids(&self) -> Vec<&CommentId> {
        let states = self.states.iter().map(|(id, _)| id);
        states.chain(self.texts.iter().map(|(id, _)| id)).chain(self.pins.iter().map(|(id, _)| id)).collect()
    }
}

/// A block as an act keeps it.
pub(super) fn kept(block: &Block) -> (String, Option<i64>, i64, String) {
    (block.whom.written(), block.until_ms, block.since_ms, block.name.clone())
}

/// An act that was taken back.
#[derive(Debug, Serialize)]
pub struct Undone {
    /// Its id.
    pub record: u64,
    /// What it was: `approve`, `block-all`, `edit`, ….
    pub act: String,
    /// To whom or what, for people to read.
    pub target: String,
    /// The comments that are as they were.
    pub ids: Vec<CommentId>,
}

impl Node {
    /// Takes back what an act did.
    ///
    /// # Errors
    /// [`Code::Expired`] for one that is too old, that there is not, or that was taken back before.
    pub async fn undo(&self, asker: &Asker, id: u64) -> Result<Done, Code> {
        self.moderator(asker)?;
        let now_ms = self.clock.now_ms();
        let record = self.backend.desk.undo(&asker.site, id, now_ms).await.map_err(told)?.ok_or(Code::Expired)?;
        if now_ms - record.record.time_ms > UNDO_MS {
            return Err(Code::Expired);
        }
        let undo: Undo = serde_json::from_str(&record.record.undo).map_err(|_| Code::Internal)?;
        let redo = self.bring_back(&asker.site, undo).await?;
        let ids = redo.ids().into_iter().cloned().collect();
        let (act, target) = (record.record.act, record.record.target);
        let done = self.noted(asker, "undo", act.clone(), redo).await?;
        Ok(Done { undone: Some(Undone { record: id, act, target, ids }), ..done })
    }

    /// Brings back what was; what brings back what is now.
    async fn bring_back(&self, site: &SiteName, undo: Undo) -> Result<Undo, Code> {
        let mut redo = Undo::default();
        for (id, name) in undo.texts {
            redo.texts.extend(self.bring_back_text(site, id, &name).await?);
        }
        for (id, state) in undo.states {
            if let Some(before) = self.set_state(site, &id, state, None).await? {
                redo.states.push((id, before));
            }
        }
        for (id, pinned) in undo.pins {
            let Some((channel, comment)) = self.backend.store.comment(site, &id, None).await.map_err(told)? else { continue };
            let append = Append::Pin { id: id.clone(), pinned, time_ms: self.clock.now_ms() };
            self.decide(&Key::new(site.clone(), channel), append).await?;
            redo.pins.push((id, comment.pinned));
        }
        for (channel, closed, title) in undo.threads {
            let key = Key::new(site.clone(), channel.clone());
            let before = self.backend.store.thread(&key).await.map_err(told)?.unwrap_or_default();
            let append = Append::Thread { closed: Some(closed), title: Some(title), time_ms: self.clock.now_ms() };
            self.backend.log.append(&key, append).await.map_err(told)?;
            redo.threads.push((channel, before.closed, before.title));
        }
        for whom in undo.lift.iter().filter_map(|whom| Whom::parse(whom)) {
            let lifted = self.backend.desk.unblock(site, &whom).await.map_err(told)?;
            redo.block.extend(lifted.as_ref().map(kept));
        }
        for (whom, until_ms, since_ms, name) in undo.block {
            let Some(whom) = Whom::parse(&whom) else { continue };
            redo.lift.push(whom.written());
            self.backend.desk.block(site, Block { whom, until_ms, since_ms, name }).await.map_err(told)?;
        }
        for (id, trust) in undo.trust {
            let before = self.set_trust(site, &id, trust.as_ref()).await?;
            redo.trust.push((id, before));
        }
        if let Some(rules) = undo.rules {
            redo.rules = Some(self.policy_setting(site).await?);
            self.set_rules(site, &rules).await?;
        }
        Ok(redo)
    }

    /// A comment says again what it said, if it is still there; where what it said until now is kept.
    async fn bring_back_text(&self, site: &SiteName, id: CommentId, name: &str) -> Result<Option<(CommentId, String)>, Code> {
        let now_ms = self.clock.now_ms();
        let Some(body) = self.backend.shelf.record(name, now_ms).await.map_err(told)? else { return Ok(None) };
        let Some((channel, comment)) = self.backend.store.comment(site, &id, None).await.map_err(told)? else { return Ok(None) };
        if comment.state == State::Deleted {
            return Ok(None);
        }
        let kept = self.keep_text(site, &id, &comment.body).await?;
        let html = render::render(&body);
        let edit = Append::Edit { id: id.clone(), body, html, rendered_by: render::VERSION, edited_ms: now_ms };
        self.decide(&Key::new(site.clone(), channel), edit).await?;
        Ok(Some((id, kept)))
    }

    /// Keeps what a comment said, so that it can be brought back; the record's name.
    pub(super) async fn keep_text(&self, site: &SiteName, id: &CommentId, body: &str) -> Result<String, Code> {
        let now_ms = self.clock.now_ms();
        let until_ms = now_ms.saturating_add(UNDO_MS.min(self.site_rules(site)?.limits.purge_ms));
        let name = format!("{}{now_ms:015}", texts_of(site, id));
        let swap = Swap::put(name.clone(), After::Until(body.to_owned(), until_ms));
        self.backend.shelf.swap(vec![swap], now_ms).await.map_err(told)?;
        Ok(name)
    }

    /// What a comment said before moderators edited it, as long as that is kept.
    pub(super) async fn kept_texts(&self, site: &SiteName, id: &CommentId) -> Result<Vec<String>, Code> {
        let kept = self.backend.shelf.list(&texts_of(site, id), "", LISTED_MAX, self.clock.now_ms()).await.map_err(told)?;
        Ok(kept.into_iter().map(|(_, text)| text).collect())
    }

    /// Nothing is kept of what a comment once said.
    pub(super) async fn let_texts_go(&self, site: &SiteName, id: &CommentId) -> Result<(), Code> {
        let now_ms = self.clock.now_ms();
        let kept = self.backend.shelf.list(&texts_of(site, id), "", LISTED_MAX, now_ms).await.map_err(told)?;
        for (name, _) in kept {
            self.backend.shelf.swap(vec![Swap::put(name, After::Nothing)], now_ms).await.map_err(told)?;
        }
        Ok(())
    }

    /// Keeps an act and tells the other moderators of it.
    pub(super) async fn noted(&self, asker: &Asker, act: &str, target: String, undo: Undo) -> Result<Done, Code> {
        let record = self.note(&asker.site, &asker.user(), act, target, &undo).await?;
        let told = json!({ "event": "done", "act": act, "by": asker.user(), "ids": undo.ids(), "record": record });
        self.tell_moderators(&asker.site, &told).await;
        Ok(Done { record, changed: undo.ids().len(), undone: None })
    }

    /// Keeps an act.
    pub(super) async fn note(&self, site: &SiteName, by: &str, act: &str, target: String, undo: &Undo) -> Result<u64, Code> {
        let undo =
            if *undo == Undo::default() { String::new() } else { serde_json::to_string(undo).map_err(|_| Code::Internal)? };
        let record = NewRecord { time_ms: self.clock.now_ms(), by: by.to_owned(), act: act.to_owned(), target, undo };
        self.backend.desk.note(site, record).await.map_err(told)
    }
}

/// Where what a comment said is kept.
fn texts_of(site: &SiteName, id: &CommentId) -> String {
    format!("edited/{site}/{id}/")
}
