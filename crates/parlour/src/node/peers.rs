//! The other nodes: what this one asks them about their readers, what it answers, and how it forgets those that ended. How a
//! question travels is the backend's business; a single node asks nobody.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use parlour_wire::code::Close;
use parlour_wire::push::ClientInfo;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Node;
use super::presence::MEMBERS_MAX;
use crate::backend::{Here, NodeId};
use crate::channel::{ChannelName, Key, SiteName};
use crate::clients::Client;
use crate::hub::{Channel, SMALL_READERS};

/// How long another node may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Readers of a channel of one node that are told apart.
const USERS_MAX: usize = 100_000;
/// Bytes by which a reader is told apart from others.
const MARK_BYTES: usize = 8;

/// A reader as one node tells another: connection, member, name, and whether they let themselves be seen.
#[derive(Debug, Serialize, Deserialize)]
struct Told(Arc<str>, Arc<str>, Arc<str>, bool);

/// What nodes ask each other about those who are connected to them.
#[derive(Debug, Serialize, Deserialize)]
enum Question {
    /// The first of a channel's readers: a list of [`Told`].
    Members { site: String, channel: String, limit: usize },
    /// All members who read a channel: eight bytes each.
    Users { site: String, channel: String },
    /// End the connections of a member, or one of them: nothing.
    Disconnect { site: String, user: String, client: String, code: u16 },
}

