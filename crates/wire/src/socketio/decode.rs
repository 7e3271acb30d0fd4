//! A client's packets: `TYPE[ATTACHMENTS-][NAMESPACE,][ID][JSON]`, followed by as many binary messages as it has attachments. Where
//! an attachment belongs, the JSON has a placeholder, which stays in it.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::engineio::PacketFault;

use super::MAIN_NAMESPACE;

/// Attachments of the largest packet that is read.
pub const ATTACHMENTS_MAX: usize = 10;

/// Names that client and server libraries keep for themselves.
const RESERVED: [&str; 6] = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// What a client sent, and in which namespace.
#[derive(Debug)]
pub struct Packet {
    /// Begins with `/`; a query that followed it is dropped.
    pub namespace: String,
    /// What it says.
    pub content: Content,
}

/// What a packet says.
#[derive(Debug)]
pub enum Content {
    /// Wants to be in the namespace. Over Engine.IO 4 the object given as `auth`, with `pid` and `offset` in it.
    Connect {
        /// An object.
        auth: Option<Box<RawValue>>,
    },
    /// Leaves the namespace.
    Disconnect,
    /// An event.
    Event(Event),
    /// The acknowledgement of an event of the server.
    Acknowledgement {
        /// The event's number.
        id: u32,
        /// JSON texts.
        arguments: Vec<Box<RawValue>>,
        /// What the placeholders in the arguments stand for.
        attachments: Vec<Vec<u8>>,
    },
}

/// An event of a client.
#[derive(Debug)]
pub struct Event {
    /// Set if it is to be acknowledged.
    pub id: Option<u32>,
    /// Its name.
    pub name: String,
    /// JSON texts.
    pub arguments: Vec<Box<RawValue>>,
    /// What the placeholders in the arguments stand for.
    pub attachments: Vec<Vec<u8>>,
}

/// Reads one client's packets. It owns nothing between packets.
#[derive(Debug, Default)]
pub struct Decoder {
    pending: Option<Box<Pending>>,
}

#[derive(Debug)]
struct Pending {
    packet: Packet,
    attachments: Vec<Vec<u8>>,
    missing: usize,
    bytes: usize,
}

impl Decoder {
    /// Reads a text message; `None` when its attachments are still to come. After an error the connection ends.
    pub fn text(&mut self, text: &str) -> Result<Option<Packet>, PacketFault> {
        if self.pending.is_some() {
            return Err(PacketFault);
        }
        let (packet, missing) = decode(text)?;
        if missing == 0 {
            return Ok(Some(packet));
        }
        self.pending = Some(Box::new(Pending { packet, attachments: Vec::new(), missing, bytes: 0 }));
        Ok(None)
    }

    /// Reads a binary message, which must be an attachment; all those of one packet have `bytes_max` bytes at most. Returns the
    /// packet with its last attachment.
    pub fn binary(&mut self, bytes: &[u8], bytes_max: usize) -> Result<Option<Packet>, PacketFault> {
        let mut pending = self.pending.take().ok_or(PacketFault)?;
        pending.bytes = pending.bytes.saturating_add(bytes.len());
        if pending.bytes > bytes_max {
            return Err(PacketFault);
        }
        pending.attachments.push(bytes.to_vec());
        if pending.attachments.len() < pending.missing {
            self.pending = Some(pending);
            return Ok(None);
        }
        let Pending { mut packet, attachments: all, .. } = *pending;
        if let Content::Event(Event { attachments, .. }) | Content::Acknowledgement { attachments, .. } = &mut packet.content {
            *attachments = all;
        }
        Ok(Some(packet))
    }
}

/// A packet, and how many attachments are to follow.
fn decode(text: &str) -> Result<(Packet, usize), PacketFault> {
    let kind = *text.as_bytes().first().ok_or(PacketFault)?;
    let rest = text.get(1..).ok_or(PacketFault)?;
    let (attachments, rest) = if matches!(kind, b'5' | b'6') { attachment_count(rest)? } else { (0, rest) };
    let (namespace, rest) =
        if rest.starts_with('/') { rest.split_once(',').unwrap_or((rest, "")) } else { (MAIN_NAMESPACE, rest) };
    let namespace = namespace.split_once('?').map_or(namespace, |(path, _)| path).to_owned();
    let (id, data) = number(rest)?;
    let content = match kind {
        b'0' => Content::Connect { auth: if data.is_empty() { None } else { Some(object(data)?) } },
        b'1' if data.is_empty() => Content::Disconnect,
        b'2' | b'5' => Content::Event(decode_event(id, data)?),
        b'3' | b'6' => Content::Acknowledgement { id: id.ok_or(PacketFault)?, arguments: array(data)?, attachments: Vec::new() },
        _ => return Err(PacketFault),
    };
    Ok((Packet { namespace, content }, attachments))
}

fn decode_event(id: Option<u32>, data: &str) -> Result<Event, PacketFault> {
    let mut arguments = array(data)?;
    if arguments.is_empty() {
        return Err(PacketFault);
    }
    let name = arguments.remove(0);
    // A name may be a number as well.
    let name = match name.get().as_bytes().first() {
        Some(b'"') => serde_json::from_str::<Cow<str>>(name.get()).map_err(|_| PacketFault)?.into_owned(),
        Some(b'-' | b'0'..=b'9') => name.get().to_owned(),
        _ => return Err(PacketFault),
    };
    if RESERVED.contains(&name.as_str()) {
        return Err(PacketFault);
    }
    Ok(Event { id, name, arguments, attachments: Vec::new() })
}

