//! Presence over nodes. What a node has to say of a channel's readers it notes in one hash per partition, which expires as a whole
//! some beats after its last, and announces to the nodes that read the channel; at most once a second per channel, whatever the number
//! of readers. A beat every two seconds keeps the hashes and says that the node lives ([`super::lease`]). Nobody collects anything:
//! what a dead node left expires. Who asks another node something writes a letter ([`super::mail`]).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use parlour_wire::push::ClientInfo;
use redis::{Value, cmd};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::announce::{self, at, voice};
use super::keys;
use super::lease::{BEAT, LEASE_MS, Register};
use super::mail::Mail;
use super::script::{Call, Script};
use super::tag::partition;
use super::{Carry, Link};
use crate::backend::{Fault, Here, Lanes, News, NodeId, Presence, Unanswered};
use crate::channel::Key;

static BEATS: Script = Script::reading("beat", include_str!("lua/beat.lua"));
static NODES: Script = Script::reading("nodes", include_str!("lua/nodes.lua"));
static HERE: Script = Script::reading("here", include_str!("lua/here.lua"));
static AGAIN: Script = Script::reading("again", include_str!("lua/again.lua"));
static ELSEWHERE: Script = Script::reading("elsewhere", include_str!("lua/elsewhere.lua"));

/// Between two looks at who lives.
const LOOK: Duration = Duration::from_millis(250);
/// A beat that failed is tried again so soon: when Redis is back, the others wait for it.
const BEAT_AGAIN: Duration = Duration::from_millis(250);
/// A node that is silent for so long is forgotten by Redis too.
const FORGET_MS: u64 = 60_000;
/// A channel's number is told at most so often.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Numbers on their way at once.
const TELLING_MAX: usize = 64;
/// Comings and goings that wait to be told; more are dropped.
const CAME_WAITING_MAX: usize = 1024;
/// Channels that one script is asked about, and that one notes.
const CHANNELS_A_CALL: usize = 500;
/// The partition of what says who lives.
const NODES_PARTITION: u16 = 0;

/// The other nodes of a store in Redis.
pub struct Others {
    shared: Arc<Shared>,
    came: mpsc::Sender<(Key, Vec<u8>)>,
    _tasks: JoinSet<()>,
}

struct Shared {
    node: NodeId,
    link: Arc<Link>,
    mail: Arc<Mail>,
    register: Mutex<Register>,
    living: watch::Sender<Arc<[NodeId]>>,
    mine: Mutex<Mine>,
    changed: Notify,
}

/// What this node has to say.
#[derive(Default)]
struct Mine {
    /// By partition: only channels that somebody reads here.
    noted: HashMap<u16, HashMap<Key, Here>>,
    /// Channels whose number is to be told.
    changed: HashMap<Key, Here>,
    /// When it was told last, for those told within the last second.
    told: HashMap<Key, Instant>,
}

impl Others {
    /// Begins to beat; from the answer on this node is one of the others for all others.
    pub async fn start(link: Arc<Link>, carry: &Carry, lanes: Lanes) -> Others {
        let node = NodeId::new(rand::random());
        let living = watch::Sender::new(Arc::default());
        let mail = Mail::new(node.clone(), link.clone(), lanes, living.subscribe());
        // Where it fails it is made good with the connection.
        if let Err(fault) = mail.listen(carry).await {
            tracing::warn!(%fault, "letters of other nodes do not arrive yet");
        }
        let shared = Arc::new(Shared {
            node,
            link,
            mail,
            register: Mutex::default(),
            living,
            mine: Mutex::default(),
            changed: Notify::new(),
        });
        if shared.beat().await {
            shared.look().await;
        }
        let (came, coming) = mpsc::channel(CAME_WAITING_MAX);
        let mut tasks = JoinSet::new();
        tasks.spawn(keep_beating(shared.clone()));
        tasks.spawn(keep_looking(shared.clone()));
        tasks.spawn(keep_telling(shared.clone()));
        tasks.spawn(tell_comings(shared.clone(), coming));
        Others { shared, came, _tasks: tasks }
    }
}

