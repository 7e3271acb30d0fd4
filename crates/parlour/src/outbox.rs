//! What one client is to be sent: a cursor in each of its channels' rings and one short lane for replies. Between the ring and
//! the kernel nothing else is kept, so a slow reader costs its place and nothing more.
//!
//! A *direct* outbox owns the write half of a socket and is flushed by whoever broadcasts; only when the kernel takes no more is
//! its door woken to wait for room. A *pulled* outbox has no write half: its door is woken and takes what there is.
//! An outbox holds rings, never the hub. It locks itself first and a ring second, and never awaits.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use parking_lot::Mutex;
use parlour_wire::position::{Epoch, Position};

use crate::ring::{Audience, Ring, SignalSlot, Slot};

/// A ring as its channel and the cursors in it share it.
pub type SharedRing = Arc<Mutex<Ring>>;

/// How much may wait in the lane of replies.
#[derive(Clone, Copy, Debug)]
pub struct LaneLimits {
    /// Frames.
    pub frames_max: u32,
    /// Their bytes; one larger reply is taken when nothing else waits.
    pub bytes_max: u32,
}

/// Bytes taken from rings and lane for one send.
const SEND_BYTES_MAX: usize = 64 * 1024;
/// Frames of one send (`IOV_MAX` is 1,024).
const SEND_FRAMES_MAX: usize = 64;
/// Sends in one turn, so that one fast reader does not keep a worker for itself.
const SENDS_A_TURN: usize = 32;

/// The write half that a door gives to its outbox.
pub trait WriteHalf: Send + Sync {
    /// Sends without waiting; `WouldBlock` when the kernel takes no more. May take a part.
    fn try_send(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;
}

/// A reader's place in one ring.
#[derive(Debug)]
struct Cursor {
    ring: SharedRing,
    epoch: Epoch,
    /// Everything up to here was taken.
    offset: u64,
    /// Where the reader last stood at the ring's top: what it knows of comments is as of here.
    seen: u64,
    signal: u64,
    audience: Audience,
    waiting: bool,
}

/// A place in the outbox for a cursor.
#[derive(Debug)]
enum Place {
    Free,
    Reserved,
    Reading(Cursor),
}

/// What a door does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Pumped {
    /// Nothing is left to send.
    Idle,
    /// The kernel takes no more: wait until it does and pump again.
    Blocked,
    /// There is more, but others are to have their turn: pump again.
    Again,
    /// The reader at this place fell off its ring: tell it and detach it.
    Fell(usize),
    /// The last frame is out, or the socket is broken: close it.
    Finished,
}

/// Something that a pulled outbox hands to its door.
#[derive(Debug)]
pub enum Taken {
    /// From the lane, as it was sent.
    Frame(Bytes),
    /// From a ring: at which place, the new offset of that place where it is an entry, the event's name, its JSON text.
    Event { place: usize, offset: Option<u64>, name: &'static str, text: Bytes },
    /// The reader at this place fell off its ring.
    Fell(usize),
}

/// The lane is full: the client does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow;

#[derive(Default)]
struct Inner {
    places: Vec<Place>,
    lane: VecDeque<Bytes>,
    lane_bytes: usize,
    /// Taken, but not yet by the kernel.
    sending: VecDeque<Bytes>,
    blocked: bool,
    /// After the lane is empty nothing is sent any more.
    finishing: bool,
    broken: bool,
    woken: bool,
    waker: Option<Waker>,
}

/// What one client is to be sent.
pub struct Outbox {
    half: Option<Box<dyn WriteHalf>>,
    limits: LaneLimits,
    inner: Mutex<Inner>,
}

impl Outbox {
    /// An outbox that sends by itself.
    pub fn direct(half: Box<dyn WriteHalf>, limits: LaneLimits) -> Outbox {
        Outbox { half: Some(half), limits, inner: Mutex::default() }
    }

    /// An outbox whose door takes.
    pub fn pulled(limits: LaneLimits) -> Outbox {
        Outbox { half: None, limits, inner: Mutex::default() }
    }

