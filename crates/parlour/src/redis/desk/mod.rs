//! The moderators' desk in Redis: what is a site's own lies in the site's partition, what belongs to comments beside them. Searching is
//! in `search`.

use async_trait::async_trait;
use futures_util::future::try_join_all;
use redis::{Cmd, Value, cmd};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::try_join;

use super::answer::{Parts, strange, text};
use super::log::script;
use super::tag::{self, PARTITIONS, partition_of};
use super::{Call, Ledger, Script, keys};
use crate::backend::Fault;
use crate::backend::desk::{Block, Desk, Filing, Filings, Hour, NewRecord, Record, Search, Standing, Whom};
use crate::channel::{Key, SiteName};
use crate::comment::{CommentId, MemberId};

mod search;

static REPORT: Script = script!(writing, "report", "desk_report");
static BLOCK: Script = script!(writing, "block", "desk_block");
static NOTE: Script = script!(writing, "note", "desk_note");
static ACTS: Script = script!(reading, "acts", "desk_acts");
static UNDO: Script = script!(writing, "undo", "desk_undo");
static SPEND: Script = script!(writing, "spend", "desk_spend");

/// Rows of one answer at most.
const ROWS_MAX: usize = 1_000;

/// A block, as JSON under whom it blocks.
#[derive(Serialize, Deserialize)]
struct KeptBlock {
    until_ms: Option<i64>,
    since_ms: i64,
    name: String,
}

/// An act, as JSON.
#[derive(Serialize, Deserialize)]
struct Act {
    time_ms: i64,
    by: String,
    act: String,
    target: String,
    undo: String,
}

pub(in crate::redis) fn block(whom: &str, kept: &str) -> Result<Block, Fault> {
    let whom = Whom::parse(whom).ok_or_else(strange)?;
    let KeptBlock { until_ms, since_ms, name } = serde_json::from_str(kept).map_err(|_| strange())?;
    Ok(Block { whom, until_ms, since_ms, name })
}

pub(in crate::redis) fn record(id: u64, act: &str, undone_ms: Option<i64>) -> Result<Record, Fault> {
    let Act { time_ms, by, act, target, undo } = serde_json::from_str(act).map_err(|_| strange())?;
    Ok(Record { id, record: NewRecord { time_ms, by, act, target, undo }, undone_ms })
}

fn json(value: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::Unavailable(error.to_string()))
}

fn number(answer: &Value) -> Result<u64, Fault> {
    match answer {
        Value::Int(number) => u64::try_from(*number).map_err(|_| Fault::OutcomeUnknown),
        _ => Err(Fault::OutcomeUnknown),
    }
}

impl Ledger {
    /// A call about what is a site's own.
    fn of_site(&self, script: &'static Script, site: &SiteName) -> (u16, Call) {
        let partition = partition_of(site.as_str());
        (partition, Call::new(script).key(self.at(partition)).arg(site.as_str()))
    }

    async fn ask_site<T: redis::FromRedisValue>(
        &self,
        site: &SiteName,
        word: &str,
        kind: &str,
        with: impl FnOnce(&mut Cmd),
    ) -> Result<T, Fault> {
        let partition = partition_of(site.as_str());
        let mut command = cmd(word);
        command.arg(format!("{}desk {kind}:{site}", self.at(partition)));
        with(&mut command);
        redis::from_redis_value(self.command(partition, &command).await?).map_err(|_| strange())
    }

    /// Where it is written in which partitions a member may have approved comments: a bit for each. It outlives the comments, so it
    /// does not name the member.
    pub(in crate::redis) fn whereabouts(&self, site: &SiteName, member: &MemberId) -> (u16, String) {
        let partition = partition_of(member.as_str());
        (partition, format!("{}v:{site}\n{:x}", self.at(partition), Sha256::digest(member.as_str())))
    }

    /// Notes that a member has, or is about to have, an approved comment in a channel: `standing` asks only where one may be. One
    /// act with the comment it cannot be; where it fails, the member's next comment is looked at once more.
    pub(in crate::redis) async fn note_author(&self, key: &Key, member: Option<&MemberId>) {
        let Some(member) = member else { return };
        let (partition, at) = self.whereabouts(&key.site, member);
        let mut set = cmd("SETBIT");
        set.arg(at).arg(tag::partition(key)).arg(1);
        if let Err(fault) = self.command(partition, &set).await {
            tracing::warn!(%fault, "where a member's comments are could not be noted");
        }
    }

