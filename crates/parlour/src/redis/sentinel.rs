//! Where the master is, as Sentinels know it. A connection to each of them is kept: it hears of a switch at once, and over it they are
//! asked. They may differ for a moment; the latest configuration counts. Whether the master is one, it is asked itself
//! (`line::master_only`).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use redis::aio::MultiplexedConnection;
use redis::{Pipeline, PushInfo, PushKind, Value, from_redis_value};
use tokio::time::Instant;

use super::chart::Survey;
use super::dial::Dial;
use super::line::{Broken, Line, Use, said};
use super::pilot::Nudge;
use super::place::Address;
use super::tag::PARTITIONS;

/// A Sentinel that says nothing for so long is passed over.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The Sentinels of one master.
pub(super) struct Sentinels {
    name: String,
    lines: Vec<Line>,
}

impl Sentinels {
    /// Begins to connect to all that were named.
    pub(super) fn start(dial: &Dial, name: &str, nudge: &Nudge) -> Sentinels {
        let watcher = Arc::new(Watcher { nudge: nudge.clone() });
        let hosts = dial.place().hosts.clone();
        let dial = dial.to_sentinels();
        let lines = hosts.into_iter().map(|host| Line::start(dial.clone(), host, watcher.clone())).collect();
        Sentinels { name: name.to_owned(), lines }
    }

    /// Asks them all.
    pub(super) async fn survey(&self) -> Result<Survey, String> {
        let until = Instant::now() + ANSWER_WITHIN;
        let mut ask = Pipeline::new();
        ask.cmd("SENTINEL").arg("MASTER").arg(&self.name);
        let answers = join_all(self.lines.iter().map(|line| line.ask(&ask, until))).await;
        // One that refuses this node says why: nobody would find that out from the others' silence.
        let why = answers.iter().find_map(|answer| match answer {
            Err(Broken::NotSent(why)) => Some(format!(": {why}")),
            _ => None,
        });
        let known = answers.into_iter().flatten().flatten().filter_map(master);
        let (_, address) = known
            .max_by_key(|(epoch, _)| *epoch)
            .ok_or_else(|| format!("no Sentinel knows a master {}{}", self.name, why.unwrap_or_default()))?;
        Ok(Survey::from([(address, (0..PARTITIONS).collect())]))
    }
}

/// What one of them says: the epoch of its configuration, and the address.
fn master(answer: Value) -> Option<(u64, Address)> {
    let fields: HashMap<String, String> = from_redis_value(answer).ok()?;
    let port = fields.get("port")?.parse().ok()?;
    Some((fields.get("config-epoch")?.parse().ok()?, Address { host: fields.get("ip")?.clone(), port }))
}

/// Hears of switches.
struct Watcher {
    nudge: Nudge,
}

#[async_trait]
impl Use for Watcher {
    async fn greet(&self, connection: &mut MultiplexedConnection) -> Result<(), String> {
        let mut subscribe = Pipeline::new();
        subscribe.cmd("SUBSCRIBE").arg("+switch-master");
        said(connection, &subscribe).await.map(drop).ok_or_else(|| "it broke while subscribing".to_owned())
    }

    fn told(&self, push: PushInfo) -> bool {
        if push.kind == PushKind::Message {
            self.nudge.now();
        }
        true
    }

    fn away(&self) {}
}