#[async_trait]
impl Presence for Others {
    fn node(&self) -> &NodeId {
        &self.shared.node
    }

    fn others(&self) -> Arc<[NodeId]> {
        self.shared.living.borrow().clone()
    }

    fn here(&self, key: &Key, here: Here) {
        self.shared.mine.lock().changed.insert(key.clone(), here);
        self.shared.changed.notify_one();
    }

    fn came(&self, key: &Key, who: ClientInfo, joined: bool) {
        let text = announce::news(&self.shared.node, &News::Presence { who, joined });
        // Nobody waits for it: where too many come and go, some are not told of.
        let _ = self.came.try_send((key.clone(), text));
    }

    async fn elsewhere(&self, keys: &[Key]) -> Result<Vec<(NodeId, Vec<Here>)>, Fault> {
        self.shared.elsewhere(keys).await
    }

    async fn ask(&self, node: &NodeId, question: Bytes, within: Duration) -> Result<Bytes, Unanswered> {
        self.shared.mail.ask(node, &question, within).await
    }

    async fn leave(&self) {
        self.shared.leave().await;
    }
}

impl Shared {
    fn at(&self, partition: u16) -> String {
        at(self.link.place().database, partition)
    }

    /// The hash of what a node notes of a partition's channels.
    fn hash(&self, partition: u16, node: &NodeId) -> String {
        format!("{}w:{}", self.at(partition), node.as_str())
    }

    fn nodes(&self) -> String {
        format!("{}nodes", self.at(NODES_PARTITION))
    }

    /// Says that this node lives, and that what it noted holds. Whether all of it could be said.
    async fn beat(&self) -> bool {
        let call = Call::new(&BEATS).key(self.nodes()).arg(self.node.as_str()).arg(FORGET_MS);
        let partitions: Vec<u16> = self.mine.lock().noted.keys().copied().collect();
        let mut hashes: FuturesUnordered<_> = partitions.into_iter().map(|partition| self.hold(partition)).collect();
        let mut all = true;
        while let Some(held) = hashes.next().await {
            all &= held;
        }
        // The hashes first: who is alive for the others is also right.
        self.link.script(NODES_PARTITION, &call).await.is_ok() && all
    }

    /// Lets what was noted of a partition hold for another lease; writes it again where it is gone.
    async fn hold(&self, partition: u16) -> bool {
        let mut expire = cmd("PEXPIRE");
        expire.arg(self.hash(partition, &self.node)).arg(LEASE_MS);
        match self.link.command(partition, &expire).await {
            Ok(Value::Int(0)) => self.note_again(partition).await,
            Ok(_) => true,
            Err(_) => false,
        }
    }

