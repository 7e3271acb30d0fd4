//! The threads that read: each with a connection of its own, so that reading never waits for the writer nor it for them. A
//! question runs in one read transaction and sees one snapshot.

use std::sync::{Arc, mpsc};

use parking_lot::Mutex;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{Semaphore, oneshot};

use super::Options;
use super::schema::{open_reader, unavailable};
use crate::backend::Fault;

/// Questions waiting at most; who comes then waits before asking.
const QUESTIONS_MAX: usize = 1_024;

type Question = Box<dyn FnOnce(&mut Connection) + Send>;

enum Order {
    Ask(Question),
    Stop,
}

/// The readers' side that asks.
pub(super) struct Readers {
    room: Arc<Semaphore>,
    orders: mpsc::Sender<Order>,
    count: usize,
    /// Ends when the last thread has ended.
    ended: tokio::sync::Mutex<tokio::sync::mpsc::Receiver<()>>,
}

impl Readers {
    /// Opens the connections and starts the threads.
    pub(super) fn start(options: &Options) -> Result<Readers, Fault> {
        let (orders, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        let (alive, ended) = tokio::sync::mpsc::channel(1);
        let room = Arc::new(Semaphore::new(QUESTIONS_MAX));
        let count = options.readers.clamp(1, 16);
        for index in 0..count {
            let connection = open_reader(options)?;
            let (queue, room, alive) = (queue.clone(), room.clone(), alive.clone());
            std::thread::Builder::new()
                .name(format!("store-read-{index}"))
                .spawn(move || {
                    run(connection, &queue, &room);
                    drop(alive);
                })
                .map_err(|error| Fault::Unavailable(error.to_string()))?;
        }
        Ok(Readers { room, orders, count, ended: tokio::sync::Mutex::new(ended) })
    }

    /// Asks; `question` runs on a reader's thread within one snapshot.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, Fault> {
        let (answer, answered) = oneshot::channel();
        let question = move |connection: &mut Connection| {
            // Whoever asked may be gone by now.
            if !answer.is_closed() {
                let _ = answer.send(in_snapshot(connection, question));
            }
        };
        self.room.acquire().await.map_err(|_| closed())?.forget();
        self.orders.send(Order::Ask(Box::new(question))).map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?.map_err(unavailable)
    }

    /// Ends the threads after what was asked before.
    pub(super) async fn close(&self) {
        self.room.close();
        for _ in 0..self.count {
            // A thread that is gone needs no order.
            let _ = self.orders.send(Order::Stop);
        }
        let _ = self.ended.lock().await.recv().await;
    }
}

pub(super) fn closed() -> Fault {
    Fault::Unavailable("the store is closed".into())
}

fn in_snapshot<T>(
    connection: &mut Connection,
    question: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
) -> Result<T, rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
    let answer = question(&transaction)?;
    transaction.finish()?;
    Ok(answer)
}

fn run(mut connection: Connection, queue: &Mutex<mpsc::Receiver<Order>>, room: &Semaphore) {
    loop {
        // One thread waits at the queue, the others for their turn to wait.
        let order = queue.lock().recv();
        match order {
            Ok(Order::Ask(question)) => {
                room.add_permits(1);
                question(&mut connection);
            }
            Ok(Order::Stop) | Err(_) => return,
        }
    }
}