    /// Whether a member has an approved comment on this site. Those partitions are asked that may have one; all of them only for a
    /// member whose comments are gone from there, because a thread moved.
    async fn is_known(&self, site: &SiteName, member: &MemberId) -> Result<bool, Fault> {
        let (partition, at) = self.whereabouts(site, member);
        let mut get = cmd("GET");
        get.arg(at);
        let bits: Option<Vec<u8>> = redis::from_redis_value(self.command(partition, &get).await?).map_err(|_| strange())?;
        let Some(bits) = bits else { return Ok(false) };
        let is_set = |number: &u16| bits.get(usize::from(number / 8)).is_some_and(|byte| byte & (0x80 >> (number % 8)) != 0);
        let (noted, others): (Vec<u16>, Vec<u16>) = (0..PARTITIONS).partition(is_set);
        Ok(self.is_author(site, member, noted).await? || self.is_author(site, member, others).await?)
    }

    async fn is_author(&self, site: &SiteName, member: &MemberId, partitions: Vec<u16>) -> Result<bool, Fault> {
        let asked = partitions.into_iter().map(|partition| async move {
            let mut get = cmd("HGET");
            get.arg(format!("{}u:{site}", self.at(partition))).arg(member.as_str());
            Ok(self.command(partition, &get).await? != Value::Nil)
        });
        Ok(try_join_all(asked).await?.contains(&true))
    }
}

#[async_trait]
impl Desk for Ledger {
    async fn standing(
        &self,
        site: &SiteName,
        member: Option<&MemberId>,
        address: Option<&str>,
        now_ms: i64,
    ) -> Result<Standing, Fault> {
        let whom = [member.cloned().map(Whom::Member), address.map(|hash| Whom::Address(hash.to_owned()))];
        let whom: Vec<String> = whom.into_iter().flatten().map(|whom| whom.written()).collect();
        if whom.is_empty() {
            return Ok(Standing::default());
        }
        let blocks = self.ask_site::<Vec<Option<String>>>(site, "HMGET", "blocks", |get| {
            get.arg(&whom);
        });
        let known = async {
            match member {
                Some(member) => self.is_known(site, member).await,
                None => Ok(false),
            }
        };
        let (kept, is_known) = try_join!(blocks, known)?;
        let mut blocked = None;
        for (whom, kept) in whom.iter().zip(kept) {
            let found = kept.map(|kept| block(whom, &kept)).transpose()?;
            blocked = blocked.or(found.filter(|block| block.holds(now_ms)));
        }
        Ok(Standing { is_known, blocked })
    }

    async fn filing(&self, site: &SiteName, id: &CommentId) -> Result<Option<Filing>, Fault> {
        self.one(site, id).await
    }

    async fn search(&self, site: &SiteName, search: Search) -> Result<Filings, Fault> {
        self.filings(site, &search).await
    }

    async fn report(&self, site: &SiteName, id: &CommentId, reporter: &str, _time_ms: i64) -> Result<u32, Fault> {
        let partitions = keys::partition_of(id).map_or(0..PARTITIONS, |partition| partition..partition + 1);
        let ask = async |partition| {
            let call = Call::new(&REPORT).key(self.at(partition)).arg(site.as_str()).arg(id.as_str()).arg(reporter);
            number(&self.script(partition, &call).await?)
        };
        let mut reports = try_join_all(partitions.map(&ask)).await?.into_iter().max().unwrap_or(0);
        if reports == 0
            && let Some(partition) = self.carried_to(id).await?
        {
            reports = ask(partition).await?;
        }
        Ok(u32::try_from(reports).unwrap_or(u32::MAX))
    }

    async fn block(&self, site: &SiteName, block: Block) -> Result<(), Fault> {
        let kept = json(&KeptBlock { until_ms: block.until_ms, since_ms: block.since_ms, name: block.name })?;
        let (partition, call) = self.of_site(&BLOCK, site);
        self.script(partition, &call.arg(block.whom.written()).arg(kept)).await.map(drop)
    }

