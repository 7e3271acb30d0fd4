//! Queues on the shelf: what is to be done elsewhere, later and again, survives the process, and any node may do it. Whoever takes a
//! thing out has it alone for a while (a lease); if it is not done by then, another takes it. So everything is done at least once,
//! and once as long as nobody dies over it.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, oneshot};

use crate::backend::{After, Before, Fault, LISTED_MAX, SWAPS_MAX, Shelf, Swap};

/// Things that are looked at when one is to be taken: other nodes may take the first.
const LOOKED_AT: usize = 16;
/// How often the count is tried to be changed while other nodes change it too.
const COUNTED_TRIES: usize = 32;
/// How often a queue is looked into without a sign: for what is due again, and what other nodes put in.
const EVERY: Duration = Duration::from_millis(500);
/// The first rest after something that failed.
const REST: Duration = Duration::from_secs(1);

/// How a queue is worked through.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Things that wait at most, on all nodes together.
    pub waiting_max: u64,
    /// How long whoever took a thing has it alone, in milliseconds: longer than doing it may take.
    pub lease_ms: i64,
    /// The pauses between tries, in milliseconds; after one try more it is given up.
    pub pauses_ms: &'static [i64],
    /// A failure rests the whole queue on this node for a second, each further one twice as long, at most so long: whoever cannot
    /// be reached is not asked for everything that waits.
    pub rest_max: Duration,
}

/// A thing as it lies on the shelf.
#[derive(Serialize, Deserialize)]
struct Waiting<T> {
    what: T,
    /// After this it is of no use, in milliseconds since 1970.
    useless_ms: i64,
    /// How often it was tried.
    tries: u32,
}

/// A thing that was taken out: to be settled by [`Queue::done`] or [`Queue::failed`].
pub struct Taken<T> {
    /// The thing.
    pub what: T,
    /// How often it was tried before.
    pub tries: u32,
    useless_ms: i64,
    name: String,
    record: String,
}

/// What became of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is left to do, for good or ill.
    Done,
    /// To be tried again.
    Later,
}

/// Who does what waits.
#[async_trait]
pub trait Carrier<T>: Send + Sync {
    /// Does it, within the queue's lease.
    async fn carry(&self, what: &T, tries: u32) -> Outcome;
}

/// A thing on its way to the shelf.
struct Coming {
    name: String,
    record: String,
    told: oneshot::Sender<Result<bool, Fault>>,
}

