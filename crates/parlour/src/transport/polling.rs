//! Long polls: answered at once without a position or when something is there, else when something comes or the time is over.

use std::sync::Arc;
use std::time::Duration;

use parlour_wire::code::Code;
use parlour_wire::stream;

use super::events::{News, Question, Readers};
use crate::clients::Manners;
use crate::node::{Asker, Node, Since};

/// Seconds that a poll waits when it does not say.
pub const WAIT_S: u64 = 25;
/// Seconds that a poll waits at most.
pub const WAIT_S_MAX: u64 = 60;
/// Bytes of events in one answer.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

static MANNERS: Manners = Manners { ping: None, pongs: false, close: |_| None };

/// The body of the answer: `{"position", "gap"?, "events"}`.
pub async fn answer(node: &Arc<Node>, asker: Asker, question: Question, wait: Duration) -> Result<String, Code> {
    let waits = question.channels.iter().any(|(_, since)| !matches!(since, Since::Now));
    let counted = question.viewer.is_some();
    let mut readers = Readers::open(node, asker, question, counted, &MANNERS).await?;
    let mut answer = Answer::default();
    let gather = async {
        loop {
            answer.gather(&mut readers).await?;
            if answer.is_worth_it() || !waits || readers.is_finished() || node.is_draining() {
                return Ok::<(), Code>(());
            }
            readers.wait().await;
        }
    };
    match tokio::time::timeout(wait, gather).await {
        Ok(done) => done?,
        Err(_) => answer.gather(&mut readers).await?,
    }
    let events = answer.events.iter().map(String::as_str);
    Ok(stream::poll(&readers.positions(), answer.gap, events))
}

#[derive(Default)]
struct Answer {
    events: Vec<String>,
    bytes: usize,
    gap: bool,
    has_offset: bool,
}

impl Answer {
    /// Takes what is there, up to the size of an answer.
    async fn gather(&mut self, readers: &mut Readers) -> Result<(), Code> {
        while self.bytes < ANSWER_BYTES_MAX {
            match readers.next().await? {
                Some(News::Event { text, has_offset, .. }) => {
                    self.bytes += text.len();
                    self.has_offset |= has_offset;
                    self.events.extend(String::from_utf8(text.into()));
                }
                Some(News::Gap { .. }) => self.gap = true,
                Some(News::Moved | News::Frame(_)) => {}
                None => break,
            }
        }
        Ok(())
    }

    /// Signals alone do not end a poll.
    fn is_worth_it(&self) -> bool {
        self.has_offset || self.gap
    }
}
