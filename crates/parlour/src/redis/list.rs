//! Reading comments as rows: one by its id, a flat page of a channel's, and counts.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;

use super::answer::{Parts, strange};
use super::entry::StoredComment;
use super::keys;
use super::log::script;
use super::tag::{PARTITIONS, partition};
use super::{Call, Ledger, Script};
use crate::backend::{CommentPage, Counts, Cursor, Fault, HEADS_MAX, List, Query, Sort, Thread};
use crate::channel::{ChannelName, Key, SiteName};
use crate::comment::{Comment, CommentId};

static FIND: Script = script!(reading, "find", "row", "find");
static PAGE: Script = script!(reading, "page", "name", "stand", "row", "page");

impl Ledger {
    /// One comment of a site with its channel, in whatever state.
    pub(super) async fn comment(&self, site: &SiteName, id: &CommentId) -> Result<Option<(ChannelName, Comment)>, Fault> {
        // An id that does not say where it is costs no more than a page of comments does.
        let partitions = keys::partition_of(id).map_or(0..PARTITIONS, |partition| partition..partition + 1);
        let asked = partitions.map(|partition| async move {
            let call = Call::new(&FIND).key(self.at(partition)).arg(id.as_str());
            Parts::of(self.script(partition, &call).await?)
        });
        for mut parts in try_join_all(asked).await? {
            if parts.is_empty() {
                continue;
            }
            let key = keys::named(&parts.text()?).ok_or_else(strange)?;
            if key.site == *site {
                let stored = StoredComment::read(&parts.text()?, &key.channel).ok_or_else(strange)?;
                return Ok(Some((key.channel, stored.comment)));
            }
        }
        Ok(None)
    }

    /// A flat page.
    pub(super) async fn page(&self, key: &Key, query: &Query) -> Result<CommentPage, Fault> {
        let list = List::of(query);
        let cursor = query.before.as_deref().map(|before| Cursor::parse(before, list)).transpose()?;
        let sort = match query.sort {
            Sort::Newest => "newest",
            Sort::Oldest => "oldest",
            Sort::Best => return Err(Fault::Unavailable("the best are not kept in Redis yet".to_owned())),
        };
        let held = match &query.member {
            _ if query.moderator => "all",
            Some(_) => "own",
            None => "",
        };
        let call = self.call(&PAGE, key).arg(sort).arg(query.limit.clamp(1, HEADS_MAX)).arg(held);
        let call = call.arg(query.member.as_deref().unwrap_or_default());
        let call = match &cursor {
            Some(cursor) => call.arg(cursor.created_ms).arg(cursor.id.as_str()),
            None => call,
        };
        let mut parts = Parts::of(self.script(partition(key), &call).await?)?;
        let position = parts.position()?;
        let (total, more) = (parts.count()?, parts.number()? == 1);
        let thread = thread(parts.parts()?)?;
        let mut comments = Vec::new();
        for row in parts.parts()?.texts()? {
            let mut comment = StoredComment::read(&row, &key.channel).ok_or_else(strange)?.comment;
            let state = comment.state;
            comment.state = if query.moderator { state.as_moderators_see_it() } else { state.as_its_author_sees_it() };
            comments.push(comment);
        }
        let next = comments
            .last()
            .filter(|_| more)
            .map(|last| Cursor { created_ms: last.created.0, id: last.id.to_string(), ..Cursor::start() }.written(list));
        Ok(CommentPage { comments, next, more: BTreeMap::new(), total, position, thread })
    }

    /// Counts of many channels, in the order asked.
    pub(super) async fn counts(&self, keys: &[Key]) -> Result<Vec<Counts>, Fault> {
        let fields = keys.iter().map(|key| self.fields(key, &["comments", "views"]));
        let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0);
        let found = try_join_all(fields).await?;
        Ok(found.iter().map(|found| Counts { comments: number(&found[0]), views: number(&found[1]) }).collect())
    }

    /// What is known of a channel's thread.
    pub(super) async fn thread(&self, key: &Key) -> Result<Option<Thread>, Fault> {
        let found = self.fields(key, &["closed", "url", "title"]).await?;
        let [closed, url, title] = found.try_into().map_err(|_| strange())?;
        let thread = |title| Thread { closed: closed.as_deref() == Some("1"), url: url.unwrap_or_default(), title, made_ms: 0 };
        Ok(title.map(thread))
    }

    /// Fields of a channel's hash, as many as asked.
    async fn fields(&self, key: &Key, fields: &[&str]) -> Result<Vec<Option<String>>, Fault> {
        let mut get = redis::cmd("HMGET");
        get.arg(format!("{}l:{}", self.at(partition(key)), keys::name(key))).arg(fields);
        let found: Vec<Option<String>> =
            redis::from_redis_value(self.command(partition(key), &get).await?).map_err(|_| strange())?;
        if found.len() == fields.len() { Ok(found) } else { Err(strange()) }
    }
}

/// The thread as a page answers it: nothing, or whether it is closed, its address and its title.
fn thread(parts: Parts) -> Result<Option<Thread>, Fault> {
    let texts = parts.texts()?;
    match <[String; 3]>::try_from(texts) {
        Ok([closed, url, title]) => Ok(Some(Thread { closed: closed == "1", url, title, made_ms: 0 })),
        Err(texts) if texts.is_empty() => Ok(None),
        Err(_) => Err(strange()),
    }
}
