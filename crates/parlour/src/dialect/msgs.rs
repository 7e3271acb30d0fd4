//! `/msgs`: the plain long-polled list of a page of 2011. The N-th entry is the publication with offset N + 1, so the numbering
//! is the log's and never changes. `&`, `<` and `>` are escaped in both fields, because that page inserts them as HTML.

use std::sync::Arc;
use std::time::Duration;

use parlour_wire::code::Code;
use parlour_wire::command::Signals;
use parlour_wire::position::Position;
use parlour_wire::push::Event;
use serde::{Deserialize, Serialize};

use crate::channel::{ChannelName, Key};
use crate::clients::Manners;
use crate::node::{Asker, Node, Since};
use crate::rule::Dialect;
use crate::transport::events::{Question, Readers};

/// How long a reader waits while there is nothing.
const WAIT: Duration = Duration::from_secs(25);
/// Entries of one answer; the page asks for the rest at once.
const ENTRIES_MAX: usize = 1_000;

static MANNERS: Manners = Manners { ping: None, pongs: false, close: |_| None };

/// One entry of the list.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Who.
    #[serde(default)]
    pub from: String,
    /// What.
    #[serde(default)]
    pub content: String,
}

/// The channel, where the dialect is on.
fn key(node: &Node, asker: &Asker) -> Result<Key, Code> {
    match &node.book.now().msgs {
        Dialect::Off => Err(Code::MethodNotFound),
        Dialect::Channel(channel) => Ok(Key::new(asker.site.clone(), ChannelName::clone(channel))),
    }
}

/// `POST /msgs`.
pub async fn post(node: &Node, asker: &Asker, entry: &Entry) -> Result<(), Code> {
    let key = key(node, asker)?;
    let data = serde_json::to_string(entry).map_err(|_| Code::Internal)?;
    node.say(asker, &key, &data).await
}

/// `GET /msgs?start=N`: the entries from the N-th on; waits while there are none.
pub async fn read(node: &Arc<Node>, asker: &Asker, start: u64) -> Result<Vec<Entry>, Code> {
    let key = key(node, asker)?;
    let until = tokio::time::Instant::now() + WAIT;
    loop {
        let (entries, position) = list(node, asker, &key, start).await?;
        if !entries.is_empty() || node.is_draining() {
            return Ok(entries);
        }
        if tokio::time::timeout_at(until, wait(node, asker, &key, position)).await.is_err() {
            return Ok(Vec::new());
        }
    }
}

async fn list(node: &Node, asker: &Asker, key: &Key, start: u64) -> Result<(Vec<Entry>, Position), Code> {
    let top = node.history(asker, key, Some(0), None, false).await?.position;
    if start >= top.offset {
        return Ok((Vec::new(), top));
    }
    let since = Position { epoch: top.epoch.clone(), offset: start };
    let page = node.history(asker, key, Some(ENTRIES_MAX), Some(since), false).await?;
    Ok((page.events.iter().map(entry).collect(), page.position))
}

/// Waits until something follows the position, or the server stops.
async fn wait(node: &Arc<Node>, asker: &Asker, key: &Key, position: Position) -> Result<(), Code> {
    let channels = vec![(key.clone(), Since::Position(position))];
    let question = Question { channels, signals: Signals::default(), viewer: None };
    let mut readers = Readers::open(node, asker.clone(), question, false, &MANNERS).await?;
    while readers.next().await?.is_none() && !readers.is_finished() {
        readers.wait().await;
    }
    Ok(())
}

/// What another door published here is shown too, so that the numbering has no holes.
fn entry(event: &Event) -> Entry {
    let entry =
        serde_json::from_str(&event.data).unwrap_or_else(|_| Entry { from: String::new(), content: event.data.to_string() });
    Entry { from: escaped(&entry.from), content: escaped(&entry.content) }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
