//! What a session hears beside its own subscriptions, because its dialect has it so; and how all that it heard before its line
//! was lost is taken up again at once.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use parlour_wire::code::Code;
use parlour_wire::engineio::Version;

use super::Session;
use crate::channel::Key;
use crate::hub::Viewer;
use crate::node::{Asker, Node, Since, Start, Subscription, Wish};
use crate::outbox::resume::{Had, Item, write};
use crate::outbox::{Hearing, ended};
use crate::ring::{PLAIN, Place};

/// One thing that a dialect listens to.
pub(super) struct Heard {
    pub(super) subscription: Subscription,
    pub(super) listening: Listening,
}

/// What a dialect wants to hear.
#[derive(Clone, Copy)]
pub struct Listening {
    /// Which signals, and how it is told.
    pub hearing: Hearing,
    /// Whether the session is a viewer there.
    pub counted: bool,
}

/// A place that is being taken up again.
struct Begun {
    had: Had,
    listening: Listening,
    subscription: Subscription,
    start: Start,
}

impl Session {
    /// The node.
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Who it is, once it is somebody's.
    pub fn asker(&self) -> Result<&Asker, Code> {
        self.joined.as_ref().map(|joined| &joined.asker).ok_or(Code::BadRequest)
    }

    /// Tells the client an event that is its own alone, as `socketio::event_open` writes it.
    pub fn tell(&self, open: &str) -> Result<(), Code> {
        self.outbox.send_event(open).map_err(|_| Code::LimitExceeded)
    }

    /// Listens to a channel from now on.
    pub async fn listen(&mut self, key: &Key, listening: Listening) -> Result<(), Code> {
        let joined = self.joined.as_mut().ok_or(Code::BadRequest)?;
        let Listening { hearing, counted } = listening;
        let viewer = viewer(&joined.client.viewer, counted);
        let wish = Wish { outbox: &self.outbox, viewer: &viewer, since: Since::Now, hearing, at_once: true };
        let subscription = self.node.subscribe(&joined.asker, key, wish, |_| None).await?;
        joined.heard.push(Heard { subscription, listening });
        self.outbox.send_position().map_err(|_| Code::LimitExceeded)
    }

    /// Listens in this tongue no longer.
    pub fn turn_away(&mut self, tongue: usize) {
        let Some(joined) = self.joined.as_mut() else { return };
        let (gone, stays) = joined.heard.drain(..).partition::<Vec<_>, _>(|heard| heard.listening.hearing.tongue.index == tongue);
        joined.heard = stays;
        gone.into_iter().for_each(|heard| self.node.unsubscribe(&self.outbox, heard.subscription, None));
    }

    /// The channel that it listens to in this tongue.
    pub fn heard_in(&self, tongue: usize) -> Option<&Key> {
        let heard = &self.joined.as_ref()?.heard;
        heard.iter().find(|heard| heard.listening.hearing.tongue.index == tongue).map(|heard| heard.subscription.asked())
    }

    /// A dialect's reader fell off its ring: it goes on from now, as a page that knows of no positions expects.
    pub async fn heard_fell(&mut self, place: usize) -> bool {
        let Some(joined) = self.joined.as_mut() else { return false };
        let Some(index) = joined.heard.iter().position(|heard| heard.subscription.place == place) else { return false };
        let Heard { subscription, listening } = joined.heard.swap_remove(index);
        self.node.stats.fallen.fetch_add(1, Ordering::Relaxed);
        let key = subscription.asked().clone();
        self.node.unsubscribe(&self.outbox, subscription, Some(self.node.linger()));
        if let Err(code) = self.listen(&key, listening).await {
            tracing::debug!(code = code.name(), "a dialect's reader that fell could not go on");
        }
        true
    }