/// `COUNT-` before the rest.
fn attachment_count(text: &str) -> Result<(usize, &str), PacketFault> {
    let (digits, rest) = text.split_once('-').ok_or(PacketFault)?;
    match number(digits)? {
        (Some(count), "") if (1..=ATTACHMENTS_MAX).contains(&(count as usize)) => Ok((count as usize, rest)),
        _ => Err(PacketFault),
    }
}

/// Leading digits as a number, if there are any, and the rest.
fn number(text: &str) -> Result<(Option<u32>, &str), PacketFault> {
    let (digits, rest) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    let number = if digits.is_empty() { None } else { Some(digits.parse().map_err(|_| PacketFault)?) };
    Ok((number, rest))
}

fn array(data: &str) -> Result<Vec<Box<RawValue>>, PacketFault> {
    serde_json::from_str(data).map_err(|_| PacketFault)
}

fn object(data: &str) -> Result<Box<RawValue>, PacketFault> {
    let value: Box<RawValue> = serde_json::from_str(data).map_err(|_| PacketFault)?;
    if value.get().starts_with('{') { Ok(value) } else { Err(PacketFault) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(text: &str) -> Packet {
        Decoder::default().text(text).unwrap().unwrap()
    }

    fn event(text: &str) -> Event {
        match one(text).content {
            Content::Event(event) => event,
            other => panic!("{other:?}"),
        }
    }

    fn texts(arguments: &[Box<RawValue>]) -> Vec<&str> {
        arguments.iter().map(|argument| argument.get()).collect()
    }

    #[test]
    fn events_have_a_name_arguments_and_perhaps_a_number() {
        let plain = event(r#"2["chat message","hé"]"#);
        assert_eq!((plain.id, plain.name.as_str(), texts(&plain.arguments)), (None, "chat message", vec![r#""hé""#]));
        let acknowledged = event(r#"2/,12["a", {"x": 1.0}, null]"#);
        assert_eq!((acknowledged.id, texts(&acknowledged.arguments)), (Some(12), vec![r#"{"x": 1.0}"#, "null"]));
        assert_eq!(event("2[5]").name, "5");
        assert_eq!(event(r#"20["\u0061"]"#).name, "a");
    }

    #[test]
    fn namespaces_are_read_and_their_query_dropped() {
        assert_eq!(one(r#"2["a"]"#).namespace, "/");
        assert_eq!(one(r#"2/custom,["a"]"#).namespace, "/custom");
        assert_eq!(one("0/custom?token=1,").namespace, "/custom");
        assert_eq!(one("1/custom").namespace, "/custom");
    }

    #[test]
    fn connecting_may_carry_an_object() {
        assert!(matches!(one("0").content, Content::Connect { auth: None }));
        assert!(
            matches!(one(r#"0{"token":"t"}"#).content, Content::Connect { auth: Some(auth) } if auth.get() == r#"{"token":"t"}"#)
        );
        assert!(matches!(one("1").content, Content::Disconnect));
    }

    #[test]
    fn attachments_follow_their_packet() {
        let mut decoder = Decoder::default();
        assert!(decoder.text(r#"52-/,7["a",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#).unwrap().is_none());
        assert!(decoder.binary(&[1], 10).unwrap().is_none());
        let Content::Event(event) = decoder.binary(&[2, 3], 10).unwrap().unwrap().content else { panic!() };
        assert_eq!((event.id, event.attachments), (Some(7), vec![vec![1], vec![2, 3]]));
        assert_eq!(event.arguments.len(), 2);
        assert!(decoder.text("61-3[1]").unwrap().is_none());
        let content = decoder.binary(&[9], 10).unwrap().unwrap().content;
        assert!(matches!(content, Content::Acknowledgement { id: 3, attachments, .. } if attachments == [[9]]));
    }

    #[test]
    fn attachments_have_limits_and_an_order() {
        assert_eq!(Decoder::default().binary(&[1], 10).unwrap_err(), PacketFault);
        let mut decoder = Decoder::default();
        decoder.text(r#"52-["a"]"#).unwrap();
        decoder.binary(&[0; 6], 10).unwrap();
        assert_eq!(decoder.binary(&[0; 5], 10).unwrap_err(), PacketFault);
        let mut decoder = Decoder::default();
        decoder.text(r#"51-["a"]"#).unwrap();
        assert_eq!(decoder.text(r#"2["a"]"#).unwrap_err(), PacketFault);
        for text in [r#"511-["a"]"#, r#"50-["a"]"#, r#"5-["a"]"#, r#"5["a"]"#, r#"5x-["a"]"#, r#"5+1-["a"]"#] {
            assert!(Decoder::default().text(text).is_err(), "{text}");
        }
        assert!(Decoder::default().text(r#"510-["a"]"#).unwrap().is_none());
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        for text in [
            "",
            "abc",
            "7",
            "é",
            "2",
            "2{}",
            "2[]",
            "2[null]",
            "2[{}]",
            "2[\"a\"",
            "2abc[\"a\"]",
            "2[\"a\"]x",
            "2[\"connect\"]",
            "24294967296[\"a\"]",
            "0[]",
            "0null",
            "01\"x\"",
            "1[]",
            "1{}",
            "3[]",
            "3{}",
            "31",
            "4\"error\"",
            "2[\"\\ud800\"]",
        ] {
            assert!(Decoder::default().text(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_packets_are_survived(texts in proptest::collection::vec("[0-7]?[0-9-]{0,3}(/[a-z?,]{0,4})?[\\[\\]{}\",a-zé0-9]{0,20}", 0..5), bytes in proptest::collection::vec(any::<u8>(), 0..5)) {
            let mut decoder = Decoder::default();
            for text in texts {
                let _ = decoder.text(&text);
                let _ = decoder.binary(&bytes, 8);
            }
        }

        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            let _ = Decoder::default().text(&text);
        }
    }
}
