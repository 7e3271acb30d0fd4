//! The pub/sub connection to one server: subscribes to what is wanted of the server's partitions, anew whenever the connection is made
//! anew, and hands on what is announced without ever waiting. Once a second a probe is published over the command connection and is
//! to be heard here; three that were published and not heard, and the connection is made again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use redis::aio::MultiplexedConnection;
use redis::{Pipeline, PushInfo, PushKind, ServerErrorKind, Value};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::announce;
use super::chart::Shard;
use super::line::{Broken, Line, Use, master_only, said};
use super::link::{CALL_WITHIN, Link};
use super::pilot::Nudge;
use super::place::Mode;
use super::wanted::Wanted;

/// Between two probes.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// So many probes published and not heard: the connection is deaf.
const SILENT_MAX: u32 = 3;
/// An unsubscription is answered within so long: others wait for it.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);
/// Channels that one step of a resubscription names.
const CHANNELS_A_STEP: usize = 512;

/// A server's pub/sub connection.
pub(super) struct Ear {
    /// The server.
    pub(super) shard: Arc<Shard>,
    /// Its partitions.
    pub(super) partitions: Vec<u16>,
    line: Arc<Line>,
    listener: Arc<Listener>,
    prober: JoinHandle<()>,
}

struct Listener {
    wanted: Arc<Wanted>,
    partitions: Vec<u16>,
    verbs: Verbs,
    probe: String,
    nudge: Nudge,
    /// Probes published since the last that was heard.
    silent: AtomicU32,
}

/// How it is said, sharded or not.
#[derive(Clone, Copy)]
pub(super) struct Verbs {
    publish: &'static str,
    subscribe: &'static str,
    unsubscribe: &'static str,
}

impl Verbs {
    pub(super) fn of(mode: &Mode) -> Verbs {
        match mode {
            Mode::Cluster => Verbs { publish: "SPUBLISH", subscribe: "SSUBSCRIBE", unsubscribe: "SUNSUBSCRIBE" },
            _ => Verbs { publish: "PUBLISH", subscribe: "SUBSCRIBE", unsubscribe: "UNSUBSCRIBE" },
        }
    }
}

impl Ear {
    /// Begins to listen to the partitions of a server.
    pub(super) fn start(link: &Link, shard: &Arc<Shard>, partitions: &[u16], wanted: &Arc<Wanted>) -> Ear {
        let place = link.place();
        let at = announce::at(place.database, partitions.first().copied().unwrap_or_default());
        let listener = Arc::new(Listener {
            wanted: wanted.clone(),
            partitions: partitions.to_vec(),
            verbs: Verbs::of(&place.mode),
            probe: format!("{at}probe:{:016x}", rand::random::<u64>()),
            nudge: link.nudge().clone(),
            silent: AtomicU32::new(0),
        });
        let line = Arc::new(Line::start(link.dial().clone(), shard.address.clone(), listener.clone()));
        let prober = tokio::spawn(probe(listener.clone(), line.clone(), shard.clone()));
        Ear { shard: shard.clone(), partitions: partitions.to_vec(), line, listener, prober }
    }

    /// Whether what is published arrives here, as far as publishing works.
    pub(super) fn hears(&self) -> bool {
        self.listener.silent.load(Ordering::Relaxed) < SILENT_MAX
    }

    /// Subscribes to one more channel.
    pub(super) async fn subscribe(&self, voice: &str, until: Instant) -> Result<Value, Broken> {
        self.line.ready(until).await?;
        if self.listener.wanted.is_heard(voice) {
            // The connection was made meanwhile, and this was in its first words.
            return Ok(Value::Okay);
        }
        let answers = self.line.ask(&each(self.listener.verbs.subscribe, &[voice]), until).await?;
        Ok(answers.into_iter().next().unwrap_or(Value::Nil))
    }

    /// Subscribes no longer to those of these, with their partitions, that are its own. Where that fails the connection is made
    /// again, without them.
    pub(super) async fn unsubscribe(&self, leaving: &[(Arc<str>, u16)]) {
        let own = leaving.iter().filter(|(_, partition)| self.partitions.contains(partition));
        let own: Vec<&str> = own.map(|(voice, _)| &**voice).collect();
        if !own.is_empty() {
            let _ = self.line.ask(&each(self.listener.verbs.unsubscribe, &own), Instant::now() + LEAVE_WITHIN).await;
        }
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.prober.abort();
    }
}

/// The same command for each channel: each has its own answer.
fn each(verb: &str, voices: &[impl AsRef<str>]) -> Pipeline {
    let mut commands = Pipeline::with_capacity(voices.len());
    for voice in voices {
        commands.cmd(verb).arg(voice.as_ref());
    }
    commands
}

async fn probe(listener: Arc<Listener>, line: Arc<Line>, shard: Arc<Shard>) {
    let mut publish = Pipeline::new();
    publish.cmd(listener.verbs.publish).arg(&listener.probe).arg("");
    let mut ping = Pipeline::new();
    ping.cmd("PING");
    let mut ticks = interval(PROBE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let until = Instant::now() + CALL_WITHIN;
        // The other connection is asked too: one that died silently is found before somebody's comment depends on it.
        let (published, _) = tokio::join!(shard.reads.ask(&publish, until), shard.writes.ask(&ping, until));
        match published.as_deref() {
            Ok([Value::Int(_)]) => {
                let silent = listener.silent.fetch_add(1, Ordering::Relaxed) + 1;
                if silent.is_multiple_of(SILENT_MAX) {
                    line.give_up();
                }
            }
            // While nothing can be published nothing is to be heard.
            _ => listener.silent.store(0, Ordering::Relaxed),
        }
    }
}

#[async_trait]
impl Use for Listener {
    async fn greet(&self, connection: &mut MultiplexedConnection) -> Result<(), String> {
        let mut voices = self.wanted.of(|partition| self.partitions.contains(&partition));
        master_only(connection).await?;
        voices.push(self.probe.as_str().into());
        for step in voices.chunks(CHANNELS_A_STEP) {
            let answers = said(connection, &each(self.verbs.subscribe, step)).await.ok_or("it broke while subscribing")?;
            if let Some(Value::ServerError(error)) = answers.iter().find(|answer| matches!(answer, Value::ServerError(_))) {
                return Err(format!("{} {}", error.code(), error.details().unwrap_or_default()));
            }
        }
        Ok(())
    }

    fn told(&self, push: PushInfo) -> bool {
        let mut data = push.data.into_iter();
        let Some(Value::BulkString(voice)) = data.next() else { return true };
        let Ok(voice) = str::from_utf8(&voice) else { return true };
        match (push.kind, data.next()) {
            (PushKind::Message | PushKind::SMessage, _) if voice == self.probe => self.silent.store(0, Ordering::Relaxed),
            (PushKind::Message | PushKind::SMessage, Some(Value::BulkString(bytes))) => self.wanted.hear(voice, &bytes),
            (PushKind::Subscribe | PushKind::SSubscribe, _) => self.wanted.stands(voice),
            // Nobody asked for it: the slot has another server now.
            (PushKind::Unsubscribe | PushKind::SUnsubscribe, _) if self.wanted.contains(voice) => return false,
            _ => {}
        }
        true
    }

    fn away(&self) {
        self.nudge.now();
    }
}

/// Whether a server refused because another one has the partition now.
pub(super) fn is_elsewhere(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(error) if error.kind() == Some(ServerErrorKind::Moved))
}
