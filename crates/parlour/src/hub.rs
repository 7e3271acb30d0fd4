//! All channels that somebody on this node reads: their rings, their readers' outboxes, who is present.
//! The hub takes deliveries and offers them; it never awaits and knows no session. Opening a channel from the log, and when to
//! flush, is the node's business (what filling does is [`fill`]'s); how many read on other nodes it is told ([`elsewhere`]). Locks: a shard
//! of the map, then a channel's state; a ring after either; never two channels.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use parlour_wire::position::{Epoch, Position};
use parlour_wire::push::ClientInfo;
use tokio::sync::{Notify, OnceCell};

use crate::backend::{Delivery, Here, News, NodeId, Signal};
use crate::channel::Key;
use crate::outbox::{Batch, Outbox, SharedRing};
use crate::ring::{Pushed, Ring, RingLimits};

mod elsewhere;
mod fill;
use elsewhere::Elsewhere;

/// Locks of the map; more than cores, so that openings seldom meet.
const SHARDS: usize = 64;
/// Readers that are offered a batch between two chances for others.
pub const SLICE_READERS: usize = 64;
/// Up to so many readers a channel is small: told at once, flushed without linger.
pub const SMALL_READERS: usize = 16;
/// Deliveries that wait while a ring is being filled.
const EARLY_DELIVERIES_MAX: usize = 256;
/// Lost viewers of one channel that are remembered while they linger; beyond that they leave at once.
const GHOSTS_MAX: usize = 10_000;

/// How long a channel without publications is held after its last reader left.
const UNUSED_IDLE: Duration = Duration::from_secs(1);

/// Who reads: shared by all subscriptions of a session.
#[derive(Debug)]
pub struct Viewer {
    /// Connection, member and name.
    pub info: ClientInfo,
    /// Whether it counts as a viewer.
    pub counted: bool,
}

struct Reader {
    outbox: Arc<Outbox>,
    place: u32,
    viewer: Arc<Viewer>,
}

/// A viewer whose line was lost: counted until it is back or the linger is over.
struct Ghost {
    viewer: Arc<Viewer>,
    until: Instant,
}

struct State {
    readers: Vec<Option<Reader>>,
    free: Vec<u32>,
    present: usize,
    counted: usize,
    ghosts: Vec<Ghost>,
    /// Deliveries that arrive while the ring is being filled; `None` once it is.
    early: Option<Vec<Delivery>>,
    elsewhere: Elsewhere,
    offered: u64,
    signal_offered: u64,
    flushing: bool,
    last_flush: Option<Instant>,
    /// Since when something waits to be offered.
    waiting_since: Option<Instant>,
    told_viewers: u32,
    viewers_marked: bool,
    empty_since: Option<Instant>,
}

impl State {
    /// Whoever is back, here or on another node, is no ghost any more; whether there was one.
    fn forget_ghost(&mut self, user: &str) -> bool {
        let Some(ghost) = self.ghosts.iter().position(|ghost| &*ghost.viewer.info.user == user) else { return false };
        let back = self.ghosts.swap_remove(ghost);
        self.counted -= usize::from(back.viewer.counted);
        true
    }

    fn here(&self) -> Here {
        let bounded = |count| u32::try_from(count).unwrap_or(u32::MAX);
        Here { readers: bounded(self.present), viewers: bounded(self.counted) }
    }
}

/// One channel on this node.
pub struct Channel {
    /// The key.
    pub key: Key,
    /// Its name within the site.
    pub name: Arc<str>,
    /// Its ring.
    pub ring: SharedRing,
    /// Filled once from the log, by whoever comes first; the others wait for the same.
    pub opened: OnceCell<()>,
    /// Rung when so much waits that no linger may hold it.
    pub urgent: Notify,
    /// Rung when what waited is being offered.
    pub relieved: Notify,
    /// Rung when the ring has a new top.
    grown: Notify,
    state: Mutex<State>,
}

