//! Pages in Redis: which are there, and where the threads of their other names are. How a thread goes from one channel into another is
//! [`fold`](super::fold)'s.

use async_trait::async_trait;
use futures_util::future::try_join_all;
use redis::{Value, cmd};

use super::answer::{Parts, strange, text};
use super::list::{THREAD, thread};
use super::log::script;
use super::tag::PARTITIONS;
use super::{Call, Ledger, Script, keys};
use crate::backend::Fault;
use crate::backend::pages::{Fold, PageRow, Pages};
use crate::channel::{ChannelName, Key, SiteName};
use crate::comment::CommentId;

static PAGES: Script = script!(reading, "pages", "pages");

/// Pages of one list at most.
const LIMIT_MAX: usize = 1_000;
/// Texts that the script answers for each page.
const PAGE_TEXTS: usize = 7;
/// While a thread is carried over, its old names lead to the new one in more than one step.
const STEPS_MAX: usize = 4;

#[async_trait]
impl Pages for Ledger {
    async fn homes(&self, keys: &[Key]) -> Result<Vec<Key>, Fault> {
        try_join_all(keys.iter().map(|key| self.home_of(key))).await
    }

    async fn pages(&self, site: &SiteName, after: Option<&ChannelName>, limit: usize) -> Result<Vec<PageRow>, Fault> {
        let limit = limit.clamp(1, LIMIT_MAX);
        let mut after = after.map_or(String::new(), ToString::to_string);
        let mut rows = Vec::new();
        loop {
            let (found, is_last) = self.pages_behind(site, &after, limit - rows.len()).await?;
            rows.extend(found);
            rows.truncate(limit);
            match rows.last() {
                Some(last) if !is_last && rows.len() < limit => after = last.channel.to_string(),
                _ => return Ok(rows),
            }
        }
    }

    async fn page(&self, key: &Key) -> Result<Option<PageRow>, Fault> {
        let mut key = key.clone();
        for _ in 0..STEPS_MAX {
            let fields = [&THREAD[..], &["comments", "home", "fold"]].concat();
            let mut found = self.fields(&key, &fields).await?;
            let (is_under_way, home) = (found.pop().flatten().is_some(), found.pop().flatten());
            let comments = found.pop().flatten();
            match home {
                // What is still being carried over is done again by its old name.
                Some(home) if !is_under_way || found[2].is_none() => {
                    key.channel = ChannelName::parse(&home).map_err(|_| strange())?
                }
                _ if found[2].is_none() => return Ok(None),
                _ => {
                    let thread = thread(found.into_iter().map(Option::unwrap_or_default).collect())?;
                    let comments = comments.and_then(|comments| comments.parse().ok()).unwrap_or(0);
                    return Ok(thread.map(|thread| PageRow { channel: key.channel, thread, comments }));
                }
            }
        }
        Ok(None)
    }

    async fn fold(&self, fold: Fold) -> Result<(), Fault> {
        self.carry_over(&fold, false).await
    }

    async fn alias(&self, site: &SiteName, name: &ChannelName, home: &ChannelName) -> Result<(), Fault> {
        let at = self.home_of(&Key::new(site.clone(), home.clone())).await?.channel;
        let fold = Fold { site: site.clone(), from: name.clone(), into: at, page: None };
        self.carry_over(&fold, true).await
    }
}

impl Ledger {
    /// The channel where the thread of this name is.
    async fn home_of(&self, key: &Key) -> Result<Key, Fault> {
        let mut key = key.clone();
        for _ in 0..STEPS_MAX {
            if !key.channel.is_page() {
                break;
            }
            let Some(home) = self.fields(&key, &["home"]).await?.pop().flatten() else { break };
            key.channel = ChannelName::parse(&home).map_err(|_| strange())?;
        }
        Ok(key)
    }

    /// Pages behind this channel: of each partition as many as will do if they are spread evenly, and of all of these those before which
    /// nothing is missing. Whether these were the last.
    async fn pages_behind(&self, site: &SiteName, after: &str, limit: usize) -> Result<(Vec<PageRow>, bool), Fault> {
        let each = limit / usize::from(PARTITIONS) * 2 + 8;
        let asked = (0..PARTITIONS).map(|partition| async move {
            let call = Call::new(&PAGES).key(self.at(partition)).arg(site.as_str()).arg(after).arg(each);
            let texts = Parts::of(self.script(partition, &call).await?)?.texts()?;
            texts.chunks_exact(PAGE_TEXTS).map(page_row).collect::<Result<Vec<_>, Fault>>()
        });
        let found: Vec<Vec<PageRow>> = try_join_all(asked).await?;
        let cut = found.iter().filter(|rows| rows.len() == each).filter_map(|rows| rows.last());
        let known_to = cut.map(|row| row.channel.clone()).min();
        let mut rows: Vec<PageRow> = found.into_iter().flatten().collect();
        rows.retain(|row| known_to.as_ref().is_none_or(|known_to| row.channel <= *known_to));
        rows.sort_by(|left, right| left.channel.cmp(&right.channel));
        Ok((rows, known_to.is_none()))
    }

    /// The partition to which a comment was carried, if it is not where its id says.
    pub(super) async fn carried_to(&self, id: &CommentId) -> Result<Option<u16>, Fault> {
        let Some(partition) = keys::partition_of(id) else { return Ok(None) };
        let mut get = cmd("GET");
        get.arg(format!("{}o:{id}", self.at(partition)));
        match self.command(partition, &get).await? {
            Value::Nil => Ok(None),
            there => text(there)?.parse().ok().filter(|there| *there < PARTITIONS).map(Some).ok_or_else(strange),
        }
    }
}

/// A page as the script answers it: its channel, comments, the thread.
fn page_row(texts: &[String]) -> Result<PageRow, Fault> {
    let channel = ChannelName::parse(&texts[0]).map_err(|_| strange())?;
    let thread = thread(texts[2..].to_vec())?.ok_or_else(strange)?;
    Ok(PageRow { channel, thread, comments: texts[1].parse().unwrap_or(0) })
}