    /// Takes up again all that the client had, if nothing of it is missing: `open` and what was missed go out as one. Else
    /// nothing is changed and `false` is answered. The hearing of a tongue is `hearing`'s to say, and `None` where it is not
    /// spoken any more.
    pub async fn take_up(
        &mut self,
        had: Vec<Had>,
        hearing: impl Fn(&Had) -> Option<Listening>,
        open: Bytes,
    ) -> Result<bool, Code> {
        let places: HashSet<(&str, usize)> = had.iter().map(|had| (had.channel.as_str(), had.tongue)).collect();
        if places.len() < had.len() {
            return Ok(false);
        }
        self.outbox.hold();
        let mut begun = Vec::with_capacity(had.len());
        let mut good = true;
        for had in had {
            match self.take_up_one(&had, &hearing).await {
                Some((listening, subscription, start)) => {
                    good = start.recovered;
                    begun.push(Begun { had, listening, subscription, start });
                }
                None => good = false,
            }
            if !good {
                break;
            }
        }
        let limits = self.node.book.now().limits.clone();
        let weight = |begun: &Begun| {
            begun.start.missed.iter().filter_map(|slot| slot.event(begun.start.seen)).map(|event| event.data.len()).sum::<usize>()
        };
        let entries: usize = begun.iter().map(|begun| begun.start.missed.len()).sum();
        good &= entries <= limits.recovery_entries_max && begun.iter().map(weight).sum::<usize>() <= limits.recovery_bytes_max;
        if !good {
            begun.into_iter().for_each(|begun| self.node.unsubscribe(&self.outbox, begun.subscription, None));
            self.outbox.release(Vec::new());
            return Ok(false);
        }
        let mut pieces = vec![open];
        pieces.extend(missed(&begun));
        let joined = self.joined.as_mut().ok_or(Code::BadRequest)?;
        for Begun { listening, subscription, had, .. } in begun {
            match had.tongue == PLAIN.index {
                true => joined.subscriptions.push(subscription),
                false => joined.heard.push(Heard { subscription, listening }),
            }
        }
        self.outbox.release(pieces);
        Ok(true)
    }

    async fn take_up_one(
        &mut self,
        had: &Had,
        hearing: impl Fn(&Had) -> Option<Listening>,
    ) -> Option<(Listening, Subscription, Start)> {
        let joined = self.joined.as_ref()?;
        let listening = hearing(had)?;
        let key = self.node.key(&joined.asker, &had.channel).ok()?;
        let mut start = None;
        let note = |begins: Start| {
            start = Some(begins);
            None
        };
        let viewer = viewer(&joined.client.viewer, listening.counted);
        let since = Since::Position(had.position.clone());
        let wish = Wish { outbox: &self.outbox, viewer: &viewer, since, hearing: listening.hearing, at_once: true };
        let subscription = self.node.subscribe(&joined.asker, &key, wish, note).await.ok()?;
        start.map(|start| (listening, subscription, start))
    }
}

/// Pieces of frames: `position`, then what was missed, each with the RESUME as of then.
fn missed(begun: &[Begun]) -> Vec<Bytes> {
    let mut at: Vec<u64> = begun.iter().map(|begun| begun.had.position.offset).collect();
    let resume = |at: &[u64]| {
        write(begun.iter().zip(at).map(|(begun, offset)| Item {
            channel: &begun.had.channel,
            epoch: &begun.start.position.epoch,
            offset: *offset,
            audience: begun.listening.hearing.audience,
            tongue: begun.had.tongue,
        }))
    };
    let mut pieces = vec![parlour_wire::frame::text(&parlour_wire::socketio::position(&resume(&at)))];
    for (index, Begun { listening, subscription, start, .. }) in begun.iter().enumerate() {
        let page_url = subscription.channel.ring.lock().place().page_url.to_owned();
        let place = Place { epoch: &start.position.epoch, page_url: &page_url };
        for slot in &start.missed {
            at[index] = slot.offset();
            if let Some(open) = slot.packet(listening.hearing.tongue, Version::V4, &place, start.seen) {
                pieces.extend(ended(open, &resume(&at)));
            }
        }
        at[index] = start.position.offset;
    }
    pieces
}

/// A dialect that does not count its listeners has them seen by nobody.
fn viewer(of_session: &Arc<Viewer>, counted: bool) -> Arc<Viewer> {
    match counted {
        true => of_session.clone(),
        false => Arc::new(Viewer { info: of_session.info.clone(), counted: false }),
    }
}
