//! A socket that takes as much as the test allows, readers in one ring, and what reaches them.

use std::sync::atomic::{AtomicUsize, Ordering};

use parlour_wire::frame::{Written, messages};
use parlour_wire::position::Epoch;
use parlour_wire::push::{Event, Kind};

use super::*;
use crate::backend::{Change, Entry, Signal};
use crate::comment::CommentId;
use crate::ring::{Pushed, RingLimits};

const LIMITS: LaneLimits = LaneLimits { frames_max: 4, bytes_max: 1024 };

/// Takes `room` bytes, then blocks.
#[derive(Clone, Default)]
struct Sink {
    room: Arc<AtomicUsize>,
    taken: Arc<Mutex<Vec<u8>>>,
    sends: Arc<AtomicUsize>,
}

impl WriteHalf for Sink {
    fn try_send(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let room = self.room.load(Ordering::SeqCst);
        if room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).take(room).collect();
        self.room.fetch_sub(bytes.len(), Ordering::SeqCst);
        self.sends.fetch_add(1, Ordering::SeqCst);
        self.taken.lock().extend(&bytes);
        Ok(bytes.len())
    }
}

impl Sink {
    fn allow(&self, bytes: usize) {
        self.room.store(bytes, Ordering::SeqCst);
    }

    /// The numbers published, and the kinds of other events, in the order in which they came.
    fn heard(&self) -> Vec<String> {
        let bytes = self.taken.lock().clone();
        let mut rest = &bytes[..];
        let mut heard = Vec::new();
        while rest.len() >= 2 {
            let (start, length) = match rest[1] {
                126 => (4, usize::from(rest[2]) << 8 | usize::from(rest[3])),
                length => (2, usize::from(length)),
            };
            if rest.len() < start + length {
                break;
            }
            let text = std::str::from_utf8(&rest[start..start + length]).unwrap();
            let value: serde_json::Value = serde_json::from_str(text).unwrap_or_else(|_| text.into());
            let publication = &value["push"]["pub"];
            heard.push(match publication["tags"]["event"].as_str() {
                Some(name) => name.to_owned(),
                None if publication.is_object() => publication["data"].to_string(),
                None => text.to_owned(),
            });
            rest = &rest[start + length..];
        }
        heard
    }
}

fn epoch() -> Epoch {
    Epoch::new("e1").unwrap()
}

fn ring(entries_max: usize) -> SharedRing {
    let top = Position { epoch: epoch(), offset: 0 };
    Arc::new(Mutex::new(Ring::new("a".into(), top, RingLimits { entries_max, bytes_max: 1 << 20 })))
}

fn event(kind: Kind, offset: u64) -> Event {
    Event { kind, channel: "a".into(), offset: Some(offset), data: offset.to_string().into(), publisher: None, time_ms: 0 }
}

fn publish(ring: &SharedRing, offsets: std::ops::RangeInclusive<u64>) {
    for offset in offsets {
        let entry = Entry { event: event(Kind::Publication, offset), comment: None };
        assert_eq!(ring.lock().push(&epoch(), Arc::new(entry)), Pushed::Added);
    }
}

fn change(ring: &SharedRing, offset: u64, made: u64, previous: u64, gone: bool) {
    let kind = match (gone, offset == made) {
        (true, _) => Kind::CommentDeleted,
        (false, true) => Kind::CommentCreated,
        (false, false) => Kind::CommentUpdated,
    };
    let now = (!gone).then(|| format!("\"now {offset}\"").into());
    let comment = Some(Change { id: CommentId::parse("c1").unwrap(), made, previous, now });
    assert_eq!(ring.lock().push(&epoch(), Arc::new(Entry { event: event(kind, offset), comment })), Pushed::Added);
}

fn reader(sink: &Sink, ring: &SharedRing) -> (Outbox, usize) {
    let outbox = Outbox::direct(Arc::new(sink.clone()), LIMITS);
    let place = outbox.reserve();
    outbox.attach(place, ring, Audience::EVERYONE, |ring| (ring.top(), None, ())).unwrap();
    (outbox, place)
}

#[test]
fn an_idle_reader_gets_a_batch_in_one_send() {
    let (sink, ring) = (Sink::default(), ring(256));
    sink.allow(10_000);
    let (outbox, place) = reader(&sink, &ring);
    publish(&ring, 1..=16);
    outbox.offer(place, &Batch::since(&ring, 0, 0).unwrap());
    assert_eq!(sink.heard().len(), 16);
    assert_eq!(sink.sends.load(Ordering::SeqCst), 1);
}

