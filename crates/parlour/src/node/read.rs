//! Reading: opening a channel from its log, where a reader begins, what it missed, history.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use parlour_wire::code::Code;
use parlour_wire::position::Position;
use parlour_wire::push::Event;
use tokio::sync::OnceCell;

use super::{Asker, Node, told};
use crate::backend::{Fault, Part, Range};
use crate::channel::Key;
use crate::hub::{Channel, Viewer};
use crate::identity::Act;
use crate::outbox::{Hearing, Outbox};
use crate::ring::{Audience, Ring, Slot};

/// Readings of the log before a reader that still does not meet the ring is told of the gap.
const PAGES_MAX: usize = 3;

/// Homes that a name is followed to: more than one only where threads move meanwhile.
const HOMES_MAX: usize = 4;

/// From where a reader wants to read.
#[derive(Clone, Debug)]
pub enum Since {
    /// From now on.
    Now,
    /// Everything after this position.
    Position(Position),
    /// A position was meant, but cannot be read.
    Unreadable,
}

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

/// How a reader wants to read.
pub struct Wish<'a> {
    /// What it is sent through.
    pub outbox: &'a Arc<Outbox>,
    /// Who it is to others.
    pub viewer: &'a Arc<Viewer>,
    /// From where.
    pub since: Since,
    /// What of it, and how it is told.
    pub hearing: Hearing,
    /// Whether all that was missed must fit into one answer, and so into the limits of a recovery.
    pub at_once: bool,
}

/// A reader in a channel; given back to [`Node::unsubscribe`].
pub struct Subscription {
    /// The channel.
    pub channel: Arc<Channel>,
    /// The cursor's place in the outbox.
    pub place: usize,
    /// The name it was asked for by, where that is another one.
    asked: Option<Box<Key>>,
    reader: u32,
    viewer: Arc<Viewer>,
}

impl Subscription {
    /// The channel by the name that it was asked for.
    pub fn asked(&self) -> &Key {
        self.asked.as_deref().unwrap_or(&self.channel.key)
    }
}

/// Part of a log for readers who are older than the ring, with encodings that all of them share.
#[derive(Debug)]
pub struct Page {
    /// The part.
    pub part: Part,
    /// Its entries.
    pub slots: Vec<Arc<Slot>>,
}

/// Pages being read or still held by someone: a herd that waits for the same page reads it once.
pub type SharedPages = Mutex<HashMap<(Key, u64), Weak<OnceCell<Arc<Page>>>>>;

/// Kept publications.
#[derive(Debug)]
pub struct HistoryPage {
    /// In the order asked.
    pub events: Vec<Event>,
    /// The log's top.
    pub position: Position,
}

impl Node {
    /// The channel on this node, its ring filled: listened to first, then read.
    /// Where the name is another one's, the home is opened.
    pub async fn open(&self, key: &Key) -> Result<Arc<Channel>, Code> {
        let mut key = key.clone();
        for _ in 0..HOMES_MAX {
            let channel = {
                let _order = self.watch_order(&key).await;
                let channel = self.hub.channel(&key);
                if channel.opened.get().is_none() {
                    self.backend.log.watch(&key).await.map_err(told)?;
                }
                channel
            };
            match channel.opened.get_or_try_init(|| self.fill(&channel)).await {
                Ok(()) => return Ok(channel),
                Err(Fault::Moved(home)) => {
                    self.let_go(&channel).await;
                    key.channel = home;
                }
                Err(fault) => return Err(told(fault)),
            }
        }
        Err(Code::ThreadMoved)
    }

    /// Fills a channel's ring from the log's end until nothing is missing, and learns who reads on other nodes.
    pub(super) async fn fill(&self, channel: &Arc<Channel>) -> Result<(), Fault> {
        let limits = self.book.now().limits.clone();
        let range =
            Range { after: u64::MAX, reverse: true, entries_max: limits.ring_entries_max, bytes_max: limits.ring_bytes_max };
        loop {
            self.stats.log_reads.fetch_add(1, Ordering::Relaxed);
            let stood = channel.position();
            if channel.fill(self.backend.log.read(&channel.key, range).await?, &stood) {
                // Events of a page's channel do not say the page's address, but that dialect does.
                if self.book.now().comments_page && channel.key.channel.is_page() {
                    let thread = self.backend.store.thread(&channel.key).await?;
                    channel.ring.lock().set_page_url(&thread.unwrap_or_default().url);
                }
                self.compare(std::slice::from_ref(channel)).await;
                return Ok(());
            }
        }
    }

