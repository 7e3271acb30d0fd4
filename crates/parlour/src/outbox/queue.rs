//! What lies in an outbox: the lane and what the kernel has not taken yet, beside the cursors ([`places`](super::places)); and how the
//! next frames come out of them.

use std::collections::VecDeque;
use std::task::Waker;

use bytes::Bytes;
use parlour_wire::engineio::Version;
use parlour_wire::{frame, socketio};

use super::places::{Cursor, Place, Places};
use super::resume::{self, Item};
use super::{Dress, LaneLimits, Overflow, SEND_BYTES_MAX};

#[derive(Default)]
pub(super) struct Inner {
    pub(super) places: Places,
    /// `None` where nothing waits.
    pub(super) backlog: Option<Box<Backlog>>,
    pub(super) blocked: bool,
    /// Nothing is sent: a recovery is being put together.
    pub(super) held: bool,
    /// After the lane is empty nothing is sent any more.
    pub(super) finishing: bool,
    pub(super) broken: bool,
    pub(super) woken: bool,
    pub(super) waker: Option<Waker>,
}

/// What waits to be sent.
#[derive(Default)]
pub(super) struct Backlog {
    /// Replies.
    pub(super) lane: VecDeque<Bytes>,
    pub(super) lane_bytes: usize,
    /// Taken from lane and rings, but not yet by the kernel.
    pub(super) sending: VecDeque<Bytes>,
}

/// A frame into the queue: complete, or the shared beginning of a packet that ends with RESUME.
fn push(queue: &mut VecDeque<Bytes>, piece: Bytes, resume: Option<String>) {
    match resume {
        None => queue.push_back(piece),
        Some(resume) => queue.extend(ended(piece, &resume)),
    }
}

/// A shared beginning of a packet with the header and the end that are one client's own.
pub fn ended(open: Bytes, resume: &str) -> [Bytes; 3] {
    let end = socketio::event_end(resume);
    [frame::text_header(open.len() + end.len()), open, Bytes::from(end)]
}

impl Inner {
    /// Wakes the door, or lets it not wait next time.
    pub(super) fn wake(&mut self) {
        self.woken = true;
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Where more can be put to what waits.
    pub(super) fn backlog(&mut self) -> &mut Backlog {
        self.backlog.get_or_insert_default()
    }

    /// Frames and bytes of the lane.
    pub(super) fn lane(&self) -> (usize, usize) {
        self.backlog.as_ref().map_or((0, 0), |backlog| (backlog.lane.len(), backlog.lane_bytes))
    }

    /// Whether frames wait for the kernel.
    pub(super) fn is_sending(&self) -> bool {
        self.backlog.as_ref().is_some_and(|backlog| !backlog.sending.is_empty())
    }

    pub(super) fn enqueue(&mut self, frame: Bytes, limits: LaneLimits) -> Result<(), Overflow> {
        let (frames, bytes) = self.lane();
        let crowded = frames >= limits.frames_max as usize || bytes + frame.len() > limits.bytes_max as usize;
        if self.finishing || (crowded && frames > 0) {
            return Err(Overflow);
        }
        self.backlog().push([frame]);
        Ok(())
    }

    /// Where the client stands in all its channels.
    pub(super) fn resume(&self) -> String {
        resume::write(self.items(None))
    }

    /// The items of RESUME, but that of one place.
    pub(super) fn items(&self, but: Option<usize>) -> impl Iterator<Item = Item<'_>> {
        self.places.iter().enumerate().filter_map(move |(index, place)| match place {
            Place::Reading(cursor) if Some(index) != but => Some(cursor.item()),
            _ => None,
        })
    }

    /// Moves the next frames into `sending`: the lane first, then the rings. Answers the place of a reader that fell.
    pub(super) fn fill(&mut self, dress: Dress) -> Option<usize> {
        if let Some(backlog) = self.backlog.as_mut().filter(|backlog| !backlog.lane.is_empty()) {
            std::mem::swap(&mut backlog.lane, &mut backlog.sending);
            backlog.lane_bytes = 0;
            return None;
        }
        let mut sending = VecDeque::new();
        let fallen = self.fill_from_rings(&mut sending, dress);
        // Most often there is nothing, which takes no memory.
        if !sending.is_empty() {
            self.backlog().sending = sending;
        }
        fallen
    }

    fn fill_from_rings(&mut self, sending: &mut VecDeque<Bytes>, dress: Dress) -> Option<usize> {
        let mut bytes = 0;
        for index in 0..self.places.len() {
            let Some(Place::Reading(Cursor { waiting: true, .. })) = self.places.get(index) else { continue };
            let resume = match dress {
                Dress::Packets(Version::V4) => Some(resume::Around::new(self.items(Some(index)))),
                _ => None,
            };
            let Some(Place::Reading(cursor)) = self.places.get_mut(index) else { continue };
            let ring = cursor.ring.clone();
            let ring = ring.lock();
            if !cursor.stands_in(&ring, dress) {
                return Some(index);
            }
            for entry in ring.after(cursor.offset) {
                let seen = entry.told_as_of(cursor.seen, cursor.offset);
                let piece = match dress {
                    Dress::Frames(None) => entry.frame(seen),
                    Dress::Frames(Some(from_bytes)) => entry.deflated(seen, from_bytes),
                    Dress::Packets(version) => entry.packet(cursor.tongue(), version, &ring.place(), seen),
                };
                cursor.offset = entry.offset();
                if let Some(piece) = piece {
                    bytes += piece.len();
                    push(sending, piece, resume.as_ref().map(|resume| resume.with(cursor.item())));
                }
                if bytes > SEND_BYTES_MAX {
                    break;
                }
            }
            for signal in ring.signals_after(cursor.signal).filter(|signal| cursor.audience.hears(signal.audience())) {
                let piece = match dress {
                    Dress::Frames(_) => Some(signal.frame()),
                    Dress::Packets(version) => signal.packet(cursor.tongue(), version, &ring.place()),
                };
                if let Some(piece) = piece {
                    push(sending, piece, resume.as_ref().map(|resume| resume.with(cursor.item())));
                }
            }
            cursor.rest(&ring);
            if bytes > SEND_BYTES_MAX {
                break;
            }
        }
        None
    }

    /// The kernel took so many bytes.
    pub(super) fn sent(&mut self, bytes: usize) {
        if let Some(backlog) = &mut self.backlog {
            backlog.sent(bytes);
            // Whoever waited long holds no memory for it afterwards.
            if backlog.is_empty() {
                self.backlog = None;
            }
        }
    }
}

impl Backlog {
    fn is_empty(&self) -> bool {
        self.lane.is_empty() && self.sending.is_empty()
    }

    /// Into the lane, whatever is there.
    pub(super) fn push(&mut self, frames: impl IntoIterator<Item = Bytes>) {
        for frame in frames {
            self.lane_bytes += frame.len();
            self.lane.push_back(frame);
        }
    }

    fn sent(&mut self, mut bytes: usize) {
        while let Some(front) = self.sending.front_mut() {
            if bytes < front.len() {
                let rest = front.slice(bytes..);
                *front = rest;
                return;
            }
            bytes -= front.len();
            self.sending.pop_front();
        }
    }
}
