//! Which server has which partitions at present, and the two command connections to each. A chart is made by the pilot and never
//! changed: a new one takes over the connections that stay.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, PushInfo, Value};
use tokio::time::Instant;

use super::dial::Dial;
use super::group::Group;
use super::line::{Broken, Line, Use, master_only};
use super::pilot::Nudge;
use super::place::Address;
use super::tag::PARTITIONS;

/// What was found out: each server that accepts writes, with its partitions.
pub(super) type Survey = BTreeMap<Address, Vec<u16>>;

/// A server that accepts writes for some partitions: alone, a Sentinel's master, or one of a cluster's.
pub(super) struct Shard {
    /// Where it is.
    pub(super) address: Address,
    /// For what only reads, and for what may be done twice.
    pub(super) reads: Line,
    /// For what stores, so that no long reading is before it.
    pub(super) writes: Arc<Line>,
    group: Option<Group>,
}

/// The servers and their partitions.
#[derive(Default)]
pub(super) struct Chart {
    shards: Vec<(Arc<Shard>, Vec<u16>)>,
    /// For each partition the number of its shard.
    of: Vec<Option<usize>>,
}

impl Chart {
    /// The chart of a survey, with the connections of the chart before it to servers that are still there.
    pub(super) fn of(survey: Survey, before: &Chart, dial: &Dial, nudge: &Nudge) -> Chart {
        let mut of = vec![None; usize::from(PARTITIONS)];
        let mut shards = Vec::with_capacity(survey.len());
        for (address, partitions) in survey {
            for partition in &partitions {
                if let Some(place) = of.get_mut(usize::from(*partition)) {
                    *place = Some(shards.len());
                }
            }
            let known = before.shards.iter().find(|(shard, _)| shard.address == address);
            let shard = known.map_or_else(|| Arc::new(Shard::start(dial, address, nudge)), |(shard, _)| shard.clone());
            shards.push((shard, partitions));
        }
        Chart { shards, of }
    }

    /// Whether it says the same.
    pub(super) fn is(&self, survey: &Survey) -> bool {
        self.shards.len() == survey.len()
            && self.shards.iter().all(|(shard, partitions)| survey.get(&shard.address) == Some(partitions))
    }

    /// The server of a partition, if one is known.
    pub(super) fn shard(&self, partition: u16) -> Option<&Arc<Shard>> {
        let number = *self.of.get(usize::from(partition))?;
        number.and_then(|number| self.shards.get(number)).map(|(shard, _)| shard)
    }

    /// The server at this address, if it is one of these.
    pub(super) fn at(&self, address: &Address) -> Option<&Arc<Shard>> {
        self.shards.iter().map(|(shard, _)| shard).find(|shard| shard.address == *address)
    }

    /// All servers, each with its partitions.
    pub(super) fn shards(&self) -> &[(Arc<Shard>, Vec<u16>)] {
        &self.shards
    }
}

impl Shard {
    fn start(dial: &Dial, address: Address, nudge: &Nudge) -> Shard {
        let commands = Arc::new(Commands { nudge: nudge.clone() });
        let line = || Line::start(dial.clone(), address.clone(), commands.clone());
        let writes = Arc::new(line());
        let group = (dial.replicas > 0).then(|| Group::start(writes.clone(), dial.replicas));
        Shard { reads: line(), writes, group, address }
    }

    /// Sends a command over the connection for reading, or over the one for storing, with its group if there are groups.
    pub(super) async fn ask(&self, command: Cmd, stores: bool, until: Instant) -> Result<Value, Broken> {
        let line = match &self.group {
            Some(group) if stores => return group.ask(command, until).await,
            _ if stores => &*self.writes,
            _ => &self.reads,
        };
        let mut commands = Pipeline::with_capacity(1);
        commands.add_command(command);
        line.ask(&commands, until).await?.pop().ok_or(Broken::Sent)
    }

    /// Sends a command whose slot this server is about to take over. While a slot moves, replicas are not waited for.
    pub(super) async fn ask_importing(&self, command: Cmd, stores: bool, until: Instant) -> Result<Value, Broken> {
        let line = if stores { &*self.writes } else { &self.reads };
        let mut commands = Pipeline::with_capacity(2);
        commands.cmd("ASKING").add_command(command);
        line.ask(&commands, until).await?.pop().ok_or(Broken::Sent)
    }
}

/// A connection for commands.
struct Commands {
    nudge: Nudge,
}

#[async_trait]
impl Use for Commands {
    async fn greet(&self, connection: &mut MultiplexedConnection) -> Result<(), String> {
        master_only(connection).await
    }

    fn told(&self, _push: PushInfo) -> bool {
        true
    }

    fn away(&self) {
        self.nudge.now();
    }
}