    /// Lets watching and letting go of one channel happen one after the other.
    pub(super) async fn watch_order(&self, key: &Key) -> tokio::sync::MutexGuard<'_, ()> {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        self.watching[hasher.finish() as usize % self.watching.len()].lock().await
    }

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

    /// Begins to read a channel. `reply` learns where the reader begins and may make a frame that goes out before the first
    /// event. What was missed is in its hands: the cursor stands behind it.
    pub async fn subscribe(
        &self,
        asker: &Asker,
        key: &Key,
        wish: Wish<'_>,
        reply: impl FnOnce(Start) -> Option<Bytes>,
    ) -> Result<Subscription, Code> {
        self.permit(Act::Read, asker, key)?;
        let mut hearing = wish.hearing;
        if hearing.audience.hears(Audience::PRESENCE) && !self.is_allowed(Act::Names, asker, key)? {
            hearing.audience = hearing.audience.without(Audience::PRESENCE);
        }
        let channel = self.open(key).await?;
        let since = self.translated(&channel, wish.since).await?;
        let older = match &since {
            Since::Position(position) => self.older_than_ring(&channel, position).await?,
            Since::Now | Since::Unreadable => Some(Vec::new()),
        };
        let place = wish.outbox.reserve();
        let reader = channel.join(wish.outbox, place, wish.viewer);
        let limits = self.book.now().limits.clone();
        let fits =
            |entries, bytes| !wish.at_once || (entries <= limits.recovery_entries_max && bytes <= limits.recovery_bytes_max);
        let is_other_name = channel.key != *key;
        let home = is_other_name.then(|| channel.name.clone());
        let begin = |ring: &Ring| (ring.top(), reply(Start { home, ..start(ring, &since, older, fits) }), ());
        if wish.outbox.attach(place, &channel.ring, hearing, begin).is_err() {
            channel.leave(reader, None);
            wish.outbox.detach(place);
            return Err(Code::LimitExceeded);
        }
        if let (false, Since::Position(position)) = (wish.at_once, &since) {
            wish.outbox.knows_as_of(place, position.offset);
        }
        let asked = is_other_name.then(|| Box::new(key.clone()));
        let subscription = Subscription { channel, place, asked, reader, viewer: wish.viewer.clone() };
        self.arrived(&subscription.channel, &subscription.viewer);
        Ok(subscription)
    }

    /// A position of an older epoch is one of the ring's, where the log goes on from there; where it cannot be served it is left as it is.
    /// A ring that knows the epoch not at all may be behind the log.
    async fn translated(&self, channel: &Arc<Channel>, since: Since) -> Result<Since, Code> {
        let Since::Position(position) = since else { return Ok(since) };
        let known = |position: &Position| channel.ring.lock().translated(position);
        if let Some(position) = known(&position) {
            return Ok(Since::Position(position));
        }
        let top = self.backend.log.top(&channel.key).await.map_err(told)?;
        let is_behind = {
            let ring = channel.ring.lock();
            top.epoch != *ring.epoch() && !ring.is_newer_than(&top.epoch)
        };
        if is_behind {
            self.fill(channel).await.map_err(told)?;
            self.flush(channel);
        }
        Ok(Since::Position(known(&position).unwrap_or(position)))
    }

    /// What lies between a position and the ring, from the log: nothing where the ring reaches that far, `None` where the log
    /// does not, or not within so many pages and the limits of a recovery.
    async fn older_than_ring(&self, channel: &Arc<Channel>, position: &Position) -> Result<Option<Vec<Arc<Page>>>, Code> {
        let mut pages = Vec::new();
        let mut at = position.offset;
        loop {
            let is_ahead = {
                let ring = channel.ring.lock();
                if *ring.epoch() != position.epoch {
                    return Ok(None);
                }
                if at >= ring.floor() && at <= ring.top() {
                    return Ok(Some(pages));
                }
                at > ring.top()
            };
            if is_ahead {
                match self.overtake(channel, position, at).await? {
                    true => continue,
                    false => return Ok(None),
                }
            }
            if pages.len() == PAGES_MAX {
                return Ok(None);
            }
            let page = self.page(&channel.key, at).await?;
            if page.part.top.epoch != position.epoch || page.part.whole_from > at {
                return Ok(None);
            }
            let last = page.part.entries.last().map(|entry| entry.offset());
            at = match last {
                Some(last) if page.part.more => last,
                _ => page.part.top.offset,
            };
            pages.push(page);
        }
    }

    /// A reader or a page of the log is ahead of the ring, because what was stored is still on its way here: the ring is filled from
    /// the log. `false` where the log itself does not reach that far.
    async fn overtake(&self, channel: &Arc<Channel>, position: &Position, at: u64) -> Result<bool, Code> {
        self.stats.log_reads.fetch_add(1, Ordering::Relaxed);
        let top = self.backend.log.top(&channel.key).await.map_err(told)?;
        if top.epoch != position.epoch || top.offset < at {
            return Ok(false);
        }
        self.fill(channel).await.map_err(told)?;
        self.flush(channel);
        Ok(true)
    }

    /// The reader goes: at once when it said so, after a linger ([`Node::linger`]) when its line was lost.
    pub fn unsubscribe(&self, outbox: &Outbox, subscription: Subscription, linger: Option<Duration>) {
        let until = linger.filter(|linger| !linger.is_zero()).map(|linger| Instant::now() + linger);
        outbox.detach(subscription.place);
        subscription.channel.leave(subscription.reader, until);
        self.departed(&subscription.channel, &subscription.viewer, until.is_some());
    }

    /// How long a viewer whose line was lost is still counted.
    pub fn linger(&self) -> Duration {
        self.book.now().limits.viewer_linger
    }

    /// Part of what a channel keeps, as a reader sees it who comes now. Whoever reads on from a position is told where the log
    /// cannot vouch for everything since.
    pub async fn history(
        &self,
        asker: &Asker,
        key: &Key,
        limit: Option<usize>,
        since: Option<Position>,
        reverse: bool,
    ) -> Result<HistoryPage, Code> {
        self.permit(Act::Read, asker, key)?;
        let key = &self.home(key).await?;
        let limits = self.book.now().limits.clone();
        let entries_max = limit.unwrap_or(limits.recovery_entries_max).min(limits.recovery_entries_max);
        let after = match (&since, reverse) {
            (Some(position), _) => position.offset,
            (None, false) => 0,
            (None, true) => u64::MAX,
        };
        let mut range = Range { after, reverse, entries_max, bytes_max: limits.recovery_bytes_max };
        let mut part = self.backend.log.read(key, range).await.map_err(told)?;
        let is_good = |since: Position| {
            let is_whole = since.offset >= part.whole_from && since.offset <= part.top.offset;
            part.goes_on_from(&since) && (reverse || is_whole)
        };
        let reads_on = since.is_some();
        if !since.is_none_or(is_good) {
            return Err(Code::UnrecoverablePosition);
        }
        // Whoever reads the log, and not live, has seen nothing: every comment comes as it is now.
        let seen = if reverse { 0 } else { after };
        loop {
            let events: Vec<Event> = part.entries.iter().filter_map(|entry| entry.seen_from(seen)).collect();
            // Nothing means that nothing is left; what was made and deleted since is passed over.
            match part.entries.last() {
                Some(last) if events.is_empty() && part.more => range.after = last.offset(),
                _ => return Ok(HistoryPage { events, position: part.top }),
            }
            let from = Position { epoch: part.top.epoch, offset: range.after };
            part = self.backend.log.read(key, range).await.map_err(told)?;
            if reads_on && !part.goes_on_from(&from) {
                return Err(Code::UnrecoverablePosition);
            }
        }
    }
}

/// Where a reader begins, now that the ring stands still: older pages first, then the ring, a comment's last change alone.
fn start(ring: &Ring, since: &Since, older: Option<Vec<Arc<Page>>>, fits: impl Fn(usize, usize) -> bool) -> Start {
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
