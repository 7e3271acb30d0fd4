//! What stands under a member's name beside their comments, gathered to be given out: every partition is looked through, as it is when
//! they are to be forgotten (`forget`).

use futures_util::future::try_join_all;
use redis::{Value, cmd};

use super::answer::{Parts, strange, text};
use super::entry;
use super::log::script;
use super::tag::{PARTITIONS, partition_of};
use super::{Call, Ledger, Script, desk};
use crate::backend::Fault;
use crate::backend::desk::{Record, Whom};
use crate::backend::kept::{Kept, Published};
use crate::channel::SiteName;
use crate::comment::{CommentId, MemberId};

static READERS: Script = script!(reading, "kept readers", "row", "kept_readers");
static PUBLICATIONS: Script = script!(reading, "kept publications", "name", "kept_publications");
static ACTS: Script = script!(reading, "kept acts", "kept_acts");

/// Comments or acts that are looked at in one go.
const CHUNK: i64 = 512;
/// Publications; each may be large.
const PUBLICATIONS_CHUNK: usize = 64;

impl Ledger {
    /// All of it, at most so many of each.
    pub(super) async fn kept_of(&self, site: &SiteName, member: &MemberId, limit: usize) -> Result<Kept, Fault> {
        let mut kept = Kept { acts: self.kept_acts(site, member, limit).await?, ..Kept::default() };
        let everywhere = (0..PARTITIONS).map(|partition| self.kept_at(partition, site, member, limit));
        for here in try_join_all(everywhere).await? {
            kept.reactions.extend(here.reactions);
            kept.reports.extend(here.reports);
            kept.publications.extend(here.publications);
        }
        kept.reactions.truncate(limit);
        kept.reports.truncate(limit);
        kept.publications.truncate(limit);
        let partition = partition_of(site.as_str());
        let whom = Whom::Member(member.clone()).written();
        let mut blocked = cmd("HGET");
        blocked.arg(format!("{}desk blocks:{site}", self.at(partition))).arg(&whom);
        kept.block = match self.command(partition, &blocked).await? {
            Value::Nil => None,
            block => Some(desk::block(&whom, &text(block)?)?),
        };
        Ok(kept)
    }

    /// What is in one partition, but what is the site's own.
    async fn kept_at(&self, partition: u16, site: &SiteName, member: &MemberId, limit: usize) -> Result<Kept, Fault> {
        let mut kept = Kept::default();
        let mut passed = 0;
        loop {
            let call = Call::new(&READERS).key(self.at(partition)).arg(site.as_str()).arg(member.as_str());
            let mut texts = Parts::of(self.script(partition, &call.arg(passed).arg(CHUNK)).await?)?.texts()?.into_iter();
            let looked_at: i64 = texts.next().and_then(|count| count.parse().ok()).ok_or_else(strange)?;
            while let (Some(id), Some(lines), Some(reported)) = (texts.next(), texts.next(), texts.next()) {
                let id = CommentId::parse(&id).map_err(|_| strange())?;
                let names = lines.lines().filter_map(|line| line.split_once('\t'));
                kept.reactions.extend(names.map(|(name, _)| (id.clone(), name.to_owned())));
                kept.reports.extend(Some(id).filter(|_| !reported.is_empty()));
            }
            if looked_at < CHUNK || kept.reactions.len().max(kept.reports.len()) >= limit {
                break;
            }
            passed += CHUNK;
        }
        kept.publications = self.kept_publications(partition, site, member, limit).await?;
        Ok(kept)
    }

    async fn kept_publications(
        &self,
        at: u16,
        site: &SiteName,
        member: &MemberId,
        limit: usize,
    ) -> Result<Vec<Published>, Fault> {
        let mut found = Vec::new();
        for key in self.publishing(at, site).await? {
            let mut from = "-".to_owned();
            while found.len() < limit {
                let call = self.call(&PUBLICATIONS, &key).arg(member.as_str()).arg(&from).arg(PUBLICATIONS_CHUNK);
                let answer = match self.about(&key, &call).await {
                    // What is another name by now has nothing of its own.
                    Err(Fault::Moved(_)) => break,
                    answer => answer?,
                };
                let mut texts = Parts::of(answer)?.texts()?.into_iter();
                let last = texts.next().ok_or_else(strange)?;
                while let (Some(id), Some(value)) = (texts.next(), texts.next()) {
                    let offset = id.split('-').next().and_then(|offset| offset.parse().ok()).ok_or_else(strange)?;
                    let (time_ms, data) = entry::published(&value).ok_or_else(strange)?;
                    found.push(Published { channel: key.channel.clone(), offset, time_ms, data: data.to_owned() });
                }
                if last.is_empty() {
                    break;
                }
                from = format!("({last}");
            }
        }
        Ok(found)
    }

    async fn kept_acts(&self, site: &SiteName, member: &MemberId, limit: usize) -> Result<Vec<Record>, Fault> {
        let partition = partition_of(site.as_str());
        let (mut first, mut found) = (1, Vec::new());
        loop {
            let call = Call::new(&ACTS).key(self.at(partition)).arg(site.as_str()).arg(member.as_str());
            let call = call.arg(first).arg(first + CHUNK - 1);
            let mut texts = Parts::of(self.script(partition, &call).await?)?.texts()?.into_iter();
            let more = texts.next().ok_or_else(strange)?;
            while let (Some(id), Some(act), Some(undone)) = (texts.next(), texts.next(), texts.next()) {
                found.push(desk::record(id.parse().map_err(|_| strange())?, &act, undone.parse().ok())?);
            }
            if more.is_empty() || found.len() >= limit {
                found.truncate(limit);
                return Ok(found);
            }
            first += CHUNK;
        }
    }
}
