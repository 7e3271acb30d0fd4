//! Answers the other nodes: each question is taken by whoever knows its kind, and given up when nobody waits for the answer any more.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};

use crate::backend::Asked;
use crate::node::Node;
use crate::transport::socketio::SocketIo;

/// Questions being answered at once: mostly polls, which wait. More are dropped, and who asked is told in time.
const ANSWERING_MAX: usize = 100_000;

/// Runs until the backend is gone.
pub async fn serve(node: Arc<Node>, sockets: SocketIo, mut questions: mpsc::Receiver<Asked>) {
    let room = Arc::new(Semaphore::new(ANSWERING_MAX));
    while let Some(asked) = questions.recv().await {
        let Ok(place) = room.clone().try_acquire_owned() else { continue };
        let (node, sockets) = (node.clone(), sockets.clone());
        tokio::spawn(async move {
            let Asked { question, mut answer } = asked;
            let answered = tokio::select! {
                answered = answer_to(&node, &sockets, question) => answered,
                // Whatever was begun for it is given up.
                () = answer.closed() => None,
            };
            if let Some(answered) = answered {
                // Who asked may have stopped waiting just now.
                let _ = answer.send(answered);
            }
            drop(place);
        });
    }
}

async fn answer_to(node: &Node, sockets: &SocketIo, question: Bytes) -> Option<Bytes> {
    match node.answer_peer(&question) {
        Some(answer) => Some(answer),
        None => sockets.answer_peer(question).await,
    }
}
