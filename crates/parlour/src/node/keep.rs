//! What happens by the clock: pings, counts, lingering viewers, idle channels, memory of rings; and the way down.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parlour_wire::code::Close;

use super::Node;
use crate::backend::NodeId;
use crate::channel::Key;
use crate::hub::Channel;

/// The step of everything here.
const TICK: Duration = Duration::from_millis(250);
/// How long those who were told to go are waited for.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);
/// How often they are counted.
const LEAVE_STEP: Duration = Duration::from_millis(10);
/// Ticks in a second.
const TICKS_A_SECOND: u64 = 4;
/// How often each channel that is read here is compared with what the other nodes say of it.
const COMPARE_EVERY_S: u64 = 10;

/// Runs until the node is gone.
pub(super) async fn keep(node: Weak<Node>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut count = 0;
    let mut living: Arc<[NodeId]> = Arc::default();
    loop {
        ticks.tick().await;
        let Some(node) = node.upgrade() else { return };
        count += 1;
        node.bury_the_lost();
        let others = node.backend.presence.others();
        if others != living {
            node.keep_living_nodes(&others);
            living = others;
        }
        if count % TICKS_A_SECOND == 0 {
            node.clients.sweep(count / TICKS_A_SECOND, node.clock.now_s());
            node.tell_changed_viewers();
            node.clone().compare_tops(count / TICKS_A_SECOND);
            node.clone().compare_some(count / TICKS_A_SECOND % COMPARE_EVERY_S);
            node.let_go_of_idle_channels().await;
        }
    }
}

impl Node {
    fn bury_the_lost(&self) {
        let now = Instant::now();
        let mut touched = Vec::new();
        self.hub.each(|channel| {
            let gone = channel.bury(now);
            if !gone.is_empty() {
                touched.push((channel.clone(), gone));
            }
        });
        for (channel, gone) in touched {
            gone.iter().for_each(|viewer| self.tell_presence(&channel, viewer, false));
            self.viewers_changed(&channel);
        }
    }

    /// Compares those channels whose turn it is with what the other nodes say of them: what was told may have been lost.
    fn compare_some(self: Arc<Self>, turn: u64) {
        if self.backend.presence.others().is_empty() {
            return;
        }
        let mut channels = Vec::new();
        let mut number = 0;
        self.hub.each_shard(|shard| {
            if number % COMPARE_EVERY_S == turn {
                channels.extend(shard.iter().filter(|channel| channel.here().readers > 0).cloned());
            }
            number += 1;
        });
        // Other nodes may take their time; pings may not.
        tokio::spawn(async move { self.compare(&channels).await });
    }

    /// Forgets channels that nobody has read for a while; then, if all rings weigh too much, shrinks those with the fewest readers.
    async fn let_go_of_idle_channels(&self) {
        let limits = self.book.now().limits.clone();
        let now = Instant::now();
        let mut idle: Vec<Key> = Vec::new();
        let mut weights: Vec<(usize, Arc<Channel>)> = Vec::new();
        let mut bytes = 0;
        self.hub.each(|channel| {
            let weight = channel.ring.lock().bytes();
            bytes += weight;
            match channel.is_idle(now, limits.ring_idle) {
                true => idle.push(channel.key.clone()),
                false if weight > 0 => weights.push((channel.here().readers as usize, channel.clone())),
                false => {}
            }
        });
        if bytes > limits.rings_bytes_max {
            weights.sort_by_key(|(readers, _)| *readers);
            for (_, channel) in &weights {
                if bytes <= limits.rings_bytes_max {
                    break;
                }
                bytes = bytes.saturating_sub(channel.shrink());
            }
        }
        drop(weights);
        for key in idle {
            let _order = self.watch_order(&key).await;
            if self.hub.remove_if_idle(&key, now, limits.ring_idle) {
                self.backend.log.unwatch(&key).await;
            }
        }
    }

    /// The first step down: not ready any more, and whoever still gets in is sent on.
    pub fn begin_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// The way down: no longer ready, everyone is told to come back, paced over `over`, and has a moment to hear it.
    pub async fn drain(&self, over: Duration) {
        self.begin_drain();
        self.tell_all_to_go(over).await;
        // Whoever got in meanwhile is told at once.
        self.tell_all_to_go(Duration::ZERO).await;
        let until = Instant::now() + LEAVE_WITHIN;
        while self.clients.count() > 0 && Instant::now() < until {
            tokio::time::sleep(LEAVE_STEP).await;
        }
    }

    async fn tell_all_to_go(&self, over: Duration) {
        let clients = self.clients.all();
        let pause = over / u32::try_from(clients.len().max(1)).unwrap_or(u32::MAX);
        let start = Instant::now();
        for (index, client) in clients.into_iter().enumerate() {
            let due = start + pause * index as u32;
            let left = due.saturating_duration_since(Instant::now());
            // Timers step in milliseconds; whoever is due within one is told now.
            if left > Duration::from_millis(1) {
                tokio::time::sleep(left).await;
            }
            client.close(Close::SHUTDOWN);
        }
    }

    /// Stores and syncs everything that was accepted.
    pub async fn close(&self) {
        self.backend.presence.leave().await;
        self.backend.store.close().await;
    }
}
