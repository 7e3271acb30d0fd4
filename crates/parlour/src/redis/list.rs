//! Reading comments as rows: one by its id, a page of a channel's, and counts.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use redis::Value;

use super::answer::{Parts, strange};
use super::entry::{self, StoredComment};
use super::keys;
use super::log::script;
use super::tag::{PARTITIONS, partition};
use super::{Call, Ledger, Script};
use crate::backend::told::listed;
use crate::backend::{CommentPage, Counts, Cursor, Fault, HEADS_MAX, List, Query, Sort, Thread, View};
use crate::channel::{ChannelName, Key, SiteName};
use crate::comment::{Comment, CommentId, MemberId};

static FIND: Script = script!(reading, "find", "row", "find");
static PAGE: Script = script!(reading, "page", "name", "stand", "row", "change", "asker", "walk", "tree", "page");

/// What a channel's hash has of its thread; without a title there is none.
pub(super) const THREAD: [&str; 5] = ["closed", "url", "title", "made_ms", "verified"];
/// Larger numbers are not exact in Lua.
const NUMBER_MAX: i64 = 1 << 53;

impl Ledger {
    /// One comment of a site with its channel, in whatever state.
    pub(super) async fn comment(
        &self,
        site: &SiteName,
        id: &CommentId,
        member: Option<&MemberId>,
    ) -> Result<Option<(ChannelName, Comment)>, Fault> {
        // An id that does not say where it is costs no more than a page of comments does.
        let partitions = keys::partition_of(id).map_or(0..PARTITIONS, |partition| partition..partition + 1);
        let find = async |partition| {
            let call = Call::new(&FIND).key(self.at(partition)).arg(id.as_str());
            let call = member.into_iter().fold(call, |call, member| call.arg(member.as_str()));
            Parts::of(self.script(partition, &call).await?)
        };
        let asked = partitions.map(&find);
        let mut answers = try_join_all(asked).await?;
        if answers.iter().all(Parts::is_empty)
            && let Some(partition) = self.carried_to(id).await?
        {
            answers.push(find(partition).await?);
        }
        for mut parts in answers {
            if parts.is_empty() {
                continue;
            }
            let key = keys::named(&parts.text()?).ok_or_else(strange)?;
            if key.site == *site {
                let stored = StoredComment::read(&parts.text()?, &key.channel).ok_or_else(strange)?;
                let mut comment = stored.comment;
                comment.mine = match (member, parts.text()?) {
                    (Some(_), reactions) if !comment.reactions.is_empty() => Some(entry::mine(&reactions)),
                    (member, _) => member.map(|_| entry::mine("")),
                };
                return Ok(Some((key.channel, comment)));
            }
        }
        Ok(None)
    }

    /// A page.
    pub(super) async fn page(&self, key: &Key, query: &Query) -> Result<CommentPage, Fault> {
        let list = List::of(query);
        let cursor = query.before.as_deref().map(|before| Cursor::parse(before, list)).transpose()?;
        let call = self.question(key, query, cursor.as_ref());
        let answer = self.about(key, &call).await?;
        if matches!(&answer, Value::BulkString(word) if word == b"unknown") {
            return Err(Fault::UnknownComment);
        }
        let mut parts = Parts::of(answer)?;
        let position = parts.position()?;
        let total = parts.count()?;
        let thread = thread(parts.parts()?.texts()?)?;
        let next = match <[String; 4]>::try_from(parts.parts()?.texts()?) {
            Ok(next) => Some(cursor_after(list, next)?.written(list)),
            Err(_) => None,
        };
        let mut more = BTreeMap::new();
        for cut in parts.parts()?.texts()?.chunks_exact(3) {
            let id = CommentId::parse(&cut[0]).map_err(|_| strange())?;
            let start = Cursor::start();
            let created_ms = if cut[2].is_empty() { start.created_ms } else { cut[1].parse().map_err(|_| strange())? };
            let score = if cut[2].is_empty() { start.score } else { 0 };
            more.insert(id, Cursor { score, created_ms, id: cut[2].clone(), ..start }.written(List::Answers));
        }
        let mut comments = Vec::new();
        for row in parts.parts()?.texts()?.chunks_exact(2) {
            let comment = StoredComment::read(&row[0], &key.channel).ok_or_else(strange)?.comment;
            let mut comment = listed(comment, query.member.as_deref(), query.moderator);
            comment.mine = query.member.as_ref().map(|_| entry::mine(if comment.reactions.is_empty() { "" } else { &row[1] }));
            comments.push(comment);
        }
        Ok(CommentPage { comments, next, more, total, position, thread })
    }

