//! What lies in an outbox: the cursors, the lane, and what the kernel has not taken yet; and how the next frames come out of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use parlour_wire::engineio::Version;
use parlour_wire::position::{Epoch, Position};
use parlour_wire::{frame, socketio};

use super::resume::{self, Item};
use super::{Dress, LaneLimits, Overflow, SEND_BYTES_MAX, SharedRing};
use crate::ring::{Audience, Ring, Tongue};

/// A reader's place in one ring.
pub(super) struct Cursor {
    pub(super) ring: SharedRing,
    /// The channel's name, for RESUME; empty where there is none.
    pub(super) channel: Arc<str>,
    pub(super) tongue: &'static Tongue,
    pub(super) epoch: Epoch,
    /// Everything up to here was taken.
    pub(super) offset: u64,
    /// Where the reader last stood at the ring's top: what it knows of comments is as of here.
    pub(super) seen: u64,
    pub(super) signal: u64,
    pub(super) audience: Audience,
    pub(super) waiting: bool,
}

/// A place in the outbox for a cursor.
pub(super) enum Place {
    Free,
    Reserved,
    Reading(Cursor),
}

#[derive(Default)]
pub(super) struct Inner {
    pub(super) places: Vec<Place>,
    pub(super) lane: VecDeque<Bytes>,
    pub(super) lane_bytes: usize,
    /// Taken, but not yet by the kernel.
    pub(super) sending: VecDeque<Bytes>,
    pub(super) blocked: bool,
    /// Nothing is sent: a recovery is being put together.
    pub(super) held: bool,
    /// After the lane is empty nothing is sent any more.
    pub(super) finishing: bool,
    pub(super) broken: bool,
    pub(super) woken: bool,
    pub(super) waker: Option<Waker>,
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

impl Cursor {
    pub(super) fn item(&self) -> Item<'_> {
        Item {
            channel: &self.channel,
            epoch: &self.epoch,
            offset: self.offset,
            audience: self.audience,
            tongue: self.tongue.index,
        }
    }

    /// Whether it can go on in the ring. Whoever is told the epoch with every event passes into a newer one that goes on from where
    /// it stands; the others fall, and subscribe again from there.
    pub(super) fn stands_in(&mut self, ring: &Ring, dress: Dress) -> bool {
        if self.epoch != *ring.epoch() && matches!(dress, Dress::Packets(_)) {
            let position = Position { epoch: self.epoch.clone(), offset: self.offset };
            if let Some(position) = ring.translated(&position) {
                self.epoch = position.epoch;
            }
        }
        self.is_good_in(ring)
    }

    pub(super) fn is_good_in(&self, ring: &Ring) -> bool {
        self.epoch == *ring.epoch() && self.offset >= ring.floor() && self.offset <= ring.top()
    }

    /// After entries were taken: at the top, or waiting for the next turn.
    pub(super) fn rest(&mut self, ring: &Ring) {
        self.signal = ring.signal_top();
        let more = ring.after(self.offset).next().is_some();
        if !more {
            self.offset = ring.top();
            self.seen = ring.top();
        }
        self.waiting = more;
    }
}

impl Inner {
    /// Wakes the door, or lets it not wait next time.
    pub(super) fn wake(&mut self) {
        self.woken = true;
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    pub(super) fn enqueue(&mut self, frame: Bytes, limits: LaneLimits) -> Result<(), Overflow> {
        let crowded = self.lane.len() >= limits.frames_max as usize || self.lane_bytes + frame.len() > limits.bytes_max as usize;
        if self.finishing || (crowded && !self.lane.is_empty()) {
            return Err(Overflow);
        }
        self.lane_bytes += frame.len();
        self.lane.push_back(frame);
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
        if !self.lane.is_empty() {
            std::mem::swap(&mut self.lane, &mut self.sending);
            self.lane_bytes = 0;
            return None;
        }
        let mut bytes = 0;
        for index in 0..self.places.len() {
            let Place::Reading(Cursor { waiting: true, .. }) = &self.places[index] else { continue };
            let resume = match dress {
                Dress::Packets(Version::V4) => Some(resume::Around::new(self.items(Some(index)))),
                _ => None,
            };
            let Place::Reading(cursor) = &mut self.places[index] else { continue };
            let ring = cursor.ring.clone();
            let ring = ring.lock();
            if !cursor.stands_in(&ring, dress) {
                return Some(index);
            }
            for entry in ring.after(cursor.offset) {
                let seen = entry.told_as_of(cursor.seen, cursor.offset);
                let piece = match dress {
                    Dress::Frames => entry.frame(seen),
                    Dress::Packets(version) => entry.packet(cursor.tongue, version, &ring.place(), seen),
                };
                cursor.offset = entry.offset();
                if let Some(piece) = piece {
                    bytes += piece.len();
                    push(&mut self.sending, piece, resume.as_ref().map(|resume| resume.with(cursor.item())));
                }
                if bytes > SEND_BYTES_MAX {
                    break;
                }
            }
            for signal in ring.signals_after(cursor.signal).filter(|signal| cursor.audience.hears(signal.audience())) {
                let piece = match dress {
                    Dress::Frames => Some(signal.frame()),
                    Dress::Packets(version) => signal.packet(cursor.tongue, version, &ring.place()),
                };
                if let Some(piece) = piece {
                    push(&mut self.sending, piece, resume.as_ref().map(|resume| resume.with(cursor.item())));
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
    pub(super) fn sent(&mut self, mut bytes: usize) {
        while let Some(front) = self.sending.front_mut() {
            if bytes < front.len() {
                let rest = front.slice(bytes..);
                *front = rest;
                return;
            }
            bytes -= front.len();
            self.sending.pop_front();
        }
        // Whoever waited long holds no memory for it afterwards.
        self.sending = VecDeque::new();
        if self.lane.is_empty() {
            self.lane = VecDeque::new();
        }
    }
}
