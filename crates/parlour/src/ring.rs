//! The last entries and signals of one channel, in memory, each encoded at most once per wire format and shared by all readers.
//! A ring neither locks nor awaits: the channel that holds it does ([`crate::hub`]). What fell out of it is in the log.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parlour_wire::engineio::Version;
use parlour_wire::position::{Epoch, Position};
use parlour_wire::push::{Event, Kind, Push};
use parlour_wire::{frame, json, push, socketio, stream};

use crate::backend::{Entry, Signal, goes_on};
use crate::comment::CommentId;

/// Signals kept: the latest of each kind, and at most so many.
const SIGNALS_MAX: usize = 16;

/// How large a ring may grow.
#[derive(Clone, Copy, Debug)]
pub struct RingLimits {
    /// Entries.
    pub entries_max: usize,
    /// Bytes, encodings included.
    pub bytes_max: usize,
}

/// Which signals a subscription asked for, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audience(u8);

impl Audience {
    /// Unstored publications: everyone hears them.
    pub const EVERYONE: Audience = Audience(0);
    /// `viewers`.
    pub const VIEWERS: Audience = Audience(1);
    /// `typing`.
    pub const TYPING: Audience = Audience(2);
    /// `join` and `leave`.
    pub const PRESENCE: Audience = Audience(4);
    /// `views`, which one dialect alone hears.
    pub const VIEWS: Audience = Audience(8);
    /// How many different audiences there are.
    pub const COUNT: usize = 16;

    /// Reads what [`Audience::index`] gave.
    pub fn from_index(index: usize) -> Option<Audience> {
        u8::try_from(index).ok().filter(|bits| usize::from(*bits) < Audience::COUNT).map(Audience)
    }

    /// Both.
    pub fn with(self, other: Audience) -> Audience {
        Audience(self.0 | other.0)
    }

    /// `self` less `other`.
    pub fn without(self, other: Audience) -> Audience {
        Audience(self.0 & !other.0)
    }

    /// Whether one who asked for `self` hears a signal meant for `signal`.
    pub fn hears(self, signal: Audience) -> bool {
        self.0 & signal.0 == signal.0
    }

    /// 0 to [`Audience::COUNT`] - 1.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// How many manners there are of telling an event over Socket.IO: the protocol's own, and those of the dialects.
pub const TONGUES: usize = 5;

/// A manner of telling events over Socket.IO.
pub struct Tongue {
    /// Its number, below [`TONGUES`], under which encodings are shared; 0 is the protocol's own.
    pub index: usize,
    /// The event without its end, as `socketio::event_open` writes it; `None` for what is not told in this manner.
    pub open: fn(Version, &Event, &Place<'_>) -> Option<String>,
}

/// Where an event stands, as far as it does not say so itself.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// Of the channel's log.
    pub epoch: &'a Epoch,
    /// The page's address, where the channel is a page's and somebody asked for it.
    pub page_url: &'a str,
}

/// The protocol's own: every event under its name.
pub static PLAIN: Tongue =
    Tongue { index: 0, open: |version, event, place| Some(socketio::publication_open(version, event, place.epoch)) };

/// One event as Socket.IO has it, by tongue and version.
#[derive(Debug, Default)]
struct Packets([[OnceLock<Option<Bytes>>; 2]; TONGUES]);

/// An event as Socket.IO has it. Over Engine.IO 3 a complete WebSocket frame; over Engine.IO 4 what all sockets share of the
/// packet, to which each adds the frame's header and its own end.
fn packet(version: Version, open: &str) -> Bytes {
    match version {
        Version::V3 => frame::text_of(&[open, socketio::EVENT_END]),
        Version::V4 => Bytes::copy_from_slice(open.as_bytes()),
    }
}

/// One event in every format that anybody asked for so far.
#[derive(Debug, Default)]
struct Encoded {
    publication: OnceLock<Arc<str>>,
    frame: OnceLock<Bytes>,
    deflated: OnceLock<Bytes>,
    stream: OnceLock<Bytes>,
    packets: OnceLock<Box<Packets>>,
}

impl Encoded {
    fn publication(&self, event: &Event) -> &Arc<str> {
        self.publication.get_or_init(|| json::publication(event).into())
    }

    fn frame(&self, event: &Event) -> Bytes {
        let text = || frame::text(&json::push_of(&event.channel, self.publication(event)));
        self.frame.get_or_init(text).clone()
    }

    fn deflated(&self, event: &Event, from_bytes: u32) -> Bytes {
        self.deflated.get_or_init(|| frame::deflated(&self.frame(event), from_bytes as usize)).clone()
    }