#[test]
fn what_is_half_sent_is_finished_before_anything_else() {
    let (sink, ring) = (Sink::default(), ring(256));
    sink.allow(30);
    let (outbox, place) = reader(&sink, &ring);
    publish(&ring, 1..=1);
    outbox.offer(place, &Batch::since(&ring, 0, 0).unwrap());
    outbox.send(frame("reply")).unwrap();
    publish(&ring, 2..=3);
    outbox.offer(place, &Batch::since(&ring, 1, 0).unwrap());
    assert!(outbox.is_blocked());
    sink.allow(10_000);
    assert_eq!(outbox.pump(), Pumped::Idle);
    assert_eq!(sink.heard(), ["1", "reply", "2", "3"]);
}

#[test]
fn a_blocked_reader_keeps_its_place_and_gets_each_offset_once() {
    let (sink, ring) = (Sink::default(), ring(256));
    let (outbox, place) = reader(&sink, &ring);
    for offset in 1..=100 {
        publish(&ring, offset..=offset);
        outbox.offer(place, &Batch::since(&ring, offset - 1, 0).unwrap());
        sink.allow(if offset % 3 == 0 { 17 } else { 0 });
        if offset % 7 == 0 {
            outbox.pump();
        }
    }
    sink.allow(100_000);
    while outbox.pump() != Pumped::Idle {}
    assert_eq!(sink.heard(), (1..=100).map(|offset| offset.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_reader_that_falls_off_the_ring_is_told_and_nothing_is_skipped_silently() {
    let (sink, ring) = (Sink::default(), ring(8));
    let (outbox, place) = reader(&sink, &ring);
    publish(&ring, 1..=1);
    outbox.offer(place, &Batch::since(&ring, 0, 0).unwrap());
    publish(&ring, 2..=20);
    outbox.offer(place, &Batch::since(&ring, 1, 0).unwrap());
    sink.allow(10_000);
    assert_eq!(outbox.pump(), Pumped::Fell(place));
    outbox.detach(place);
    assert_eq!(outbox.pump(), Pumped::Idle);
    assert!(sink.heard().is_empty());
}

#[test]
fn another_epoch_is_a_fall_too() {
    let (sink, ring) = (Sink::default(), ring(8));
    sink.allow(10_000);
    let (outbox, place) = reader(&sink, &ring);
    ring.lock().refill(Position { epoch: Epoch::new("e2").unwrap(), offset: 7 }, Vec::new(), 7, Vec::new());
    outbox.offer(place, &Batch::since(&ring, 0, 0).unwrap());
    assert_eq!(outbox.pump(), Pumped::Fell(place));
}

#[test]
fn who_hears_the_epoch_with_every_event_passes_into_one_that_goes_on_from_where_it_stands() {
    let next = |ring: &SharedRing, end| {
        let (top, older) = (Position { epoch: Epoch::new("e2").unwrap(), offset: 4 }, Position { epoch: epoch(), offset: end });
        let entry = Arc::new(Entry { event: event(Kind::Publication, 4), comment: None });
        ring.lock().refill(top, vec![older], 2, vec![entry]);
    };
    // Told by frames that do not say it, told by packets that do; and one that saw what is lost.
    for (packets, end, falls) in [(false, 3, true), (true, 3, false), (true, 2, true)] {
        let (sink, ring) = (Sink::default(), ring(8));
        sink.allow(10_000);
        let outbox = Outbox::of_packets(Version::V4, LIMITS);
        let outbox = if packets { outbox } else { Outbox::pulled(LIMITS) };
        outbox.adopt(Arc::new(sink.clone()));
        let place = outbox.reserve();
        outbox.attach(place, &ring, Audience::EVERYONE, |ring| (ring.top(), None, ())).unwrap();
        publish(&ring, 1..=3);
        outbox.offer(place, &Batch::since(&ring, 0, 0).unwrap());
        next(&ring, end);
        outbox.offer(place, &Batch::since(&ring, 3, 0).unwrap());
        assert_eq!(outbox.pump(), if falls { Pumped::Fell(place) } else { Pumped::Idle });
        let stands = outbox.position(place).unwrap().to_string();
        assert_eq!(stands, if falls { "e1:3" } else { "e2:4" });
    }
}

#[test]
fn a_late_reader_gets_a_comment_once_as_it_is_now() {
    let (sink, ring) = (Sink::default(), ring(256));
    let (late, late_place) = reader(&sink, &ring);
    change(&ring, 1, 1, 0, false);
    late.offer(late_place, &Batch::since(&ring, 0, 0).unwrap());
    change(&ring, 2, 1, 1, false);
    late.offer(late_place, &Batch::since(&ring, 1, 0).unwrap());
    sink.allow(10_000);
    late.pump();
    assert_eq!(sink.heard(), ["comment.created"], "not the text that was edited away");
    change(&ring, 3, 1, 2, false);
    late.offer(late_place, &Batch::since(&ring, 2, 0).unwrap());
    assert_eq!(sink.heard(), ["comment.created", "comment.updated"]);
}

#[test]
fn made_and_deleted_since_is_nothing_at_all() {
    let (sink, ring) = (Sink::default(), ring(256));
    let (late, place) = reader(&sink, &ring);
    change(&ring, 1, 1, 0, false);
    late.offer(place, &Batch::since(&ring, 0, 0).unwrap());
    change(&ring, 2, 1, 1, true);
    publish(&ring, 3..=3);
    late.offer(place, &Batch::since(&ring, 1, 0).unwrap());
    sink.allow(10_000);
    late.pump();
    assert_eq!(sink.heard(), ["3"]);
}

#[test]
fn signals_reach_those_who_asked_and_the_newest_count_replaces_the_older() {
    let (sink, ring) = (Sink::default(), ring(256));
    sink.allow(10_000);
    let (deaf, deaf_place) = reader(&sink, &ring);
    let ears = Sink::default();
    ears.allow(10_000);
    let outbox = Outbox::direct(Arc::new(ears.clone()), LIMITS);
    let place = outbox.reserve();
    outbox.attach(place, &ring, Audience::VIEWERS, |ring| (ring.top(), None, ())).unwrap();
    for _ in 0..40 {
        ring.lock().signal(Signal::Event(Event { offset: None, ..event(Kind::Viewers, 1) }));
    }
    let batch = Batch::since(&ring, 0, 0).unwrap();
    deaf.offer(deaf_place, &batch);
    outbox.offer(place, &batch);
    assert!(sink.heard().is_empty());
    assert_eq!(ears.heard(), ["viewers"]);
}

#[test]
fn a_lane_that_overflows_says_so_and_one_large_reply_fits() {
    let sink = Sink::default();
    let outbox = Outbox::direct(Arc::new(sink.clone()), LIMITS);
    outbox.send(frame(&"x".repeat(5_000))).unwrap();
    let second = (0..10).map(|_| outbox.send(frame("y"))).find(Result::is_err);
    assert_eq!(second, Some(Err(Overflow)));
}

#[test]
fn after_the_last_word_nothing_is_sent_and_nothing_panics() {
    let (sink, ring) = (Sink::default(), ring(8));
    sink.allow(10_000);
    let (outbox, place) = reader(&sink, &ring);
    outbox.finish(Some(frame("bye")));
    publish(&ring, 1..=1);
    outbox.offer(place, &Batch::since(&ring, 0, 0).unwrap());
    outbox.detach(place);
    assert!(outbox.send(frame("more")).is_err());
    assert!(outbox.attach(place, &ring, Audience::EVERYONE, |_| (0, None, ())).is_err());
    assert_eq!(outbox.pump(), Pumped::Finished);
    assert_eq!(sink.heard(), ["bye"]);
}

fn frame(text: &str) -> Bytes {
    parlour_wire::frame::text(text)
}

#[test]
fn a_batch_whose_beginning_left_the_ring_fits_nobody_and_the_reader_is_told() {
    let (sink, ring) = (Sink::default(), ring(4));
    sink.allow(10_000);
    let (outbox, place) = reader(&sink, &ring);
    publish(&ring, 1..=6);
    outbox.offer(place, &Batch::since(&ring, 0, 0).unwrap());
    assert_eq!(outbox.pump(), Pumped::Fell(place));
    assert_eq!(sink.heard(), Vec::<String>::new());
}

#[test]
fn who_heard_of_a_comment_hears_that_it_is_gone_though_it_never_reached_the_top() {
    let ring = ring(256);
    let outbox = Outbox::pulled(LIMITS);
    let place = outbox.reserve();
    outbox.attach(place, &ring, Audience::EVERYONE, |ring| (ring.top(), None, ())).unwrap();
    change(&ring, 1, 1, 0, false);
    for offset in 2..=4 {
        let large = Event { data: format!("\"{}\"", "x".repeat(40_000)).into(), ..event(Kind::Publication, offset) };
        ring.lock().push(&epoch(), Arc::new(Entry { event: large, comment: None }));
    }
    outbox.offer(place, &Batch::since(&ring, 0, 0).unwrap());
    let names = |taken: Vec<Taken>| -> Vec<&'static str> {
        taken.iter().map(|taken| if let Taken::Event { name, .. } = taken { name } else { "" }).collect()
    };
    assert_eq!(names(outbox.take().0), ["comment.created", "publication", "publication"]);
    change(&ring, 5, 1, 1, true);
    assert_eq!(names(outbox.take().0), ["publication", "comment.deleted"]);
}

/// The texts in a run of frames.
fn texts(frames: &[u8]) -> Vec<String> {
    let text = |message| match message {
        Written::Text(text) => text.to_owned(),
        Written::Binary(_) => panic!("bytes"),
    };
    messages(frames).into_iter().map(text).collect()
}

fn packet(offset: u64, resume: Option<&str>) -> String {
    let end = resume.map(|resume| format!(",\"{resume}\"")).unwrap_or_default();
    format!("42[\"publication\",\"a\",{offset},{{\"epoch\":\"e1\",\"offset\":{offset}}}{end}]")
}

fn reader_of_packets(version: Version, ring: &SharedRing) -> (Outbox, usize) {
    let outbox = Outbox::of_packets(version, LIMITS);
    let place = outbox.reserve();
    outbox.attach(place, ring, Audience::EVERYONE, |ring| (ring.top(), None, ())).unwrap();
    (outbox, place)
}

#[test]
fn packets_wait_for_polls_and_go_on_by_the_write_half_that_comes_later() {
    let ring = ring(8);
    let (outbox, place) = reader_of_packets(Version::V4, &ring);
    publish(&ring, 1..=1);
    outbox.offer(place, &Batch::since(&ring, 0, 0).unwrap());
    assert_eq!(texts(&outbox.take_frames().0), [packet(1, Some("1 e1:1:0:a"))]);
    publish(&ring, 2..=2);
    outbox.offer(place, &Batch::since(&ring, 1, 0).unwrap());
    let sink = Sink::default();
    sink.allow(usize::MAX);
    outbox.adopt(Arc::new(sink.clone()));
    publish(&ring, 3..=3);
    outbox.offer(place, &Batch::since(&ring, 2, 0).unwrap());
    assert_eq!(texts(&sink.taken.lock()), [packet(2, Some("1 e1:2:0:a")), packet(3, Some("1 e1:3:0:a"))]);
    publish(&ring, 4..=4);
    assert!(outbox.take_frames().0.is_empty(), "a poll that was overtaken takes nothing");
}

#[test]
fn each_client_hears_its_own_positions_and_old_ones_share_the_very_bytes() {
    let ring = ring(8);
    let (one, place) = reader_of_packets(Version::V4, &ring);
    let (two, other) = reader_of_packets(Version::V4, &ring);
    two.attach(two.reserve(), &ring, Audience::VIEWERS, |ring| (ring.top(), None, ())).unwrap();
    let (old, old_place) = reader_of_packets(Version::V3, &ring);
    publish(&ring, 1..=1);
    let batch = Batch::since(&ring, 0, 0).unwrap();
    one.offer(place, &batch);
    two.offer(other, &batch);
    old.offer(old_place, &batch);
    assert_eq!(texts(&one.take_frames().0), [packet(1, Some("1 e1:1:0:a"))]);
    assert_eq!(texts(&two.take_frames().0), [packet(1, Some("1 e1:0:1:a e1:1:0:a"))]);
    assert_eq!(texts(&old.take_frames().0), [packet(1, None)]);
}

#[test]
fn what_comes_while_a_recovery_is_put_together_comes_after_it() {
    let ring = ring(8);
    let outbox = Outbox::of_packets(Version::V4, LIMITS);
    outbox.hold();
    let place = outbox.reserve();
    outbox.attach(place, &ring, Audience::EVERYONE, |ring| (ring.top(), None, ())).unwrap();
    publish(&ring, 1..=1);
    outbox.offer(place, &Batch::since(&ring, 0, 0).unwrap());
    assert!(outbox.take_frames().0.is_empty());
    outbox.release(vec![frame::text("40"), frame::text("missed")]);
    assert_eq!(texts(&outbox.take_frames().0), ["40".to_owned(), "missed".to_owned(), packet(1, Some("1 e1:1:0:a"))]);
}
