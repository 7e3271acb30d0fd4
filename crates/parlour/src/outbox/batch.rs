//! What a broadcast offers: made once, and for readers of complete frames merged once into bytes that all of them share.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parlour_wire::position::Epoch;

use super::{Cursor, SharedRing};
use crate::ring::{Audience, SignalSlot, Slot};

/// What a channel's broadcast offers to all its readers: everything after the last one. For readers who stand where the batch
/// begins the frames are merged once into bytes that all of them share.
pub struct Batch {
    pub(super) ring: SharedRing,
    epoch: Epoch,
    from: u64,
    to: u64,
    signal_from: u64,
    signal_to: u64,
    slots: Vec<Arc<Slot>>,
    signals: Vec<Arc<SignalSlot>>,
    merged: [OnceLock<Bytes>; Audience::COUNT],
    deflated: [OnceLock<Bytes>; Audience::COUNT],
}

impl Batch {
    /// Everything in the ring after `from` and `signal_from`; `None` where that is nothing. Where some of it has left the ring
    /// already, the batch fits nobody, and every reader finds out by itself.
    pub fn since(ring: &SharedRing, from: u64, signal_from: u64) -> Option<Batch> {
        let locked = ring.lock();
        if locked.top() == from && locked.signal_top() == signal_from {
            return None;
        }
        let is_whole = from >= locked.floor() && from <= locked.top();
        Some(Batch {
            ring: ring.clone(),
            epoch: locked.epoch().clone(),
            from: if is_whole { from } else { u64::MAX },
            to: locked.top(),
            signal_from,
            signal_to: locked.signal_top(),
            slots: locked.after(from).cloned().collect(),
            signals: locked.signals_after(signal_from).cloned().collect(),
            merged: Default::default(),
            deflated: Default::default(),
        })
    }

    /// The offset up to which the batch reaches.
    pub fn to(&self) -> u64 {
        self.to
    }

    /// The number of the last signal in it.
    pub fn signal_to(&self) -> u64 {
        self.signal_to
    }

    /// Events in it.
    pub fn len(&self) -> usize {
        self.slots.len() + self.signals.len()
    }

    /// Whether it holds nothing that can be seen.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn fits(&self, cursor: &Cursor) -> bool {
        cursor.offset == self.from && cursor.signal == self.signal_from && cursor.epoch == self.epoch
    }

    pub(super) fn advance(&self, cursor: &mut Cursor) {
        cursor.offset = self.to;
        cursor.seen = self.to;
        cursor.signal = self.signal_to;
    }

    /// All frames for such readers, compressed from so many bytes on where they inflate.
    pub(super) fn merged(&self, audience: Audience, deflate_from: Option<u32>) -> &Bytes {
        let make = || {
            let heard = self.signals.iter().filter(|signal| audience.hears(signal.audience())).map(|signal| signal.frame());
            let entry = |slot: &Arc<Slot>| match deflate_from {
                Some(from_bytes) => slot.deflated(self.from, from_bytes),
                None => slot.frame(self.from),
            };
            let mut frames: Vec<Bytes> = self.slots.iter().filter_map(entry).chain(heard).collect();
            match frames.len() {
                0 => Bytes::new(),
                1 => frames.remove(0),
                _ => frames.concat().into(),
            }
        };
        let all = if deflate_from.is_some() { &self.deflated } else { &self.merged };
        all[audience.index()].get_or_init(make)
    }
}