    fn question(&self, key: &Key, query: &Query, cursor: Option<&Cursor>) -> Call {
        let view = match query.view {
            View::Flat => "flat",
            View::Tree => "tree",
        };
        let sort = match query.sort {
            Sort::Newest => "newest",
            Sort::Oldest => "oldest",
            Sort::Best => "best",
        };
        let id = |id: &Option<CommentId>| id.as_ref().map_or_else(String::new, CommentId::to_string);
        let call = self.call(&PAGE, key).arg(view).arg(sort).arg(query.limit.clamp(1, HEADS_MAX));
        let call = call.arg(query.member.as_deref().unwrap_or_default()).arg(if query.moderator { "1" } else { "" });
        let call = call.arg(id(&query.parent)).arg(id(&query.around));
        let Some(cursor) = cursor else { return call };
        // Lua counts in doubles; nothing that was stored lies beyond.
        let bounded = |number: i64| number.clamp(-NUMBER_MAX, NUMBER_MAX);
        let call = call.arg(if cursor.pinned { "1" } else { "" }).arg(bounded(cursor.score)).arg(bounded(cursor.created_ms));
        call.arg(cursor.id.as_str())
    }

    /// Counts of many channels, in the order asked.
    pub(super) async fn counts(&self, keys: &[Key]) -> Result<Vec<Counts>, Fault> {
        let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0);
        let counts = keys.iter().map(async |key| {
            let mut found = self.fields(key, &["comments", "views", "home"]).await?;
            if let Some(home) = found[2].take() {
                let home = ChannelName::parse(&home).map_err(|_| strange())?;
                found = self.fields(&Key::new(key.site.clone(), home), &["comments", "views", "home"]).await?;
            }
            Ok(Counts { comments: number(&found[0]), views: number(&found[1]) })
        });
        try_join_all(counts).await
    }

    /// What is known of a channel's thread.
    pub(super) async fn thread(&self, key: &Key) -> Result<Option<Thread>, Fault> {
        let found = self.fields(key, &THREAD).await?;
        if found[2].is_none() {
            return Ok(None);
        }
        thread(found.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// Fields of a channel's hash, as many as asked.
    pub(super) async fn fields(&self, key: &Key, fields: &[&str]) -> Result<Vec<Option<String>>, Fault> {
        let mut get = redis::cmd("HMGET");
        get.arg(format!("{}l:{}", self.at(partition(key)), keys::name(key))).arg(fields);
        let found: Vec<Option<String>> =
            redis::from_redis_value(self.command(partition(key), &get).await?).map_err(|_| strange())?;
        if found.len() == fields.len() { Ok(found) } else { Err(strange()) }
    }
}

/// The thread as scripts answer it: nothing, or the texts of [`THREAD`].
pub(super) fn thread(texts: Vec<String>) -> Result<Option<Thread>, Fault> {
    match <[String; 5]>::try_from(texts) {
        Ok([closed, url, title, made_ms, verified]) => {
            let (closed, verified) = (closed == "1", verified == "1");
            Ok(Some(Thread { url, title, closed, verified, made_ms: made_ms.parse().unwrap_or(0) }))
        }
        Err(texts) if texts.is_empty() => Ok(None),
        Err(_) => Err(strange()),
    }
}

/// Where the next page begins: whether among pinned roots, score, created, id.
fn cursor_after(list: List, [pinned, score, created_ms, id]: [String; 4]) -> Result<Cursor, Fault> {
    let is_best = matches!(list, List::Flat(Sort::Best) | List::Roots(Sort::Best));
    let score = if is_best { score.parse().map_err(|_| strange())? } else { 0 };
    Ok(Cursor { pinned: pinned == "1", score, created_ms: created_ms.parse().map_err(|_| strange())?, id })
}
