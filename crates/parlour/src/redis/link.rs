//! The node's way to Redis: calls of scripts and single commands, each by its partition, over a few connections whatever the number of
//! clients. Every call ends within [`CALL_WITHIN`]: with an answer, with [`Fault::Unavailable`] (nothing was stored), or with
//! [`Fault::OutcomeUnknown`] (a script that stores was on its way when the connection broke). Nothing that stores is sent twice.
//! What is asked and what the answers mean is the callers'; messages that come unasked are `carry`'s.
//!
//! Connections speak RESP3: commands answer maps where RESP2 has flat lists (`HGETALL`); what scripts answer is as in RESP2.

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, Pipeline, ServerErrorKind, Value};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::chart::Chart;
use super::dial::Dial;
use super::line::Broken;
use super::pilot::{Nudge, Pilot};
use super::place::{Mode, Place};
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

    fn commands(&self, whole: bool) -> Pipeline {
        let mut commands = Pipeline::new();
        match self {
            Ask::Script(call) => commands.add_command(call.command(whole)),
            Ask::Command(command) => commands.add_command((*command).clone()),
        };
        commands
    }
}

impl Link {
    /// Connects.
    ///
    /// # Errors
    /// [`Fault::Unavailable`] with a sentence for people: nobody answers there, or not as a Redis that can be used.
    pub async fn open(place: &Place) -> Result<Link, Fault> {
        let place = Arc::new(place.clone());
        let pilot = Pilot::start(Dial::new(place.clone())).await.map_err(Fault::Unavailable)?;
        Ok(Link { place, pilot })
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
        let mut whole = false;
        let mut last = Fault::Unavailable("no server of Redis is known for it".to_owned());
        for _ in 0..TRIES_MAX {
            let chart = self.pilot.chart();
            let Some(shard) = chart.shard(partition) else {
                self.pilot.look_again(until).await;
                continue;
            };
            let line = if ask.writes() { &shard.writes } else { &shard.reads };
            match line.ask(&ask.commands(whole), until).await {
                Err(Broken::NotSent(why)) => return Err(Fault::Unavailable(why.to_string())),
                Err(Broken::Sent) if ask.writes() => return Err(Fault::OutcomeUnknown),
                Err(Broken::Sent) => last = Fault::Unavailable("the connection to Redis broke".to_owned()),
                Ok(answers) => match answers.into_iter().next() {
                    Some(Value::ServerError(error)) => {
                        // A refusal: nothing was done.
                        last = Fault::Unavailable(format!("Redis refused: {} {}", error.code(), error.details().unwrap_or("")));
                        match error.kind() {
                            Some(ServerErrorKind::NoScript) => whole = true,
                            Some(ServerErrorKind::Moved | ServerErrorKind::ReadOnly) => self.pilot.look_again(until).await,
                            Some(ServerErrorKind::TryAgain | ServerErrorKind::Ask) => sleep(SETTLE).await,
                            _ => return Err(last),
                        }
                    }
                    Some(value) => return Ok(value),
                    None => return Err(Fault::OutcomeUnknown),
                },
            }
            if Instant::now() >= until {
                break;
            }
        }
        Err(last)
    }
}
