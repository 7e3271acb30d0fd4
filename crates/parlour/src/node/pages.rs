//! Pages and their other names: where a thread is at home, and what readers hear when it moves.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parlour_wire::code::Code;
use parlour_wire::push::{Event, Kind};
use serde_json::json;
use tokio::sync::mpsc;

use super::{Node, mend, told};
use crate::backend::desk::Search;
use crate::backend::{Signal, Thread};
use crate::channel::{ChannelName, Key, SiteName};
use crate::comment::{Comment, State};
use crate::hub::Channel;

/// How long readers may take to be offered that their thread moved, before they are sent on anyway.
const TOLD_WITHIN: Duration = Duration::from_secs(1);
/// How often it is looked whether they were.
const TOLD_STEP: Duration = Duration::from_millis(5);
/// Comments that one search for a site's newest looks at, and searches at most: a busy chat may stand before them.
const SEARCHED: usize = 100;
const SEARCHES_MAX: usize = 10;

impl Node {
    /// The channel where the thread of this name is: itself, unless it is a page's other name.
    pub async fn home(&self, key: &Key) -> Result<Key, Code> {
        // A name that is read here is a home: the hub lets go of others.
        if !key.channel.is_page() || self.hub.find(key).is_some_and(|channel| channel.opened.initialized()) {
            return Ok(key.clone());
        }
        let homes = self.backend.pages.homes(std::slice::from_ref(key)).await.map_err(told)?;
        homes.into_iter().next().ok_or(Code::Internal)
    }

    /// From now on pages that a reader named are sent there; `false` where they are already sent elsewhere.
    pub fn verifies(&self, sender: mpsc::Sender<Key>) -> bool {
        self.unverified.set(sender).is_ok()
    }

    /// A page was written to, by the words of a reader's browser alone. Where too many wait, this one is not read now.
    pub(super) fn verify_later(&self, key: &Key) {
        if let Some(sender) = self.unverified.get() {
            let _ = sender.try_send(key.clone());
        }
    }

    /// The newest comments of a site's pages that everyone sees, each with what is known of its thread.
    pub async fn newest_of_pages(&self, site: &SiteName, limit: usize) -> Result<Vec<(Comment, Thread)>, Code> {
        let mut threads: HashMap<ChannelName, Thread> = HashMap::new();
        let mut found: Vec<Comment> = Vec::new();
        let mut before = None;
        for _ in 0..SEARCHES_MAX {
            let search = Search { state: Some(State::Approved), limit: SEARCHED, before, ..Search::default() };
            let filings = self.backend.desk.search(site, search).await.map_err(told)?;
            found.extend(filings.filings.into_iter().map(|filing| filing.comment).filter(|comment| comment.channel.is_page()));
            before = filings.next;
            if before.is_none() || found.len() >= limit {
                break;
            }
        }
        found.truncate(limit);
        let mut entries = Vec::with_capacity(found.len());
        for comment in found {
            if !threads.contains_key(&comment.channel) {
                let key = Key::new(site.clone(), comment.channel.clone());
                let thread = self.backend.store.thread(&key).await.map_err(told)?;
                threads.insert(comment.channel.clone(), thread.unwrap_or_default());
            }
            let thread = threads.get(&comment.channel).cloned().unwrap_or_default();
            entries.push((comment, thread));
        }
        Ok(entries)
    }

    /// As [`Node::home`], of many.
    pub(super) async fn homes(&self, keys: Vec<Key>) -> Result<Vec<Key>, Code> {
        match keys.iter().any(|key| key.channel.is_page()) {
            true => self.backend.pages.homes(&keys).await.map_err(told),
            false => Ok(keys),
        }
    }

    /// A thread moved away from here, or another came: readers hear it, and then that no position is good, so that they read again
    /// and subscribe where the answer says.
    pub(super) fn reset(&self, key: &Key, into: &ChannelName) {
        let (Some(channel), Some(node)) = (self.hub.find(key), self.this.upgrade()) else { return };
        let is_home = key.channel == *into;
        if !is_home {
            self.hub.forget(&channel);
        }
        let signal = self.reset_signal(&channel, into);
        channel.reset(signal.clone());
        tokio::spawn(async move {
            node.flush(&channel);
            let until = Instant::now() + TOLD_WITHIN;
            while channel.has_unheard_signal() && Instant::now() < until {
                tokio::time::sleep(TOLD_STEP).await;
            }
            if is_home {
                mend::repair(node.clone(), channel.clone()).await;
            } else {
                channel.ring.lock().abandon();
                node.let_go(&channel).await;
            }
            // Whoever is offered anything now finds out that the ring is another one.
            channel.signal_here(signal);
            node.flush(&channel);
        });
    }

    fn reset_signal(&self, channel: &Channel, into: &ChannelName) -> Signal {
        let data = json!({ "channel": into }).to_string().into();
        let time_ms = self.clock.now_ms();
        let name = channel.name.clone();
        Signal::Event(Event { kind: Kind::ThreadReset, channel: name, offset: None, data, publisher: None, time_ms })
    }

    /// A channel that is another's name is not read here any longer.
    pub(super) async fn let_go(&self, channel: &Arc<Channel>) {
        let _order = self.watch_order(&channel.key).await;
        self.hub.forget(channel);
        if self.hub.find(&channel.key).is_none() {
            self.backend.log.unwatch(&channel.key).await;
        }
    }
}
