//! A thread goes into another channel, which may be of another partition and on another server: in steps, each of which may be done
//! again, so that a fold that was interrupted is finished by asking for it once more.
//!
//! First the old channel becomes another name, which all its scripts refuse: nothing of it changes any more. Then the new one makes room
//! above its top for as many offsets as the old one had, in an epoch of its own, and goes on above them. Comments and publications come
//! over piece by piece, each piece first put where it goes, then noted where its ids say, then dropped where it was. Last the
//! other names follow, readers of the old channel are told where to go, and those of the new one that all is here. Whoever reads the new
//! channel meanwhile sees what has come by then.

use std::collections::BTreeMap;

use redis::{Value, cmd};

use super::answer::{Parts, strange, text};
use super::log::script;
use super::tag::partition;
use super::{Call, Ledger, Script, keys};
use crate::backend::Fault;
use crate::backend::pages::Fold;
use crate::channel::{ChannelName, Key};
use crate::comment::CommentId;

static FROM: Script = script!(writing, "fold from", "any_name", "stand", "fold_from");
static INTO: Script = script!(writing, "fold into", "any_name", "stand", "index", "fold_into");
static TAKE: Script = script!(reading, "fold take", "any_name", "fold_take");
static PUT: Script = script!(writing, "fold put", "name", "stand", "change", "resident", "fold_put");
static DROP: Script = script!(writing, "fold drop", "any_name", "stand", "change", "resident", "fold_drop");
static READ: Script = script!(reading, "fold read", "any_name", "fold_read");
static PUBLISH: Script = script!(writing, "fold publish", "name", "stream", "fold_publish");

/// Comments and publications that come over at once.
const PIECE: usize = 64;
/// What these may weigh, give or take one.
const PIECE_BYTES: usize = 1 << 20;
/// What a comment is taken as: its id, since when it is withdrawn, and five values.
const COMMENT_PARTS: usize = 7;
const PUBLICATION_PARTS: usize = 4;

/// What was found where a thread is.
struct Found {
    /// The fold's own name.
    fold: String,
    top: i64,
    whole: i64,
    views: i64,
    is_anything: bool,
    thread: Vec<String>,
}

impl Ledger {
    /// All of one channel goes into the other; `bare`: unless comments hang on it.
    pub(super) async fn carry_over(&self, fold: &Fold, bare: bool) -> Result<(), Fault> {
        if fold.from == fold.into {
            return Err(Fault::PageTaken);
        }
        let (from, into) = (Key::new(fold.site.clone(), fold.from.clone()), Key::new(fold.site.clone(), fold.into.clone()));
        self.step_into(&into, "ready", &from, |call| call).await?;
        let Some(found) = self.begin(&from, &into, bare).await? else { return Ok(()) };
        if found.is_anything {
            let page = fold.page.as_ref().map_or(("", ""), |page| (&page.url, &page.title));
            let reserved = self
                .step_into(&into, "reserve", &from, |call| {
                    let call = call.arg(&found.fold).arg(found.top).arg(found.whole).arg(found.views).arg(&found.thread);
                    call.arg(page.0).arg(page.1)
                })
                .await?;
            let Value::Int(base) = reserved else { return Err(Fault::OutcomeUnknown) };
            self.carry_publications(&from, &into, base).await?;
            self.carry_comments(&from, &into, base).await?;
        }
        self.lead_names(&from, &into).await?;
        let verb = self.link.verb();
        self.step_from(&from, "tell", &into, verb).await?;
        if found.is_anything {
            self.step_into(&into, "settle", &from, |call| call.arg(verb)).await?;
        }
        self.step_from(&from, "end", &into, &found.fold).await.map(drop)
    }

    async fn step_from(&self, from: &Key, step: &str, into: &Key, with: &str) -> Result<Value, Fault> {
        self.script(partition(from), &self.call(&FROM, from).arg(step).arg(into.channel.as_str()).arg(with)).await
    }

    async fn step_into(&self, into: &Key, step: &str, from: &Key, with: impl FnOnce(Call) -> Call) -> Result<Value, Fault> {
        self.about(into, &with(self.call(&INTO, into).arg(step).arg(from.channel.as_str()))).await
    }