    fn stream(&self, event: &Event) -> Bytes {
        self.stream.get_or_init(|| stream::event(event).into()).clone()
    }

    fn packet(&self, tongue: &Tongue, version: Version, open: impl FnOnce() -> Option<String>) -> Option<Bytes> {
        let of_tongue = self.packets.get_or_init(Box::default).0.get(tongue.index)?;
        let make = || open().map(|open| packet(version, &open));
        of_tongue[usize::from(version == Version::V4)].get_or_init(make).clone()
    }
}

/// What a reader who comes late gets in place of a comment's change: the whole comment.
#[derive(Debug)]
struct Late {
    event: Event,
    encoded: Encoded,
}

/// An entry in a ring with its encodings.
#[derive(Debug)]
pub struct Slot {
    entry: Arc<Entry>,
    live: Encoded,
    created: OnceLock<Option<Box<Late>>>,
    updated: OnceLock<Option<Box<Late>>>,
}

impl Slot {
    /// Wraps an entry; nothing is encoded before somebody asks.
    pub fn new(entry: Arc<Entry>) -> Slot {
        Slot { entry, live: Encoded::default(), created: OnceLock::new(), updated: OnceLock::new() }
    }

    /// The entry's offset.
    pub fn offset(&self) -> u64 {
        self.entry.offset()
    }

    /// The comment whose change it is.
    pub fn comment(&self) -> Option<&CommentId> {
        self.entry.comment.as_ref().map(|change| &change.id)
    }

    /// As of when a reader is told this entry who took everything up to `taken` and knew comments as of `seen`: what came into
    /// sight in between it may have heard of, so it hears that it is gone.
    pub fn told_as_of(&self, seen: u64, taken: u64) -> u64 {
        match &self.entry.comment {
            Some(change) if change.now.is_none() => taken,
            _ => seen,
        }
    }

    /// Bytes that this slot is reckoned to hold once it has been encoded for one format.
    fn bytes(&self) -> usize {
        let now = self.entry.comment.as_ref().and_then(|change| change.now.as_ref()).map_or(0, |now| now.len());
        size_of::<Slot>() + size_of::<Entry>() + 3 * self.entry.event.data.len() + now + 128
    }

    /// The event and its encodings as a reader at `cursor` sees them; `None` for what was made and deleted since.
    fn seen_from(&self, cursor: u64) -> Option<(&Event, &Encoded)> {
        let late = match &self.entry.comment {
            Some(change) if cursor < change.made => &self.created,
            Some(change) if cursor < change.previous && change.now.is_some() => &self.updated,
            _ => return Some((&self.entry.event, &self.live)),
        };
        let make = || self.entry.seen_from(cursor).map(|event| Box::new(Late { event, encoded: Encoded::default() }));
        late.get_or_init(make).as_ref().map(|late| (&late.event, &late.encoded))
    }

    /// The event for a reader at `cursor`.
    pub fn event(&self, cursor: u64) -> Option<&Event> {
        self.seen_from(cursor).map(|(event, _)| event)
    }

    /// A complete WebSocket frame with the Centrifuge push.
    pub fn frame(&self, cursor: u64) -> Option<Bytes> {
        self.seen_from(cursor).map(|(event, encoded)| encoded.frame(event))
    }

    /// The same for clients that inflate, compressed from so many bytes on.
    pub fn deflated(&self, cursor: u64, from_bytes: u32) -> Option<Bytes> {
        self.seen_from(cursor).map(|(event, encoded)| encoded.deflated(event, from_bytes))
    }

    /// The `pub` object of the Centrifuge protocol, for a `subscribe` or `history` reply.
    pub fn publication(&self, cursor: u64) -> Option<Arc<str>> {
        self.seen_from(cursor).map(|(event, encoded)| encoded.publication(event).clone())
    }

    /// The event as JSON text, as streams and polls have it.
    pub fn stream(&self, cursor: u64) -> Option<Bytes> {
        self.seen_from(cursor).map(|(event, encoded)| encoded.stream(event))
    }

    /// The event as Socket.IO has it: a complete frame over Engine.IO 3, without header and end over Engine.IO 4.
    pub fn packet(&self, tongue: &Tongue, version: Version, place: &Place<'_>, cursor: u64) -> Option<Bytes> {
        let (event, encoded) = self.seen_from(cursor)?;
        encoded.packet(tongue, version, || (tongue.open)(version, event, place))
    }
}

/// A signal in a ring with its encodings.
#[derive(Debug)]
pub struct SignalSlot {
    number: u64,
    channel: Arc<str>,
    signal: Signal,
    encoded: Encoded,
}

impl SignalSlot {
    /// Who hears it.
    pub fn audience(&self) -> Audience {
        match &self.signal {
            Signal::Event(event) => match event.kind {
                Kind::Viewers => Audience::VIEWERS,
                Kind::Typing => Audience::TYPING,
                Kind::Views => Audience::VIEWS,
                _ => Audience::EVERYONE,
            },
            Signal::Presence { .. } => Audience::PRESENCE,
        }
    }

