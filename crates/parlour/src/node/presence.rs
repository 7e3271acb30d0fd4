//! Who is present: coming and going, counts told at most once a second (at once in a small channel), names to those who may.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parlour_wire::code::{Close, Code};
use parlour_wire::push::{ClientInfo, Event, Kind};

use super::{Asker, Node, told};
use crate::backend::Signal;
use crate::channel::Key;
use crate::clients::Client;
use crate::hub::{Channel, SMALL_READERS, Viewer};
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
        if channel.numbers().0 <= MEMBERS_MAX {
            channel.signal_here(Signal::Presence { who: viewer.info.clone(), joined });
            self.flush(channel);
        }
    }

    /// Told at once in a small channel, else with the next second.
    pub(super) fn viewers_changed(&self, channel: &Arc<Channel>) {
        let (present, viewers) = channel.numbers();
        self.backend.presence.here(&channel.key, viewers as u32);
        if present <= SMALL_READERS {
            self.tell_viewers(channel);
        } else if channel.mark_viewers_changed() {
            self.changed_viewers.lock().push(channel.clone());
        }
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
        let elsewhere = self.backend.presence.elsewhere(keys).await.map_err(told)?;
        let here = |key: &Key| self.hub.find(key).map_or(0, |channel| channel.numbers().1 as u64);
        Ok(keys.iter().zip(elsewhere).map(|(key, elsewhere)| here(key) + elsewhere).collect())
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
        members.extend(self.backend.presence.members_elsewhere(key, left).await.map_err(told)?);
        Ok(members)
    }

    /// Ends the connections of a member, or one of them; for keys.
    pub fn disconnect(&self, asker: &Asker, user: &str, client: &str, close: Close) -> Result<(), Code> {
        if !asker.who.is_admin() {
            return Err(Code::Forbidden);
        }
        let is_meant = |one: &Client| {
            let info = &one.viewer.info;
            one.site == asker.site && &*info.user == user && (client.is_empty() || &*info.client == client)
        };
        self.clients.all().iter().filter(|one| is_meant(one)).for_each(|one| one.close(close));
        Ok(())
    }

    /// Connections and different people in a channel.
    pub async fn presence_stats(&self, asker: &Asker, key: &Key) -> Result<(u64, u64), Code> {
        self.permit(Act::Read, asker, key)?;
        let key = &self.home(key).await?;
        let mut members = self.hub.find(key).map(|channel| channel.members(usize::MAX)).unwrap_or_default();
        members.extend(self.backend.presence.members_elsewhere(key, usize::MAX).await.map_err(told)?);
        let users: HashSet<&str> = members.iter().map(|member| &*member.user).collect();
        Ok((members.len() as u64, users.len() as u64))
    }
}