/// What a delivery asks of the node.
pub enum Next {
    /// Nobody is there.
    Nothing,
    /// There is something to flush.
    Flush(Arc<Channel>),
    /// Something is missing between ring and delivery: read the log.
    Repair(Arc<Channel>),
    /// Another number of people reads it elsewhere.
    Count(Arc<Channel>),
}

/// How the node is to flush a channel now.
#[derive(Debug, PartialEq, Eq)]
pub enum Plan {
    /// Few readers: at once, on the spot.
    Here,
    /// Many: in a task of the channel's own, which the caller starts.
    Task,
    /// Such a task is under way and will see it.
    Running,
}

/// All channels of this node.
pub struct Hub {
    shards: Vec<Mutex<HashMap<Key, Arc<Channel>>>>,
    hasher: RandomState,
    limits: RingLimits,
    channels: AtomicUsize,
    /// Events handed to sockets or doors since the start.
    pub deliveries: AtomicU64,
}

impl Hub {
    /// An empty hub.
    pub fn new(limits: RingLimits) -> Hub {
        Hub {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            limits,
            channels: AtomicUsize::new(0),
            deliveries: AtomicU64::new(0),
        }
    }

    fn shard(&self, key: &Key) -> &Mutex<HashMap<Key, Arc<Channel>>> {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS]
    }

    /// The channel, if it is here.
    pub fn find(&self, key: &Key) -> Option<Arc<Channel>> {
        self.shard(key).lock().get(key).cloned()
    }

    /// The channel; made where it is not here yet, to be opened by the caller.
    pub fn channel(&self, key: &Key) -> Arc<Channel> {
        let mut shard = self.shard(key).lock();
        if let Some(channel) = shard.get(key) {
            return channel.clone();
        }
        let channel = Arc::new(Channel::new(key.clone(), self.limits));
        shard.insert(key.clone(), channel.clone());
        self.channels.fetch_add(1, Ordering::Relaxed);
        channel
    }

    /// Channels that are here.
    pub fn channel_count(&self) -> usize {
        self.channels.load(Ordering::Relaxed)
    }

    /// Every channel that is here, a shard at a time.
    pub fn each(&self, mut visit: impl FnMut(&Arc<Channel>)) {
        self.each_shard(|channels| channels.iter().for_each(&mut visit));
    }

    /// The channels of each shard, one after the other.
    pub fn each_shard(&self, mut visit: impl FnMut(&[Arc<Channel>])) {
        for shard in &self.shards {
            let channels: Vec<_> = shard.lock().values().cloned().collect();
            visit(&channels);
        }
    }

    /// Takes the channel out if nobody has read it for `idle` and nobody is about to.
    pub fn remove_if_idle(&self, key: &Key, now: Instant, idle: Duration) -> bool {
        let mut shard = self.shard(key).lock();
        let gone = shard.get(key).is_some_and(|channel| Arc::strong_count(channel) <= 2 && channel.is_idle(now, idle));
        if gone {
            shard.remove(key);
            self.channels.fetch_sub(1, Ordering::Relaxed);
        }
        gone
    }

    /// Takes this very channel out, whoever reads it: from now on the name leads elsewhere.
    pub fn forget(&self, channel: &Arc<Channel>) {
        let mut shard = self.shard(&channel.key).lock();
        if shard.get(&channel.key).is_some_and(|here| Arc::ptr_eq(here, channel)) {
            shard.remove(&channel.key);
            self.channels.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Takes what the backend tells.
    pub fn take(&self, delivery: Delivery) -> Next {
        let Some(channel) = self.find(delivery.key()) else { return Next::Nothing };
        if let Delivery::Peer { node, news, .. } = &delivery {
            return channel.hear(node, news);
        }
        match channel.take(delivery) {
            None => Next::Nothing,
            Some(true) => Next::Flush(channel),
            Some(false) => Next::Repair(channel),
        }
    }

    /// Offers a batch to the readers in one slice; whether more are left after `start`.
    pub fn offer_slice(&self, channel: &Channel, batch: &Batch, start: usize, end: usize) -> Option<usize> {
        let (readers, next) = channel.slice(start, end);
        for (outbox, place) in &readers {
            outbox.offer(*place as usize, batch);
        }
        self.deliveries.fetch_add((readers.len() * batch.len()) as u64, Ordering::Relaxed);
        next
    }
}

impl Channel {
    fn new(key: Key, limits: RingLimits) -> Channel {
        let name: Arc<str> = key.channel.as_str().into();
        // Never read: the ring is filled before anybody may attach to it.
        let nowhere = Position { epoch: Epoch::unopened(), offset: 0 };
        Channel {
            ring: Arc::new(Mutex::new(Ring::new(name.clone(), nowhere, limits))),
            key,
            name,
            opened: OnceCell::new(),
            urgent: Notify::new(),
            relieved: Notify::new(),
            grown: Notify::new(),
            state: Mutex::new(State {
                readers: Vec::new(),
                free: Vec::new(),
                present: 0,
                counted: 0,
                ghosts: Vec::new(),
                early: Some(Vec::new()),
                elsewhere: Elsewhere::default(),
                offered: 0,
                signal_offered: 0,
                flushing: false,
                last_flush: None,
                waiting_since: None,
                told_viewers: 0,
                viewers_marked: false,
                empty_since: Some(Instant::now()),
            }),
        }
    }

    /// Into the ring: `Some(true)` where there is something to flush, `Some(false)` where something is missing.
    fn take(&self, delivery: Delivery) -> Option<bool> {
        let mut state = self.state.lock();
        if let Some(early) = &mut state.early {
            // What is beyond the bound is read from the log once more.
            match early.len() {
                0..EARLY_DELIVERIES_MAX => early.push(delivery),
                EARLY_DELIVERIES_MAX => early.push(Delivery::Lost { key: self.key.clone() }),
                _ => {}
            }
            return None;
        }
        let pushed = self.push(delivery);
        if pushed == Some(false) {
            state.early = Some(Vec::new());
        } else if pushed == Some(true) && self.ring.lock().is_half_full_since(state.offered, state.signal_offered) {
            self.urgent.notify_one();
        }
        pushed
    }

    /// No position is good any more: readers are told by this signal, and what comes next waits until the ring was filled again.
    pub fn reset(&self, signal: Signal) {
        let mut state = self.state.lock();
        match &mut state.early {
            // It is being filled, perhaps with what was: once more.
            Some(early) if early.len() <= EARLY_DELIVERIES_MAX => early.push(Delivery::Lost { key: self.key.clone() }),
            Some(_) => {}
            None => state.early = Some(Vec::new()),
        }
        self.ring.lock().signal(signal);
    }

    /// Whether some reader has still to take the newest signal.
    pub fn has_unheard_signal(&self) -> bool {
        let (readers, _) = self.slice_of(0, usize::MAX, usize::MAX);
        let newest = self.ring.lock().signal_top();
        readers.iter().any(|(outbox, place)| outbox.signal(*place as usize).is_some_and(|heard| heard < newest))
    }

    /// Whether so much waits to be offered that the next delivery is to wait for it.
    pub fn is_pressed(&self) -> bool {
        let state = self.state.lock();
        state.present > 0 && self.ring.lock().is_half_full_since(state.offered, state.signal_offered)
    }

    fn push(&self, delivery: Delivery) -> Option<bool> {
        let mut ring = self.ring.lock();
        match delivery {
            Delivery::Entry { epoch, entry, .. } => match ring.push(&epoch, entry) {
                Pushed::Added => {
                    self.grown.notify_waiters();
                    Some(true)
                }
                Pushed::Known => None,
                Pushed::Hole => Some(false),
            },
            Delivery::Signal { signal, .. } => {
                ring.signal(signal);
                Some(true)
            }
            Delivery::Reset { .. } | Delivery::Lost { .. } => Some(false),
            // Heard before it could come here.
            Delivery::Peer { .. } => None,
        }
    }

    /// What another node says of those who read there.
    fn hear(self: Arc<Self>, node: &NodeId, news: &News) -> Next {
        match news {
            News::Here(here) => {
                let is_new = self.state.lock().elsewhere.hear(node, *here, Instant::now());
                if is_new { Next::Count(self) } else { Next::Nothing }
            }
            News::Presence { who, joined } => {
                let is_back = *joined && self.state.lock().forget_ghost(&who.user);
                self.signal_here(Signal::Presence { who: who.clone(), joined: *joined });
                if is_back { Next::Count(self) } else { Next::Flush(self) }
            }
        }
    }

    /// What the other nodes answered when asked at `asked_at`; whether another number reads elsewhere now.
    pub fn compare(&self, answers: &[(NodeId, Here)], asked_at: Instant) -> bool {
        let mut state = self.state.lock();
        answers.iter().fold(false, |changed, (node, here)| state.elsewhere.compare(node, *here, asked_at) || changed)
    }

    /// Only these nodes live; whether another number reads elsewhere now.
    pub fn keep_nodes(&self, living: &[NodeId]) -> bool {
        self.state.lock().elsewhere.keep(living)
    }

    /// The nodes on which others read it.
    pub fn other_nodes(&self) -> Vec<NodeId> {
        self.state.lock().elsewhere.readers()
    }

    /// Registers a reader. Its cursor is attached afterwards, so that nothing falls between. Returns its number.
    pub fn join(&self, outbox: &Arc<Outbox>, place: usize, viewer: &Arc<Viewer>) -> u32 {
        let mut state = self.state.lock();
        state.forget_ghost(&viewer.info.user);
        let reader = Reader { outbox: outbox.clone(), place: place as u32, viewer: viewer.clone() };
        state.present += 1;
        state.counted += usize::from(viewer.counted);
        state.empty_since = None;
        match state.free.pop() {
            Some(number) => {
                state.readers[number as usize] = Some(reader);
                number
            }
            None => {
                state.readers.push(Some(reader));
                state.readers.len() as u32 - 1
            }
        }
    }

    /// Takes a reader out. One whose line was lost still counts until `linger_until`.
    pub fn leave(&self, number: u32, linger_until: Option<Instant>) {
        let mut state = self.state.lock();
        let Some(reader) = state.readers.get_mut(number as usize).and_then(Option::take) else { return };
        state.free.push(number);
        state.present -= 1;
        match linger_until {
            Some(until) if state.ghosts.len() < GHOSTS_MAX => state.ghosts.push(Ghost { viewer: reader.viewer, until }),
            _ => state.counted -= usize::from(reader.viewer.counted),
        }
        if state.present == 0 {
            state.readers = Vec::new();
            state.free = Vec::new();
            state.empty_since = Some(Instant::now());
        }
    }

    /// Those whose linger is over are gone: who they were.
    pub fn bury(&self, now: Instant) -> Vec<Arc<Viewer>> {
        let mut state = self.state.lock();
        let mut gone = Vec::new();
        state.ghosts.retain(|ghost| {
            let stays = ghost.until > now;
            if !stays {
                gone.push(ghost.viewer.clone());
            }
            stays
        });
        state.counted -= gone.iter().filter(|viewer| viewer.counted).count();
        gone
    }

    /// Readers and viewers on this node.
    pub fn here(&self) -> Here {
        self.state.lock().here()
    }

    /// Readers and viewers on all nodes.
    pub fn everywhere(&self) -> Here {
        let state = self.state.lock();
        let (here, elsewhere) = (state.here(), state.elsewhere.sum());
        Here { readers: here.readers.saturating_add(elsewhere.readers), viewers: here.viewers.saturating_add(elsewhere.viewers) }
    }

    /// The viewers, where they differ from what was told last; afterwards they are told.
    pub fn viewers_to_tell(&self) -> Option<u32> {
        let mut state = self.state.lock();
        let viewers = state.here().viewers.saturating_add(state.elsewhere.sum().viewers);
        state.viewers_marked = false;
        (std::mem::replace(&mut state.told_viewers, viewers) != viewers).then_some(viewers)
    }

    /// Marks that the count is to be told; whether it was not marked yet.
    pub fn mark_viewers_changed(&self) -> bool {
        !std::mem::replace(&mut self.state.lock().viewers_marked, true)
    }

    /// Those present, at most `limit`.
    pub fn members(&self, limit: usize) -> Vec<ClientInfo> {
        let state = self.state.lock();
        state.readers.iter().flatten().take(limit).map(|reader| reader.viewer.info.clone()).collect()
    }

    /// How to flush what came now.
    pub fn plan(&self, now: Instant) -> Plan {
        let mut state = self.state.lock();
        state.waiting_since.get_or_insert(now);
        if state.flushing {
            Plan::Running
        } else if state.present <= SMALL_READERS {
            Plan::Here
        } else {
            state.flushing = true;
            Plan::Task
        }
    }

    /// How long the linger still holds the next flush: not at all where the last one was longer ago than that, else until what came first
    /// has waited so long. Counted from there and not from the last flush, more goes out at once and nothing waits longer.
    pub fn linger_left(&self, linger: Duration, now: Instant) -> Duration {
        let state = self.state.lock();
        match (state.waiting_since, state.last_flush) {
            (Some(first), Some(last)) if first < last + linger => (first + linger).saturating_duration_since(now),
            _ => Duration::ZERO,
        }
    }

    /// What was not offered yet, and from now on is; `None` (and the task, if one runs, is over) where that is nothing.
    pub fn next_batch(&self, now: Instant) -> Option<Batch> {
        let mut state = self.state.lock();
        let batch = Batch::since(&self.ring, state.offered, state.signal_offered);
        state.waiting_since = None;
        match &batch {
            Some(batch) => {
                state.offered = batch.to();
                state.signal_offered = batch.signal_to();
                state.last_flush = Some(now);
                self.relieved.notify_one();
            }
            None => state.flushing = false,
        }
        batch
    }

    /// Readers there are places for: the end of the slices of a broadcast.
    pub fn reader_places(&self) -> usize {
        self.state.lock().readers.len()
    }

    fn slice(&self, start: usize, end: usize) -> (Vec<(Arc<Outbox>, u32)>, Option<usize>) {
        self.slice_of(start, end, SLICE_READERS)
    }

    fn slice_of(&self, start: usize, end: usize, length: usize) -> (Vec<(Arc<Outbox>, u32)>, Option<usize>) {
        let state = self.state.lock();
        let end = end.min(state.readers.len());
        let stop = start.saturating_add(length).min(end);
        let places = state.readers.get(start..stop).unwrap_or_default();
        let readers = places.iter().flatten().map(|reader| (reader.outbox.clone(), reader.place)).collect();
        (readers, (stop < end).then_some(stop))
    }

    /// Whether nobody has read it for so long.
    pub fn is_idle(&self, now: Instant, idle: Duration) -> bool {
        let state = self.state.lock();
        // One in which nothing was ever published costs nothing to open again, and anybody can name any number of them.
        let idle = if self.ring.lock().top() == 0 { UNUSED_IDLE } else { idle };
        state.present == 0 && state.ghosts.is_empty() && state.empty_since.is_some_and(|since| now >= since + idle)
    }

    /// Gives back what the ring holds beyond what readers here are still to be offered; the bytes freed.
    pub fn shrink(&self) -> usize {
        let state = self.state.lock();
        self.ring.lock().shrink(state.offered)
    }

    /// Tells the channel's own signal to those here without passing the backend.
    pub fn signal_here(&self, signal: Signal) {
        self.ring.lock().signal(signal);
    }
}
