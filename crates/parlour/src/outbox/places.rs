//! The places of an outbox: a cursor for each channel that the client reads. Nearly every client reads one channel, so the first
//! place lies in the outbox itself: a broadcast finds it where it has just locked, and it costs no allocation.

use std::sync::Arc;

use parlour_wire::position::{Epoch, Position};

use super::resume::Item;
use super::{Dress, SharedRing};
use crate::ring::{Audience, PLAIN, Ring, Tongue};

/// A reader's place in one ring.
pub(super) struct Cursor {
    pub(super) ring: SharedRing,
    /// For clients that hear packets.
    pub(super) told: Option<Box<Told>>,
    pub(super) epoch: Epoch,
    /// Everything up to here was taken.
    pub(super) offset: u64,
    /// Where the reader last stood at the ring's top: what it knows of comments is as of here.
    pub(super) seen: u64,
    pub(super) signal: u64,
    pub(super) audience: Audience,
    pub(super) waiting: bool,
}

/// What only packets are made of; nearly every cursor is without.
pub(super) struct Told {
    /// The channel's name, for RESUME.
    pub(super) channel: Arc<str>,
    pub(super) tongue: &'static Tongue,
}

/// A place in the outbox for a cursor.
#[derive(Default)]
pub(super) enum Place {
    #[default]
    Free,
    Reserved,
    Reading(Cursor),
}

/// All places of an outbox, by number.
#[derive(Default)]
pub(super) struct Places {
    first: Place,
    more: Vec<Place>,
}

impl Places {
    /// Numbers below this one may be in use.
    pub(super) fn len(&self) -> usize {
        1 + self.more.len()
    }

    pub(super) fn get(&self, place: usize) -> Option<&Place> {
        match place.checked_sub(1) {
            None => Some(&self.first),
            Some(index) => self.more.get(index),
        }
    }

    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut Place> {
        match place.checked_sub(1) {
            None => Some(&mut self.first),
            Some(index) => self.more.get_mut(index),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Place> {
        std::iter::once(&self.first).chain(&self.more)
    }

    /// Keeps a free place: its number.
    pub(super) fn reserve(&mut self) -> usize {
        let free = self.iter().position(|place| matches!(place, Place::Free));
        let place = free.unwrap_or_else(|| {
            self.more.push(Place::Free);
            self.more.len()
        });
        if let Some(slot) = self.get_mut(place) {
            *slot = Place::Reserved;
        }
        place
    }

    /// Gives a place back.
    pub(super) fn free(&mut self, place: usize) {
        if let Some(slot) = self.get_mut(place) {
            *slot = Place::Free;
        }
        while matches!(self.more.last(), Some(Place::Free)) {
            self.more.pop();
        }
    }
}

impl Cursor {
    pub(super) fn item(&self) -> Item<'_> {
        Item {
            channel: self.told.as_ref().map_or("", |told| &told.channel),
            epoch: &self.epoch,
            offset: self.offset,
            audience: self.audience,
            tongue: self.tongue().index,
        }
    }

    /// In what manner it is told.
    pub(super) fn tongue(&self) -> &'static Tongue {
        self.told.as_ref().map_or(&PLAIN, |told| told.tongue)
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
