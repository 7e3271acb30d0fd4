//! What event streams and long polls share: the channels and positions that a request asks for, readers in all of them through one
//! pulled outbox, and the events as they come. No session is kept: the positions are the cursor.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parlour_wire::code::Code;
use parlour_wire::command::Signals;
use parlour_wire::position::Position;
use parlour_wire::push::ClientInfo;

use crate::channel::Key;
use crate::clients::{Client, Connected, Manners};
use crate::hub::Viewer;
use crate::node::{Asker, Node, Since, Start, Subscription, Wish, random_id};
use crate::outbox::{Outbox, Taken};
use crate::ring::{Audience, Slot};

/// Channels of one request.
pub const CHANNELS_MAX: usize = 100;

/// What a request asks for.
#[derive(Clone, Debug)]
pub struct Question {
    /// Channels and from where, in the order asked.
    pub channels: Vec<(Key, Since)>,
    /// Which signals.
    pub signals: Signals,
    /// The id of a poll that wants to be counted as a viewer; a stream needs none.
    pub viewer: Option<String>,
}

/// Reads one position of a request: absent, good, or one that cannot be read.
pub fn since(text: Option<&str>) -> Since {
    match text {
        None | Some("") => Since::Now,
        Some(text) => text.parse().map_or(Since::Unreadable, Since::Position),
    }
}

