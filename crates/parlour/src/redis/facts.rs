//! What belongs to no channel: the secret and the keys of applications, in partition 0; views; whether writing works.

use redis::{Cmd, Value, cmd};
use serde::{Deserialize, Serialize};

use super::answer::strange;
use super::log::script;
use super::{Ledger, Script};
use crate::backend::{Fault, KeyRow};
use crate::channel::{Key, SiteName};

static VIEW: Script = script!(writing, "view", "name", "view");

/// Where facts lie.
const HERE: u16 = 0;
/// Keys listed at most.
const KEYS_MAX: usize = 10_000;

/// A key's row, as JSON.
#[derive(Serialize, Deserialize)]
struct Row {
    id: String,
    site: SiteName,
    label: String,
    created_ms: i64,
}

impl From<Row> for KeyRow {
    fn from(row: Row) -> KeyRow {
        KeyRow { id: row.id, site: row.site, label: row.label, created_ms: row.created_ms }
    }
}

fn read(text: &str) -> Result<KeyRow, Fault> {
    serde_json::from_str::<Row>(text).map(KeyRow::from).map_err(|_| strange())
}

impl Ledger {
    fn fact(&self, command: &str, name: &str) -> Cmd {
        let mut command = cmd(command);
        command.arg(format!("{}{name}", self.at(HERE)));
        command
    }

    async fn ask<T: redis::FromRedisValue>(&self, partition: u16, command: &Cmd) -> Result<T, Fault> {
        redis::from_redis_value(self.command(partition, command).await?).map_err(|_| strange())
    }

    /// The secret: made when there is none.
    pub(super) async fn secret(&self) -> Result<[u8; 32], Fault> {
        let fresh: [u8; 32] = rand::random();
        // Several nodes may start at once: the first one's is everyone's.
        let kept: Value = self.ask(HERE, self.fact("SET", "secret").arg(&fresh[..]).arg("NX").arg("GET")).await?;
        match kept {
            Value::Nil => Ok(fresh),
            Value::BulkString(bytes) => bytes.try_into().map_err(|_| strange()),
            _ => Err(strange()),
        }
    }

    pub(super) async fn add_key(&self, hash: &str, row: KeyRow) -> Result<(), Fault> {
        let row = Row { id: row.id, site: row.site, label: row.label, created_ms: row.created_ms };
        let row = serde_json::to_string(&row).map_err(|error| Fault::Unavailable(error.to_string()))?;
        self.ask::<Value>(HERE, self.fact("HSET", "keys").arg(hash).arg(row)).await.map(drop)
    }

    pub(super) async fn find_key(&self, hash: &str) -> Result<Option<KeyRow>, Fault> {
        let row: Option<String> = self.ask(HERE, self.fact("HGET", "keys").arg(hash)).await?;
        row.as_deref().map(read).transpose()
    }

    async fn rows(&self) -> Result<Vec<(String, KeyRow)>, Fault> {
        let rows: Vec<(String, String)> = self.ask(HERE, &self.fact("HGETALL", "keys")).await?;
        rows.into_iter().take(KEYS_MAX).map(|(hash, row)| Ok((hash, read(&row)?))).collect()
    }

    pub(super) async fn keys(&self) -> Result<Vec<KeyRow>, Fault> {
        let mut rows: Vec<KeyRow> = self.rows().await?.into_iter().map(|(_, row)| row).collect();
        rows.sort_by(|left, right| (left.created_ms, &left.id).cmp(&(right.created_ms, &right.id)));
        Ok(rows)
    }

    pub(super) async fn revoke_key(&self, id: &str) -> Result<bool, Fault> {
        let Some((hash, _)) = self.rows().await?.into_iter().find(|(_, row)| row.id == id) else { return Ok(false) };
        self.ask::<bool>(HERE, self.fact("HDEL", "keys").arg(hash)).await
    }

    /// One more view.
    pub(super) async fn count_view(&self, key: &Key) -> Result<u64, Fault> {
        match self.about(key, &self.call(&VIEW, key)).await? {
            Value::Int(views) => u64::try_from(views).map_err(|_| Fault::OutcomeUnknown),
            _ => Err(Fault::OutcomeUnknown),
        }
    }

    /// The smallest write.
    pub(super) async fn check(&self) -> Result<(), Fault> {
        self.ask::<Value>(HERE, self.fact("SET", "check").arg(1)).await.map(drop)
    }
}
