//! Where a reader who was here before goes on: its position in the ring's epoch, what of the log lies between the two, and what of
//! both it is told. What the log cannot vouch for is a gap.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use parlour_wire::code::Code;
use parlour_wire::position::Position;
use tokio::sync::OnceCell;

use super::read::Since;
use super::{Node, told};
use crate::backend::{Part, Range};
use crate::channel::Key;
use crate::hub::Channel;
use crate::ring::{Ring, Slot};

/// Readings of the log before a reader that still does not meet the ring is told of the gap.
const PAGES_MAX: usize = 3;

/// Epochs that a log may open while somebody comes.
const EPOCHS_MAX: usize = 3;

/// Where a reader begins.
#[derive(Debug)]
pub struct Start {
    /// Its position after `missed`.
    pub position: Position,
    /// Whether a position was asked for.
    pub was_recovering: bool,
    /// Whether nothing is missing since then.
    pub recovered: bool,
    /// What it missed, oldest first; to be encoded as [`Slot`] does for a reader at `seen`.
    pub missed: Vec<Arc<Slot>>,
    /// The offset it came with.
    pub seen: u64,
    /// The channel's name, where it was asked for by another.
    pub home: Option<Arc<str>>,
}

/// Part of a log for readers who are older than the ring, with encodings that all of them share.
#[derive(Debug)]
pub struct Page {
    /// The part.
    pub part: Part,
    /// Its entries.
    pub slots: Vec<Arc<Slot>>,
}

/// What of a log lies between a position and the ring.
enum Between {
    /// All of it; nothing where the ring reaches that far.
    Pages(Vec<Arc<Page>>),
    /// The log does not reach that far, or not within so many pages.
    TooFar,
    /// The ring, or the log, has another epoch by now.
    OtherEpoch,
}

/// Pages being read or still held by someone: a herd that waits for the same page reads it once.
pub type SharedPages = Mutex<HashMap<(Key, u64), Weak<OnceCell<Arc<Page>>>>>;

impl Node {
    /// One page of the log after an offset, shared by all who want the same one now.
    pub async fn page(&self, key: &Key, after: u64) -> Result<Arc<Page>, Code> {
        let cell = {
            let mut pages = self.pages.lock();
            pages.retain(|_, cell| cell.strong_count() > 0);
            match pages.get(&(key.clone(), after)).and_then(Weak::upgrade) {
                Some(cell) => cell,
                None => {
                    let cell = Arc::new(OnceCell::new());
                    pages.insert((key.clone(), after), Arc::downgrade(&cell));
                    cell
                }
            }
        };
        let limits = self.book.now().limits.clone();
        let range =
            Range { after, reverse: false, entries_max: limits.recovery_entries_max, bytes_max: limits.recovery_bytes_max };
        let read = || async {
            self.stats.log_reads.fetch_add(1, Ordering::Relaxed);
            let part = self.backend.log.read(key, range).await.map_err(told)?;
            let slots = part.entries.iter().map(|entry| Arc::new(Slot::new(entry.clone()))).collect();
            Ok(Arc::new(Page { part, slots }))
        };
        cell.get_or_try_init(read).await.cloned()
    }

    /// Where a reader's position stands in the ring's epoch, and what of the log lies between the two; `None` where it cannot be served.
    /// A log that opens another epoch meanwhile is asked again: what it vouches for is no gap.
    pub(super) async fn behind(&self, channel: &Arc<Channel>, since: Since) -> Result<(Since, Option<Vec<Arc<Page>>>), Code> {
        let Since::Position(asked) = since else { return Ok((since, Some(Vec::new()))) };
        for _ in 0..EPOCHS_MAX {
            let Some(position) = self.translated(channel, &asked).await? else { break };
            match self.older_than_ring(channel, &position).await? {
                Between::Pages(pages) => return Ok((Since::Position(position), Some(pages))),
                Between::TooFar => break,
                Between::OtherEpoch => self.catch_up(channel).await?,
            }
        }
        Ok((Since::Position(asked), None))
    }

