//! A channel's ring and its log: filling the one from the other, letting in what was delivered meanwhile, and where either stands. Who
//! reads the log, and when, is the node's business.

use parlour_wire::position::{Epoch, Position};

use super::{Channel, State};
use crate::backend::Part;

impl Channel {
    /// Waits until the ring has what stands at this position; at once where the ring's epoch is a newer one, or it is not filled yet.
    pub async fn reaches(&self, position: &Position) {
        loop {
            let grown = self.grown.notified();
            {
                let ring = self.ring.lock();
                let is_there = *ring.epoch() == position.epoch && ring.top() >= position.offset;
                if is_there || ring.is_newer_than(&position.epoch) || *ring.epoch() == Epoch::unopened() {
                    return;
                }
            }
            grown.await;
        }
    }

    /// Fills the ring from the log's end and lets in what arrived meanwhile; `false` where something is still missing: read again.
    /// Readers who stand below what is known now are told when they are next offered something. `stood` is where the ring stood
    /// before the log was asked: a log that does not reach so far has lost its end, and those who saw it are told as well.
    pub fn fill(&self, part: Part, stood: &Position) -> bool {
        let mut state = self.state.lock();
        {
            let mut ring = self.ring.lock();
            // `part` is newest first; it is whole down to its oldest entry's predecessor, or to what was trimmed away.
            let oldest = part.entries.last().map_or(part.top.offset, |entry| entry.offset() - 1);
            // Comments lie among publications that were trimmed: the ring reaches no further down than the log does.
            let whole_from = part.whole_from.min(part.top.offset);
            let floor = if part.more { oldest.max(whole_from) } else { whole_from };
            let fresh = *ring.epoch() == Epoch::unopened();
            // Two may have read the log at once; the ring goes back only with the log.
            let is_cut = part.top.is_before(stood) && ring.position() == *stood;
            let is_newer = match part.top.epoch == *ring.epoch() {
                true => part.top.offset > ring.top(),
                false => !ring.is_newer_than(&part.top.epoch),
            };
            if is_newer || is_cut {
                let entries = part.entries.into_iter().rev().collect();
                if is_cut || part.top.epoch != *ring.epoch() {
                    // Another log than was offered, even where both end at one offset: every reader finds out by itself.
                    state.offered = u64::MAX;
                }
                ring.refill(part.top, part.older, floor, entries);
                self.grown.notify_waiters();
            }
            if fresh {
                state.offered = ring.top();
                state.signal_offered = ring.signal_top();
            }
        }
        self.admit_early(&mut state)
    }

    /// The ring stands where its log does: what arrived meanwhile is let in; `false` where something is missing after all.
    pub fn let_in(&self) -> bool {
        self.admit_early(&mut self.state.lock())
    }

    fn admit_early(&self, state: &mut State) -> bool {
        for delivery in state.early.take().unwrap_or_default() {
            if self.push(delivery) == Some(false) {
                state.early = Some(Vec::new());
                return false;
            }
        }
        true
    }

    /// Where the ring stands.
    pub fn position(&self) -> Position {
        self.ring.lock().position()
    }

    /// Whether the ring has everything up to the log's top, and the log everything that the ring had before it was asked.
    pub fn stands_at(&self, top: &Position, stood: &Position) -> bool {
        let ring = self.ring.lock();
        *ring.epoch() == top.epoch && ring.top() >= top.offset && !top.is_before(stood)
    }
}
