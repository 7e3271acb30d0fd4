//! From the backend's lanes into the rings, and from the rings to the readers: small channels on the spot, large ones in a task
//! of their own that lingers, gives way to others after each slice, and uses both cores.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use super::{Node, mend};
use crate::backend::Delivery;
use crate::hub::{Channel, Next, Plan};
use crate::outbox::Batch;

/// Deliveries taken from a lane before what they touched is flushed.
const DELIVERIES_A_TURN: usize = 64;
/// Readers from which on a broadcast is split over the cores.
const SPLIT_READERS: usize = 1024;

/// Takes deliveries until the backend is gone. Holds the node: a lane that ends ends the task.
pub(super) async fn serve_lane(node: Arc<Node>, mut lane: mpsc::Receiver<Delivery>) {
    let mut waiting = Vec::with_capacity(DELIVERIES_A_TURN);
    let mut touched: Vec<Arc<Channel>> = Vec::new();
    while lane.recv_many(&mut waiting, DELIVERIES_A_TURN).await > 0 {
        for delivery in waiting.drain(..) {
            // What this node told the others comes back to it too.
            if matches!(&delivery, Delivery::Peer { node: from, .. } if from == node.backend.presence.node()) {
                continue;
            }
            if let Delivery::Reset { key, into } = &delivery {
                node.reset(key, into);
                continue;
            }
            match node.hub.take(delivery) {
                Next::Nothing => {}
                Next::Flush(channel) if channel.is_pressed() => relieve(&node, &channel).await,
                Next::Flush(channel) => {
                    if !touched.iter().any(|other| Arc::ptr_eq(other, &channel)) {
                        touched.push(channel);
                    }
                }
                Next::Repair(channel) => {
                    tokio::spawn(mend::repair(node.clone(), channel));
                }
                Next::Count(channel) => node.count_changed(&channel),
            }
        }
        touched.drain(..).for_each(|channel| node.flush(&channel));
    }
}

/// Nothing leaves a ring before it was offered: the lane, and through it whoever publishes, waits for the broadcast that is under
/// way. That one waits for nobody.
async fn relieve(node: &Node, channel: &Arc<Channel>) {
    node.flush(channel);
    while channel.is_pressed() {
        channel.relieved.notified().await;
    }
}

impl Node {
    /// Offers what is new in a channel's ring to its readers: at once, or in the channel's own task.
    pub(super) fn flush(&self, channel: &Arc<Channel>) {
        match channel.plan(Instant::now()) {
            Plan::Running => {}
            Plan::Here => {
                while let Some(batch) = channel.next_batch(Instant::now()) {
                    let mut start = Some(0);
                    while let Some(from) = start {
                        start = self.hub.offer_slice(channel, &batch, from, usize::MAX);
                    }
                }
            }
            Plan::Task => {
                if let Some(node) = self.this.upgrade() {
                    tokio::spawn(flush_large(node, channel.clone()));
                }
            }
        }
    }
}

async fn flush_large(node: Arc<Node>, channel: Arc<Channel>) {
    loop {
        let linger = std::time::Duration::from_millis(node.book.now().limits.flush_linger_ms);
        let left = channel.linger_left(linger, Instant::now());
        if !left.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                () = channel.urgent.notified() => {}
            }
        }
        let Some(batch) = channel.next_batch(Instant::now()) else { return };
        broadcast(&node, &channel, batch).await;
    }
}

async fn broadcast(node: &Arc<Node>, channel: &Arc<Channel>, batch: Batch) {
    let places = channel.reader_places();
    if places < SPLIT_READERS {
        return offer_range(node, channel, &batch, 0, usize::MAX).await;
    }
    let batch = Arc::new(batch);
    let middle = places / 2;
    let other = {
        let (node, channel, batch) = (node.clone(), channel.clone(), batch.clone());
        tokio::spawn(async move { offer_range(&node, &channel, &batch, middle, usize::MAX).await })
    };
    offer_range(node, channel, &batch, 0, middle).await;
    if let Err(error) = other.await {
        tracing::error!(%error, "half a broadcast failed; its readers are served by their own tasks");
    }
}

async fn offer_range(node: &Node, channel: &Channel, batch: &Batch, start: usize, end: usize) {
    let mut start = Some(start);
    while let Some(from) = start {
        start = node.hub.offer_slice(channel, batch, from, end);
        tokio::task::yield_now().await;
    }
}
