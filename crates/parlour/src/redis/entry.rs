//! Entries of a log as the scripts write them, and comments as rows. An entry is lines: what it is, and its parts, of which only
//! the last may be longer than a line. An announcement is the same with the epoch in a line before it.
//!
//! | first line | then |
//! | --- | --- |
//! | `P` | offset, time, `+` and the user where a client published, the client, data |
//! | `C` | the offset of the change before, the row |
//! | `R` | the same, where only its reactions changed |
//! | `T` | offset, time, `1` where it is closed, address, title |
//!
//! Nothing is believed: what no script writes is `None`, and then the log is read again, or the answer is refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use parlour_wire::position::Epoch;
use parlour_wire::push::{Event, Kind, Publisher};
use serde::{Deserialize, Serialize};

use crate::backend::told::{gone, reactions_told, thread_told, told};
use crate::backend::{Change, Delivery, Entry};
use crate::channel::{ChannelName, Key};
use crate::comment::{Author, Comment, CommentId, Format, Mine, State, Time};
use crate::render;

/// A comment, and what is kept of its place in the log.
pub(super) struct StoredComment {
    pub(super) comment: Comment,
    made: Option<u64>,
    changed_ms: i64,
}

/// What is kept of a text, as JSON.
#[derive(Serialize, Deserialize)]
struct Text {
    body: String,
    html: String,
}

/// A text as it is kept.
pub(super) fn text(body: &str, html: &str) -> String {
    serde_json::json!({ "body": body, "html": html }).to_string()
}

/// A publication as it is kept.
pub(super) fn publication(data: &str, publisher: Option<&Publisher>, time_ms: i64) -> String {
    match publisher {
        Some(Publisher { user, client }) => format!("{time_ms}\n+{user}\n{client}\n{data}"),
        None => format!("{time_ms}\n\n\n{data}"),
    }
}

/// When it was published, and what, of [`publication`].
pub(super) fn published(value: &str) -> Option<(i64, &str)> {
    let mut lines = value.splitn(4, '\n');
    Some((lines.next()?.parse().ok()?, lines.nth(2)?))
}

impl StoredComment {
    /// Reads a row.
    pub(super) fn read(row: &str, channel: &ChannelName) -> Option<StoredComment> {
        let mut lines = row.splitn(16, '\n');
        let mut line = || lines.next();
        let id = CommentId::parse(line()?).ok()?;
        let parent = optional(line()?, |text| CommentId::parse(text).ok())?;
        let root = CommentId::parse(line()?).ok()?;
        let depth = line()?.parse().ok()?;
        let created = Time(line()?.parse().ok()?);
        let edited = optional(line()?, |text| text.parse().ok().map(Time))?;
        let state = State::parse(line()?)?;
        let pinned = line()? == "1";
        let replies = line()?.parse().ok()?;
        let made = optional(line()?, |text| text.parse().ok())?;
        let offset = optional(line()?, |text| text.parse().ok())?;
        let changed_ms = line()?.parse().unwrap_or(created.0);
        let reactions = optional(line()?, |text| serde_json::from_str(text).ok())?.unwrap_or_else(BTreeMap::new);
        let is_current = line()? == render::VERSION.to_string();
        let author: Option<Author> = optional(line()?, |text| serde_json::from_str(text).ok())?;
        let text: Option<Text> = optional(line()?, |text| serde_json::from_str(text).ok())?;
        let (body, html) = text.map_or_else(Default::default, |text| (text.body, text.html));
        // What another renderer made is made again.
        let html = if is_current || html.is_empty() { html } else { render::render(&body) };
        let comment = Comment {
            id,
            channel: channel.clone(),
            offset,
            parent,
            root,
            depth,
            author,
            body,
            format: Format::Markdown,
            html,
            created,
            edited,
            state,
            pinned,
            reactions,
            replies,
            mine: None,
        };
        Some(StoredComment { comment, made, changed_ms })
    }

    /// The entry of its last change. `previous` is the offset of the change before; `reacted`: only its reactions changed.
    fn entry(self, channel: &Arc<str>, previous: u64, reacted: bool) -> Option<Entry> {
        let StoredComment { comment, made, changed_ms } = self;
        let offset = comment.offset?;
        let made = made.unwrap_or(offset);
        // Deleted, or taken back: whoever saw it hears that it is gone.
        let now = if comment.state == State::Approved { Some(told(&comment).ok()?) } else { None };
        let kind = match &now {
            None => Kind::CommentDeleted,
            Some(_) if reacted => Kind::Reaction,
            Some(_) if made == offset => Kind::CommentCreated,
            Some(_) => Kind::CommentUpdated,
        };
        let data = match &now {
            None => gone(&comment),
            Some(_) if reacted => reactions_told(&comment),
            Some(now) => now.clone(),
        };
        let event = Event { kind, channel: channel.clone(), offset: Some(offset), data, publisher: None, time_ms: changed_ms };
        Some(Entry { event, comment: Some(Change { id: comment.id, made, previous, now }) })
    }
}

