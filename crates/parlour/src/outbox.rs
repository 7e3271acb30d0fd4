//! What one client is to be sent: a cursor in each of its channels' rings and one short lane for replies. Between the ring and
//! the kernel nothing else is kept, so a slow reader costs its place and nothing more.
//!
//! A *direct* outbox owns the write half of a socket and is flushed by whoever broadcasts; only when the kernel takes no more is
//! its door woken to wait for room. A *pulled* outbox has no write half: its door is woken and takes what there is; it may be
//! given one later. An outbox of *packets* puts together what sockets share and what is each one's own ([`resume`]).
//! An outbox holds rings, never the hub. It locks itself first and a ring second, and never awaits.

use std::io::{self, IoSlice};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use parking_lot::Mutex;
use parlour_wire::engineio::Version;
use parlour_wire::position::Position;
use parlour_wire::{frame, socketio};

use crate::ring::{Audience, PLAIN, Ring, Tongue};

mod batch;
mod places;
mod queue;
pub mod resume;

pub use batch::Batch;
pub use queue::ended;

use places::{Cursor, Place, Places, Told};
use queue::Inner;

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

/// In what form a client is sent what it hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dress {
    /// Complete frames, the same for everyone; for clients that inflate, compressed from so many bytes on.
    Frames(Option<u32>),
    /// Packets of Socket.IO. Over Engine.IO 4 each event ends with the client's own RESUME.
    Packets(Version),
}

/// What a reader hears, and how it is told.
#[derive(Clone, Copy)]
pub struct Hearing {
    /// Which signals.
    pub audience: Audience,
    /// In what manner, where there are several.
    pub tongue: &'static Tongue,
}

impl From<Audience> for Hearing {
    fn from(audience: Audience) -> Hearing {
        Hearing { audience, tongue: &PLAIN }
    }
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

/// What one client is to be sent.
pub struct Outbox {
    half: OnceLock<Arc<dyn WriteHalf>>,
    dress: Dress,
    limits: LaneLimits,
    inner: Mutex<Inner>,
}

impl Outbox {
    /// An outbox that sends by itself.
    pub fn direct(half: Arc<dyn WriteHalf>, limits: LaneLimits) -> Outbox {
        let outbox = Outbox::pulled(limits);
        // Nobody else can have been quicker.
        let _ = outbox.half.set(half);
        outbox
    }

    /// The same for a client that inflates: publications are compressed from so many bytes on.
    pub fn deflating(half: Arc<dyn WriteHalf>, from_bytes: u32, limits: LaneLimits) -> Outbox {
        Outbox { dress: Dress::Frames(Some(from_bytes)), ..Outbox::direct(half, limits) }
    }

    /// An outbox whose door takes.
    pub fn pulled(limits: LaneLimits) -> Outbox {
        Outbox { half: OnceLock::new(), dress: Dress::Frames(None), limits, inner: Mutex::default() }
    }

    /// An outbox of Socket.IO packets, as frames of a WebSocket. Its door takes, until it gives a write half.
    pub fn of_packets(version: Version, limits: LaneLimits) -> Outbox {
        Outbox { dress: Dress::Packets(version), ..Outbox::pulled(limits) }
    }

    /// From now on the outbox sends by itself, beginning with what nobody has taken.
    pub fn adopt(&self, half: Arc<dyn WriteHalf>) {
        let mut inner = self.inner.lock();
        if self.half.set(half).is_ok() {
            self.go_on(&mut inner);
        }
    }

    /// Wakes the door: there is news that the outbox does not know of.
    pub fn wake(&self) {
        self.inner.lock().wake();
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
        inner.places.reserve()
    }

