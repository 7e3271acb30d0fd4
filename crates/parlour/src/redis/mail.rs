//! Letters between nodes: each node hears a name of its own, and whoever asks it something says where the answer goes. A letter may be
//! lost with a connection; so whoever asks waits only so long, and hears at once when the other is gone.
//!
//! A letter is a letter of the alphabet, the sender's id, the number of the question in sixteen hex digits, and the text: `Q` asks, `A`
//! answers, `C` says that nobody waits any longer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use redis::{Value, cmd};
use tokio::sync::{oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use super::announce::at;
use super::tag::partition_of;
use super::{Carry, Link};
use crate::backend::{Asked, Fault, Lanes, NODE_ID_CHARS, NodeId, Unanswered};

/// Questions of this node that wait for answers.
const WAITING_MAX: usize = 100_000;
/// Questions of others that are being answered here.
const ANSWERING_MAX: usize = 100_000;
/// The longest letter.
const LETTER_BYTES_MAX: usize = 16 << 20;
/// A living node that hears nothing is making its connection anew: it is asked again for so long.
const DEAF_MAX: Duration = Duration::from_secs(2);
/// The pause before it is asked again.
const DEAF_PAUSE: Duration = Duration::from_millis(100);
/// Characters of a question's number.
const NUMBER_CHARS: usize = 16;

/// What a node sends and gets.
pub(super) struct Mail {
    node: NodeId,
    link: Arc<Link>,
    lanes: Lanes,
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Bytes>>>,
    answering: Mutex<HashMap<(NodeId, u64), AbortHandle>>,
    living: watch::Receiver<Arc<[NodeId]>>,
    this: Weak<Mail>,
}

/// A question that waits; when it is dropped without an answer, who was asked is told.
struct Waiting {
    mail: Arc<Mail>,
    to: NodeId,
    number: u64,
    is_done: bool,
}

impl Mail {
    /// Questions of others go into `lanes`; `living` says who else lives.
    pub(super) fn new(node: NodeId, link: Arc<Link>, lanes: Lanes, living: watch::Receiver<Arc<[NodeId]>>) -> Arc<Mail> {
        Arc::new_cyclic(|this| Mail {
            node,
            link,
            lanes,
            next: AtomicU64::new(1),
            waiting: Mutex::default(),
            answering: Mutex::default(),
            living,
            this: this.clone(),
        })
    }

    /// From now on letters arrive.
    pub(super) async fn listen(&self, carry: &Carry) -> Result<(), Fault> {
        let mail = self.this.clone();
        let hearer = Arc::new(move |letter: &[u8]| {
            if let Some(mail) = mail.upgrade() {
                mail.take(letter);
            }
        });
        carry.hear(&self.voice(&self.node), partition_of(self.node.as_str()), hearer).await
    }

    fn voice(&self, node: &NodeId) -> String {
        format!("{}b:{}", at(self.link.place().database, partition_of(node.as_str())), node.as_str())
    }

    /// How many heard the letter.
    async fn send(&self, to: &NodeId, kind: char, number: u64, text: &[u8]) -> Result<i64, Unanswered> {
        if text.len() > LETTER_BYTES_MAX {
            return Err(Unanswered::Away);
        }
        let mut letter = format!("{kind}{}{number:016x}", self.node.as_str()).into_bytes();
        letter.extend_from_slice(text);
        let mut publish = cmd(self.link.verb());
        publish.arg(self.voice(to)).arg(letter);
        match self.link.command(partition_of(to.as_str()), &publish).await {
            Ok(Value::Int(heard)) => Ok(heard),
            _ => Err(Unanswered::Away),
        }
    }

    fn lives(&self, node: &NodeId) -> bool {
        self.living.borrow().contains(node)
    }

    /// Asks and waits for the answer.
    pub(super) async fn ask(&self, to: &NodeId, question: &[u8], within: Duration) -> Result<Bytes, Unanswered> {
        let Some(mail) = self.this.upgrade() else { return Err(Unanswered::Away) };
        let until = Instant::now() + within;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        {
            let mut waiting = self.waiting.lock();
            if waiting.len() >= WAITING_MAX {
                return Err(Unanswered::Away);
            }
            waiting.insert(number, sender);
        }
        let mut guard = Waiting { mail, to: to.clone(), number, is_done: false };
        let deaf_until = Instant::now() + DEAF_MAX;
        while self.send(to, 'Q', number, question).await? == 0 {
            if !self.lives(to) || Instant::now() >= deaf_until {
                guard.is_done = true;
                return Err(Unanswered::Gone);
            }
            sleep(DEAF_PAUSE).await;
        }
        tokio::select! {
            answer = answer => {
                guard.is_done = true;
                answer.map_err(|_| Unanswered::Away)
            }
            () = gone(self.living.clone(), to) => Err(Unanswered::Gone),
            () = tokio::time::sleep_until(until) => Err(Unanswered::Late),
        }
    }

    /// A letter came. Never waits.
    fn take(&self, letter: &[u8]) {
        let Some((kind, from, number, text)) = read(letter) else {
            return tracing::warn!("a letter of another node cannot be read");
        };
        match kind {
            b'Q' => self.begin(from, number, Bytes::copy_from_slice(text)),
            b'A' => {
                if let Some(waiting) = self.waiting.lock().remove(&number) {
                    // Who asked may have stopped waiting just now.
                    let _ = waiting.send(Bytes::copy_from_slice(text));
                }
            }
            b'C' => {
                if let Some(answering) = self.answering.lock().remove(&(from, number)) {
                    answering.abort();
                }
            }
            _ => tracing::warn!("a letter of another node is of an unknown kind"),
        }
    }

    fn begin(&self, from: NodeId, number: u64, question: Bytes) {
        let Some(mail) = self.this.upgrade() else { return };
        let mut answering = self.answering.lock();
        if answering.len() >= ANSWERING_MAX {
            return;
        }
        let (sender, answer) = oneshot::channel();
        self.lanes.asked(Asked { question, answer: sender });
        let id = (from.clone(), number);
        // It cannot end before it is noted: that is done under the lock which it needs.
        let task = tokio::spawn(async move {
            if let Ok(text) = answer.await
                && mail.send(&from, 'A', number, &text).await != Ok(1)
            {
                tracing::debug!("an answer reached nobody");
            }
            mail.answering.lock().remove(&(from, number));
        });
        answering.insert(id, task.abort_handle());
    }

    /// These nodes ended, and wait for no answer.
    pub(super) fn forget(&self, gone: &[NodeId]) {
        self.answering.lock().retain(|(from, _), answering| {
            let is_gone = gone.contains(from);
            if is_gone {
                answering.abort();
            }
            !is_gone
        });
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.mail.waiting.lock().remove(&self.number);
        if !self.is_done {
            let (mail, to, number) = (self.mail.clone(), self.to.clone(), self.number);
            // Without a runtime the process ends, and everyone will see that.
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(async move { mail.send(&to, 'C', number, b"").await });
            }
        }
    }
}

