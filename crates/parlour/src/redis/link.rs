//! The node's way to Redis: calls of scripts and single commands, each by its partition, over a few connections whatever the number of
//! clients. Every call ends within [`CALL_WITHIN`]: with an answer, with [`Fault::Unavailable`] (nothing was stored), or with
//! [`Fault::OutcomeUnknown`] (a script that stores was on its way when the connection broke). Nothing that stores is sent twice.
//! What is asked and what the answers mean is the callers'; messages that come unasked are `carry`'s.
//!
//! Connections speak RESP3: commands answer maps where RESP2 has flat lists (`HGETALL`); what scripts answer is as in RESP2.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use redis::{Cmd, ServerErrorKind, Value};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::chart::Chart;
use super::dial::Dial;
use super::fitness::{self, Kept};
use super::line::Broken;
use super::pilot::{Nudge, Pilot};
use super::place::{Address, Mode, Place};
use super::script::Call;
use crate::backend::Fault;

/// Every call has ended after so long.
pub const CALL_WITHIN: Duration = Duration::from_secs(4);
/// How often a call is sent at most: to a server that was asked too late, that does not know the script, or for a reading on a
/// connection that broke.
const TRIES_MAX: usize = 8;
/// The pause before the next attempt where the servers are about to settle something.
const SETTLE: Duration = Duration::from_millis(50);

/// The connections of a node.
pub struct Link {
    place: Arc<Place>,
    pilot: Pilot,
    kept: Kept,
    replicas: u32,
}

/// What a call asks, and how it may be treated.
enum Ask<'a> {
    Script(&'a Call),
    Command(&'a Cmd),
}

impl Ask<'_> {
    fn writes(&self) -> bool {
        matches!(self, Ask::Script(call) if call.script.writes)
    }

    fn command(&self, whole: bool) -> Cmd {
        match self {
            Ask::Script(call) => call.command(whole),
            Ask::Command(command) => (*command).clone(),
        }
    }
}

impl Link {
    /// Connects. With `replicas`, what is stored is acknowledged when so many of them have it.
    ///
    /// # Errors
    /// [`Fault::Unavailable`] with a sentence for people: nobody answers there, or not as a Redis that can be used.
    pub async fn open(place: &Place, replicas: u32) -> Result<Link, Fault> {
        let place = Arc::new(place.clone());
        let pilot = Pilot::start(Dial::new(place.clone(), replicas)).await.map_err(Fault::Unavailable)?;
        let chart = pilot.chart();
        let asked = join_all(chart.shards().iter().map(|(shard, _)| fitness::of(shard))).await;
        let kept: Vec<Kept> = asked.into_iter().collect::<Result<_, _>>().map_err(Fault::Unavailable)?;
        let kept = kept.into_iter().max().unwrap_or(Kept::Nothing);
        Ok(Link { place, pilot, kept, replicas })
    }

    /// A line for people: where, and how durable.
    pub fn describe(&self) -> String {
        let replicas = match self.replicas {
            0 => String::new(),
            1 => "; acknowledged when a replica has it".to_owned(),
            several => format!("; acknowledged when {several} replicas have it"),
        };
        format!("{}: {}{replicas}", self.place, self.kept.sentence())
    }

    /// What the operator should know of it, if it is something that can be lost.
    pub fn warning(&self) -> Option<&'static str> {
        self.kept.warning()
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The command by which scripts announce: `PUBLISH`, or `SPUBLISH` in a cluster.
    pub fn verb(&self) -> &'static str {
        if self.place.mode == Mode::Cluster { "SPUBLISH" } else { "PUBLISH" }
    }

    pub(super) fn dial(&self) -> &Dial {
        self.pilot.dial()
    }

    pub(super) fn nudge(&self) -> &Nudge {
        self.pilot.nudge()
    }

    pub(super) fn charts(&self) -> watch::Receiver<Arc<Chart>> {
        self.pilot.charts()
    }

    pub(super) async fn look_again(&self, until: Instant) {
        self.pilot.look_again(until).await;
    }

    /// Runs a script in the partition that all its keys are of.
    ///
    /// # Errors
    /// [`Fault::Unavailable`]; [`Fault::OutcomeUnknown`] only for a script that writes.
    pub async fn script(&self, partition: u16, call: &Call) -> Result<Value, Fault> {
        self.ask(partition, &Ask::Script(call)).await
    }

    /// Sends one command whose keys are of the partition, and which may be done twice.
    ///
    /// # Errors
    /// [`Fault::Unavailable`].
    pub async fn command(&self, partition: u16, command: &Cmd) -> Result<Value, Fault> {
        self.ask(partition, &Ask::Command(command)).await
    }

    async fn ask(&self, partition: u16, ask: &Ask<'_>) -> Result<Value, Fault> {
        let until = Instant::now() + CALL_WITHIN;
        let (mut whole, mut asking) = (false, None);
        let mut last = Fault::Unavailable("no server of Redis is known for it".to_owned());
        for _ in 0..TRIES_MAX {
            let chart = self.pilot.chart();
            let imports = asking.take().and_then(|address| chart.at(&address));
            let Some(shard) = imports.or_else(|| chart.shard(partition)) else {
                self.pilot.look_again(until).await;
                continue;
            };
            let answer = match imports {
                Some(shard) => shard.ask_importing(ask.command(whole), ask.writes(), until).await,
                None => shard.ask(ask.command(whole), ask.writes(), until).await,
            };
            match answer {
                Err(Broken::NotSent(why)) => return Err(Fault::Unavailable(why.to_string())),
                Err(Broken::Sent) if ask.writes() => return Err(Fault::OutcomeUnknown),
                Err(Broken::Sent) => last = Fault::Unavailable("the connection to Redis broke".to_owned()),
                Ok(Value::ServerError(error)) => {
                    // A refusal: nothing was done.
                    last = Fault::Unavailable(format!("Redis refused: {} {}", error.code(), error.details().unwrap_or("")));
                    match error.kind() {
                        Some(ServerErrorKind::NoScript) => whole = true,
                        Some(ServerErrorKind::Moved | ServerErrorKind::ReadOnly) => self.pilot.look_again(until).await,
                        Some(ServerErrorKind::Ask) => asking = error.details().and_then(importer),
                        Some(ServerErrorKind::TryAgain) => sleep(SETTLE).await,
                        _ => return Err(last),
                    }
                }
                Ok(value) => return Ok(value),
            }
            if Instant::now() >= until {
                break;
            }
        }
        Err(last)
    }
}

/// The server that a slot is being moved to, as a refusal names it: `SLOT HOST:PORT`.
fn importer(details: &str) -> Option<Address> {
    let (host, port) = details.split_once(' ')?.1.rsplit_once(':')?;
    Some(Address { host: host.to_owned(), port: port.parse().ok()? })
}