    /// Begins to read: `start` looks at the ring, says from where, and may give a frame that goes out before the first event.
    pub fn attach<T>(
        &self,
        place: usize,
        ring: &SharedRing,
        hearing: impl Into<Hearing>,
        start: impl FnOnce(&Ring) -> (u64, Option<Bytes>, T),
    ) -> Result<T, Overflow> {
        let Hearing { audience, tongue } = hearing.into();
        let mut inner = self.inner.lock();
        let locked = ring.lock();
        let (offset, frame, result) = start(&locked);
        let cursor = Cursor {
            ring: ring.clone(),
            told: match self.dress {
                Dress::Frames(_) => None,
                Dress::Packets(_) => Some(Box::new(Told { channel: locked.channel().clone(), tongue })),
            },
            epoch: locked.epoch().clone(),
            offset,
            seen: offset,
            signal: locked.signal_top(),
            audience,
            waiting: offset < locked.top(),
        };
        drop(locked);
        // After the last word nobody reads any more.
        let finishing = inner.finishing;
        match inner.places.get_mut(place).filter(|_| !finishing) {
            Some(slot) => *slot = Place::Reading(cursor),
            None => return Err(Overflow),
        }
        if let Some(frame) = frame {
            self.enqueue_position(&mut inner)?;
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
        self.inner.lock().places.free(place);
    }

    /// Where the reader at this place stands.
    pub fn position(&self, place: usize) -> Option<Position> {
        match self.inner.lock().places.get(place) {
            Some(Place::Reading(cursor)) => Some(Position { epoch: cursor.epoch.clone(), offset: cursor.offset }),
            _ => None,
        }
    }

    /// The number of the last signal that the reader at this place took.
    pub fn signal(&self, place: usize) -> Option<u64> {
        match self.inner.lock().places.get(place) {
            Some(Place::Reading(cursor)) => Some(cursor.signal),
            _ => None,
        }
    }

    /// Whether clients are told RESUME.
    fn resumes(&self) -> bool {
        self.dress == Dress::Packets(Version::V4)
    }

    /// Where the client stands in all its channels; `None` where clients are not told.
    pub fn resume(&self) -> Option<String> {
        self.resumes().then(|| self.inner.lock().resume())
    }

    fn enqueue_position(&self, inner: &mut Inner) -> Result<(), Overflow> {
        match self.resumes() && !inner.held {
            true => {
                let position = frame::text(&socketio::position(&inner.resume()));
                inner.enqueue(position, self.limits)
            }
            false => Ok(()),
        }
    }

    /// Tells the client where it stands, where clients are told.
    pub fn send_position(&self) -> Result<(), Overflow> {
        let mut inner = self.inner.lock();
        self.enqueue_position(&mut inner)?;
        self.go_on(&mut inner);
        Ok(())
    }

    /// Sends an event that is this client's alone: `open` as `socketio::event_open` writes it.
    pub fn send_event(&self, open: &str) -> Result<(), Overflow> {
        let mut inner = self.inner.lock();
        let frame = match self.resumes() {
            true => frame::text_of(&[open, &socketio::event_end(&inner.resume())]),
            false => frame::text_of(&[open, socketio::EVENT_END]),
        };
        inner.enqueue(frame, self.limits)?;
        self.go_on(&mut inner);
        Ok(())
    }

    /// Nothing is sent until [`Outbox::release`]: readers may attach one after the other, as if all did at once.
    pub fn hold(&self) {
        self.inner.lock().held = true;
    }

    /// Sends these pieces of frames, however many, and what came meanwhile.
    pub fn release(&self, pieces: Vec<Bytes>) {
        let mut inner = self.inner.lock();
        inner.held = false;
        if !inner.finishing && !pieces.is_empty() {
            inner.backlog().push(pieces);
        }
        self.go_on(&mut inner);
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
        inner.places = Places::default();
        if let Some(frame) = frame {
            inner.backlog().push([frame]);
        }
        self.go_on(&mut inner);
        inner.wake();
    }

    /// Whether so much waits in the lane that its door should do nothing that adds to it.
    pub fn is_crowded(&self) -> bool {
        let (frames, bytes) = self.inner.lock().lane();
        bytes * 2 > self.limits.bytes_max as usize || frames * 2 > self.limits.frames_max as usize
    }

    /// Whether answers wait in the lane.
    pub fn owes(&self) -> bool {
        self.inner.lock().lane().0 > 0
    }

    /// Whether the door has to wait for room in the kernel.
    pub fn is_blocked(&self) -> bool {
        self.inner.lock().blocked
    }

    /// Offers what a channel's broadcast has to the reader at `place`: sent at once where nothing is before it, else left to the door.
    pub fn offer(&self, place: usize, batch: &Batch) {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let idle = !inner.blocked && inner.backlog.is_none() && !inner.broken;
        let Some(Place::Reading(cursor)) = inner.places.get_mut(place) else { return };
        if !Arc::ptr_eq(&cursor.ring, &batch.ring) {
            return;
        }
        let Some(half) = self.half.get() else {
            cursor.waiting = true;
            inner.wake();
            return;
        };
        let deflate_from = match self.dress {
            Dress::Frames(deflate_from) if idle && !cursor.waiting && batch.fits(cursor) => deflate_from,
            _ => {
                cursor.waiting = true;
                if idle {
                    self.go_on(inner);
                }
                return;
            }
        };
        let frames = batch.merged(cursor.audience, deflate_from);
        if frames.is_empty() {
            batch.advance(cursor);
            return;
        }
        match half.try_send(&[IoSlice::new(frames)]) {
            Ok(sent) => {
                batch.advance(cursor);
                if sent < frames.len() {
                    inner.backlog().sending.push_back(frames.slice(sent..));
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
        if inner.held {
            return;
        }
        if self.half.get().is_none() || (!inner.blocked && self.pump_locked(inner) != Pumped::Idle) {
            inner.wake();
        }
    }

    fn pump_locked(&self, inner: &mut Inner) -> Pumped {
        let Some(half) = self.half.get().filter(|_| !inner.held) else { return Pumped::Idle };
        for _ in 0..SENDS_A_TURN {
            if inner.broken {
                return Pumped::Finished;
            }
            if !inner.is_sending()
                && let Some(fallen) = inner.fill(self.dress)
            {
                return Pumped::Fell(fallen);
            }
            let Some(backlog) = &inner.backlog else {
                return if inner.finishing { Pumped::Finished } else { Pumped::Idle };
            };
            let slices: Vec<IoSlice<'_>> =
                backlog.sending.iter().take(SEND_FRAMES_MAX).map(|frame| IoSlice::new(frame)).collect();
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

    /// Takes frames for a pulled outbox, as one run of bytes, up to a bound; a reader that fell; whether this was the last word.
    pub fn take_frames(&self) -> (Vec<u8>, Option<usize>, bool) {
        let mut inner = self.inner.lock();
        let mut frames = Vec::new();
        let mut fallen = None;
        // What a write half is there for is not taken by a door that has not noticed yet.
        while frames.len() < SEND_BYTES_MAX && fallen.is_none() && !inner.held && self.half.get().is_none() {
            fallen = inner.fill(self.dress);
            let Some(backlog) = inner.backlog.take() else { break };
            backlog.sending.iter().for_each(|piece| frames.extend_from_slice(piece));
        }
        let finishing = inner.finishing && inner.lane().0 == 0;
        (frames, fallen, finishing)
    }

    /// Takes what there is for a pulled outbox, up to a bound of bytes.
    pub fn take(&self) -> (Vec<Taken>, bool) {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let lane = inner.backlog.take().unwrap_or_default().lane;
        let mut taken: Vec<Taken> = lane.into_iter().map(Taken::Frame).collect();
        let mut bytes = 0;
        for place in 0..inner.places.len() {
            let Some(Place::Reading(cursor)) = inner.places.get_mut(place) else { continue };
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

#[cfg(test)]
mod tests;
