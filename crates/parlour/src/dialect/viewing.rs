//! `viewing`: the presence page of 2015. A client says which post it looks at, now and then again, and hears how many look at it
//! (`viewers`) and how often it was looked at (`views`). The post's channel is `post:ID`.

use std::collections::VecDeque;

use async_trait::async_trait;
use parlour_wire::code::Code;
use parlour_wire::engineio::Version;
use parlour_wire::push::{self, Kind};
use parlour_wire::socketio::{self, Event};
use serde::Deserialize;

use crate::channel::Key;
use crate::outbox::Hearing;
use crate::outbox::resume::Had;
use crate::ring::{Audience, Tongue};
use crate::session::{Listening, Session};
use crate::transport::socketio::dialect::Dialect;

const NAME: &str = "viewing";
/// Before a post's id, in the name of its channel.
const PREFIX: &str = "post:";
/// Posts of one client that are remembered as counted.
const COUNTED_MAX: usize = 128;
/// How often a count that changes while it is told is told again.
const TELLINGS_MAX: usize = 3;

/// The id as a number, as this client sent it.
static NUMBERS: Tongue = Tongue { index: 2, open: |version, event, _| open(version, event, |id| id.to_owned()) };
/// The id as a string.
static STRINGS: Tongue = Tongue { index: 3, open: |version, event, _| open(version, event, quoted) };

fn quoted(id: &str) -> String {
    serde_json::Value::from(id).to_string()
}

#[derive(Deserialize)]
struct Count {
    count: u64,
}

fn open(version: Version, event: &push::Event, written: impl Fn(&str) -> String) -> Option<String> {
    let name = match event.kind {
        Kind::Viewers | Kind::Views => event.kind.name(),
        _ => return None,
    };
    let id = written(event.channel.strip_prefix(PREFIX)?);
    let Count { count } = serde_json::from_str(&event.data).ok()?;
    Some(counted(version, name, &id, count))
}

fn counted(version: Version, name: &str, id: &str, count: u64) -> String {
    socketio::event_open(version, name, [id, &count.to_string()])
}

fn listening(tongue: &'static Tongue) -> Listening {
    Listening { hearing: Hearing { audience: Audience::VIEWERS.with(Audience::VIEWS), tongue }, counted: true }
}

/// As one client speaks it.
pub struct Viewing {
    version: Version,
    /// Posts that this client was counted for, the latest last.
    counted: VecDeque<Key>,
}

impl Viewing {
    /// Nothing viewed yet.
    pub fn new(version: Version) -> Viewing {
        Viewing { version, counted: VecDeque::new() }
    }

    /// Whether this client was not counted there before; from now on it was.
    fn is_first(&mut self, key: &Key) -> bool {
        if self.counted.contains(key) {
            return false;
        }
        if self.counted.len() == COUNTED_MAX {
            self.counted.pop_front();
        }
        self.counted.push_back(key.clone());
        true
    }

    /// Tells how many view it now. What changes meanwhile is told by the channel, perhaps before; so it is looked again.
    async fn tell_viewers(&self, session: &Session, key: &Key, id: &str) -> Result<(), Code> {
        let asker = session.asker()?;
        let mut viewers = session.node().viewers_of(asker, key).await?;
        for _ in 0..TELLINGS_MAX {
            session.tell(&counted(self.version, "viewers", id, viewers))?;
            let now = session.node().viewers_of(asker, key).await?;
            if std::mem::replace(&mut viewers, now) == now {
                break;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Dialect for Viewing {
    fn knows(&self, name: &str) -> bool {
        name == NAME
    }

    fn hearing(&self, had: &Had) -> Option<Listening> {
        let tongue = [&NUMBERS, &STRINGS].into_iter().find(|tongue| tongue.index == had.tongue)?;
        had.channel.starts_with(PREFIX).then(|| listening(tongue))
    }

    async fn begin(&mut self, session: &mut Session, _recovered: bool) -> Result<(), Code> {
        // Whoever comes back to a post is not counted there again.
        let back = [&NUMBERS, &STRINGS].into_iter().filter_map(|tongue| session.heard_in(tongue.index)).cloned();
        self.counted.extend(back);
        Ok(())
    }

    async fn hear(&mut self, session: &mut Session, event: &Event) -> Result<(), Code> {
        let [id] = event.arguments.as_slice() else { return Err(Code::BadRequest) };
        let (text, tongue) = match id.get().as_bytes().first() {
            Some(b'"') => (serde_json::from_str::<String>(id.get()).map_err(|_| Code::BadRequest)?, &STRINGS),
            Some(b'-' | b'0'..=b'9') => (id.get().to_owned(), &NUMBERS),
            _ => return Err(Code::BadRequest),
        };
        let key = session.node().key(session.asker()?, &format!("{PREFIX}{text}"))?;
        if session.heard_in(tongue.index) != Some(&key) {
            session.turn_away(NUMBERS.index);
            session.turn_away(STRINGS.index);
            session.listen(&key, listening(tongue)).await?;
        }
        self.tell_viewers(session, &key, id.get()).await?;
        let is_first = self.is_first(&key);
        let views = session.node().count_view(session.asker()?, &key, is_first).await?;
        // A new view is told by the channel.
        if is_first { Ok(()) } else { session.tell(&counted(self.version, "views", id.get(), views)) }
    }
}