    /// Waits until the door has something to do: room to wait for, a reader that fell, something to take, the end.
    pub async fn woken(&self) {
        std::future::poll_fn(|context| self.poll_woken(context)).await;
    }

    /// The same for a door that waits for other things too. One task waits at a time.
    pub fn poll_woken(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.inner.lock();
        if std::mem::take(&mut inner.woken) {
            return Poll::Ready(());
        }
        match &mut inner.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    /// Keeps a place for a cursor that is about to be attached.
    pub fn reserve(&self) -> usize {
        let mut inner = self.inner.lock();
        if let Some(free) = inner.places.iter().position(|place| matches!(place, Place::Free)) {
            inner.places[free] = Place::Reserved;
            return free;
        }
        if inner.places.is_empty() {
            inner.places.reserve_exact(1);
        }
        inner.places.push(Place::Reserved);
        inner.places.len() - 1
    }

    /// Begins to read: `start` looks at the ring, says from where, and may give a frame that goes out before the first event.
    pub fn attach<T>(
        &self,
        place: usize,
        ring: &SharedRing,
        audience: Audience,
        start: impl FnOnce(&Ring) -> (u64, Option<Bytes>, T),
    ) -> Result<T, Overflow> {
        let mut inner = self.inner.lock();
        let locked = ring.lock();
        let (offset, frame, result) = start(&locked);
        let cursor = Cursor {
            ring: ring.clone(),
            epoch: locked.epoch().clone(),
            offset,
            seen: offset,
            signal: locked.signal_top(),
            audience,
            waiting: offset < locked.top(),
        };
        drop(locked);
        // After the last word there are no places any more.
        match inner.places.get_mut(place) {
            Some(slot) => *slot = Place::Reading(cursor),
            None => return Err(Overflow),
        }
        if let Some(frame) = frame {
            inner.enqueue(frame, self.limits)?;
        }
        self.go_on(&mut inner);
        Ok(result)
    }

    /// The reader at this place has yet to be told what it missed, and knows comments as of `seen` until it reaches the top.
    pub fn knows_as_of(&self, place: usize, seen: u64) {
        if let Some(Place::Reading(cursor)) = self.inner.lock().places.get_mut(place) {
            cursor.seen = seen.min(cursor.offset);
        }
    }

    /// Gives a place back; what was in flight from it stays in flight.
    pub fn detach(&self, place: usize) {
        let mut inner = self.inner.lock();
        if let Some(slot) = inner.places.get_mut(place) {
            *slot = Place::Free;
        }
        while matches!(inner.places.last(), Some(Place::Free)) {
            inner.places.pop();
        }
    }

    /// Where the reader at this place stands.
    pub fn position(&self, place: usize) -> Option<Position> {
        match self.inner.lock().places.get(place) {
            Some(Place::Reading(cursor)) => Some(Position { epoch: cursor.epoch.clone(), offset: cursor.offset }),
            _ => None,
        }
    }

    /// Sends a reply, at once where nothing is before it.
    pub fn send(&self, frame: Bytes) -> Result<(), Overflow> {
        let mut inner = self.inner.lock();
        inner.enqueue(frame, self.limits)?;
        self.go_on(&mut inner);
        Ok(())
    }

    /// Sends a last frame; then the door closes.
    pub fn finish(&self, frame: Option<Bytes>) {
        let mut inner = self.inner.lock();
        if inner.finishing {
            return;
        }
        inner.finishing = true;
        inner.places.clear();
        if let Some(frame) = frame {
            inner.lane.push_back(frame);
        }
        self.go_on(&mut inner);
        inner.wake();
    }

    /// Whether so much waits in the lane that its door should do nothing that adds to it.
    pub fn is_crowded(&self) -> bool {
        let inner = self.inner.lock();
        inner.lane_bytes * 2 > self.limits.bytes_max as usize || inner.lane.len() * 2 > self.limits.frames_max as usize
    }

    /// Whether answers wait in the lane.
    pub fn owes(&self) -> bool {
        !self.inner.lock().lane.is_empty()
    }

    /// Whether the door has to wait for room in the kernel.
    pub fn is_blocked(&self) -> bool {
        self.inner.lock().blocked
    }

    /// Offers what a channel's broadcast has to the reader at `place`: sent at once where nothing is before it, else left to the door.
    pub fn offer(&self, place: usize, batch: &Batch) {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let idle = !inner.blocked && inner.sending.is_empty() && inner.lane.is_empty() && !inner.broken;
        let Some(Place::Reading(cursor)) = inner.places.get_mut(place) else { return };
        if !Arc::ptr_eq(&cursor.ring, &batch.ring) {
            return;
        }
        let Some(half) = &self.half else {
            cursor.waiting = true;
            inner.wake();
            return;
        };
        if !idle || cursor.waiting || !batch.fits(cursor) {
            cursor.waiting = true;
            if idle {
                self.go_on(inner);
            }
            return;
        }
        let frames = batch.merged(cursor.audience);
        if frames.is_empty() {
            batch.advance(cursor);
            return;
        }
        match half.try_send(&[IoSlice::new(&frames)]) {
            Ok(sent) => {
                batch.advance(cursor);
                if sent < frames.len() {
                    inner.sending.push_back(frames.slice(sent..));
                    inner.blocked = true;
                    inner.wake();
                }
            }
            Err(error) => {
                cursor.waiting = true;
                match error.kind() {
                    io::ErrorKind::WouldBlock => inner.blocked = true,
                    _ => inner.broken = true,
                }
                inner.wake();
            }
        }
    }

    /// Called by the door: when the kernel has room again, or when it was woken.
    pub fn pump(&self) -> Pumped {
        let mut inner = self.inner.lock();
        inner.blocked = false;
        self.pump_locked(&mut inner)
    }

    /// Sends what can be sent; what needs the door wakes it.
    fn go_on(&self, inner: &mut Inner) {
        if self.half.is_none() || (!inner.blocked && self.pump_locked(inner) != Pumped::Idle) {
            inner.wake();
        }
    }

    fn pump_locked(&self, inner: &mut Inner) -> Pumped {
        let Some(half) = &self.half else { return Pumped::Idle };
        for _ in 0..SENDS_A_TURN {
            if inner.broken {
                return Pumped::Finished;
            }
            if inner.sending.is_empty()
                && let Some(fallen) = inner.fill()
            {
                return Pumped::Fell(fallen);
            }
            if inner.sending.is_empty() {
                return if inner.finishing { Pumped::Finished } else { Pumped::Idle };
            }
            let slices: Vec<IoSlice<'_>> = inner.sending.iter().take(SEND_FRAMES_MAX).map(|frame| IoSlice::new(frame)).collect();
            match half.try_send(&slices) {
                Ok(sent) => inner.sent(sent),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    inner.blocked = true;
                    return Pumped::Blocked;
                }
                Err(_) => inner.broken = true,
            }
        }
        Pumped::Again
    }

