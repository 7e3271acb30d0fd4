//! Telling the node what was committed. Entries are built here, after the commit and only for channels that are watched, so
//! that a feed that nobody reads costs its rows and nothing else.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::RwLock;
use parlour_wire::push::{Event, Kind};

use super::ledger::News;
use super::pages::{Change as PagesChange, Told};
use super::rows::told;
use crate::backend::pages::Fold;
use crate::backend::{Append, Appended, Change, Delivery, Entry, Lanes};
use crate::channel::Key;

/// The channels whose entries are to be delivered.
pub(super) type Watched = Arc<RwLock<HashSet<Key>>>;

/// What the writer needs to tell.
pub(super) struct Announcer {
    pub(super) lanes: Lanes,
    pub(super) watched: Watched,
}

impl Announcer {
    /// Delivers what one append brought. Waits while the lane is full.
    pub(super) fn announce(&self, key: &Key, append: &Append, appended: &Appended, news: News) {
        // Looked at after the commit: what was watched before it is delivered.
        if !self.watched.read().contains(key) {
            return;
        }
        let Some(position) = &appended.position else { return };
        let delivery = match entry(key, append, appended, news, position.offset) {
            Ok(entry) => Delivery::Entry { key: key.clone(), epoch: position.epoch.clone(), entry: Arc::new(entry) },
            Err(error) => {
                tracing::error!(%error, "an entry could not be written as JSON");
                Delivery::Lost { key: key.clone() }
            }
        };
        self.lanes.deliver(delivery);
    }
}

impl Announcer {
    /// Tells both channels that a thread went from one into the other.
    pub(super) fn announce_pages(&self, change: &PagesChange, told: Told) {
        let (site, from, into) = match change {
            PagesChange::Fold(Fold { site, from, into, .. }) => (site, from, into),
            PagesChange::Alias { site, name, home } => (site, name, home),
        };
        for (channel, is_told) in [(from, told.from), (into, told.into)] {
            let key = Key::new(site.clone(), channel.clone());
            let is_watched = self.watched.read().contains(&key);
            if is_told && is_watched {
                self.lanes.deliver(Delivery::Reset { key, into: into.clone() });
            }
        }
    }
}

fn entry(key: &Key, append: &Append, appended: &Appended, news: News, offset: u64) -> Result<Entry, serde_json::Error> {
    let channel: Arc<str> = key.channel.as_str().into();
    let event = |kind, data, time_ms| Event { kind, channel, offset: Some(offset), data, publisher: None, time_ms };
    match (news, append) {
        (News::Publication, Append::Publication { data, publisher, time_ms, .. }) => {
            let event = Event { publisher: publisher.clone(), ..event(Kind::Publication, data.clone(), *time_ms) };
            Ok(Entry { event, comment: None })
        }
        (News::Thread(data), Append::Thread { time_ms, .. } | Append::Page { time_ms, .. }) => {
            Ok(Entry { event: event(Kind::ThreadUpdated, data, *time_ms), comment: None })
        }
        (News::Comment { kind, made, previous, data, time_ms }, _) => {
            let Some(comment) = &appended.comment else { return Err(serde::ser::Error::custom("no comment")) };
            let now = if kind == Kind::CommentDeleted { None } else { Some(told(comment)?) };
            let data = data.or_else(|| now.clone()).unwrap_or_default();
            let change = Change { id: comment.id.clone(), made, previous, now };
            Ok(Entry { event: event(kind, data, time_ms), comment: Some(change) })
        }
        (News::Publication | News::Thread(_) | News::Pages(_), _) => Err(serde::ser::Error::custom("news of another append")),
    }
}