    async fn unblock(&self, site: &SiteName, whom: &Whom) -> Result<Option<Block>, Fault> {
        let (partition, call) = self.of_site(&BLOCK, site);
        match self.script(partition, &call.arg(whom.written())).await? {
            Value::Nil => Ok(None),
            kept => block(&whom.written(), &text(kept)?).map(Some),
        }
    }

    async fn blocks(&self, site: &SiteName, limit: usize) -> Result<Vec<Block>, Fault> {
        let kept: Vec<(String, String)> = self.ask_site(site, "HGETALL", "blocks", |_| ()).await?;
        let mut blocks: Vec<Block> = kept.iter().map(|(whom, kept)| block(whom, kept)).collect::<Result<_, _>>()?;
        blocks.sort_by_key(|block| std::cmp::Reverse(block.since_ms));
        blocks.truncate(limit.min(ROWS_MAX));
        Ok(blocks)
    }

    async fn note(&self, site: &SiteName, record: NewRecord) -> Result<u64, Fault> {
        let NewRecord { time_ms, by, act, target, undo } = record;
        let (partition, call) = self.of_site(&NOTE, site);
        number(&self.script(partition, &call.arg(json(&Act { time_ms, by, act, target, undo })?)).await?)
    }

    async fn records(&self, site: &SiteName, before: Option<u64>, limit: usize) -> Result<Vec<Record>, Fault> {
        let (partition, call) = self.of_site(&ACTS, site);
        let call = before.into_iter().fold(call.arg(limit.min(ROWS_MAX)), |call, before| call.arg(before));
        let texts = Parts::of(self.script(partition, &call).await?)?.texts()?;
        let read = |act: &[String]| record(act[0].parse().map_err(|_| strange())?, &act[1], act[2].parse().ok());
        texts.chunks_exact(3).map(read).collect()
    }

    async fn undo(&self, site: &SiteName, id: u64, time_ms: i64) -> Result<Option<Record>, Fault> {
        let (partition, call) = self.of_site(&UNDO, site);
        match self.script(partition, &call.arg(id).arg(time_ms)).await? {
            Value::Nil => Ok(None),
            act => record(id, &text(act)?, Some(time_ms)).map(Some),
        }
    }

    async fn setting(&self, site: &SiteName, name: &str) -> Result<Option<String>, Fault> {
        self.ask_site(site, "HGET", "settings", |get| {
            get.arg(name);
        })
        .await
    }

    async fn set(&self, site: &SiteName, name: &str, value: &str) -> Result<(), Fault> {
        self.ask_site::<Value>(site, "HSET", "settings", |set| {
            set.arg(name).arg(value);
        })
        .await
        .map(drop)
    }

    async fn spend(&self, what: &str, until_ms: i64, _now_ms: i64) -> Result<bool, Fault> {
        let partition = partition_of(what);
        let call = Call::new(&SPEND).key(self.at(partition)).arg(what).arg(until_ms.max(1));
        Ok(number(&self.script(partition, &call).await?)? == 1)
    }

    async fn hours(&self, site: &SiteName, since_ms: i64) -> Result<Vec<Hour>, Fault> {
        let asked = (0..PARTITIONS).map(|partition| async move {
            let mut get = cmd("HGETALL");
            get.arg(format!("{}desk hours:{site}", self.at(partition)));
            let kept = self.command(partition, &get).await?;
            redis::from_redis_value::<Vec<(String, u64)>>(kept).map_err(|_| strange())
        });
        let mut hours = std::collections::BTreeMap::<i64, Hour>::new();
        for (field, times) in try_join_all(asked).await?.into_iter().flatten() {
            let Some((begin_ms, what)) = field.split_once(' ') else { continue };
            let begin_ms = begin_ms.parse().map_err(|_| strange())?;
            let hour = hours.entry(begin_ms).or_insert(Hour { begin_ms, ..Hour::default() });
            if what == "came" { hour.came += times } else { hour.held += times }
        }
        Ok(hours.into_values().filter(|hour| hour.begin_ms >= since_ms).take(ROWS_MAX).collect())
    }
}