/// One thing to tell.
#[derive(Debug)]
pub enum News {
    /// An event: its name, its JSON text; the positions have moved to it where it has an offset.
    Event { name: &'static str, text: Bytes, has_offset: bool },
    /// In this channel something may be missing; it goes on from now.
    Gap { channel: Arc<str>, reason: &'static str },
    /// Nothing to tell, but the positions moved past what this reader was not to see: made and gone again meanwhile.
    Moved,
    /// As the lane had it.
    Frame(Bytes),
}

/// One channel of a request.
struct Reading {
    key: Key,
    subscription: Option<Subscription>,
    position: Position,
    /// Missed before the ring, still to be told: for a reader at `seen`.
    missed: VecDeque<Arc<Slot>>,
    seen: u64,
    /// Where the cursor in the ring began, reached when `missed` is told.
    begins: Position,
    gap: Option<&'static str>,
}

/// Readers in all channels of a request.
pub struct Readers {
    node: Arc<Node>,
    asker: Asker,
    outbox: Arc<Outbox>,
    client: Arc<Client>,
    readings: Vec<Reading>,
    audience: Audience,
    /// How long it counts as a viewer after it is gone.
    linger: Option<Duration>,
    taken: VecDeque<Taken>,
    finished: bool,
    /// Whether a position moved on since the last event that bears one.
    moved: bool,
    _connected: Connected,
}

impl Readers {
    /// Begins to read all channels. Rights are decided for each.
    pub async fn open(
        node: &Arc<Node>,
        asker: Asker,
        question: Question,
        counted: bool,
        manners: &'static Manners,
    ) -> Result<Readers, Code> {
        if question.channels.len() > CHANNELS_MAX {
            return Err(Code::LimitExceeded);
        }
        let user = match &question.viewer {
            Some(viewer) => format!("viewer:{viewer}").into(),
            None => asker.user(),
        };
        let info = ClientInfo { client: random_id(), user, name: Arc::default(), face: false };
        let viewer = Arc::new(Viewer { info, counted });
        let outbox = Arc::new(Outbox::pulled(node.lane_limits()));
        let client = Client::new(outbox.clone(), asker.site.clone(), viewer, manners, None);
        let mut readers = Readers {
            audience: audience(question.signals),
            linger: counted.then(|| if question.viewer.is_some() { POLL_VIEWER_LINGER } else { node.linger() }),
            _connected: node.clients.add(&client),
            node: node.clone(),
            asker,
            outbox,
            client,
            readings: Vec::with_capacity(question.channels.len()),
            taken: VecDeque::new(),
            finished: false,
            moved: false,
        };
        for (key, since) in question.channels {
            let reading = readers.begin(key, since).await?;
            readers.readings.push(reading);
        }
        Ok(readers)
    }

    async fn begin(&self, key: Key, since: Since) -> Result<Reading, Code> {
        let mut start = None;
        let wish = Wish {
            outbox: &self.outbox,
            viewer: &self.client.viewer,
            since: since.clone(),
            hearing: self.audience.into(),
            at_once: false,
        };
        let note = |begins: Start| {
            start = Some(begins);
            None
        };
        let subscription = self.node.subscribe(&self.asker, &key, wish, note).await?;
        let start = start.ok_or(Code::Internal)?;
        let position = match since {
            Since::Position(position) if start.recovered => Position { epoch: start.position.epoch.clone(), ..position },
            _ => start.position.clone(),
        };
        let gap = (start.was_recovering && !start.recovered).then_some("the position cannot be served");
        // Events bear the name of the home.
        let key = subscription.channel.key.clone();
        let subscription = Some(subscription);
        Ok(Reading { key, subscription, position, missed: start.missed.into(), seen: start.seen, begins: start.position, gap })
    }

    /// The positions of all channels, in the order asked, joined by commas.
    pub fn positions(&self) -> String {
        let positions: Vec<String> = self.readings.iter().map(|reading| reading.position.to_string()).collect();
        positions.join(",")
    }

    /// What is there to tell now; `None` when that is nothing.
    pub async fn next(&mut self) -> Result<Option<News>, Code> {
        loop {
            while let Some(place) = self.outrun() {
                self.fell(place).await?;
            }
            if let Some(news) = self.next_missed() {
                return Ok(Some(news));
            }
            match self.taken.pop_front() {
                Some(Taken::Frame(frame)) => return Ok(Some(News::Frame(frame))),
                Some(Taken::Event { place, offset, name, text }) => {
                    if let Some(news) = self.event(place, offset, name, text) {
                        return Ok(Some(news));
                    }
                }
                Some(Taken::Fell(place)) => self.fell(place).await?,
                None => {
                    let (taken, finished) = self.outbox.take();
                    self.finished |= finished;
                    if taken.is_empty() {
                        self.settle();
                        return Ok(std::mem::take(&mut self.moved).then_some(News::Moved));
                    }
                    self.taken.extend(taken);
                }
            }
        }
    }

    /// Waits until there may be something to tell.
    pub async fn wait(&self) {
        self.outbox.woken().await;
    }

    /// Whether the server has said its last word.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// A reader that was still being told what it missed while its ring moved on: what it holds may have been withdrawn since.
    fn outrun(&self) -> Option<usize> {
        self.readings.iter().filter(|reading| !reading.missed.is_empty()).find_map(|reading| {
            let subscription = reading.subscription.as_ref()?;
            let ring = subscription.channel.ring.lock();
            let is_outrun = *ring.epoch() != reading.begins.epoch || ring.floor() > reading.begins.offset;
            is_outrun.then_some(subscription.place)
        })
    }

    fn next_missed(&mut self) -> Option<News> {
        for reading in &mut self.readings {
            if let Some(reason) = reading.gap.take() {
                let channel = reading.key.channel.as_str().into();
                return Some(News::Gap { channel, reason });
            }
            while let Some(slot) = reading.missed.pop_front() {
                reading.position.offset = slot.offset();
                self.moved = true;
                let is_superseded = |subscription: &Subscription| subscription.channel.ring.lock().supersedes(&slot);
                if reading.subscription.as_ref().is_some_and(is_superseded) {
                    continue;
                }
                if let (Some(event), Some(text)) = (slot.event(reading.seen), slot.stream(reading.seen)) {
                    self.moved = false;
                    return Some(News::Event { name: event.kind.name(), text, has_offset: true });
                }
            }
        }
        None
    }

    fn event(&mut self, place: usize, offset: Option<u64>, name: &'static str, text: Bytes) -> Option<News> {
        let is_of =
            |reading: &&mut Reading| reading.subscription.as_ref().is_some_and(|subscription| subscription.place == place);
        let reading = self.readings.iter_mut().find(is_of)?;
        if let Some(offset) = offset {
            reading.position.offset = offset;
            self.moved = false;
        }
        Some(News::Event { name, text, has_offset: offset.is_some() })
    }

    /// A reader fell off its ring: what it missed is read from the log, and if that is too far away it is told.
    async fn fell(&mut self, place: usize) -> Result<(), Code> {
        let is_of = |reading: &Reading| reading.subscription.as_ref().is_some_and(|subscription| subscription.place == place);
        let Some(index) = self.readings.iter().position(is_of) else { return Ok(()) };
        self.node.stats.fallen.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let (key, position) = (self.readings[index].key.clone(), self.readings[index].position.clone());
        if let Some(subscription) = self.readings[index].subscription.take() {
            self.node.unsubscribe(&self.outbox, subscription, self.linger);
        }
        let mut again = self.begin(key, Since::Position(position)).await?;
        if again.gap.is_some() {
            again.gap = Some("the reader was too slow");
        }
        self.readings[index] = again;
        Ok(())
    }

    /// Everything was told: the positions are where the cursors stand, past what this reader was not to see.
    fn settle(&mut self) {
        for reading in &mut self.readings {
            let standing = reading.subscription.as_ref().and_then(|subscription| self.outbox.position(subscription.place));
            if let Some(standing) = standing.filter(|standing| standing.offset > reading.position.offset) {
                reading.position = standing;
                self.moved = true;
            }
        }
    }
}

impl Drop for Readers {
    /// The client is gone, or answered: its viewers leave as lost ones do.
    fn drop(&mut self) {
        for reading in &mut self.readings {
            if let Some(subscription) = reading.subscription.take() {
                self.node.unsubscribe(&self.outbox, subscription, self.linger);
            }
        }
    }
}

/// How long a poll that named itself counts as a viewer.
const POLL_VIEWER_LINGER: Duration = Duration::from_secs(30);

fn audience(signals: Signals) -> Audience {
    let viewers = if signals.viewers { Audience::VIEWERS } else { Audience::EVERYONE };
    let typing = if signals.typing { Audience::TYPING } else { Audience::EVERYONE };
    viewers.with(typing)
}