/// What is a member's own of a comment, as far as the store knows: the names before the tabs.
pub(super) fn mine(reactions: &str) -> Mine {
    let name = |line: &str| line.split('\t').next().map(str::to_owned);
    let mut reactions: Vec<String> = reactions.lines().filter_map(name).collect();
    reactions.sort();
    Mine { reactions, editable_until: None, deletable: false }
}

/// Nothing where the text is empty, and refused where it cannot be read.
fn optional<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    if text.is_empty() { Some(None) } else { read(text).map(Some) }
}

/// Reads an entry of a channel.
pub(super) fn entry(key: &Key, text: &str) -> Option<Entry> {
    let channel: Arc<str> = key.channel.as_str().into();
    let (what, rest) = text.split_once('\n')?;
    let (number, rest) = rest.split_once('\n')?;
    let number: u64 = number.parse().ok()?;
    match what {
        "P" => {
            let mut lines = rest.splitn(4, '\n');
            let time_ms = lines.next()?.parse().ok()?;
            let (user, client) = (lines.next()?, lines.next()?);
            let publisher = user.strip_prefix('+').map(|user| Publisher { user: user.into(), client: client.into() });
            let data = lines.next()?.into();
            let event = Event { kind: Kind::Publication, channel, offset: Some(number), data, publisher, time_ms };
            Some(Entry { event, comment: None })
        }
        "C" | "R" => StoredComment::read(rest, &key.channel)?.entry(&channel, number, what == "R"),
        "T" => {
            let mut lines = rest.splitn(4, '\n');
            let time_ms = lines.next()?.parse().ok()?;
            let closed = lines.next()? == "1";
            let (url, title) = (lines.next()?, lines.next()?);
            let data = thread_told(url, title, closed);
            let event = Event { kind: Kind::ThreadUpdated, channel, offset: Some(number), data, publisher: None, time_ms };
            Some(Entry { event, comment: None })
        }
        _ => None,
    }
}

/// Reads what was announced of a log.
pub(super) fn announced(key: &Key, text: &str) -> Option<Delivery> {
    let (epoch, text) = text.split_once('\n')?;
    let epoch = Epoch::new(epoch).ok()?;
    Some(Delivery::Entry { key: key.clone(), epoch, entry: Arc::new(entry(key, text)?) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::SiteName;

    fn key() -> Key {
        Key::new(SiteName::default(), ChannelName::parse("lobby").unwrap())
    }

    #[test]
    fn a_publication_is_read_as_it_was_kept() {
        let publisher = Publisher { user: "".into(), client: "c".into() };
        for publisher in [None, Some(publisher)] {
            let kept = format!("P\n7\n{}", publication("\"a\\nb\"", publisher.as_ref(), -5));
            let read = entry(&key(), &kept).unwrap().event;
            assert_eq!((read.offset, &*read.data, read.time_ms), (Some(7), "\"a\\nb\"", -5));
            assert_eq!(read.publisher, publisher);
        }
    }

    #[test]
    fn a_change_is_told_by_what_its_row_says() {
        let row = |state: &str, text: &str| format!("c1\n\nc1\n0\n1000\n\n{state}\n\n2\n4\n9\n3000\n{{\"up\":2}}\n1\n{text}");
        let kept =
            format!("{{\"id\":\"ada\",\"name\":\"A\",\"avatar\":null,\"role\":null,\"verified\":true}}\n{}", text("b\n", "<p>"));
        let edited = entry(&key(), &format!("C\n6\n{}", row("approved", &kept))).unwrap();
        let change = edited.comment.unwrap();
        assert_eq!((edited.event.kind, edited.event.offset, edited.event.time_ms), (Kind::CommentUpdated, Some(9), 3000));
        assert_eq!((change.made, change.previous, change.now.unwrap()), (4, 6, edited.event.data.clone()));
        let comment: Comment = serde_json::from_str(&edited.event.data).unwrap();
        assert_eq!((comment.body.as_str(), comment.reactions["up"], comment.replies), ("b\n", 2, 2));
        let Some(Delivery::Entry { epoch, entry, .. }) = announced(&key(), &format!("e1\nC\n6\n{}", row("deleted", "\n"))) else {
            panic!("not an entry")
        };
        assert_eq!((epoch.as_str(), entry.event.kind), ("e1", Kind::CommentDeleted));
        assert_eq!(&*entry.event.data, r#"{"id":"c1","root":"c1","parent":null,"tombstone":true}"#);
    }

    #[test]
    fn what_no_script_writes_is_refused() {
        for text in [
            "",
            "P",
            "P\n1",
            "P\n1\n2",
            "P\nx\n1\n\n\n1",
            "X\n1\n",
            "C\n1\nc1",
            "T\n1\n2\n1\nurl",
            "C\n1\nc1\n\nc1\n0\n1\n\nodd\n\n0\n1\n1\n1\n\n1\n\n",
        ] {
            assert!(entry(&key(), text).is_none(), "{text:?}");
        }
        assert!(announced(&key(), "E\nP\n1\n1\n\n\n1").is_none());
    }
}
