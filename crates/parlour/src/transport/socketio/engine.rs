//! The engine: the lines that polls look for by `sid`, the heartbeat of all lines, and what every line is told when it opens.
//! A wheel of slots beats them all, so that no line has a timer of its own. Knows nothing of the layer above but how to make one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;
use parking_lot::Mutex;
use parlour_wire::engineio::Version;

use super::line::{Carrier, End, Known, Line, Upper};
use crate::backend::{NODE_ID_CHARS, NodeId};
use crate::outbox::{LaneLimits, Outbox};

/// Slots of the wheel: a line's heartbeat is as exact as the ping interval divided by this.
const SLOTS: u64 = 25;
/// Locks of the lines' map.
const SHARDS: usize = 16;
/// Random bytes of a `sid`, behind the id of its node.
const SID_BYTES: usize = 15;

/// How an engine behaves.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Between two pings.
    pub ping_interval: Duration,
    /// How long the answer may take.
    pub ping_timeout: Duration,
    /// How long a client may take to become established; `None` where it need not.
    pub connect_within: Option<Duration>,
    /// Bytes of the largest message or payload that is taken.
    pub payload_bytes_max: usize,
    /// Lines at once.
    pub lines_max: usize,
    /// Lines at once for whom limits by address count.
    pub lines_per_address_max: usize,
    /// How much may wait for one client.
    pub lane: LaneLimits,
}

/// What the layer above is made for.
pub struct Hello<'a> {
    /// The session's id.
    pub sid: &'a Arc<str>,
    /// The protocol's version.
    pub version: Version,
    /// What the client is to be sent through.
    pub outbox: &'a Arc<Outbox>,
    /// The handshake's request.
    pub request: &'a Parts,
}

