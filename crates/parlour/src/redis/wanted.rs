//! What this node wants to hear: the channels that somebody here reads, by the names under which they are announced, and what is posted
//! to the node itself. Whoever hears an announcement looks here whose it is; whoever connects anew reads here what to subscribe to.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::announce;
use super::tag::partition;
use crate::backend::{Delivery, Lanes};
use crate::channel::Key;

/// The channels that are read, and what they are still to be told.
pub(super) struct Wanted {
    lanes: Lanes,
    read: Mutex<Read>,
    /// Channels whose lane had no room: something of theirs was dropped.
    dropped: Mutex<HashSet<Key>>,
    has_dropped: Notify,
    has_leaving: Notify,
}

#[derive(Default)]
struct Read {
    wanted: HashMap<Arc<str>, Reading>,
    /// What was subscribed to and is wanted no longer, with the partition of each.
    leaving: HashMap<Arc<str>, u16>,
}

struct Reading {
    whose: Whose,
    partition: u16,
    /// Whether it was subscribed to before: then a new subscription means that something may have been missed between the two.
    was_heard: bool,
}

#[derive(Clone)]
enum Whose {
    Channel(Key),
    Node(Hearer),
}

/// Takes what is posted to the node; must not block.
pub type Hearer = Arc<dyn Fn(&[u8]) + Send + Sync>;

impl Wanted {
    pub(super) fn new(lanes: Lanes) -> Wanted {
        Wanted {
            lanes,
            read: Mutex::default(),
            dropped: Mutex::default(),
            has_dropped: Notify::new(),
            has_leaving: Notify::new(),
        }
    }

    /// From now on the channel is wanted; whether it was not before.
    pub(super) fn add(&self, voice: &str, key: &Key) -> bool {
        self.insert(voice, Whose::Channel(key.clone()), partition(key))
    }

    /// From now on what is posted under this name goes to `hearer`.
    pub(super) fn add_hearer(&self, voice: &str, partition: u16, hearer: Hearer) {
        let _ = self.insert(voice, Whose::Node(hearer), partition);
    }

    fn insert(&self, voice: &str, whose: Whose, partition: u16) -> bool {
        let mut read = self.read.lock();
        read.leaving.remove(voice);
        if read.wanted.contains_key(voice) {
            return false;
        }
        read.wanted.insert(voice.into(), Reading { whose, partition, was_heard: false });
        true
    }

    /// It is wanted no longer.
    pub(super) fn remove(&self, voice: &str) {
        let mut read = self.read.lock();
        if let Some((voice, reading)) = read.wanted.remove_entry(voice) {
            read.leaving.insert(voice, reading.partition);
            self.has_leaving.notify_one();
        }
    }

    /// Waits until there is something to unsubscribe from.
    pub(super) async fn has_leaving(&self) {
        self.has_leaving.notified().await;
    }

    /// Takes some of what is to be unsubscribed from.
    pub(super) fn leaving(&self, most: usize) -> Vec<(Arc<str>, u16)> {
        let mut read = self.read.lock();
        let voices: Vec<Arc<str>> = read.leaving.keys().take(most).cloned().collect();
        let taken = voices.into_iter().filter_map(|voice| read.leaving.remove_entry(&voice)).collect();
        if !read.leaving.is_empty() {
            self.has_leaving.notify_one();
        }
        taken
    }

    /// Whether a subscription to it stands or stood.
    pub(super) fn is_heard(&self, voice: &str) -> bool {
        self.read.lock().wanted.get(voice).is_some_and(|reading| reading.was_heard)
    }

    pub(super) fn contains(&self, voice: &str) -> bool {
        self.read.lock().wanted.contains_key(voice)
    }

    /// What is wanted of these partitions.
    pub(super) fn of(&self, is_meant: impl Fn(u16) -> bool) -> Vec<Arc<str>> {
        let read = self.read.lock();
        read.wanted.iter().filter(|(_, reading)| is_meant(reading.partition)).map(|(voice, _)| voice.clone()).collect()
    }

    /// A subscription stands. If it is not the first, the channel's top is to be compared before anything is broadcast.
    pub(super) fn stands(&self, voice: &str) {
        let again = {
            let mut read = self.read.lock();
            let Some(reading) = read.wanted.get_mut(voice) else { return };
            std::mem::replace(&mut reading.was_heard, true).then(|| reading.whose.clone())
        };
        // Whoever posts to a node waits for an answer, and not for ever.
        if let Some(Whose::Channel(key)) = again {
            self.offer(Delivery::Lost { key });
        }
    }

    /// Something was announced. Never waits.
    pub(super) fn hear(&self, voice: &str, bytes: &[u8]) {
        // What is still on its way to a channel that nobody reads any longer is passed over.
        let Some(whose) = self.read.lock().wanted.get(voice).map(|reading| reading.whose.clone()) else { return };
        match whose {
            Whose::Channel(key) => self.offer(announce::decode(&key, bytes)),
            Whose::Node(hearer) => hearer(bytes),
        }
    }

    fn offer(&self, delivery: Delivery) {
        let key = delivery.key().clone();
        if !self.lanes.offer(delivery) && self.dropped.lock().insert(key) {
            self.has_dropped.notify_one();
        }
    }

    /// Tells channels of what was dropped as soon as their lanes have room; runs until it is cancelled.
    pub(super) async fn tell_dropped(&self) {
        loop {
            self.has_dropped.notified().await;
            loop {
                // Forgotten before it is told: what is dropped while this one waits is told once more.
                let next = {
                    let mut dropped = self.dropped.lock();
                    let next = dropped.iter().next().cloned();
                    next.and_then(|key| dropped.take(&key))
                };
                match next {
                    Some(key) => self.lanes.lost(key).await,
                    None => break,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::lanes;
    use crate::channel::{ChannelName, SiteName};

    fn key(name: &str) -> Key {
        Key::new(SiteName::default(), ChannelName::parse(name).expect("a name"))
    }

    #[tokio::test]
    async fn a_full_lane_never_holds_the_reader_and_its_channel_is_told_when_there_is_room() {
        let (sender, mut ends) = lanes(1);
        let wanted = Arc::new(Wanted::new(sender));
        assert!(wanted.add("v", &key("lobby")) && !wanted.add("v", &key("lobby")));
        let teller = tokio::spawn({
            let wanted = wanted.clone();
            async move { wanted.tell_dropped().await }
        });
        let sent = 10_000;
        for _ in 0..sent {
            wanted.hear("v", b"S\ntyping 1 - -\n{}");
        }
        let (mut signals, mut losses) = (0, 0);
        while losses == 0 {
            match ends[0].recv().await.expect("the lane is open") {
                Delivery::Lost { key: lost } => losses += usize::from(lost == key("lobby")),
                Delivery::Signal { .. } => signals += 1,
                other => panic!("{other:?}"),
            }
        }
        assert!(signals < sent);
        teller.abort();
    }

    #[tokio::test]
    async fn only_a_repeated_subscription_is_taken_for_a_loss_and_what_nobody_reads_is_passed_over() {
        let (sender, mut ends) = lanes(1);
        let wanted = Wanted::new(sender);
        wanted.add("v", &key("lobby"));
        wanted.stands("v");
        wanted.hear("other", b"S\ntyping 1 - -\n{}");
        assert!(ends[0].try_recv().is_err());
        wanted.stands("v");
        assert!(matches!(ends[0].try_recv(), Ok(Delivery::Lost { .. })));
        wanted.remove("v");
        wanted.stands("v");
        assert!(ends[0].try_recv().is_err());
    }
}