    /// Takes what there is for a pulled outbox, up to a bound of bytes.
    pub fn take(&self) -> (Vec<Taken>, bool) {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let mut taken: Vec<Taken> = inner.lane.drain(..).map(Taken::Frame).collect();
        inner.lane_bytes = 0;
        let mut bytes = 0;
        for (place, slot) in inner.places.iter_mut().enumerate() {
            let Place::Reading(cursor) = slot else { continue };
            if !cursor.waiting || bytes > SEND_BYTES_MAX {
                continue;
            }
            let ring = cursor.ring.clone();
            let ring = ring.lock();
            if !cursor.is_good_in(&ring) {
                taken.push(Taken::Fell(place));
                continue;
            }
            for entry in ring.after(cursor.offset) {
                let seen = entry.told_as_of(cursor.seen, cursor.offset);
                if let (Some(event), Some(text)) = (entry.event(seen), entry.stream(seen)) {
                    bytes += text.len();
                    taken.push(Taken::Event { place, offset: Some(entry.offset()), name: event.kind.name(), text });
                }
                cursor.offset = entry.offset();
                if bytes > SEND_BYTES_MAX {
                    break;
                }
            }
            for signal in ring.signals_after(cursor.signal).filter(|signal| cursor.audience.hears(signal.audience())) {
                if let Some((event, text)) = signal.stream() {
                    taken.push(Taken::Event { place, offset: None, name: event.kind.name(), text });
                }
            }
            cursor.rest(&ring);
        }
        (taken, inner.finishing)
    }
}

impl Cursor {
    fn is_good_in(&self, ring: &Ring) -> bool {
        self.epoch == *ring.epoch() && self.offset >= ring.floor() && self.offset <= ring.top()
    }

