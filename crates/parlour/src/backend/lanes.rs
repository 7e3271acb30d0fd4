//! The bounded lanes on which a backend's deliveries reach the node: one per worker, chosen by the channel, so that the order
//! within a channel holds while channels move side by side.

use std::hash::{BuildHasher, RandomState};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::{Asked, Delivery, Signal};
use crate::channel::Key;

/// Deliveries waiting in one lane before the backend is held back.
const LANE_DELIVERIES_MAX: usize = 4096;

/// Questions of other nodes that nobody took yet; more are not answered.
const QUESTIONS_MAX: usize = 4096;

/// The sending side, held by the backend.
#[derive(Clone)]
pub struct Lanes {
    lanes: Vec<mpsc::Sender<Delivery>>,
    hasher: RandomState,
    questions: Option<mpsc::Sender<Asked>>,
}

/// Makes `count` lanes; the receiving ends go to the node's workers.
pub fn lanes(count: usize) -> (Lanes, Vec<mpsc::Receiver<Delivery>>) {
    let (lanes, ends) = (0..count.max(1)).map(|_| mpsc::channel(LANE_DELIVERIES_MAX)).unzip();
    (Lanes { lanes, hasher: RandomState::new(), questions: None }, ends)
}

impl Lanes {
    /// With a place for the questions of other nodes; the receiving end goes to whoever answers them.
    pub fn with_questions(mut self) -> (Lanes, mpsc::Receiver<Asked>) {
        let (sender, receiver) = mpsc::channel(QUESTIONS_MAX);
        self.questions = Some(sender);
        (self, receiver)
    }

    /// Hands over a question without waiting; where nobody answers, or too many wait, it is dropped, and who asked is told in time.
    pub fn asked(&self, asked: Asked) {
        if let Some(questions) = &self.questions {
            let _ = questions.try_send(asked);
        }
    }

    fn lane(&self, key: &Key) -> &mpsc::Sender<Delivery> {
        &self.lanes[self.hasher.hash_one(key) as usize % self.lanes.len()]
    }

    /// Sends from a thread of the backend's own and waits for room: the log's order is worth more than its speed.
    /// A node that is gone hears nothing, and that is all.
    pub fn deliver(&self, delivery: Delivery) {
        let _ = self.lane(delivery.key()).blocking_send(delivery);
    }

    /// Sends without waiting: for those who read what comes from elsewhere and must go on reading. `false` where there is no room; then
    /// the channel is to be told that it lost something, as soon as there is ([`Lanes::lost`]).
    #[must_use]
    pub fn offer(&self, delivery: Delivery) -> bool {
        !matches!(self.lane(delivery.key()).try_send(delivery), Err(TrySendError::Full(_)))
    }

    /// Tells that something was or may have been missed; waits for room.
    pub async fn lost(&self, key: Key) {
        let _ = self.lane(&key).send(Delivery::Lost { key: key.clone() }).await;
    }

    /// Waits for room for one delivery of this channel, which is then told without waiting.
    pub async fn room(&self, key: &Key) -> Room<'_> {
        Room(self.lane(key).reserve().await.ok())
    }

    /// Sends a signal without waiting; a full lane drops it, as signals may be.
    pub fn signal(&self, key: &Key, signal: Signal) {
        let _ = self.lane(key).try_send(Delivery::Signal { key: key.clone(), signal });
    }
}

/// Room for one delivery.
pub struct Room<'a>(Option<mpsc::Permit<'a, Delivery>>);

impl Room<'_> {
    /// Tells it. A node that is gone hears nothing, and that is all.
    pub fn deliver(self, delivery: Delivery) {
        if let Some(permit) = self.0 {
            permit.send(delivery);
        }
    }
}
