//! The moderators' desk in Redis: it cannot be asked yet, and says so.

use async_trait::async_trait;

use super::Ledger;
use crate::backend::Fault;
use crate::backend::desk::{Block, Desk, Filings, Hour, NewRecord, Record, Search, Standing, Whom};
use crate::channel::SiteName;
use crate::comment::{CommentId, MemberId};

fn missing<T>() -> Result<T, Fault> {
    Err(Fault::Unavailable("the moderators' desk is not kept in Redis yet".to_owned()))
}

#[async_trait]
impl Desk for Ledger {
    async fn standing(
        &self,
        _site: &SiteName,
        _member: &MemberId,
        _address: Option<&str>,
        _now_ms: i64,
    ) -> Result<Standing, Fault> {
        missing()
    }

    async fn search(&self, _site: &SiteName, _search: Search) -> Result<Filings, Fault> {
        missing()
    }

    async fn report(&self, _site: &SiteName, _id: &CommentId, _reporter: &str, _time_ms: i64) -> Result<u32, Fault> {
        missing()
    }

    async fn block(&self, _site: &SiteName, _block: Block) -> Result<(), Fault> {
        missing()
    }

    async fn unblock(&self, _site: &SiteName, _whom: &Whom) -> Result<Option<Block>, Fault> {
        missing()
    }

    async fn blocks(&self, _site: &SiteName, _limit: usize) -> Result<Vec<Block>, Fault> {
        missing()
    }

    async fn note(&self, _site: &SiteName, _record: NewRecord) -> Result<u64, Fault> {
        missing()
    }

    async fn records(&self, _site: &SiteName, _before: Option<u64>, _limit: usize) -> Result<Vec<Record>, Fault> {
        missing()
    }

    async fn undo(&self, _site: &SiteName, _id: u64, _time_ms: i64) -> Result<Option<Record>, Fault> {
        missing()
    }

    async fn setting(&self, _site: &SiteName, _name: &str) -> Result<Option<String>, Fault> {
        missing()
    }

    async fn set(&self, _site: &SiteName, _name: &str, _value: &str) -> Result<(), Fault> {
        missing()
    }

    async fn spend(&self, _what: &str, _until_ms: i64, _now_ms: i64) -> Result<bool, Fault> {
        missing()
    }

    async fn hours(&self, _site: &SiteName, _since_ms: i64) -> Result<Vec<Hour>, Fault> {
        missing()
    }
}