    async fn note_again(&self, partition: u16) -> bool {
        let noted: Vec<(Key, Here)> = {
            let mine = self.mine.lock();
            mine.noted.get(&partition).into_iter().flatten().map(|(key, here)| (key.clone(), *here)).collect()
        };
        for step in noted.chunks(CHANNELS_A_CALL) {
            let mut call = Call::new(&AGAIN).key(self.hash(partition, &self.node)).arg(LEASE_MS);
            for (key, here) in step {
                call = call.arg(keys::name(key)).arg(noted_text(*here));
            }
            if self.link.script(partition, &call).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Looks who lives; tells it where it changed.
    async fn look(&self) {
        let answer = self.link.script(NODES_PARTITION, &Call::new(&NODES).key(self.nodes())).await;
        let now = Instant::now();
        let living = {
            let mut register = self.register.lock();
            match answer {
                Ok(answer) => register.look(now, &read_beats(&answer, &self.node)),
                Err(_) => register.away(),
            }
            register.living()
        };
        let before = self.living.borrow().clone();
        if living != before {
            let gone: Vec<NodeId> = before.iter().filter(|node| !living.contains(node)).cloned().collect();
            self.living.send_replace(living);
            self.mail.forget(&gone);
        }
    }

    async fn elsewhere(&self, keys: &[Key]) -> Result<Vec<(NodeId, Vec<Here>)>, Fault> {
        let nodes = self.register.lock().certain();
        let mut all: Vec<(NodeId, Vec<Here>)> =
            nodes.iter().map(|node| (node.clone(), vec![Here::default(); keys.len()])).collect();
        if nodes.is_empty() {
            return Ok(all);
        }
        let mut by_partition: HashMap<u16, Vec<usize>> = HashMap::new();
        for (index, key) in keys.iter().enumerate() {
            by_partition.entry(partition(key)).or_default().push(index);
        }
        let steps = by_partition.iter().flat_map(|(partition, indexes)| {
            indexes.chunks(CHANNELS_A_CALL).map(|step| self.ask_step(*partition, &nodes, keys, step))
        });
        let mut answers: FuturesUnordered<_> = steps.collect();
        while let Some(answer) = answers.next().await {
            let (indexes, noted) = answer?;
            for (at, here) in noted.into_iter().enumerate() {
                if let Some((_, of_node)) = all.get_mut(at / indexes.len()) {
                    of_node[indexes[at % indexes.len()]] = here;
                }
            }
        }
        Ok(all)
    }

    /// What these nodes noted of some channels of one partition.
    async fn ask_step<'a>(
        &self,
        partition: u16,
        nodes: &[NodeId],
        keys: &[Key],
        step: &'a [usize],
    ) -> Result<(&'a [usize], Vec<Here>), Fault> {
        let mut call = Call::new(&ELSEWHERE);
        for node in nodes {
            call = call.key(self.hash(partition, node));
        }
        for index in step {
            call = call.arg(keys::name(&keys[*index]));
        }
        match self.link.script(partition, &call).await? {
            Value::Array(noted) => Ok((step, noted.iter().map(read_noted).collect())),
            _ => Err(Fault::Unavailable("Redis answered something else".to_owned())),
        }
    }

    /// The numbers that may be told now; of others, when the first may.
    fn due(&self) -> (Vec<(Key, Here)>, Option<Duration>) {
        let now = Instant::now();
        let mut mine = self.mine.lock();
        let Mine { noted, changed, told } = &mut *mine;
        told.retain(|_, at| now < *at + TELL_EVERY);
        let mut due = Vec::new();
        let mut next: Option<Duration> = None;
        changed.retain(|key, here| match told.get(key) {
            Some(at) => {
                let left = (*at + TELL_EVERY).saturating_duration_since(now);
                next = Some(next.map_or(left, |next| next.min(left)));
                true
            }
            None => {
                due.push((key.clone(), *here));
                false
            }
        });
        for (key, here) in &due {
            told.insert(key.clone(), now);
            let partition = partition(key);
            let of_partition = noted.entry(partition).or_default();
            match *here == Here::default() {
                true => drop(of_partition.remove(key)),
                false => drop(of_partition.insert(key.clone(), *here)),
            }
            if of_partition.is_empty() {
                noted.remove(&partition);
            }
        }
        (due, next)
    }

    async fn tell(&self, key: Key, here: Here) {
        let partition = partition(&key);
        let noted = if here == Here::default() { String::new() } else { noted_text(here) };
        let call = Call::new(&HERE)
            .key(self.hash(partition, &self.node))
            .arg(keys::name(&key))
            .arg(noted)
            .arg(LEASE_MS)
            .arg(self.link.verb())
            .arg(voice(self.link.place().database, &key))
            .arg(announce::news(&self.node, &News::Here(here)));
        if self.link.script(partition, &call).await.is_err() {
            // Told again a second later, unless it changed meanwhile.
            self.mine.lock().changed.entry(key).or_insert(here);
            self.changed.notify_one();
        }
    }

    /// Nothing that this node noted holds any longer.
    async fn leave(&self) {
        let partitions: Vec<u16> = self.mine.lock().noted.keys().copied().collect();
        for partition in partitions {
            let mut forget = cmd("DEL");
            forget.arg(self.hash(partition, &self.node));
            // What is not forgotten now expires.
            let _ = self.link.command(partition, &forget).await;
        }
        let mut forget = cmd("ZREM");
        forget.arg(self.nodes()).arg(self.node.as_str());
        let _ = self.link.command(NODES_PARTITION, &forget).await;
    }
}

async fn keep_beating(shared: Arc<Shared>) {
    loop {
        let pause = if shared.beat().await { BEAT } else { BEAT_AGAIN };
        sleep(pause).await;
    }
}

async fn keep_looking(shared: Arc<Shared>) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        shared.look().await;
    }
}