/// Waits until the node lives no longer; one that began just now may not be known yet.
async fn gone(mut living: watch::Receiver<Arc<[NodeId]>>, node: &NodeId) {
    let mut was_known = false;
    loop {
        let lives = living.borrow_and_update().contains(node);
        if was_known && !lives {
            return;
        }
        was_known |= lives;
        if living.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Kind, sender, number and text of a letter.
fn read(letter: &[u8]) -> Option<(u8, NodeId, u64, &[u8])> {
    let (head, text) = letter.split_at_checked(1 + NODE_ID_CHARS + NUMBER_CHARS)?;
    let head = std::str::from_utf8(head).ok()?;
    let (node, number) = head.get(1..)?.split_at_checked(NODE_ID_CHARS)?;
    Some((*letter.first()?, NodeId::parse(node)?, u64::from_str_radix(number, 16).ok()?, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_read_as_it_was_written_and_nothing_else_is_one() {
        let node = NodeId::new([7; 6]);
        let letter = format!("Q{}{:016x}text\n", node.as_str(), 17);
        assert_eq!(read(letter.as_bytes()), Some((b'Q', node, 17, &b"text\n"[..])));
        for bytes in [
            &b""[..],
            b"Q",
            b"Qabcdefgh000000000000000",
            b"Qabcdefgh00000000000000xx",
            b"Q\xff\xff\xff\xff\xff\xff\xff\xff0000000000000011",
        ] {
            assert_eq!(read(bytes), None, "{bytes:?}");
        }
    }
}
