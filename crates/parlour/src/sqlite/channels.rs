//! The writer's memory of channels: where each log stands, so that an append reads nothing. What a transaction changed is
//! written once at its end ([`Channels::flush`]); if it fails, everything is forgotten and read again ([`Channels::forget`]).

use std::collections::HashMap;
use std::sync::Arc;

use parlour_wire::position::{Epoch, Position};
use rusqlite::{Connection, OptionalExtension};

use super::ledger::Halt;
use super::passing::Passing;
use super::{pages, vouch};
use crate::backend::Fault;
use crate::channel::Key;

/// Channels remembered at most; beyond that all are forgotten and those in use come back.
const CHANNELS_MAX: usize = 50_000;

/// Where a channel's log stands within the transaction.
pub(super) struct Channel {
    pub(super) id: i64,
    pub(super) epoch: Epoch,
    pub(super) top: u64,
    pub(super) whole_from: u64,
    pub(super) kept: u64,
    pub(super) comments: u64,
    changed: bool,
}

/// Where a channel is remembered, until the end of the transaction.
#[derive(Clone, Copy)]
pub(super) struct Slot(usize);

/// All that are remembered.
pub(super) struct Channels {
    base: Arc<str>,
    /// Channels that keep nothing, where that is the rule.
    passing: Option<Arc<Passing>>,
    slots: HashMap<Key, Slot>,
    channels: Vec<Channel>,
    changed: Vec<Slot>,
}

impl Channels {
    /// Nothing remembered yet; `base` is the store's part of every epoch.
    pub(super) fn new(base: Arc<str>, passing: Option<Arc<Passing>>) -> Channels {
        Channels { base, passing, slots: HashMap::new(), channels: Vec::new(), changed: Vec::new() }
    }

    /// A channel that something was appended to before; another name is refused.
    pub(super) fn find(&mut self, connection: &Connection, key: &Key) -> Result<Option<Slot>, Halt> {
        if let Some(slot) = self.slots.get(key) {
            return Ok(Some(*slot));
        }
        let row = connection
            .prepare_cached("SELECT id, generation, top, whole_from, kept, comments FROM channel WHERE site = ?1 AND name = ?2")?
            .query_row((key.site.as_str(), key.channel.as_str()), |row| {
                Ok(Channel {
                    id: row.get(0)?,
                    epoch: vouch::epoch(&self.base, row.get(1)?)?,
                    top: row.get(2)?,
                    whole_from: row.get(3)?,
                    kept: row.get(4)?,
                    comments: row.get(5)?,
                    changed: false,
                })
            })
            .optional()?;
        match row {
            Some(channel) => Ok(Some(self.remember(key, channel))),
            // A channel that has a row is nobody's other name.
            None => match pages::home(connection, key)? {
                Some(home) => Err(Halt::Refused(Fault::Moved(home))),
                None => Ok(None),
            },
        }
    }

    /// The channel, made if need be.
    pub(super) fn make(&mut self, connection: &Connection, key: &Key) -> Result<Slot, Halt> {
        if let Some(slot) = self.find(connection, key)? {
            return Ok(slot);
        }
        // What passed without being kept is before the log's first entry.
        let passing = self.passing.as_ref().filter(|passing| passing.is_concerned(key));
        let (generation, top) = passing.map_or((0, 0), |passing| passing.store(key));
        let id = connection
            .prepare_cached("INSERT INTO channel (site, name, generation, top, whole_from) VALUES (?1, ?2, ?3, ?4, ?4)")?
            .insert((key.site.as_str(), key.channel.as_str(), generation, top))?;
        let epoch = vouch::epoch(&self.base, generation)?;
        let channel = Channel { id, epoch, top, whole_from: top, kept: 0, comments: 0, changed: false };
        Ok(self.remember(key, channel))
    }

    /// These names change what they stand for: nothing of them passes through memory from now on.
    pub(super) fn take_over(&self, keys: [&Key; 2]) {
        if let Some(passing) = &self.passing {
            for key in keys.into_iter().filter(|key| passing.is_concerned(key)) {
                passing.store(key);
            }
        }
    }

    fn remember(&mut self, key: &Key, channel: Channel) -> Slot {
        let slot = Slot(self.channels.len());
        self.channels.push(channel);
        self.slots.insert(key.clone(), slot);
        slot
    }

    /// To read.
    pub(super) fn at(&self, slot: Slot) -> &Channel {
        &self.channels[slot.0]
    }

    /// To change.
    pub(super) fn change(&mut self, slot: Slot) -> &mut Channel {
        let channel = &mut self.channels[slot.0];
        if !channel.changed {
            channel.changed = true;
            self.changed.push(slot);
        }
        channel
    }

    /// Gives the next offset.
    pub(super) fn take_offset(&mut self, slot: Slot) -> u64 {
        let channel = self.change(slot);
        channel.top += 1;
        channel.top
    }

    /// A place in the channel's log.
    pub(super) fn position(&self, slot: Slot, offset: u64) -> Position {
        Position { epoch: self.at(slot).epoch.clone(), offset }
    }

    /// Writes what changed, as the last statements of a transaction.
    pub(super) fn flush(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.changed.is_empty() {
            return Ok(());
        }
        let mut update =
            connection.prepare_cached("UPDATE channel SET top = ?2, whole_from = ?3, kept = ?4, comments = ?5 WHERE id = ?1")?;
        for slot in self.changed.drain(..) {
            let channel = &mut self.channels[slot.0];
            update.execute((channel.id, channel.top, channel.whole_from, channel.kept, channel.comments))?;
            channel.changed = false;
        }
        Ok(())
    }

    /// After a commit: keeps the memory within its limit.
    pub(super) fn settle(&mut self) {
        if self.channels.len() > CHANNELS_MAX {
            self.forget();
        }
    }

    /// After a rollback: nothing remembered is certain.
    pub(super) fn forget(&mut self) {
        self.slots.clear();
        self.channels.clear();
        self.changed.clear();
    }
}
