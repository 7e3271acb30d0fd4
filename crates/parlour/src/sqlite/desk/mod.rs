//! The moderators' desk in SQLite: changes go through the one writer and are synced like comments, questions to the readers.

use async_trait::async_trait;

use super::{Answer, Sqlite, Task};
use crate::backend::Fault;
use crate::backend::desk::{Block, Desk, Filing, Filings, Hour, NewRecord, Record, Search, Standing, Whom};
use crate::channel::SiteName;
use crate::comment::{CommentId, MemberId};

mod rows;
mod search;

pub(super) use rows::{Change, Changed, block_of, change, records_of};

impl Sqlite {
    async fn changed(&self, site: &SiteName, change: Change) -> Result<Changed, Fault> {
        match self.writer.ask(Task::Desk { site: site.clone(), change }).await? {
            Answer::Desk(changed) => Ok(changed),
            _ => Err(Fault::OutcomeUnknown),
        }
    }

    async fn numbered(&self, site: &SiteName, change: Change) -> Result<u64, Fault> {
        match self.changed(site, change).await? {
            Changed::Number(number) => Ok(number),
            Changed::Block(_) | Changed::Record(_) => Err(Fault::OutcomeUnknown),
        }
    }
}

#[async_trait]
impl Desk for Sqlite {
    async fn standing(
        &self,
        site: &SiteName,
        member: Option<&MemberId>,
        address: Option<&str>,
        now_ms: i64,
    ) -> Result<Standing, Fault> {
        let (site, member, address) = (site.clone(), member.cloned(), address.map(str::to_owned));
        self.readers.ask(move |connection| rows::standing(connection, &site, member.as_ref(), address.as_deref(), now_ms)).await
    }

    async fn filing(&self, site: &SiteName, id: &CommentId) -> Result<Option<Filing>, Fault> {
        let (site, id) = (site.clone(), id.clone());
        self.readers.ask(move |connection| search::one(connection, &site, &id)).await
    }

    async fn search(&self, site: &SiteName, search: Search) -> Result<Filings, Fault> {
        let site = site.clone();
        let before = search.before.as_deref().map(search::cursor).transpose()?;
        self.readers.ask(move |connection| search::page(connection, &site, &search, before)).await
    }

    async fn report(&self, site: &SiteName, id: &CommentId, reporter: &str, time_ms: i64) -> Result<u32, Fault> {
        let change = Change::Report { id: id.clone(), reporter: reporter.to_owned(), time_ms };
        Ok(u32::try_from(self.numbered(site, change).await?).unwrap_or(u32::MAX))
    }

    async fn block(&self, site: &SiteName, block: Block) -> Result<(), Fault> {
        self.numbered(site, Change::Block(block)).await.map(drop)
    }

    async fn unblock(&self, site: &SiteName, whom: &Whom) -> Result<Option<Block>, Fault> {
        match self.changed(site, Change::Unblock(whom.clone())).await? {
            Changed::Block(block) => Ok(block),
            Changed::Number(_) | Changed::Record(_) => Err(Fault::OutcomeUnknown),
        }
    }

    async fn blocks(&self, site: &SiteName, limit: usize) -> Result<Vec<Block>, Fault> {
        let site = site.clone();
        self.readers.ask(move |connection| rows::blocks(connection, &site, limit)).await
    }

    async fn note(&self, site: &SiteName, record: NewRecord) -> Result<u64, Fault> {
        self.numbered(site, Change::Note(record)).await
    }

    async fn records(&self, site: &SiteName, before: Option<u64>, limit: usize) -> Result<Vec<Record>, Fault> {
        let site = site.clone();
        self.readers.ask(move |connection| rows::records(connection, &site, before, limit)).await
    }

    async fn undo(&self, site: &SiteName, id: u64, time_ms: i64) -> Result<Option<Record>, Fault> {
        match self.changed(site, Change::Undo { id, time_ms }).await? {
            Changed::Record(record) => Ok(record),
            Changed::Number(_) | Changed::Block(_) => Err(Fault::OutcomeUnknown),
        }
    }

    async fn setting(&self, site: &SiteName, name: &str) -> Result<Option<String>, Fault> {
        let (site, name) = (site.clone(), name.to_owned());
        self.readers.ask(move |connection| rows::setting(connection, &site, &name)).await
    }

    async fn set(&self, site: &SiteName, name: &str, value: &str) -> Result<(), Fault> {
        self.numbered(site, Change::Set { name: name.to_owned(), value: value.to_owned() }).await.map(drop)
    }

    async fn spend(&self, what: &str, until_ms: i64, now_ms: i64) -> Result<bool, Fault> {
        let change = Change::Spend { what: what.to_owned(), until_ms, now_ms };
        Ok(self.numbered(&SiteName::default(), change).await? > 0)
    }

    async fn hours(&self, site: &SiteName, since_ms: i64) -> Result<Vec<Hour>, Fault> {
        let site = site.clone();
        self.readers.ask(move |connection| rows::hours(connection, &site, since_ms)).await
    }
}