async fn keep_telling(shared: Arc<Shared>) {
    loop {
        let (due, next) = shared.due();
        if due.is_empty() {
            tokio::select! {
                () = shared.changed.notified() => {}
                () = sleep(next.unwrap_or(TELL_EVERY)), if next.is_some() => {}
            }
            continue;
        }
        let telling = due.into_iter().map(|(key, here)| shared.tell(key, here));
        futures_util::stream::iter(telling).buffer_unordered(TELLING_MAX).for_each(|()| async {}).await;
    }
}

/// One after the other, so that whoever went is not told of before it came.
async fn tell_comings(shared: Arc<Shared>, mut coming: mpsc::Receiver<(Key, Vec<u8>)>) {
    while let Some((key, text)) = coming.recv().await {
        let mut publish = cmd(shared.link.verb());
        publish.arg(voice(shared.link.place().database, &key)).arg(text);
        if let Err(fault) = shared.link.command(partition(&key), &publish).await {
            tracing::debug!(%fault, "other nodes are not told who came and went");
        }
    }
}

/// `READERS VIEWERS`.
fn noted_text(here: Here) -> String {
    format!("{} {}", here.readers, here.viewers)
}

fn read_noted(noted: &Value) -> Here {
    let text = match noted {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).unwrap_or_default(),
        _ => "",
    };
    let read = || {
        let (readers, viewers) = text.split_once(' ')?;
        Some(Here { readers: readers.parse().ok()?, viewers: viewers.parse().ok()? })
    };
    read().unwrap_or_default()
}

/// The other nodes, each with the time since its last beat.
fn read_beats(answer: &Value, own: &NodeId) -> Vec<(NodeId, Duration)> {
    let Value::Array(words) = answer else { return Vec::new() };
    let read = |pair: &[Value]| match pair {
        [Value::BulkString(node), Value::Int(ago_ms)] => {
            let node = NodeId::parse(std::str::from_utf8(node).ok()?)?;
            Some((node, Duration::from_millis(u64::try_from(*ago_ms).unwrap_or(0))))
        }
        _ => None,
    };
    words.chunks_exact(2).filter_map(read).filter(|(node, _)| node != own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_read_as_it_was_written() {
        let here = Here { readers: 12, viewers: 3 };
        assert_eq!(read_noted(&Value::BulkString(noted_text(here).into_bytes())), here);
        for strange in ["", "1", "x 1", "1 2 3"] {
            assert_eq!(read_noted(&Value::BulkString(strange.into())), Here::default(), "{strange}");
        }
    }

    #[test]
    fn beats_of_others_are_read_and_nothing_else() {
        let (own, other) = (NodeId::new([1; 6]), NodeId::new([2; 6]));
        let text = |text: &str| Value::BulkString(text.into());
        let answer = Value::Array(vec![
            text(own.as_str()),
            Value::Int(3),
            text("strange"),
            Value::Int(5),
            text(other.as_str()),
            Value::Int(-7),
        ]);
        assert_eq!(read_beats(&answer, &own), [(other, Duration::ZERO)]);
        assert!(read_beats(&Value::Nil, &own).is_empty());
    }
}
