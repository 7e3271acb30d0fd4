//! Reading: opening a channel from its log, subscribing, history. Where a reader goes on who was here before is [`super::recover`]'s.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parlour_wire::code::Code;
use parlour_wire::position::Position;
use parlour_wire::push::Event;

use super::recover::{Start, start};
use super::{Asker, Node, told};
use crate::backend::{Fault, Range};
use crate::channel::Key;
use crate::hub::{Channel, Viewer};
use crate::identity::Act;
use crate::outbox::{Hearing, Outbox};
use crate::ring::{Audience, Ring};

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
        let (since, older) = self.behind(&channel, wish.since).await?;
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