    /// From now on the one is another name of the other; `None` where it was before, and all is done.
    async fn begin(&self, from: &Key, into: &Key, bare: bool) -> Result<Option<Found>, Fault> {
        let answer = self.step_from(from, "begin", into, if bare { "bare" } else { "" }).await?;
        if let Value::BulkString(word) = &answer {
            return if word == b"done" { Ok(None) } else { Err(Fault::PageTaken) };
        }
        let mut parts = Parts::of(answer)?;
        Ok(Some(Found {
            fold: parts.text()?,
            top: parts.number()?,
            whole: parts.number()?,
            views: parts.number()?,
            is_anything: parts.number()? == 1,
            thread: parts.parts()?.texts()?,
        }))
    }

    async fn carry_publications(&self, from: &Key, into: &Key, base: i64) -> Result<(), Fault> {
        let mut after = "0".to_owned();
        loop {
            let call = self.call(&READ, from).arg(&after).arg(PIECE).arg(PIECE_BYTES);
            let texts = Parts::of(self.script(partition(from), &call).await?)?.texts()?;
            let Some(last) = texts.chunks_exact(PUBLICATION_PARTS).next_back() else { return Ok(()) };
            after = last[0].clone();
            self.about(into, &self.call(&PUBLISH, into).arg(base).arg(texts)).await?;
        }
    }

    async fn carry_comments(&self, from: &Key, into: &Key, base: i64) -> Result<(), Fault> {
        let is_far = partition(from) != partition(into);
        let mut before = Vec::new();
        loop {
            let call = self.call(&TAKE, from).arg(PIECE).arg(PIECE_BYTES).arg(if is_far { "1" } else { "" });
            let taken = Parts::of(self.script(partition(from), &call).await?)?.bytes()?;
            let ids: Vec<Vec<u8>> = taken.chunks_exact(COMMENT_PARTS).map(|comment| comment[0].clone()).collect();
            if ids.is_empty() {
                return Ok(());
            }
            if ids == before {
                return Err(strange());
            }
            let near = if is_far { String::new() } else { keys::name(from) };
            self.about(into, &self.call(&PUT, into).arg(near).arg(base).arg(taken)).await?;
            if is_far {
                self.note_where(&ids, partition(into)).await?;
                self.script(partition(from), &self.call(&DROP, from).arg(&ids)).await?;
            }
            before = ids;
        }
    }

    /// Notes, where their ids say that they are, that these comments are in another partition.
    async fn note_where(&self, ids: &[Vec<u8>], there: u16) -> Result<(), Fault> {
        let mut by_partition: BTreeMap<u16, Vec<String>> = BTreeMap::new();
        for id in ids {
            let id = std::str::from_utf8(id).ok().and_then(|id| CommentId::parse(id).ok()).ok_or_else(strange)?;
            if let Some(said) = keys::partition_of(&id).filter(|said| *said != there) {
                by_partition.entry(said).or_default().push(format!("{}o:{id}", self.at(said)));
            }
        }
        for (said, keys) in by_partition {
            let mut set = cmd("MSET");
            keys.into_iter().for_each(|key| {
                set.arg(key).arg(there);
            });
            self.command(said, &set).await?;
        }
        Ok(())
    }

    /// The other names of the one, and itself, are names of the other.
    async fn lead_names(&self, from: &Key, into: &Key) -> Result<(), Fault> {
        let mut members = cmd("SMEMBERS");
        members.arg(format!("{}w:{}", self.at(partition(from)), keys::name(from)));
        let names = match self.command(partition(from), &members).await? {
            Value::Set(names) | Value::Array(names) => names,
            _ => return Err(strange()),
        };
        for name in names {
            let channel = ChannelName::parse(&text(name)?).map_err(|_| strange())?;
            let name = Key::new(from.site.clone(), channel);
            if name != *into {
                self.step_from(&name, "follow", into, from.channel.as_str()).await?;
                self.step_into(into, "name", &name, |call| call).await?;
            }
        }
        self.step_into(into, "name", from, |call| call).await.map(drop)
    }
}
