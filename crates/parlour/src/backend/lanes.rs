//! The bounded lanes on which a backend's deliveries reach the node: one per worker, chosen by the channel, so that the order
//! within a channel holds while channels move side by side.

use std::hash::{BuildHasher, RandomState};

use tokio::sync::mpsc;

use super::{Delivery, Signal};
use crate::channel::Key;

/// Deliveries waiting in one lane before the backend is held back.
const LANE_DELIVERIES_MAX: usize = 4096;

/// The sending side, held by the backend.
#[derive(Clone)]
pub struct Lanes {
    lanes: Vec<mpsc::Sender<Delivery>>,
    hasher: RandomState,
}

/// Makes `count` lanes; the receiving ends go to the node's workers.
pub fn lanes(count: usize) -> (Lanes, Vec<mpsc::Receiver<Delivery>>) {
    let (lanes, ends) = (0..count.max(1)).map(|_| mpsc::channel(LANE_DELIVERIES_MAX)).unzip();
    (Lanes { lanes, hasher: RandomState::new() }, ends)
}

impl Lanes {
    fn lane(&self, key: &Key) -> &mpsc::Sender<Delivery> {
        &self.lanes[self.hasher.hash_one(key) as usize % self.lanes.len()]
    }

    /// Sends from a thread of the backend's own and waits for room: the log's order is worth more than its speed.
    /// A node that is gone hears nothing, and that is all.
    pub fn deliver(&self, delivery: Delivery) {
        let key = match &delivery {
            Delivery::Entry { key, .. } | Delivery::Signal { key, .. } | Delivery::Reset { key, .. } | Delivery::Lost { key } => {
                key
            }
        };
        let _ = self.lane(key).blocking_send(delivery);
    }

    /// Sends a signal without waiting; a full lane drops it, as signals may be.
    pub fn signal(&self, key: &Key, signal: Signal) {
        let _ = self.lane(key).try_send(Delivery::Signal { key: key.clone(), signal });
    }
}
