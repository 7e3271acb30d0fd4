//! The log in Redis: one script gives the offset, stores and announces; another reads a part of the log in one snapshot. A script
//! that was sent and not answered may have run: that is said, and nothing is sent twice.

use std::sync::Arc;

use async_trait::async_trait;
use parlour_wire::position::{Epoch, Position};
use parlour_wire::push::Publisher;

use super::answer::{Parts, strange};
use super::entry::{self, StoredComment};
use super::keys::{self, hash};
use super::tag::partition;
use super::{Call, Carry, Ledger, Script};
use crate::backend::{Append, Appended, Fault, Log, NewComment, Part, REACTIONS_EVERY_MS, Range, Signal};
use crate::channel::Key;
use crate::comment::{CommentId, State};
use crate::moderation::Reason;

/// The logs of all channels: kept by the ledger, carried by pub/sub.
pub struct Logs {
    pub(super) ledger: Arc<Ledger>,
    pub(super) carry: Carry,
}

#[async_trait]
impl Log for Logs {
    async fn append(&self, key: &Key, append: Append) -> Result<Appended, Fault> {
        self.ledger.append(key, append).await
    }

    async fn signal(&self, key: &Key, signal: Signal) -> Result<(), Fault> {
        self.carry.signal(key, &signal).await
    }

    async fn top(&self, key: &Key) -> Result<Position, Fault> {
        self.ledger.top(key).await
    }

    async fn read(&self, key: &Key, range: Range) -> Result<Part, Fault> {
        self.ledger.read(key, range).await
    }

    async fn watch(&self, key: &Key) -> Result<(), Fault> {
        self.carry.watch(key).await
    }

    fn comment_id(&self, key: &Key, drawn: CommentId) -> CommentId {
        keys::marked(partition(key), &drawn)
    }

    async fn unwatch(&self, key: &Key) {
        self.carry.unwatch(key);
    }

    fn may_lose(&self) -> bool {
        true
    }

    fn hears(&self) -> bool {
        self.carry.hears()
    }
}

