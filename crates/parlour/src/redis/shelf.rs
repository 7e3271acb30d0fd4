//! The shelf in Redis: all records in one partition, because one change may be of any of them. They are few and small.

use async_trait::async_trait;
use redis::Value;

use super::answer::{Parts, strange, text};
use super::log::script;
use super::{Call, Ledger, Script};
use crate::backend::{After, Before, Fault, LISTED_MAX, Shelf, Swap};

static SWAP: Script = script!(writing, "shelf swap", "shelf_swap");
static LIST: Script = script!(reading, "shelf list", "shelf_list");
static RECORD: Script = script!(reading, "shelf record", "shelf_record");
static SWEEP: Script = script!(writing, "shelf sweep", "shelf_sweep");

/// Where the shelf is.
const HERE: u16 = 0;

impl Ledger {
    /// Lets go of some records that are over their time; whether more are.
    pub(super) async fn sweep_shelf(&self, now_ms: i64) -> Result<bool, Fault> {
        Ok(self.script(HERE, &Call::new(&SWEEP).key(self.at(HERE)).arg(now_ms)).await? == Value::Int(1))
    }
}

#[async_trait]
impl Shelf for Ledger {
    async fn record(&self, name: &str, now_ms: i64) -> Result<Option<String>, Fault> {
        match self.script(HERE, &Call::new(&RECORD).key(self.at(HERE)).arg(now_ms).arg(name)).await? {
            Value::Nil => Ok(None),
            record => text(record).map(Some),
        }
    }

    async fn swap(&self, swaps: Vec<Swap>, now_ms: i64) -> Result<bool, Fault> {
        let mut call = Call::new(&SWAP).key(self.at(HERE)).arg(now_ms);
        for Swap { name, before, after } in swaps {
            let (must_be, before) = match before {
                Before::Anything => ("any", String::new()),
                Before::Nothing => ("none", String::new()),
                Before::This(record) => ("this", record),
            };
            let (is_to_be, after, until_ms) = match after {
                After::Nothing => ("gone", String::new(), 0),
                After::Kept(record) => ("kept", record, 0),
                After::Until(record, until_ms) => ("until", record, until_ms),
            };
            call = call.arg(name).arg(must_be).arg(before).arg(is_to_be).arg(after).arg(until_ms);
        }
        match self.script(HERE, &call).await? {
            Value::Int(did) => Ok(did == 1),
            _ => Err(Fault::OutcomeUnknown),
        }
    }

    async fn list(&self, prefix: &str, after: &str, limit: usize, now_ms: i64) -> Result<Vec<(String, String)>, Fault> {
        let call = Call::new(&LIST).key(self.at(HERE)).arg(now_ms).arg(prefix).arg(after).arg(limit.min(LISTED_MAX));
        let mut texts = Parts::of(self.script(HERE, &call).await?)?.texts()?.into_iter();
        let mut listed = Vec::with_capacity(texts.len() / 2);
        while let Some(name) = texts.next() {
            listed.push((name, texts.next().ok_or_else(strange)?));
        }
        Ok(listed)
    }
}