/// A queue. Its records are `PREFIX/WHEN/ID`, in the order in which they are due; `PREFIX-count` counts them.
pub struct Queue<T> {
    shelf: Arc<dyn Shelf>,
    prefix: String,
    terms: Terms,
    /// What this node puts in goes in together with whatever else waits just then.
    coming: Mutex<Vec<Coming>>,
    turn: tokio::sync::Mutex<()>,
    sign: Notify,
    _of: std::marker::PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned + Send + Sync> Queue<T> {
    /// The queue of this name; others on the same shelf are the same queue.
    pub fn new(shelf: Arc<dyn Shelf>, prefix: impl Into<String>, terms: Terms) -> Queue<T> {
        Queue {
            shelf,
            prefix: prefix.into(),
            terms,
            coming: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            sign: Notify::new(),
            _of: std::marker::PhantomData,
        }
    }

    /// Takes a thing in, to be done at once. False where the queue is full.
    ///
    /// # Errors
    /// The shelf cannot be written, or too many nodes write it at once.
    pub async fn put(&self, what: T, useless_ms: i64, now_ms: i64) -> Result<bool, Fault> {
        let record = written(&Waiting { what, useless_ms, tries: 0 })?;
        let (told, stored) = oneshot::channel();
        self.coming.lock().push(Coming { name: self.name(now_ms, &id()), record, told });
        {
            let _turn = self.turn.lock().await;
            // Whoever had the turn before may have taken ours along.
            let batch: Vec<Coming> = {
                let mut coming = self.coming.lock();
                let most = coming.len().min(SWAPS_MAX - 1);
                coming.drain(..most).collect()
            };
            if !batch.is_empty() {
                self.store(batch, now_ms).await;
            }
        }
        stored.await.unwrap_or(Err(Fault::OutcomeUnknown))
    }

    async fn store(&self, batch: Vec<Coming>, now_ms: i64) {
        let came = self.add(&batch, now_ms).await;
        if matches!(came, Ok(true)) {
            self.sign.notify_one();
        }
        for coming in batch {
            // Who asked may have gone away.
            let _ = coming.told.send(came.clone());
        }
    }

    async fn add(&self, batch: &[Coming], now_ms: i64) -> Result<bool, Fault> {
        for _ in 0..COUNTED_TRIES {
            let (count, counted) = self.count(now_ms).await?;
            let more = counted.saturating_add(batch.len() as u64);
            if more > self.terms.waiting_max {
                return Ok(false);
            }
            let kept = |coming: &Coming| Swap {
                name: coming.name.clone(),
                before: Before::Nothing,
                after: After::Kept(coming.record.clone()),
            };
            let swaps = batch.iter().map(kept).chain([count.to(more)]).collect();
            if self.shelf.swap(swaps, now_ms).await? {
                return Ok(true);
            }
        }
        Err(Fault::Unavailable("too many at once write to a queue".to_owned()))
    }

    /// Takes out the first thing that is due; nobody else gets it within the lease. `None` where none is due.
    ///
    /// # Errors
    /// The shelf cannot be reached.
    pub async fn take(&self, now_ms: i64) -> Result<Option<Taken<T>>, Fault> {
        for (due, record) in self.shelf.list(&format!("{}/", self.prefix), "", LOOKED_AT, now_ms).await? {
            if due > self.name(now_ms, "~") {
                return Ok(None);
            }
            let waiting = serde_json::from_str::<Waiting<T>>(&record).ok().filter(|waiting| waiting.useless_ms > now_ms);
            let Some(Waiting { what, useless_ms, tries }) = waiting else {
                self.remove(&due, &record, now_ms).await?;
                continue;
            };
            let later = self.name(now_ms + self.terms.lease_ms, &id());
            let leased = Swap { name: later.clone(), before: Before::Nothing, after: After::Kept(record.clone()) };
            if self.shelf.swap(vec![Swap::take(&due, &record), leased], now_ms).await? {
                return Ok(Some(Taken { what, tries, useless_ms, name: later, record }));
            }
        }
        Ok(None)
    }

    /// It is done, or can never be: it is forgotten.
    ///
    /// # Errors
    /// The shelf cannot be written; it may then be done once more.
    pub async fn done(&self, taken: &Taken<T>, now_ms: i64) -> Result<(), Fault> {
        self.remove(&taken.name, &taken.record, now_ms).await
    }

    /// It could not be done now: later, unless that was the last try. Whether it stays.
    ///
    /// # Errors
    /// The shelf cannot be written; it is then tried again all the same.
    pub async fn failed(&self, taken: Taken<T>, now_ms: i64) -> Result<bool, Fault> {
        let pause_ms = self.terms.pauses_ms.get(taken.tries as usize).copied();
        let Some(due_ms) = pause_ms.map(|pause_ms| now_ms + pause_ms).filter(|due_ms| *due_ms < taken.useless_ms) else {
            self.done(&taken, now_ms).await?;
            return Ok(false);
        };
        let Taken { what, tries, useless_ms, name, record } = taken;
        let again = written(&Waiting { what, useless_ms, tries: tries + 1 })?;
        let again = Swap { name: self.name(due_ms, &id()), before: Before::Nothing, after: After::Kept(again) };
        // Where another has it already, it is theirs.
        self.shelf.swap(vec![Swap::take(name, record), again], now_ms).await.map(|_| true)
    }

    /// Takes out all things of this kind, whoever has them just now; whether there were any.
    ///
    /// # Errors
    /// The shelf cannot be used: what was taken out by then is gone.
    pub async fn withdraw(&self, is_it: impl Fn(&T) -> bool, now_ms: i64) -> Result<bool, Fault> {
        // Whoever takes a thing or puts it off gives it another name: it is looked again until nothing is found.
        for pass in 0..COUNTED_TRIES {
            if !self.withdraw_once(&is_it, now_ms).await? {
                return Ok(pass > 0);
            }
        }
        Err(Fault::Unavailable("too many at once write to a queue".to_owned()))
    }

    async fn withdraw_once(&self, is_it: &impl Fn(&T) -> bool, now_ms: i64) -> Result<bool, Fault> {
        let (prefix, mut after, mut has_found) = (format!("{}/", self.prefix), String::new(), false);
        loop {
            let page = self.shelf.list(&prefix, &after, LISTED_MAX, now_ms).await?;
            let Some((last, _)) = page.last() else { return Ok(has_found) };
            after = last.clone();
            for (name, record) in &page {
                if serde_json::from_str::<Waiting<T>>(record).is_ok_and(|waiting| is_it(&waiting.what)) {
                    self.remove(name, record, now_ms).await?;
                    has_found = true;
                }
            }
        }
    }

    /// Has everything done that is due, one after the other, until it is dropped.
    pub async fn work(&self, carrier: &dyn Carrier<T>) {
        let mut rest = Duration::ZERO;
        loop {
            match self.take(now_ms()).await {
                Ok(Some(taken)) => {
                    let outcome = carrier.carry(&taken.what, taken.tries).await;
                    let noted = match outcome {
                        Outcome::Done => self.done(&taken, now_ms()).await.map(|()| true),
                        Outcome::Later => self.failed(taken, now_ms()).await,
                    };
                    match noted {
                        Ok(true) => {}
                        Ok(false) => tracing::warn!(queue = self.kind(), "something that waited was given up"),
                        Err(fault) => tracing::warn!(queue = self.kind(), %fault, "what became of something could not be noted"),
                    }
                    rest = match outcome {
                        Outcome::Done => Duration::ZERO,
                        Outcome::Later => (rest * 2).max(REST).min(self.terms.rest_max),
                    };
                    tokio::time::sleep(rest).await;
                    continue;
                }
                Ok(None) => {}
                Err(fault) => tracing::warn!(queue = self.kind(), %fault, "a queue cannot be read"),
            }
            // The time being up means as much as a sign.
            let _ = tokio::time::timeout(EVERY, self.sign.notified()).await;
        }
    }

    /// The first word of its name, for logs.
    fn kind(&self) -> &str {
        self.prefix.split('/').next().unwrap_or_default()
    }

    async fn remove(&self, name: &str, record: &str, now_ms: i64) -> Result<(), Fault> {
        for _ in 0..COUNTED_TRIES {
            let (count, counted) = self.count(now_ms).await?;
            if self.shelf.swap(vec![Swap::take(name, record), count.to(counted.saturating_sub(1))], now_ms).await? {
                return Ok(());
            }
            if self.shelf.record(name, now_ms).await?.as_deref() != Some(record) {
                return Ok(());
            }
        }
        Err(Fault::Unavailable("too many at once write to a queue".to_owned()))
    }

    /// Records are in the order in which they are due.
    fn name(&self, due_ms: i64, id: &str) -> String {
        format!("{}/{:015}/{id}", self.prefix, due_ms.max(0))
    }

    async fn count(&self, now_ms: i64) -> Result<(Count, u64), Fault> {
        let name = format!("{}-count", self.prefix);
        let record = self.shelf.record(&name, now_ms).await?;
        let counted = record.as_deref().and_then(|record| record.parse().ok()).unwrap_or(0);
        Ok((Count { name, record }, counted))
    }
}

/// The record that counts, as it was read.
struct Count {
    name: String,
    record: Option<String>,
}

impl Count {
    fn to(self, counted: u64) -> Swap {
        let before = self.record.map_or(Before::Nothing, Before::This);
        Swap { name: self.name, before, after: After::Kept(counted.to_string()) }
    }
}

fn written<T: Serialize>(waiting: &Waiting<T>) -> Result<String, Fault> {
    serde_json::to_string(waiting).map_err(|error| Fault::Unavailable(error.to_string()))
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

fn id() -> String {
    let bytes: [u8; 8] = rand::random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