/// How every script begins: `at` begins all keys of the partition.
macro_rules! script {
    ($kind:ident, $name:literal, $($part:literal),+) => {
        Script::$kind($name, concat!("local at = KEYS[1]\n", $(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/redis/lua/", $part, ".lua"))),+))
    };
}
pub(super) use script;

static PUBLISH: Script = script!(writing, "publish", "name", "stand", "trim", "publish");
static POST: Script = script!(writing, "post", "name", "stand", "row", "change", "tell", "index", "post");
static EDIT: Script = script!(writing, "edit", "name", "stand", "row", "change", "tell", "edit");
static CLAIM: Script = script!(writing, "claim", "name", "stand", "row", "change", "tell", "claim");
pub(super) static DELETE: Script = script!(writing, "delete", "name", "stand", "row", "change", "tell", "delete");
static DECIDE: Script = script!(writing, "decide", "name", "stand", "row", "change", "tell", "decide");
static PIN: Script = script!(writing, "pin", "name", "stand", "row", "change", "tell", "pin");
static REACT: Script = script!(writing, "react", "name", "stand", "row", "change", "react");
static THREAD: Script = script!(writing, "thread", "name", "stand", "index", "thread");
static TOP: Script = script!(reading, "top", "name", "stand", "top");
static READ: Script = script!(reading, "read", "name", "stand", "row", "read");

/// Publications over the limit before the oldest are let go of together: a sixteenth of it, but no more than this.
const SLACK_MAX: u64 = 64;
/// Offsets beyond it are none: Lua counts in doubles.
const OFFSET_MAX: u64 = 1 << 53;

impl Ledger {
    /// A call of a script about a channel.
    pub(super) fn call(&self, script: &'static Script, key: &Key) -> Call {
        Call::new(script).key(self.at(partition(key))).arg(keys::name(key))
    }

    /// Gives the offset, stores and announces.
    pub(super) async fn append(&self, key: &Key, append: Append) -> Result<Appended, Fault> {
        let verb = self.link.verb();
        // Whose comment is shown is known; a note too many does no harm, so it travels beside the comment.
        let shown = match &append {
            Append::Comment(new) if new.state == State::Approved => Some(new.author.id.clone()),
            _ => None,
        };
        // Whose it is, or whether it is shown, is known only when it was done.
        let settles = matches!(append, Append::State { state: State::Approved, .. } | Append::Claim { .. });
        // Who reacts is told which reactions are theirs.
        let has_mine = matches!(append, Append::Reaction(_));
        let call = match append {
            Append::Publication { data, publisher, nonce, time_ms } => {
                self.publication(key, &data, publisher.as_ref(), nonce.as_ref(), time_ms)
            }
            Append::Comment(new) => self.comment_call(key, &new)?,
            Append::Edit { id, body, html, rendered_by, edited_ms } => {
                let text = entry::text(&body, &html);
                self.call(&EDIT, key).arg(verb).arg(id.as_str()).arg(text).arg(rendered_by).arg(edited_ms)
            }
            Append::Claim { id, from, author, time_ms } => {
                let author_told = serde_json::to_string(&author).map_err(|error| Fault::Unavailable(error.to_string()))?;
                let call = self.call(&CLAIM, key).arg(verb).arg(id.as_str()).arg(from.as_str());
                call.arg(author.id.as_str()).arg(author_told).arg(time_ms)
            }
            Append::Delete { id, time_ms } => self.call(&DELETE, key).arg(verb).arg(id.as_str()).arg(time_ms),
            Append::State { id, state, reason, time_ms } => {
                let reason = reason.map_or("", Reason::word);
                self.call(&DECIDE, key).arg(verb).arg(id.as_str()).arg(state.word()).arg(time_ms).arg(reason)
            }
            Append::Pin { id, pinned, time_ms } => {
                self.call(&PIN, key).arg(verb).arg(id.as_str()).arg(if pinned { "1" } else { "" }).arg(time_ms)
            }
            Append::Reaction(reaction) => {
                let call =
                    self.call(&REACT, key).arg(verb).arg(reaction.id.as_str()).arg(reaction.time_ms).arg(REACTIONS_EVERY_MS);
                let call = call.arg(reaction.member.as_str()).arg(reaction.name).arg(if reaction.there { "1" } else { "" });
                call.arg(reaction.address_key.unwrap_or_default()).arg(reaction.address_max)
            }
            Append::Reactions { id, time_ms } => {
                self.call(&REACT, key).arg(verb).arg(id.as_str()).arg(time_ms).arg(REACTIONS_EVERY_MS)
            }
            Append::Page { page, verified, time_ms } => {
                let call = self.call(&THREAD, key).arg(verb).arg("").arg("title").arg(page.title).arg(time_ms);
                call.arg(page.url).arg(if verified { "1" } else { "0" })
            }
            Append::Thread { closed, title, time_ms } => {
                let closed = closed.map_or("", |closed| if closed { "1" } else { "0" });
                let has_title = if title.is_some() { "title" } else { "" };
                self.call(&THREAD, key).arg(verb).arg(closed).arg(has_title).arg(title.unwrap_or_default()).arg(time_ms)
            }
        };
        let (answer, ()) = tokio::join!(self.about(key, &call), self.note_author(key, shown.as_ref()));
        let appended = appended(key, has_mine, answer?)?;
        if let Some(comment) = appended.comment.as_ref().filter(|comment| settles && comment.state == State::Approved) {
            self.note_author(key, comment.author.as_ref().map(|author| &author.id)).await;
        }
        Ok(appended)
    }

    fn publication(
        &self,
        key: &Key,
        data: &str,
        publisher: Option<&Publisher>,
        nonce: Option<&(String, String)>,
        time_ms: i64,
    ) -> Call {
        let keeps_whole = self.keep.whole.as_ref() == Some(&key.channel);
        let kept = if keeps_whole { -1 } else { i64::try_from(self.keep.events).unwrap_or(i64::MAX) };
        let slack = (self.keep.events / 16).min(SLACK_MAX);
        let value = entry::publication(data, publisher, time_ms);
        let call = self.call(&PUBLISH, key).arg(value).arg(self.link.verb()).arg(kept).arg(slack);
        match nonce {
            Some((who, nonce)) => call.arg(hash(&[who, nonce])).arg(hash(&[data])),
            None => call,
        }
    }

    fn comment_call(&self, key: &Key, new: &NewComment) -> Result<Call, Fault> {
        let parent = new.parent.as_ref().map_or("", |parent| parent.as_str());
        let author = serde_json::to_string(&new.author).map_err(|error| Fault::Unavailable(error.to_string()))?;
        let nonce = new.nonce.as_deref().map_or_else(String::new, |nonce| hash(&[new.author.id.as_str(), nonce]));
        let (url, title) = new.page.as_ref().map_or(("", ""), |page| (&page.url, &page.title));
        let (reason, address) = (new.reason.map_or("", Reason::word), new.address.as_deref().unwrap_or_default());
        let call = self.call(&POST, key).arg(self.link.verb()).arg(new.id.as_str()).arg(parent).arg(new.state.word());
        let call = call.arg(new.created_ms).arg(new.author.id.as_str());
        let call = call.arg(format!("{author}\n{}", entry::text(&new.body, &new.html)));
        let call = call.arg(new.email_key.as_deref().unwrap_or_default()).arg(new.rendered_by).arg(new.depth_max);
        let call = call.arg(nonce).arg(hash(&[&new.body, parent]));
        Ok(call.arg(if new.may_make_page { "" } else { "page" }).arg(url).arg(title).arg(reason).arg(address))
    }

    /// The top of a channel's log.
    pub(super) async fn top(&self, key: &Key) -> Result<Position, Fault> {
        Parts::of(self.about(key, &self.call(&TOP, key)).await?)?.position()
    }

    /// Part of a channel's log.
    pub(super) async fn read(&self, key: &Key, range: Range) -> Result<Part, Fault> {
        // Beyond all offsets: everything when read backwards, nothing forwards.
        let after =
            if range.reverse && range.after > OFFSET_MAX { String::new() } else { range.after.min(OFFSET_MAX).to_string() };
        let call = self.call(&READ, key).arg(if range.reverse { "1" } else { "" }).arg(after);
        let call = call.arg(range.entries_max).arg(range.bytes_max);
        let mut parts = Parts::of(self.about(key, &call).await?)?;
        let top = parts.position()?;
        let older = parts.older()?;
        let (whole_from, more) = (parts.count()?, parts.number()? == 1);
        let texts = parts.parts()?.texts()?;
        let entries: Option<Vec<_>> = texts.iter().map(|text| entry::entry(key, text).map(Arc::new)).collect();
        Ok(Part { top, entries: entries.ok_or_else(strange)?, more, whole_from, older })
    }
}

/// What an append answered: a list, or the word of a refusal.
fn appended(key: &Key, has_mine: bool, answer: redis::Value) -> Result<Appended, Fault> {
    if let redis::Value::BulkString(word) = &answer {
        return Err(refusal(word));
    }
    // It was stored, but nobody can say what.
    let unknown = |_| Fault::OutcomeUnknown;
    let mut parts = Parts::of(answer).map_err(unknown)?;
    let (epoch, offset) = (parts.text().map_err(unknown)?, parts.number().map_err(unknown)?);
    let position = match u64::try_from(offset) {
        Ok(offset) => Some(Position { epoch: Epoch::new(&epoch).map_err(|_| Fault::OutcomeUnknown)?, offset }),
        Err(_) => None,
    };
    let repeated = parts.number().map_err(unknown)? == 1;
    let comment = match parts.is_empty() {
        true => None,
        false => {
            let row = parts.text().map_err(unknown)?;
            Some(StoredComment::read(&row, &key.channel).ok_or(Fault::OutcomeUnknown)?.comment)
        }
    };
    let mut appended = Appended { repeated, ..Appended::now(position, comment) };
    if !parts.is_empty() {
        appended.tell_at_ms = Some(parts.number().map_err(unknown)?).filter(|tell_at_ms| *tell_at_ms >= 0);
        let reactions = parts.text().map_err(unknown)?;
        if let Some(comment) = appended.comment.as_mut().filter(|_| has_mine) {
            comment.mine = Some(entry::mine(&reactions));
        }
    }
    Ok(appended)
}

fn refusal(word: &[u8]) -> Fault {
    match word {
        b"conflict" => Fault::NonceConflict,
        b"closed" => Fault::ThreadClosed,
        b"page" => Fault::PageRequired,
        b"parent" => Fault::ParentNotFound,
        b"deep" => Fault::TooDeep,
        b"unknown" => Fault::UnknownComment,
        b"taken" => Fault::Unavailable("a comment of this id is there already".to_owned()),
        _ => Fault::OutcomeUnknown,
    }
}
