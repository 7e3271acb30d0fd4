//! What travels from one node to all: the name under which a channel is announced, and the bytes that are. Entries of a log are
//! announced by the script that stored them, signals from here. What cannot be read is taken for a loss: then the log is read.
//!
//! A signal is lines, and after the last line feed texts whose lengths in bytes stand before it:
//!
//! | first line | second | then |
//! | --- | --- | --- |
//! | `S` | KIND TIME_MS USER CLIENT, the last two `-` where nobody is named | user, client, data |
//! | `J` came, `L` went | CLIENT USER, and `face` for who lets themselves be seen | client, user, name |
//!
//! What a node says of those who read the channel there has the node's id in its second line, and is no signal:
//!
//! | first line | second | then |
//! | --- | --- | --- |
//! | `P` | NODE READERS VIEWERS | nothing |
//! | `C` came, `W` went | NODE CLIENT USER, and `face` likewise | client, user, name |
//!
//! That a thread moved or another came is `M`, a line feed and the channel where it is.
//!
//! No entry begins with a capital letter: the first line of one is an epoch.

use std::sync::Arc;

use parlour_wire::push::{ClientInfo, Event, Kind, Publisher};

use super::keys::name;
use super::tag::{partition, tag};
use crate::backend::{Delivery, Here, News, NodeId, Signal};
use crate::channel::{ChannelName, Key};

/// Says of somebody that they let themselves be seen.
const FACE: &str = "face";

/// What every key of a partition begins with, and every name under which its channels are announced: Redis tells subscribers of all
/// databases what is published in any.
pub fn at(database: u16, partition: u16) -> String {
    format!("parlour:{database}:{{{}}}:", tag(partition))
}

/// The name under which a channel's entries and signals are announced.
pub fn voice(database: u16, key: &Key) -> String {
    format!("{}a:{}", at(database, partition(key)), name(key))
}

/// What is announced of a signal.
pub fn signal(signal: &Signal) -> Vec<u8> {
    match signal {
        Signal::Event(event) => {
            let (user, client) = event.publisher.as_ref().map_or(("", ""), |from| (&*from.user, &*from.client));
            let lengths = match event.publisher {
                Some(_) => format!("{} {}", user.len(), client.len()),
                None => "- -".to_owned(),
            };
            format!("S\n{} {} {lengths}\n{user}{client}{}", event.kind.name(), event.time_ms, event.data).into_bytes()
        }
        Signal::Presence { who, joined } => {
            let word = if *joined { 'J' } else { 'L' };
            format!("{word}\n{}", described(who)).into_bytes()
        }
    }
}

/// The second line of somebody's coming or going, without what stands before the lengths, and the texts.
fn described(who: &ClientInfo) -> String {
    let ClientInfo { client, user, name, face } = who;
    let face = if *face { format!(" {FACE}") } else { String::new() };
    format!("{} {}{face}\n{client}{user}{name}", client.len(), user.len())
}

/// What a node announces to the others who read the channel.
pub(super) fn news(node: &NodeId, news: &News) -> Vec<u8> {
    let node = node.as_str();
    match news {
        News::Here(here) => format!("P\n{node} {} {}\n", here.readers, here.viewers).into_bytes(),
        News::Presence { who, joined } => {
            let word = if *joined { 'C' } else { 'W' };
            format!("{word}\n{node} {}", described(who)).into_bytes()
        }
    }
}

fn read_news(text: &str) -> Option<(NodeId, News)> {
    let (word, rest) = text.split_once('\n')?;
    let (head, rest) = rest.split_once('\n')?;
    let mut words = head.split(' ');
    let mut node = || NodeId::parse(words.next()?);
    match word {
        "P" => {
            let node = node()?;
            let here = Here { readers: words.next()?.parse().ok()?, viewers: words.next()?.parse().ok()? };
            Some((node, News::Here(here)))
        }
        "C" | "W" => {
            let node = node()?;
            let (client, rest) = cut(rest, words.next()?)?;
            let (user, name) = cut(rest, words.next()?)?;
            let face = words.next() == Some(FACE);
            Some((node, News::Presence { who: ClientInfo { client, user, name: name.into(), face }, joined: word == "C" }))
        }
        _ => None,
    }
}