    /// A complete WebSocket frame.
    pub fn frame(&self) -> Bytes {
        match &self.signal {
            Signal::Event(event) => self.encoded.frame(event),
            Signal::Presence { who, joined } => self
                .encoded
                .frame
                .get_or_init(|| {
                    let presence = push::Presence { channel: self.channel.clone(), who: who.clone(), joined: *joined };
                    frame::text(&json::push(&Push::Presence(presence)))
                })
                .clone(),
        }
    }

    /// As [`Slot::packet`].
    pub fn packet(&self, tongue: &Tongue, version: Version, place: &Place<'_>) -> Option<Bytes> {
        let open = || match &self.signal {
            Signal::Event(event) => (tongue.open)(version, event, place),
            Signal::Presence { who, joined } if tongue.index == PLAIN.index => {
                let presence = push::Presence { channel: self.channel.clone(), who: who.clone(), joined: *joined };
                Some(socketio::push_open(version, &Push::Presence(presence)))
            }
            Signal::Presence { .. } => None,
        };
        self.encoded.packet(tongue, version, open)
    }

    /// The event and its JSON text, where it is one that streams and polls have.
    pub fn stream(&self) -> Option<(&Event, Bytes)> {
        match &self.signal {
            Signal::Event(event) => Some((event, self.encoded.stream(event))),
            Signal::Presence { .. } => None,
        }
    }

    /// Whether `newer` makes this one pointless.
    fn is_replaced_by(&self, newer: &Signal) -> bool {
        match (&self.signal, newer) {
            (Signal::Event(old), Signal::Event(new)) => match (old.kind, new.kind) {
                (Kind::Viewers, Kind::Viewers) | (Kind::Views, Kind::Views) => true,
                (Kind::Typing, Kind::Typing) => old.data == new.data,
                _ => false,
            },
            _ => false,
        }
    }
}

/// What came of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It is the ring's new top.
    Added,
    /// The ring had it already.
    Known,
    /// Entries between the ring's top and this one are missing, or the epoch is another: read the log.
    Hole,
}

/// A channel's last entries and signals.
#[derive(Debug)]
pub struct Ring {
    channel: Arc<str>,
    epoch: Epoch,
    /// Older epochs with their ends, as [`crate::backend::Part::older`] has them.
    older: Vec<Position>,
    floor: u64,
    top: u64,
    slots: VecDeque<Arc<Slot>>,
    bytes: usize,
    signals: VecDeque<Arc<SignalSlot>>,
    signal_top: u64,
    page_url: Option<Arc<str>>,
    limits: RingLimits,
}

impl Ring {
    /// An empty ring of `channel` that stands at `top`.
    pub fn new(channel: Arc<str>, top: Position, limits: RingLimits) -> Ring {
        Ring {
            channel,
            epoch: top.epoch,
            older: Vec::new(),
            floor: top.offset,
            top: top.offset,
            slots: VecDeque::new(),
            bytes: 0,
            signals: VecDeque::new(),
            signal_top: 0,
            page_url: None,
            limits,
        }
    }

    /// Nothing will come any more: whoever is offered something next finds out that it fell.
    pub fn abandon(&mut self) {
        self.refill(Position { epoch: Epoch::unopened(), offset: self.top }, Vec::new(), self.top, Vec::new());
    }

    /// Fills the ring from the log's end: `entries` oldest first, nothing missing between `floor` and the last of them.
    ///
    /// Signals go on counting from `self`, so that cursors of readers who stay are good.
    pub fn refill(&mut self, top: Position, older: Vec<Position>, floor: u64, entries: Vec<Arc<Entry>>) {
        self.epoch = top.epoch;
        self.older = older;
        self.top = top.offset;
        self.floor = floor;
        self.slots.clear();
        self.bytes = 0;
        for entry in entries {
            self.add(Arc::new(Slot::new(entry)));
        }
        self.trim();
    }

    /// The channel's name within its site.
    pub fn channel(&self) -> &Arc<str> {
        &self.channel
    }

