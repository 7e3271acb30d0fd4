//! Who is present: coming and going, counts told at most once a second (at once in a small channel), names to those who may;
//! all of it over all nodes, as far as `peers` knows of the others.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parlour_wire::code::{Close, Code};
use parlour_wire::push::{ClientInfo, Event, Kind};

use super::{Asker, Node, told};
use crate::backend::Signal;
use crate::channel::Key;
use crate::hub::{Channel, Viewer};
use crate::identity::Act;
use crate::limit::Rate;

/// Views are counted so often per address: each may make a channel that stays.
const VIEW_RATE: Rate = Rate { burst: 60, per_ms: 1_000 };

/// Members named at once, and the size up to which joins and leaves are told.
pub const MEMBERS_MAX: usize = 100;

impl Node {
    pub(super) fn arrived(&self, channel: &Arc<Channel>, viewer: &Arc<Viewer>) {
        self.stats.subscriptions.fetch_add(1, Ordering::Relaxed);
        self.tell_presence(channel, viewer, true);
        self.viewers_changed(channel);
    }

    pub(super) fn departed(&self, channel: &Arc<Channel>, viewer: &Arc<Viewer>, lingers: bool) {
        self.stats.subscriptions.fetch_sub(1, Ordering::Relaxed);
        if !lingers {
            self.tell_presence(channel, viewer, false);
        }
        self.viewers_changed(channel);
    }

    /// Tells who came or went, in channels small enough for it.
    pub(super) fn tell_presence(&self, channel: &Arc<Channel>, viewer: &Arc<Viewer>, joined: bool) {
        let everywhere = channel.everywhere();
        if everywhere.readers as usize <= MEMBERS_MAX {
            channel.signal_here(Signal::Presence { who: viewer.info.clone(), joined });
            self.flush(channel);
            if everywhere != channel.here() {
                self.backend.presence.came(&channel.key, viewer.info.clone(), joined);
            }
        }
    }

    /// The readers here are others than before: told here, and to the other nodes.
    pub(super) fn viewers_changed(&self, channel: &Arc<Channel>) {
        self.backend.presence.here(&channel.key, channel.here());
        self.count_changed(channel);
    }

    /// Tells the readers here how many view, where that is news.
    pub(super) fn tell_viewers(&self, channel: &Arc<Channel>) {
        let Some(viewers) = channel.viewers_to_tell() else { return };
        let data = format!("{{\"count\":{viewers}}}").into();
        let time_ms = self.clock.now_ms();
        let event = Event { kind: Kind::Viewers, channel: channel.name.clone(), offset: None, data, publisher: None, time_ms };
        channel.signal_here(Signal::Event(event));
        self.flush(channel);
    }

    /// Those channels whose count changed within the last second.
    pub(super) fn tell_changed_viewers(&self) {
        let changed = std::mem::take(&mut *self.changed_viewers.lock());
        changed.iter().for_each(|channel| self.tell_viewers(channel));
    }

    /// Viewers of each channel, on all nodes.
    pub async fn viewers(&self, keys: &[Key]) -> Result<Vec<u64>, Code> {
        let keys = &self.homes(keys.to_vec()).await?;
        let here = |key: &Key| self.hub.find(key).filter(|channel| channel.opened.get().is_some());
        let mut viewers: Vec<u64> = Vec::with_capacity(keys.len());
        let mut unknown = Vec::new();
        for (index, key) in keys.iter().enumerate() {
            viewers.push(match here(key) {
                Some(channel) => u64::from(channel.everywhere().viewers),
                None => {
                    unknown.push(index);
                    0
                }
            });
        }
        if !unknown.is_empty() && !self.backend.presence.others().is_empty() {
            let asked: Vec<Key> = unknown.iter().map(|index| keys[*index].clone()).collect();
            for (_, theirs) in self.backend.presence.elsewhere(&asked).await.map_err(told)? {
                unknown.iter().zip(theirs).for_each(|(index, here)| viewers[*index] += u64::from(here.viewers));
            }
        }
        Ok(viewers)
    }

    /// How many view, for everyone who may read.
    pub async fn viewers_of(&self, asker: &Asker, key: &Key) -> Result<u64, Code> {
        self.permit(Act::Read, asker, key)?;
        Ok(self.viewers(std::slice::from_ref(key)).await?.first().copied().unwrap_or(0))
    }

    /// How often the channel was viewed, this time included where it `counts`; who counts too often from one address does not.
    /// Those who listen hear of the change.
    pub async fn count_view(&self, asker: &Asker, key: &Key, counts: bool) -> Result<u64, Code> {
        self.permit(Act::Read, asker, key)?;
        let key = &self.home(key).await?;
        let may = |address| self.limiter.take(("view", &key.site, address), VIEW_RATE, self.clock.now_ms()).is_ok();
        if !counts || !asker.address.is_none_or(may) {
            let counts = self.backend.store.counts(std::slice::from_ref(key)).await.map_err(told)?;
            return Ok(counts.first().map_or(0, |counts| counts.views));
        }
        let views = self.backend.store.count_view(key).await.map_err(told)?;
        let data = format!("{{\"count\":{views}}}").into();
        let channel = key.channel.as_str().into();
        let event = Event { kind: Kind::Views, channel, offset: None, data, publisher: None, time_ms: self.clock.now_ms() };
        self.backend.log.signal(key, Signal::Event(event)).await.map_err(told)?;
        Ok(views)
    }

    /// Those present, at most [`MEMBERS_MAX`], for those who may see names.
    pub async fn members(&self, asker: &Asker, key: &Key) -> Result<Vec<ClientInfo>, Code> {
        if !self.is_allowed(Act::Names, asker, key)? {
            return Err(Code::Forbidden);
        }
        let key = &self.home(key).await?;
        let mut members = self.hub.find(key).map(|channel| channel.members(MEMBERS_MAX)).unwrap_or_default();
        let left = MEMBERS_MAX - members.len();
        members.extend(self.members_elsewhere(key, left).await);
        Ok(members)
    }

    /// Ends the connections of a member, or one of them; for keys.
    pub fn disconnect(&self, asker: &Asker, user: &str, client: &str, close: Close) -> Result<(), Code> {
        if !asker.who.is_admin() {
            return Err(Code::Forbidden);
        }
        self.disconnect_here(&asker.site, user, client, close);
        self.disconnect_elsewhere(&asker.site, user, client, close);
        Ok(())
    }

    /// Connections and different people in a channel.
    pub async fn presence_stats(&self, asker: &Asker, key: &Key) -> Result<(u64, u64), Code> {
        self.permit(Act::Read, asker, key)?;
        let key = &self.home(key).await?;
        let members = self.hub.find(key).map(|channel| channel.members(usize::MAX)).unwrap_or_default();
        let users = self.users_everywhere(key, &members).await;
        let elsewhere = match self.hub.find(key) {
            Some(channel) => u64::from(channel.everywhere().readers - channel.here().readers),
            None => {
                let answers = self.backend.presence.elsewhere(std::slice::from_ref(key)).await.map_err(told)?;
                answers.iter().flat_map(|(_, here)| here).map(|here| u64::from(here.readers)).sum()
            }
        };
        Ok((members.len() as u64 + elsewhere, users))
    }
}