/// What the channel's readers are to be told.
pub fn decode(key: &Key, bytes: &[u8]) -> Delivery {
    let lost = || Delivery::Lost { key: key.clone() };
    let Ok(text) = std::str::from_utf8(bytes) else { return lost() };
    if !text.starts_with(|first: char| first.is_ascii_uppercase()) {
        return super::entry::announced(key, text).unwrap_or_else(lost);
    }
    if let Some(into) = text.strip_prefix("M\n") {
        return ChannelName::parse(into).map_or_else(|_| lost(), |into| Delivery::Reset { key: key.clone(), into });
    }
    if let Some((node, news)) = read_news(text) {
        return Delivery::Peer { key: key.clone(), node, news };
    }
    match read_signal(key, text) {
        Some(signal) => Delivery::Signal { key: key.clone(), signal },
        None => lost(),
    }
}

fn read_signal(key: &Key, text: &str) -> Option<Signal> {
    let (word, rest) = text.split_once('\n')?;
    let (head, rest) = rest.split_once('\n')?;
    let mut words = head.split(' ');
    match word {
        "S" => {
            let kind = Kind::named(words.next()?)?;
            let time_ms = words.next()?.parse().ok()?;
            let (publisher, data) = match (words.next()?, words.next()?) {
                ("-", "-") => (None, rest),
                (user, client) => {
                    let (user, rest) = cut(rest, user)?;
                    let (client, rest) = cut(rest, client)?;
                    (Some(Publisher { user, client }), rest)
                }
            };
            let channel = key.channel.as_str().into();
            Some(Signal::Event(Event { kind, channel, offset: None, data: data.into(), publisher, time_ms }))
        }
        "J" | "L" => {
            let (client, rest) = cut(rest, words.next()?)?;
            let (user, name) = cut(rest, words.next()?)?;
            let face = words.next() == Some(FACE);
            Some(Signal::Presence { who: ClientInfo { client, user, name: name.into(), face }, joined: word == "J" })
        }
        _ => None,
    }
}

/// So many bytes of the text, and what follows.
fn cut<'a>(text: &'a str, length: &str) -> Option<(Arc<str>, &'a str)> {
    let (text, rest) = text.split_at_checked(length.parse().ok()?)?;
    Some((text.into(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::SiteName;

    fn key() -> Key {
        Key::new(SiteName::default(), ChannelName::parse("lobby").expect("a name"))
    }

    fn through(sent: &Signal) -> String {
        match decode(&key(), &signal(sent)) {
            Delivery::Signal { signal, .. } => format!("{signal:?}"),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_signal_arrives_as_it_was_sent() {
        let event = |publisher| Event {
            kind: Kind::Publication,
            channel: "lobby".into(),
            offset: None,
            data: "{\"a\":\"1\\n2 é\"}".into(),
            publisher,
            time_ms: 1_700_000_000_123,
        };
        let publisher = Publisher { user: "Zoë\n 1".into(), client: "c".into() };
        let who = ClientInfo { client: "c".into(), user: "u 1".into(), name: "A\nB".into(), face: true };
        for sent in [
            Signal::Event(event(None)),
            Signal::Event(event(Some(publisher))),
            Signal::Presence { who: who.clone(), joined: true },
            Signal::Presence { who, joined: false },
        ] {
            assert_eq!(through(&sent), format!("{sent:?}"));
        }
    }

    #[test]
    fn what_a_node_says_of_its_readers_arrives_with_the_nodes_id() {
        let node = NodeId::new([3; 6]);
        let who = ClientInfo { client: "c".into(), user: "u 1".into(), name: "A\nB".into(), face: true };
        for said in [
            News::Here(Here { readers: 3, viewers: 2 }),
            News::Presence { who: who.clone(), joined: true },
            News::Presence { who, joined: false },
        ] {
            let Delivery::Peer { key: of, node: from, news: heard } = decode(&key(), &news(&node, &said)) else {
                panic!("it is something else")
            };
            assert_eq!((of, from, heard), (key(), node.clone(), said));
        }
    }

    #[test]
    fn what_cannot_be_read_is_taken_for_a_loss() {
        for bytes in [
            &b""[..],
            b"\xff",
            b"S",
            b"S\nx 1 - -\n1",
            b"S\ntyping 1 9 0\nabc",
            b"S\ntyping 1 1 0\n\xc3\xa9",
            b"J\n1\nab",
            b"Q\n\n",
            b"M\na\nb",
        ] {
            assert!(matches!(decode(&key(), bytes), Delivery::Lost { .. }), "{bytes:?}");
        }
    }

    #[test]
    fn channels_of_other_databases_sites_and_names_are_announced_under_other_names() {
        let other = Key::new(SiteName::parse("b").expect("a site"), key().channel);
        assert_ne!(voice(0, &key()), voice(1, &key()));
        assert_ne!(voice(0, &key()), voice(0, &other));
        assert!(voice(0, &key()).starts_with(&at(0, partition(&key()))));
    }
}