impl Question {
    fn bytes(&self) -> Bytes {
        // It has nothing that could not be written.
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

impl Node {
    /// Answers a question of another node; `None` where it is none.
    pub fn answer_peer(&self, question: &[u8]) -> Option<Bytes> {
        match serde_json::from_slice(question).ok()? {
            Question::Members { site, channel, limit } => {
                let members = self.hub.find(&key(&site, &channel)?).map(|channel| channel.members(limit.min(MEMBERS_MAX)));
                let told = |who: ClientInfo| Told(who.client, who.user, who.name, who.face);
                let members: Vec<_> = members.into_iter().flatten().map(told).collect();
                Some(serde_json::to_vec(&members).unwrap_or_default().into())
            }
            Question::Users { site, channel } => {
                let members = self.hub.find(&key(&site, &channel)?).map(|channel| channel.members(USERS_MAX));
                Some(marks(members.unwrap_or_default().iter()).into_iter().flatten().collect::<Vec<u8>>().into())
            }
            Question::Disconnect { site, user, client, code } => {
                self.disconnect_here(&SiteName::parse(&site).ok()?, &user, &client, Close { code, ..Close::FORCE_DISCONNECT });
                Some(Bytes::new())
            }
        }
    }

    async fn ask_peers(&self, nodes: &[NodeId], question: &Question) -> Vec<Bytes> {
        let question = question.bytes();
        let asked = nodes.iter().map(|node| self.backend.presence.ask(node, question.clone(), ANSWER_WITHIN));
        let answers = join_all(asked).await.into_iter().zip(nodes);
        // Who is present is told as far as it is known: a node that ends must not make it a fault.
        let told = answers.filter_map(|(answer, node)| match answer {
            Ok(answer) => Some(answer),
            Err(why) => {
                tracing::debug!(node = node.as_str(), %why, "a node did not say who is there");
                None
            }
        });
        told.collect()
    }

    /// At most so many of those who read the channel on other nodes.
    pub(super) async fn members_elsewhere(&self, key: &Key, limit: usize) -> Vec<ClientInfo> {
        let nodes = self.nodes_reading(key).await;
        if limit == 0 || nodes.is_empty() {
            return Vec::new();
        }
        let question = Question::Members { site: key.site.as_str().into(), channel: key.channel.as_str().into(), limit };
        let mut members = Vec::new();
        for answer in self.ask_peers(&nodes, &question).await {
            let told: Vec<Told> = serde_json::from_slice(&answer).unwrap_or_default();
            members.extend(told.into_iter().map(|Told(client, user, name, face)| ClientInfo { client, user, name, face }));
        }
        members.truncate(limit);
        members
    }

    /// How many different people these and those on other nodes are.
    pub(super) async fn users_everywhere(&self, key: &Key, here: &[ClientInfo]) -> u64 {
        let nodes = self.nodes_reading(key).await;
        let mut all = marks(here.iter());
        let question = Question::Users { site: key.site.as_str().into(), channel: key.channel.as_str().into() };
        for answer in self.ask_peers(&nodes, &question).await {
            all.extend(answer.chunks_exact(MARK_BYTES).filter_map(|mark| <[u8; MARK_BYTES]>::try_from(mark).ok()));
        }
        all.len() as u64
    }

    /// Has all other nodes end the connections of a member, without waiting for it.
    pub(super) fn disconnect_elsewhere(&self, site: &SiteName, user: &str, client: &str, close: Close) {
        let Some(node) = self.this.upgrade().filter(|_| !self.backend.presence.others().is_empty()) else { return };
        let question =
            Question::Disconnect { site: site.as_str().into(), user: user.into(), client: client.into(), code: close.code };
        tokio::spawn(async move { node.ask_peers(&node.backend.presence.others(), &question).await });
    }

    pub(super) fn disconnect_here(&self, site: &SiteName, user: &str, client: &str, close: Close) {
        let is_meant = |one: &Client| {
            let info = &one.viewer.info;
            one.site == *site && &*info.user == user && (client.is_empty() || &*info.client == client)
        };
        self.clients.all().iter().filter(|one| is_meant(one)).for_each(|one| one.close(close));
    }

    async fn nodes_reading(&self, key: &Key) -> Vec<NodeId> {
        if let Some(channel) = self.hub.find(key).filter(|channel| channel.opened.get().is_some()) {
            return channel.other_nodes();
        }
        let answers = self.backend.presence.elsewhere(std::slice::from_ref(key)).await.unwrap_or_default();
        let reads = |here: &Vec<Here>| here.first().is_some_and(|here| here.readers > 0);
        answers.into_iter().filter(|(_, here)| reads(here)).map(|(node, _)| node).collect()
    }

    /// Asks how many read these channels elsewhere now, and tells what is new. What cannot be asked stays as it is known.
    pub(super) async fn compare(&self, channels: &[Arc<Channel>]) {
        if self.backend.presence.others().is_empty() || channels.is_empty() {
            return;
        }
        let asked_at = Instant::now();
        let keys: Vec<Key> = channels.iter().map(|channel| channel.key.clone()).collect();
        match self.backend.presence.elsewhere(&keys).await {
            Ok(answers) => {
                for (index, channel) in channels.iter().enumerate() {
                    let of_this = answers.iter().filter_map(|(node, here)| Some((node.clone(), *here.get(index)?)));
                    if channel.compare(&of_this.collect::<Vec<_>>(), asked_at) {
                        self.count_changed(channel);
                    }
                }
            }
            Err(fault) => tracing::debug!(%fault, "who reads on other nodes is not known now"),
        }
    }

    /// Forgets what nodes said that live no longer.
    pub(super) fn keep_living_nodes(&self, living: &[NodeId]) {
        let mut fewer = Vec::new();
        self.hub.each(|channel| {
            if channel.keep_nodes(living) {
                fewer.push(channel.clone());
            }
        });
        fewer.iter().for_each(|channel| self.count_changed(channel));
    }

    /// Told at once where few read, else with the next second.
    pub(super) fn count_changed(&self, channel: &Arc<Channel>) {
        if channel.everywhere().readers as usize <= SMALL_READERS {
            self.tell_viewers(channel);
        } else if channel.mark_viewers_changed() {
            self.changed_viewers.lock().push(channel.clone());
        }
    }
}

fn key(site: &str, channel: &str) -> Option<Key> {
    Some(Key::new(SiteName::parse(site).ok()?, ChannelName::parse(channel).ok()?))
}

/// What tells members apart, without their names.
fn marks<'a>(members: impl Iterator<Item = &'a ClientInfo>) -> HashSet<[u8; MARK_BYTES]> {
    let mark = |who: &ClientInfo| {
        let hash: [u8; 32] = Sha256::digest(who.user.as_bytes()).into();
        std::array::from_fn(|index| hash[index])
    };
    members.map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_told_apart_and_the_same_one_counts_once() {
        let who = |user: &str| ClientInfo { client: "c".into(), user: user.into(), name: "".into(), face: false };
        let members = [who("ada"), who("bob"), who("ada")];
        assert_eq!(marks(members.iter()).len(), 2);
        assert_eq!(marks(members[..1].iter()), marks(members[2..].iter()));
    }
}