    /// After entries were taken: at the top, or waiting for the next turn.
    fn rest(&mut self, ring: &Ring) {
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
    fn wake(&mut self) {
        self.woken = true;
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn enqueue(&mut self, frame: Bytes, limits: LaneLimits) -> Result<(), Overflow> {
        let crowded = self.lane.len() >= limits.frames_max as usize || self.lane_bytes + frame.len() > limits.bytes_max as usize;
        if self.finishing || (crowded && !self.lane.is_empty()) {
            return Err(Overflow);
        }
        self.lane_bytes += frame.len();
        self.lane.push_back(frame);
        Ok(())
    }

    /// Moves the next frames into `sending`: the lane first, then the rings. Answers the place of a reader that fell.
    fn fill(&mut self) -> Option<usize> {
        if !self.lane.is_empty() {
            std::mem::swap(&mut self.lane, &mut self.sending);
            self.lane_bytes = 0;
            return None;
        }
        let mut bytes = 0;
        for (index, place) in self.places.iter_mut().enumerate() {
            let Place::Reading(cursor) = place else { continue };
            if !cursor.waiting {
                continue;
            }
            let ring = cursor.ring.clone();
            let ring = ring.lock();
            if !cursor.is_good_in(&ring) {
                return Some(index);
            }
            for entry in ring.after(cursor.offset) {
                if let Some(frame) = entry.frame(entry.told_as_of(cursor.seen, cursor.offset)) {
                    bytes += frame.len();
                    self.sending.push_back(frame);
                }
                cursor.offset = entry.offset();
                if bytes > SEND_BYTES_MAX {
                    break;
                }
            }
            let heard = ring.signals_after(cursor.signal).filter(|signal| cursor.audience.hears(signal.audience()));
            self.sending.extend(heard.map(|signal| signal.frame()));
            cursor.rest(&ring);
            if bytes > SEND_BYTES_MAX {
                break;
            }
        }
        None
    }

    /// The kernel took so many bytes.
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
        // Whoever waited long holds no memory for it afterwards.
        self.sending = VecDeque::new();
        if self.lane.is_empty() {
            self.lane = VecDeque::new();
        }
    }
}

/// What a channel's broadcast offers to all its readers: everything after the last one. For readers who stand where the batch
/// begins the frames are merged once into bytes that all of them share.
pub struct Batch {
    ring: SharedRing,
    epoch: Epoch,
    from: u64,
    to: u64,
    signal_from: u64,
    signal_to: u64,
    slots: Vec<Arc<Slot>>,
    signals: Vec<Arc<SignalSlot>>,
    merged: [OnceLock<Bytes>; Audience::COUNT],
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

    fn fits(&self, cursor: &Cursor) -> bool {
        cursor.offset == self.from && cursor.signal == self.signal_from && cursor.epoch == self.epoch
    }

    fn advance(&self, cursor: &mut Cursor) {
        cursor.offset = self.to;
        cursor.seen = self.to;
        cursor.signal = self.signal_to;
    }

    fn merged(&self, audience: Audience) -> Bytes {
        let make = || {
            let heard = self.signals.iter().filter(|signal| audience.hears(signal.audience())).map(|signal| signal.frame());
            let mut frames: Vec<Bytes> = self.slots.iter().filter_map(|slot| slot.frame(self.from)).chain(heard).collect();
            match frames.len() {
                0 => Bytes::new(),
                1 => frames.remove(0),
                _ => frames.concat().into(),
            }
        };
        self.merged[audience.index()].get_or_init(make).clone()
    }
}

#[cfg(test)]
mod tests;
