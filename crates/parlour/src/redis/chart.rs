//! Which server has which partitions at present, and the few command connections to each. A chart is made by the pilot and never
//! changed: a new one takes over the connections that stay.

use std::sync::Arc;

use super::line::Line;
use super::tag::PARTITIONS;

/// A server that accepts writes for some partitions: alone, a Sentinel's master, or one of a cluster's.
pub(super) struct Shard {
    /// For what only reads, and for what may be done twice.
    pub(super) reads: Line,
    /// For what stores, so that no long reading is before it.
    pub(super) writes: Line,
}

/// The servers and their partitions.
#[derive(Clone)]
pub(super) struct Chart {
    pub(super) shards: Vec<Arc<Shard>>,
    /// For each partition the number of its shard.
    of: Vec<Option<usize>>,
}

impl Chart {
    /// All partitions on one server.
    pub(super) fn of_one(shard: Arc<Shard>) -> Chart {
        Chart { shards: vec![shard], of: vec![Some(0); usize::from(PARTITIONS)] }
    }

    /// The server of a partition, if one is known.
    pub(super) fn shard(&self, partition: u16) -> Option<&Arc<Shard>> {
        let number = *self.of.get(usize::from(partition))?;
        self.shards.get(number?)
    }
}
