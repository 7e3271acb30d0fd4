//! Payloads: several packets in one HTTP body. Version 4 separates them by the control character U+001E; version 3 writes a length
//! before each, in UTF-16 units in a text body, in bytes in a binary one. JSONP wraps a text body into a script or a form.

use std::borrow::Cow;

use super::{Packet, PacketFault, Version, binary_as_text, decode_binary, decode_text};

/// Packets of the longest payload that is read.
pub const PACKETS_MAX: usize = 4096;

/// Digits of the longest length in version 3.
const LENGTH_DIGITS_MAX: usize = 10;

/// The HTTP body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body<T, B> {
    /// `text/plain; charset=UTF-8`.
    Text(T),
    /// `application/octet-stream`; version 3 alone.
    Binary(B),
}

/// A packet on its way out.
#[derive(Clone, Copy, Debug)]
pub enum Encoded<'a> {
    /// A packet as text, its type first.
    Text(&'a str),
    /// The bytes of a binary message, without a type.
    Binary(&'a [u8]),
}

/// Writes packets into one body. It is binary only in version 3, with a binary message among them, for a client that did not ask
/// for `base64` (the parameter `b64`).
pub fn encode_payload(version: Version, packets: &[Encoded<'_>], base64: bool) -> Body<String, Vec<u8>> {
    if version == Version::V3 && !base64 && packets.iter().any(|packet| matches!(packet, Encoded::Binary(_))) {
        return Body::Binary(encode_binary(packets));
    }
    let mut out = String::new();
    for (index, packet) in packets.iter().enumerate() {
        let text = match packet {
            Encoded::Text(text) => Cow::Borrowed(*text),
            Encoded::Binary(bytes) => Cow::Owned(binary_as_text(version, bytes)),
        };
        match version {
            Version::V3 => {
                let length = text.chars().map(char::len_utf16).sum::<usize>();
                out.push_str(&length.to_string());
                out.push(':');
            }
            Version::V4 if index > 0 => out.push('\u{1e}'),
            Version::V4 => {}
        }
        out.push_str(&text);
    }
    Body::Text(out)
}

/// Version 3: a byte 0 for text and 1 for bytes, the digits of the length as bytes 0–9, 255, the packet.
fn encode_binary(packets: &[Encoded<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for packet in packets {
        let (is_bytes, kind, content): (u8, &[u8], &[u8]) = match packet {
            Encoded::Text(text) => (0, &[], text.as_bytes()),
            Encoded::Binary(bytes) => (1, &[4], bytes),
        };
        out.push(is_bytes);
        out.extend((kind.len() + content.len()).to_string().bytes().map(|digit| digit - b'0'));
        out.push(255);
        out.extend_from_slice(kind);
        out.extend_from_slice(content);
    }
    out
}

/// Reads the packets of a body: at least one, at most [`PACKETS_MAX`].
pub fn decode_payload<'a>(version: Version, body: Body<&'a str, &'a [u8]>) -> Result<Vec<Packet<'a>>, PacketFault> {
    let packets = match (version, body) {
        (Version::V4, Body::Text(text)) => text
            .split('\u{1e}')
            .take(PACKETS_MAX + 1)
            .map(|packet| decode_text(version, packet))
            .collect::<Result<Vec<_>, _>>()?,
        (Version::V4, Body::Binary(_)) => return Err(PacketFault),
        (Version::V3, Body::Text(text)) => decode_v3_text(text)?,
        (Version::V3, Body::Binary(bytes)) => decode_v3_binary(bytes)?,
    };
    if packets.is_empty() || packets.len() > PACKETS_MAX { Err(PacketFault) } else { Ok(packets) }
}

fn decode_v3_text(mut text: &str) -> Result<Vec<Packet<'_>>, PacketFault> {
    let mut packets = Vec::new();
    while !text.is_empty() && packets.len() <= PACKETS_MAX {
        let (length, rest) = text.split_once(':').ok_or(PacketFault)?;
        let (packet, rest) =
            split_utf16(rest, number(length.bytes().map(|digit| digit.wrapping_sub(b'0')))?).ok_or(PacketFault)?;
        text = rest;
        // Clients send `0:` for nothing at all.
        if !packet.is_empty() {
            packets.push(undo_double_utf8(decode_text(Version::V3, packet)?));
        }
    }
    Ok(packets)
}

fn decode_v3_binary(mut bytes: &[u8]) -> Result<Vec<Packet<'_>>, PacketFault> {
    let mut packets = Vec::new();
    while let [is_bytes, rest @ ..] = bytes {
        if packets.len() > PACKETS_MAX {
            break;
        }
        let digits = rest.iter().take(LENGTH_DIGITS_MAX + 1).position(|byte| *byte == 255).ok_or(PacketFault)?;
        let length = number(rest[..digits].iter().copied())?;
        let (packet, rest) = rest[digits + 1..].split_at_checked(length).ok_or(PacketFault)?;
        bytes = rest;
        packets.push(match is_bytes {
            0 => decode_text(Version::V3, simdutf8::basic::from_utf8(packet).map_err(|_| PacketFault)?)?,
            1 => decode_binary(Version::V3, packet)?,
            _ => return Err(PacketFault),
        });
    }
    Ok(packets)
}

/// A length from its digits, most significant first.
fn number(digits: impl ExactSizeIterator<Item = u8>) -> Result<usize, PacketFault> {
    if !(1..=LENGTH_DIGITS_MAX).contains(&digits.len()) {
        return Err(PacketFault);
    }
    digits
        .into_iter()
        .try_fold(0usize, |value, digit| if digit < 10 { value.checked_mul(10)?.checked_add(usize::from(digit)) } else { None })
        .ok_or(PacketFault)
}

/// Splits after so many UTF-16 units; `None` when there are fewer, or when the cut would go through a character.
fn split_utf16(text: &str, units: usize) -> Option<(&str, &str)> {
    let mut left = units;
    for (at, character) in text.char_indices() {
        if left == 0 {
            return Some(text.split_at(at));
        }
        left = left.checked_sub(character.len_utf16())?;
    }
    (left == 0).then_some((text, ""))
}

/// Client libraries 1.x write UTF-8 into a text payload as if its bytes were characters, so that it is UTF-8 twice; 2.x do not,
/// and nothing says which one it is. Text of U+0000 to U+00FF alone whose bytes are UTF-8 with at least one longer character is
/// taken for the former: what a person writes does not look like that.
fn undo_double_utf8(packet: Packet<'_>) -> Packet<'_> {
    let Packet::Message(text) = &packet else { return packet };
    if text.is_ascii() {
        return packet;
    }
    let bytes: Option<Vec<u8>> = text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect();
    match bytes.and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(text) => Packet::Message(text.into()),
        None => packet,
    }
}

/// A text payload as a script, for the parameter `j`. Only the digits of `index` are used.
pub fn jsonp(index: &str, payload: &str) -> String {
    let mut out = String::from("___eio[");
    out.extend(index.chars().filter(char::is_ascii_digit).take(LENGTH_DIGITS_MAX));
    out.push_str("](");
    // Two characters that may stand in JSON strings could not stand in those of older scripts.
    let string = serde_json::Value::from(payload).to_string().replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
    out.push_str(&string);
    out.push_str(");");
    out
}

/// The payload that a JSONP client posts: the field `d` of a form, with line breaks written as `\n`, and `\n` as `\\n`.
pub fn jsonp_form(form: &str) -> Result<String, PacketFault> {
    let field = form.split('&').find_map(|field| field.strip_prefix("d=")).ok_or(PacketFault)?;
    let text = String::from_utf8(percent_decode(field)).map_err(|_| PacketFault)?;
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (becomes, used) = if rest.starts_with("\\\\n") {
            ("\\n", 3)
        } else if rest.starts_with("\\n") {
            ("\n", 2)
        } else {
            ("\\", 1)
        };
        out.push_str(becomes);
        rest = &rest[used..];
    }
    out.push_str(rest);
    Ok(out)
}

/// Undoes the encoding of forms; a `%` without two hex digits stays as it is.
fn percent_decode(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let [first, rest @ ..] = bytes {
        bytes = rest;
        let digit = |at: usize| rest.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high << 4 | low) as u8);
                bytes = &rest[2..];
            }
            (b'+', _, _) => out.push(b' '),
            _ => out.push(*first),
        }
    }
    out
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
