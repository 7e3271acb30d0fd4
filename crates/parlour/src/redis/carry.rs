//! Carrying what is announced from every node to this one: one pub/sub connection to each server, and subscriptions only to what
//! somebody here reads. What a broken connection, a full lane or a failover may have swallowed is told to the channel as
//! [`crate::backend::Delivery::Lost`] before anything after it; nothing here waits for a reader.

use std::sync::Arc;

use futures_util::future::join_all;
use parking_lot::RwLock;
use redis::{Value, cmd};
use tokio::sync::{RwLock as AsyncRwLock, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::announce;
use super::chart::{Chart, Shard};
use super::ear::{Ear, is_elsewhere};
use super::line::Broken;
use super::link::{CALL_WITHIN, Link};
use super::tag::partition;
use super::wanted::{Hearer, Wanted};
use crate::backend::{Fault, Lanes, Signal};
use crate::channel::Key;

/// How often a subscription is tried: its partition may just have moved.
const TRIES_MAX: usize = 3;
/// Channels that are unsubscribed from in one step.
const LEAVING_A_STEP: usize = 512;

/// The pub/sub side of a node.
pub struct Carry {
    link: Arc<Link>,
    heard: Arc<Heard>,
    _tasks: JoinSet<()>,
}

struct Heard {
    wanted: Arc<Wanted>,
    ears: RwLock<Vec<Arc<Ear>>>,
    /// Held while something is unsubscribed from, so that no subscription to the same falls in between.
    order: AsyncRwLock<()>,
}

impl Carry {
    /// Begins to listen; what is announced goes into `lanes`.
    pub fn start(link: Arc<Link>, lanes: Lanes) -> Carry {
        let wanted = Arc::new(Wanted::new(lanes));
        let heard = Arc::new(Heard { wanted, ears: RwLock::default(), order: AsyncRwLock::default() });
        let charts = link.charts();
        heard.follow(&link, &charts.borrow());
        let mut tasks = JoinSet::new();
        tasks.spawn(follow(heard.clone(), link.clone(), charts));
        tasks.spawn(leave(heard.clone()));
        let telling = heard.clone();
        tasks.spawn(async move { telling.wanted.tell_dropped().await });
        Carry { link, heard, _tasks: tasks }
    }

    /// From the answer on, what is announced of the channel arrives here.
    ///
    /// # Errors
    /// [`Fault::Unavailable`].
    pub async fn watch(&self, key: &Key) -> Result<(), Fault> {
        let voice = self.voice(key);
        let is_new = self.heard.wanted.add(&voice, key);
        if self.heard.wanted.is_heard(&voice) {
            // Where the connection is being made anew, it will be told of what it missed.
            return Ok(());
        }
        let subscribed = self.subscribe(&voice, partition(key)).await;
        if is_new && subscribed.is_err() {
            self.heard.wanted.remove(&voice);
        }
        subscribed
    }

    /// From the answer on, what is published under this name, of this partition, goes to `hearer`; what is published while a connection is
    /// being made anew does not arrive.
    ///
    /// # Errors
    /// [`Fault::Unavailable`]; it is subscribed to as soon as that can be done.
    pub async fn hear(&self, voice: &str, partition: u16, hearer: Hearer) -> Result<(), Fault> {
        self.heard.wanted.add_hearer(voice, partition, hearer);
        self.subscribe(voice, partition).await
    }

    async fn subscribe(&self, voice: &str, partition: u16) -> Result<(), Fault> {
        let _order = self.heard.order.read().await;
        let until = Instant::now() + CALL_WITHIN;
        for _ in 0..TRIES_MAX {
            if let Some(ear) = self.heard.ear(partition) {
                match ear.subscribe(voice, until).await {
                    Err(Broken::NotSent(why)) => return Err(Fault::Unavailable(why.to_string())),
                    Err(Broken::Sent) => return Err(Fault::Unavailable("the connection to Redis broke".to_owned())),
                    Ok(answer) if is_elsewhere(&answer) => {}
                    Ok(Value::ServerError(error)) => {
                        return Err(Fault::Unavailable(format!("Redis refused a subscription: {}", error.code())));
                    }
                    Ok(_) => return Ok(()),
                }
            }
            self.link.look_again(until).await;
        }
        Err(Fault::Unavailable("no server of Redis is known for the channel".to_owned()))
    }

    /// It need not arrive any longer. Never waits for Redis.
    pub fn unwatch(&self, key: &Key) {
        self.heard.wanted.remove(&self.voice(key));
    }

    /// Announces what is not stored to every node, this one included.
    ///
    /// # Errors
    /// [`Fault::Unavailable`].
    pub async fn signal(&self, key: &Key, signal: &Signal) -> Result<(), Fault> {
        let mut publish = cmd(self.link.verb());
        publish.arg(self.voice(key)).arg(announce::signal(signal));
        self.link.command(partition(key), &publish).await.map(drop)
    }

    /// Whether what is published arrives here, as far as publishing works.
    pub fn hears(&self) -> bool {
        self.heard.ears.read().iter().all(|ear| ear.hears())
    }

    fn voice(&self, key: &Key) -> String {
        announce::voice(self.link.place().database, key)
    }
}

impl Heard {
    fn ear(&self, partition: u16) -> Option<Arc<Ear>> {
        self.ears.read().iter().find(|ear| ear.partitions.contains(&partition)).cloned()
    }

    /// An ear for each server of the chart; those whose partitions are as before stay.
    fn follow(&self, link: &Link, chart: &Chart) {
        let mut ears = self.ears.write();
        let ear = |(shard, partitions): &(Arc<Shard>, Vec<u16>)| {
            let stays = ears.iter().find(|ear| Arc::ptr_eq(&ear.shard, shard) && ear.partitions == *partitions);
            stays.cloned().unwrap_or_else(|| Arc::new(Ear::start(link, shard, partitions, &self.wanted)))
        };
        *ears = chart.shards().iter().map(ear).collect();
    }
}

async fn follow(heard: Arc<Heard>, link: Arc<Link>, mut charts: watch::Receiver<Arc<Chart>>) {
    while charts.changed().await.is_ok() {
        let chart = charts.borrow_and_update().clone();
        heard.follow(&link, &chart);
    }
}

/// Unsubscribes from what is wanted no longer.
async fn leave(heard: Arc<Heard>) {
    loop {
        heard.wanted.has_leaving().await;
        let _order = heard.order.write().await;
        let leaving = heard.wanted.leaving(LEAVING_A_STEP);
        let ears = heard.ears.read().clone();
        join_all(ears.iter().map(|ear| ear.unsubscribe(&leaving))).await;
    }
}