    /// What events of this ring do not say themselves.
    pub fn place(&self) -> Place<'_> {
        Place { epoch: &self.epoch, page_url: self.page_url.as_deref().unwrap_or_default() }
    }

    /// The page's address became known.
    pub fn set_page_url(&mut self, url: &str) {
        if !url.is_empty() {
            self.page_url = Some(url.into());
        }
    }

    /// The ring's top.
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch.clone(), offset: self.top }
    }

    /// The epoch of all entries.
    pub fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// Where a position stands in the ring's epoch; `None` where the log cannot vouch for it.
    pub fn translated(&self, position: &Position) -> Option<Position> {
        goes_on(&self.epoch, &self.older, position).then(|| Position { epoch: self.epoch.clone(), offset: position.offset })
    }

    /// Whether the ring's epoch came after this one.
    pub fn is_newer_than(&self, epoch: &Epoch) -> bool {
        self.older.iter().any(|older| older.epoch == *epoch)
    }

    /// A reader at this offset or above misses nothing here.
    pub fn floor(&self) -> u64 {
        self.floor
    }

    /// The offset of the newest entry.
    pub fn top(&self) -> u64 {
        self.top
    }

    /// The number of the newest signal.
    pub fn signal_top(&self) -> u64 {
        self.signal_top
    }

    /// Bytes held, encodings reckoned in.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes the next entry. An entry that supersedes an older one of the same comment takes its place: withdrawn text is gone.
    pub fn push(&mut self, epoch: &Epoch, entry: Arc<Entry>) -> Pushed {
        if *epoch != self.epoch {
            return Pushed::Hole;
        }
        let offset = entry.offset();
        if offset <= self.top {
            return Pushed::Known;
        }
        if offset != self.top + 1 {
            return Pushed::Hole;
        }
        self.add(Arc::new(Slot::new(entry)));
        self.top = offset;
        self.trim();
        Pushed::Added
    }

    fn add(&mut self, slot: Arc<Slot>) {
        if let Some(change) = &slot.entry.comment {
            let older = |old: &Arc<Slot>| old.entry.comment.as_ref().is_some_and(|old| old.id == change.id);
            if let Some(gone) = self.slots.iter().position(older).and_then(|index| self.slots.remove(index)) {
                self.bytes -= gone.bytes();
            }
        }
        self.bytes += slot.bytes();
        self.slots.push_back(slot);
    }

    fn trim(&mut self) {
        while self.slots.len() > self.limits.entries_max || (self.bytes > self.limits.bytes_max && self.slots.len() > 1) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(gone) = self.slots.pop_front() {
            self.bytes -= gone.bytes();
            self.floor = self.floor.max(gone.offset());
        }
    }

    /// Gives memory back: only what no broadcast has offered yet stays. Returns the bytes freed.
    pub fn shrink(&mut self, offered: u64) -> usize {
        let before = self.bytes;
        while self.slots.front().is_some_and(|slot| slot.offset() <= offered) {
            self.drop_oldest();
        }
        before - self.bytes
    }

    /// Takes a signal.
    pub fn signal(&mut self, signal: Signal) {
        self.signals.retain(|old| !old.is_replaced_by(&signal));
        if self.signals.len() == SIGNALS_MAX {
            self.signals.pop_front();
        }
        self.signal_top += 1;
        let slot = SignalSlot { number: self.signal_top, channel: self.channel.clone(), signal, encoded: Encoded::default() };
        self.signals.push_back(Arc::new(slot));
    }

    /// The entries after `cursor`, oldest first. The caller has checked the floor.
    pub fn after(&self, cursor: u64) -> impl Iterator<Item = &Arc<Slot>> {
        let start = self.slots.partition_point(|slot| slot.offset() <= cursor);
        self.slots.range(start..)
    }

    /// Whether a later change of the same comment is here.
    pub fn supersedes(&self, slot: &Slot) -> bool {
        slot.comment().is_some_and(|id| self.after(slot.offset()).any(|newer| newer.comment() == Some(id)))
    }

    /// The signals after number `cursor`, oldest first.
    pub fn signals_after(&self, cursor: u64) -> impl Iterator<Item = &Arc<SignalSlot>> {
        self.signals.iter().filter(move |slot| slot.number > cursor)
    }

    /// Whether so much waits to be offered that a linger must not hold it any longer: half a ring.
    pub fn is_half_full_since(&self, offered: u64, signals_offered: u64) -> bool {
        let waiting = |weigh: fn(&Slot) -> usize| self.after(offered).map(|slot| weigh(slot)).sum::<usize>();
        waiting(|_| 1) * 2 >= self.limits.entries_max
            || (self.signal_top - signals_offered) as usize * 2 >= SIGNALS_MAX
            || (self.bytes * 2 >= self.limits.bytes_max && waiting(Slot::bytes) * 2 >= self.limits.bytes_max)
    }
}