    /// A position of an older epoch is one of the ring's, where the log goes on from there. A ring that knows the epoch not at all
    /// may be behind the log.
    async fn translated(&self, channel: &Arc<Channel>, position: &Position) -> Result<Option<Position>, Code> {
        let known = || channel.ring.lock().translated(position);
        if let Some(position) = known() {
            return Ok(Some(position));
        }
        let top = self.backend.log.top(&channel.key).await.map_err(told)?;
        let is_behind = {
            let ring = channel.ring.lock();
            top.epoch != *ring.epoch() && !ring.is_newer_than(&top.epoch)
        };
        if is_behind {
            self.catch_up(channel).await?;
        }
        Ok(known())
    }

    /// What lies between a position of the ring's epoch and the ring, from the log.
    async fn older_than_ring(&self, channel: &Arc<Channel>, position: &Position) -> Result<Between, Code> {
        let mut pages = Vec::new();
        let mut at = position.offset;
        loop {
            let is_ahead = {
                let ring = channel.ring.lock();
                if *ring.epoch() != position.epoch {
                    return Ok(Between::OtherEpoch);
                }
                if at >= ring.floor() && at <= ring.top() {
                    return Ok(Between::Pages(pages));
                }
                at > ring.top()
            };
            if is_ahead {
                // What was stored is still on its way here, or the log does not reach that far.
                self.stats.log_reads.fetch_add(1, Ordering::Relaxed);
                let top = self.backend.log.top(&channel.key).await.map_err(told)?;
                if top.epoch != position.epoch {
                    return Ok(Between::OtherEpoch);
                }
                if top.offset < at {
                    return Ok(Between::TooFar);
                }
                self.catch_up(channel).await?;
                continue;
            }
            if pages.len() == PAGES_MAX {
                return Ok(Between::TooFar);
            }
            let page = self.page(&channel.key, at).await?;
            if page.part.top.epoch != position.epoch {
                return Ok(Between::OtherEpoch);
            }
            if page.part.whole_from > at {
                return Ok(Between::TooFar);
            }
            let last = page.part.entries.last().map(|entry| entry.offset());
            at = match last {
                Some(last) if page.part.more => last,
                _ => page.part.top.offset,
            };
            pages.push(page);
        }
    }

    /// Brings the ring up to its log, for a reader who knows of more.
    async fn catch_up(&self, channel: &Arc<Channel>) -> Result<(), Code> {
        self.fill(channel).await.map_err(told)?;
        self.flush(channel);
        Ok(())
    }
}

/// Where a reader begins, now that the ring stands still: older pages first, then the ring, a comment's last change alone.
pub(super) fn start(ring: &Ring, since: &Since, older: Option<Vec<Arc<Page>>>, fits: impl Fn(usize, usize) -> bool) -> Start {
    let position = ring.position();
    let fresh = |was_recovering| Start {
        position: position.clone(),
        was_recovering,
        recovered: false,
        missed: Vec::new(),
        seen: 0,
        home: None,
    };
    let (from, older) = match (since, older) {
        (Since::Now, _) => return fresh(false),
        (Since::Position(from), Some(older)) => (from, older),
        _ => return fresh(true),
    };
    let pages = || older.iter().flat_map(|page| page.slots.iter());
    let reached = older.last().map_or(from.offset, |page| {
        let last = page.part.entries.last().map(|entry| entry.offset());
        if page.part.more { last.unwrap_or(from.offset) } else { page.part.top.offset }
    });
    let good = ring.translated(from).is_some() && from.offset <= ring.top() && reached >= ring.floor();
    if !good {
        return fresh(true);
    }
    // A comment may have changed between two readings: its last change alone counts.
    let newer: Vec<&Arc<Slot>> = ring.after(reached).collect();
    let mut changed = HashSet::new();
    let is_last = |slot: &&Arc<Slot>| slot.comment().is_none_or(|id| changed.insert(id.clone()));
    let mut missed: Vec<Arc<Slot>> = pages().chain(newer).rev().filter(is_last).cloned().collect();
    missed.reverse();
    let bytes: usize = missed.iter().filter_map(|slot| slot.event(from.offset)).map(|event| event.data.len()).sum();
    if !fits(missed.len(), bytes) {
        return fresh(true);
    }
    Start { position: position.clone(), was_recovering: true, recovered: true, missed, seen: from.offset, home: None }
}