/// Makes the layer above for a new line.
type Make<U> = Box<dyn Fn(&Hello<'_>) -> U + Send + Sync>;

/// A part of the lines that polls carry, by `sid`.
type Shard<U> = Mutex<HashMap<Arc<str>, Arc<Line<U>>>>;

/// All lines of one door.
pub struct Engine<U: Upper> {
    pub(super) settings: Settings,
    make: Make<U>,
    node: NodeId,
    shards: Vec<Shard<U>>,
    wheel: Vec<Mutex<Vec<Weak<Line<U>>>>>,
    lines: AtomicUsize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
    tick: AtomicU64,
}

impl<U: Upper> Engine<U> {
    /// An engine of this node, whose heart beats as long as it is held.
    pub fn start(node: NodeId, settings: Settings, make: impl Fn(&Hello<'_>) -> U + Send + Sync + 'static) -> Arc<Engine<U>> {
        let engine = Arc::new(Engine {
            settings,
            make: Box::new(make),
            node,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            wheel: (0..SLOTS).map(|_| Mutex::default()).collect(),
            lines: AtomicUsize::new(0),
            by_address: Mutex::default(),
            tick: AtomicU64::new(0),
        });
        tokio::spawn(beat(Arc::downgrade(&engine), settings.ping_interval / SLOTS as u32));
        engine
    }

    pub(super) fn tick(&self) -> u64 {
        self.tick.load(Ordering::Relaxed)
    }

    /// Ticks that a ping may take to be answered, rounded up.
    fn timeout_ticks(&self) -> u64 {
        let tick_us = (self.settings.ping_interval.as_micros() as u64 / SLOTS).max(1);
        (self.settings.ping_timeout.as_micros() as u64).div_ceil(tick_us)
    }

    /// Ticks after which a client that is to ping is lost.
    pub(super) fn silence_ticks(&self) -> u64 {
        SLOTS + self.timeout_ticks()
    }

    /// Lines that are open.
    pub fn line_count(&self) -> usize {
        self.lines.load(Ordering::Relaxed)
    }

    /// A new line, from now on beaten; `None` where there are too many. Only lines of polls are looked for by `sid`.
    pub(super) fn begin(self: &Arc<Self>, version: Version, request: &Parts, carrier: Carrier) -> Option<Arc<Line<U>>> {
        let address = super::door::whence(request).address;
        if self.line_count() >= self.settings.lines_max || !self.take_place(address) {
            return None;
        }
        let chance = URL_SAFE_NO_PAD.encode(rand::random::<[u8; SID_BYTES]>());
        let sid: Arc<str> = format!("{}{chance}", self.node.as_str()).into();
        let outbox = Arc::new(Outbox::of_packets(version, self.settings.lane));
        let upper = (self.make)(&Hello { sid: &sid, version, outbox: &outbox, request });
        let line = Line::new(self.clone(), Known { sid: sid.clone(), version, address }, outbox, upper, carrier);
        self.lines.fetch_add(1, Ordering::Relaxed);
        if carrier == Carrier::Polls {
            self.shard(&sid).lock().insert(sid, line.clone());
        }
        self.wheel[(self.tick() % SLOTS) as usize].lock().push(Arc::downgrade(&line));
        if let Some(within) = self.settings.connect_within {
            tokio::spawn(close_strangers(Arc::downgrade(&line), within));
        }
        Some(line)
    }

    /// One more line of this address, if it may have one. Lines of polls are no connections, and so not limited as such.
    fn take_place(&self, address: Option<IpAddr>) -> bool {
        let Some(address) = address else { return true };
        let mut by_address = self.by_address.lock();
        let lines = by_address.entry(address).or_default();
        let has_room = *lines < self.settings.lines_per_address_max;
        *lines += usize::from(has_room);
        has_room
    }

    fn give_place(&self, address: Option<IpAddr>) {
        let Some(address) = address else { return };
        let mut by_address = self.by_address.lock();
        if let Some(lines) = by_address.get_mut(&address) {
            *lines -= 1;
            if *lines == 0 {
                by_address.remove(&address);
            }
        }
    }

    fn shard(&self, sid: &str) -> &Shard<U> {
        let last = sid.bytes().last().unwrap_or_default();
        &self.shards[usize::from(last) % SHARDS]
    }

    /// The line of polls with this `sid`.
    pub(super) fn find(&self, sid: &str) -> Option<Arc<Line<U>>> {
        self.shard(sid).lock().get(sid).cloned()
    }

    /// The node whose session this `sid` names, if it is another one.
    pub(super) fn owner_elsewhere(&self, sid: &str) -> Option<NodeId> {
        NodeId::parse(sid.get(..NODE_ID_CHARS)?).filter(|owner| *owner != self.node)
    }

    /// The line is not looked for any more: a WebSocket took it over.
    pub(super) fn hide(&self, sid: &str) {
        self.shard(sid).lock().remove(sid);
    }

    /// The line is closed.
    pub(super) fn forget(&self, sid: &str, address: Option<IpAddr>) {
        self.hide(sid);
        self.give_place(address);
        self.lines.fetch_sub(1, Ordering::Relaxed);
    }

    fn living(&self, slot: u64) -> Vec<Arc<Line<U>>> {
        let mut slot = self.wheel[(slot % SLOTS) as usize].lock();
        slot.retain(|line| line.strong_count() > 0);
        let living = slot.iter().filter_map(Weak::upgrade).collect();
        if slot.is_empty() {
            *slot = Vec::new();
        }
        living
    }

    fn beat(&self) {
        let tick = self.tick.fetch_add(1, Ordering::Relaxed) + 1;
        // The check first: where the timeout is a whole round, it is of the ping before.
        let open = |line: &Arc<Line<U>>| !line.is_closed();
        let check = (tick + SLOTS * self.timeout_ticks().div_ceil(SLOTS)) - self.timeout_ticks();
        self.living(check).iter().filter(|line| open(line)).for_each(|line| line.check_beat(tick));
        self.living(tick).iter().filter(|line| open(line)).for_each(|line| line.beat(tick));
    }
}

async fn beat<U: Upper>(engine: Weak<Engine<U>>, every: Duration) {
    let mut ticks = tokio::time::interval(every.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let Some(engine) = engine.upgrade() else { return };
        engine.beat();
    }
}

/// Whoever has not said in time what it wants is not kept.
async fn close_strangers<U: Upper>(line: Weak<Line<U>>, within: Duration) {
    tokio::time::sleep(within).await;
    let Some(line) = line.upgrade() else { return };
    if !line.is_closed() && !line.upper.lock().await.is_established() {
        line.close(End::Closed);
    }
}
