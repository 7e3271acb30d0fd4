//! The server's half of WebSocket, RFC 6455, without IO: frames out, messages in, and the check of the handshake. Relies on the
//! caller for reading, writing and time. One extension is spoken, `permessage-deflate` (`deflate`).

mod deflate;
mod handshake;
mod reader;

pub use deflate::{accept as accept_deflate, deflated};
pub use handshake::{Handshake, HandshakeFault, accept_key};
pub use reader::{Message, Reader};

use bytes::{BufMut, Bytes, BytesMut};

use crate::code::Close;

/// Payload bytes that a control frame can carry (RFC 6455 §5.5).
pub const CONTROL_BYTES_MAX: usize = 125;

/// Bytes of the longest header of an unmasked frame.
pub const HEADER_BYTES_MAX: usize = 10;

const FIN: u8 = 0x80;
/// The first frame of a compressed message (RFC 7692 §6).
const RSV1: u8 = 0x40;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// A whole text message as one unmasked frame.
pub fn text(payload: &str) -> Bytes {
    frame(TEXT, &[payload.as_bytes()])
}

/// A whole text message of several parts, as one unmasked frame: for what is shared in its beginning and not in its end.
pub fn text_of(parts: &[&str]) -> Bytes {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut out = header(TEXT, length, length);
    parts.iter().for_each(|part| out.put_slice(part.as_bytes()));
    out.freeze()
}

/// The header of an unmasked frame with a whole text message of so many bytes, for what is sent in pieces.
pub fn text_header(length: usize) -> Bytes {
    header(TEXT, length, 0).freeze()
}

/// A message in frames that this module wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written<'a> {
    /// Of a text frame.
    Text(&'a str),
    /// Of a binary frame.
    Binary(&'a [u8]),
}

/// The messages in a run of whole frames that this module wrote, for a transport that is no WebSocket; control frames are passed
/// over. What this module did not write ends the run.
pub fn messages(mut frames: &[u8]) -> Vec<Written<'_>> {
    let mut found = Vec::new();
    while let Some((opcode, payload, rest)) = split_written(frames) {
        match opcode {
            TEXT => found.extend(simdutf8::basic::from_utf8(payload).ok().map(Written::Text)),
            BINARY => found.push(Written::Binary(payload)),
            _ => {}
        }
        frames = rest;
    }
    found
}

fn split_written(frames: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (first, short, rest) = match frames {
        [first, short, rest @ ..] => (*first, *short, rest),
        _ => return None,
    };
    let (length, rest) = match short {
        126 => rest.split_first_chunk().map(|(length, rest)| (u64::from(u16::from_be_bytes(*length)), rest))?,
        127 => rest.split_first_chunk().map(|(length, rest)| (u64::from_be_bytes(*length), rest))?,
        short => (u64::from(short), rest),
    };
    let (payload, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((first & 0x0f, payload, rest))
}

/// A whole binary message as one unmasked frame.
pub fn binary(payload: &[u8]) -> Bytes {
    frame(BINARY, &[payload])
}

/// A ping; of a longer payload only the first 125 bytes.
pub fn ping(payload: &[u8]) -> Bytes {
    frame(PING, &[&payload[..payload.len().min(CONTROL_BYTES_MAX)]])
}

/// A pong, which repeats the ping's payload; of a longer one only the first 125 bytes.
pub fn pong(payload: &[u8]) -> Bytes {
    frame(PONG, &[&payload[..payload.len().min(CONTROL_BYTES_MAX)]])
}

/// The end: code and reason.
pub fn close(close: Close) -> Bytes {
    let reason = close.reason.as_bytes();
    frame(CLOSE, &[&close.code.to_be_bytes(), &reason[..reason.len().min(CONTROL_BYTES_MAX - 2)]])
}

/// The answer to a client's close frame: its code again, or none where it gave none (RFC 6455 §5.5.1).
pub fn close_reply(received: Option<u16>) -> Bytes {
    match received {
        Some(code) => frame(CLOSE, &[&code.to_be_bytes()]),
        None => frame(CLOSE, &[]),
    }
}

fn frame(opcode: u8, parts: &[&[u8]]) -> Bytes {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut out = header(opcode, length, length);
    parts.iter().for_each(|part| out.put_slice(part));
    out.freeze()
}

/// A final, unmasked frame's header with this opcode and these flags, and so much room behind it.
fn header(first: u8, length: usize, room: usize) -> BytesMut {
    let mut out = BytesMut::with_capacity(HEADER_BYTES_MAX + room);
    out.put_u8(FIN | first);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < 126 => out.put_u8(short),
        (_, Ok(medium)) => {
            out.put_u8(126);
            out.put_u16(medium);
        }
        _ => {
            out.put_u8(127);
            out.put_u64(length as u64);
        }
    }
    out
}

#[cfg(test)]
pub(crate) mod client {
    //! A client's frames, for tests.

    /// One masked frame, as a client sends it.
    pub(crate) fn frame(first_byte: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
        let mut out = vec![first_byte];
        match payload.len() {
            length @ 0..=125 => out.push(0x80 | length as u8),
            length @ 126..=0xffff => {
                out.push(0x80 | 126);
                out.extend((length as u16).to_be_bytes());
            }
            length => {
                out.push(0x80 | 127);
                out.extend((length as u64).to_be_bytes());
            }
        }
        out.extend(mask);
        out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_the_shortest_header() {
        assert_eq!(&text("hi")[..], b"\x81\x02hi");
        assert_eq!(&text_of(&["h", "", "i"])[..], b"\x81\x02hi");
        assert_eq!(&binary(&[0; 125])[..2], [0x82, 125]);
        assert_eq!(&binary(&[0; 126])[..4], [0x82, 126, 0, 126]);
        assert_eq!(&binary(&[0; 65_535])[..4], [0x82, 126, 255, 255]);
        assert_eq!(&binary(&[0; 65_536])[..10], [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(binary(&[0; 65_536]).len(), 65_546);
    }

    #[test]
    fn frames_that_were_written_can_be_taken_apart() {
        let long = "x".repeat(70_000);
        let frames = [text("hi"), ping(b"p"), binary(&[1, 2]), text(&"y".repeat(300)), text(&long)].concat();
        let found = messages(&frames);
        assert_eq!(found.len(), 4);
        assert_eq!((found[0], found[1], found[3]), (Written::Text("hi"), Written::Binary(&[1, 2]), Written::Text(&long)));
        assert_eq!([&text_header(3)[..], b"abc"].concat(), &text("abc")[..]);
        assert_eq!(messages(&frames[..3]), []);
    }

    #[test]
    fn control_frames_stay_short() {
        assert_eq!(&ping(b"")[..], [0x89, 0]);
        assert_eq!(&pong(b"x")[..], [0x8a, 1, b'x']);
        assert_eq!(pong(&[0; 200]).len(), 127);
        assert_eq!(&close(Close::SHUTDOWN)[..], b"\x88\x0a\x0b\xb9shutdown");
        assert_eq!(&close_reply(None)[..], [0x88, 0]);
        assert_eq!(&close_reply(Some(1000))[..], [0x88, 2, 3, 232]);
    }
}
