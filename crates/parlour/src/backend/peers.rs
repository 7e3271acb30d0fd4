//! The nodes of one store as they see each other: what a node is called, what it says of those who read there, and how one asks
//! another. How it travels is the backend's business; what is asked and answered is its callers'.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parlour_wire::push::ClientInfo;
use tokio::sync::oneshot;

use super::Fault;
use crate::channel::Key;

/// Characters of a node's id.
pub const NODE_ID_CHARS: usize = 8;

/// A node's id: 8 of `[A-Za-z0-9_-]`, by chance, new at every start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(Arc<str>);

impl NodeId {
    /// From six bytes of chance.
    #[must_use]
    pub fn new(chance: [u8; 6]) -> NodeId {
        use base64::Engine as _;
        NodeId(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(chance).into())
    }

    /// Reads one; `None` where the text is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<NodeId> {
        let is_one =
            text.len() == NODE_ID_CHARS && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        is_one.then(|| NodeId(text.into()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How many read a channel on one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Here {
    /// Sessions that read it.
    pub readers: u32,
    /// Those that count as viewers, lost ones that linger included.
    pub viewers: u32,
}

/// What a node tells the others who read a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// So many read it there now.
    Here(Here),
    /// Somebody with a name to be told came or went there.
    Presence { who: ClientInfo, joined: bool },
}

/// Why another node gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// It does not live.
    #[error("there is no such node")]
    Gone,
    /// It did not answer in time; whether it did what it was asked is not known.
    #[error("the node did not answer in time")]
    Late,
    /// The way there is interrupted, or too much is on its way; it may have been asked.
    #[error("the node cannot be reached")]
    Away,
}

/// A question of another node. Whoever asked stopped waiting when `answer` is closed.
#[derive(Debug)]
pub struct Asked {
    /// What it asks.
    pub question: Bytes,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Bytes>,
}

/// The other nodes of the store: who reads there, and asking them. A single node has none.
///
/// Rules: a node that ends is no longer among the others within ten seconds, and what it said goes with it; one that only misses a beat
/// stays. What a node tells of a channel arrives on every other node that watches the channel ([`super::Delivery::Peer`]), in the
/// order in which it was told, or is replaced by something newer; something may be lost, so whoever watches compares now and then
/// ([`Presence::elsewhere`]).
#[async_trait]
pub trait Presence: Send + Sync {
    /// This node's id.
    fn node(&self) -> &NodeId;

    /// The other living nodes. Changes seldom; the same `Arc` as long as it does not.
    fn others(&self) -> Arc<[NodeId]>;

    /// So many read the channel here now. Never waits.
    fn here(&self, key: &Key, here: Here);

    /// Somebody came or went here, to be told to those who read the channel elsewhere. Never waits; told too often, it is dropped.
    fn came(&self, key: &Key, who: ClientInfo, joined: bool);

    /// Who reads these channels on each other living node: numbers in the order of `keys`. A node that is in doubt is left out, and
    /// what was known of it holds.
    async fn elsewhere(&self, keys: &[Key]) -> Result<Vec<(NodeId, Vec<Here>)>, Fault>;

    /// This node is about to end: the others need not wait until it is missed.
    async fn leave(&self);

    /// Asks another node and waits for its answer, at most so long. Dropping it tells the other that nobody waits any longer.
    async fn ask(&self, node: &NodeId, question: Bytes, within: Duration) -> Result<Bytes, Unanswered>;
}

/// A node without others.
pub struct Alone(NodeId);

impl Alone {
    /// With this id.
    #[must_use]
    pub fn new(node: NodeId) -> Alone {
        Alone(node)
    }
}

#[async_trait]
impl Presence for Alone {
    fn node(&self) -> &NodeId {
        &self.0
    }

    fn others(&self) -> Arc<[NodeId]> {
        Arc::default()
    }

    fn here(&self, _key: &Key, _here: Here) {}

    fn came(&self, _key: &Key, _who: ClientInfo, _joined: bool) {}

    async fn elsewhere(&self, _keys: &[Key]) -> Result<Vec<(NodeId, Vec<Here>)>, Fault> {
        Ok(Vec::new())
    }

    async fn leave(&self) {}

    async fn ask(&self, _node: &NodeId, _question: Bytes, _within: Duration) -> Result<Bytes, Unanswered> {
        Err(Unanswered::Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nodes_id_is_read_as_it_is_written_and_nothing_else_is_one() {
        let id = NodeId::new([0xff, 0, 1, 2, 3, 4]);
        assert_eq!(NodeId::parse(id.as_str()), Some(id));
        for text in ["", "short", "much too long", "with/sla", "zwölf678"] {
            assert_eq!(NodeId::parse(text), None, "{text}");
        }
    }
}
