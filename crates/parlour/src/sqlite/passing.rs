//! Channels that keep nothing (`keep_events` 0): their publications pass through memory and never see the disk. What must hold all the same is that
//! offsets are given once and in order, and that a position from before is never taken for one of now.
//!
//! A channel *passes* until something of it is stored: a comment, a thread, a count. Its epoch bears a generation that is this start's own, so
//! after a restart nobody is told that nothing was missed. When the writer makes the channel's row it goes on from where the channel stood
//! ([`Passing::store`]), in the same epoch; from then on publications go through the writer. Memory is bounded: channels that were not used for
//! long are forgotten, and begin in another generation when they come back.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use parlour_wire::position::{Epoch, Position};
use parlour_wire::push::{Event, Kind};

use super::announce::Watched;
use super::vouch;
use crate::backend::{Append, Appended, Delivery, Entry, Lanes};
use crate::channel::{ChannelName, Key};

/// Channels remembered at least; twice as many at most.
const CHANNELS_MIN: usize = 50_000;

/// Where a channel stands.
#[derive(Clone)]
struct Standing {
    generation: u64,
    epoch: Epoch,
    top: u64,
    /// Its row is made, or about to be: the writer's from now on.
    stored: bool,
}

/// The channels, those used lately apart from those that were used before.
struct Channels {
    generation: u64,
    epoch: Epoch,
    lately: HashMap<Key, Standing>,
    before: HashMap<Key, Standing>,
}

/// What passes through memory.
pub(super) struct Passing {
    base: Arc<str>,
    /// A channel that is kept whole, and so never passes.
    whole: Option<ChannelName>,
    lanes: Lanes,
    watched: Watched,
    channels: Mutex<Channels>,
}

/// What is known of a channel.
pub(super) enum Known {
    /// It passes, and stands here.
    Passes(Position),
    /// It is the writer's.
    Stored,
    /// Whether it has a row is to be found out.
    Unknown,
}

impl Passing {
    /// Nothing known yet.
    pub(super) fn new(base: Arc<str>, whole: Option<ChannelName>, lanes: Lanes, watched: Watched) -> rusqlite::Result<Passing> {
        // Beyond what any channel's own count reaches, and short enough for an epoch.
        let generation = u64::from(rand::random::<u32>()) << 16 | 1 << 48;
        let epoch = vouch::epoch(&base, generation)?;
        let channels = Channels { generation, epoch, lately: HashMap::new(), before: HashMap::new() };
        Ok(Passing { base, whole, lanes, watched, channels: Mutex::new(channels) })
    }

    /// What is known of this channel.
    pub(super) fn known(&self, key: &Key) -> Known {
        if self.whole.as_ref() == Some(&key.channel) {
            return Known::Stored;
        }
        match self.channels.lock().find(key) {
            None => Known::Unknown,
            Some(Standing { stored: true, .. }) => Known::Stored,
            Some(standing) => Known::Passes(standing.position()),
        }
    }

    /// Whether it has a row was found out; what came to be known meanwhile holds.
    pub(super) fn learn(&self, key: &Key, stored: bool) {
        let mut channels = self.channels.lock();
        if channels.find(key).is_none() {
            let standing = Standing { stored, ..channels.beginning() };
            self.remember(&mut channels, key, standing);
        }
    }

    /// The writer makes the channel's row, with this generation and top. What it announces follows what has passed.
    pub(super) fn store(&self, key: &Key) -> (u64, u64) {
        let mut channels = self.channels.lock();
        let mut standing = channels.find(key).cloned().unwrap_or_else(|| channels.beginning());
        standing.stored = true;
        let made = (standing.generation, standing.top);
        self.remember(&mut channels, key, standing);
        made
    }

    /// Whether rows of this channel are made here.
    pub(super) fn is_concerned(&self, key: &Key) -> bool {
        self.whole.as_ref() != Some(&key.channel)
    }

    /// Publishes to a channel that passes: gives the offset and tells, as one act. `None` where the channel is not, or not any more, one.
    pub(super) async fn publish(&self, key: &Key, append: &Append) -> Option<Appended> {
        let mut room = None;
        loop {
            if room.is_none() && self.watched.read().contains(key) {
                room = Some(self.lanes.room(key).await);
            }
            let mut channels = self.channels.lock();
            let standing = channels.find(key).filter(|standing| !standing.stored)?;
            // Whoever began to watch since then reads the top after it, and so misses nothing that is told from here on.
            if room.is_none() && self.watched.read().contains(key) {
                continue;
            }
            standing.top += 1;
            let position = standing.position();
            if let (Some(room), Some(entry)) = (room, entry(key, append, position.offset)) {
                room.deliver(Delivery::Entry { key: key.clone(), epoch: position.epoch.clone(), entry: Arc::new(entry) });
            }
            return Some(Appended::now(Some(position), None));
        }
    }

    fn remember(&self, channels: &mut Channels, key: &Key, standing: Standing) {
        channels.before.remove(key);
        channels.lately.insert(key.clone(), standing);
        if channels.lately.len() < CHANNELS_MIN {
            return;
        }
        channels.before = std::mem::take(&mut channels.lately);
        // An epoch is too long only where the store's part of it is, and that one was good before.
        if let Ok(epoch) = vouch::epoch(&self.base, channels.generation + 1) {
            channels.generation += 1;
            channels.epoch = epoch;
        }
    }
}

impl Standing {
    fn position(&self) -> Position {
        Position { epoch: self.epoch.clone(), offset: self.top }
    }
}

impl Channels {
    fn beginning(&self) -> Standing {
        Standing { generation: self.generation, epoch: self.epoch.clone(), top: 0, stored: false }
    }

    /// The channel, among those used lately from now on.
    fn find(&mut self, key: &Key) -> Option<&mut Standing> {
        if let Some((key, standing)) = self.before.remove_entry(key) {
            self.lately.insert(key, standing);
        }
        self.lately.get_mut(key)
    }
}

fn entry(key: &Key, append: &Append, offset: u64) -> Option<Entry> {
    let Append::Publication { data, publisher, time_ms, .. } = append else { return None };
    let event = Event {
        kind: Kind::Publication,
        channel: key.channel.as_str().into(),
        offset: Some(offset),
        data: data.clone(),
        publisher: publisher.clone(),
        time_ms: *time_ms,
    };
    Some(Entry { event, comment: None })
}
