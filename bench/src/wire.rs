//! The client's side of WebSocket (RFC 6455), as little of it as a load generator needs: the handshake's request, masked frames out, and the
//! boundaries of frames coming in. Payloads are not looked at here. Relies on nothing; leaves sockets to `load`.

use crate::fault::{Fault, Outcome};

pub const TEXT: u8 = 1;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// The nonce of RFC 6455 §1.3, sent by every client: what it is answered with can be a constant in the bare server.
const NONCE: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// What [`NONCE`] is to be answered with.
pub const NONCE_ANSWER: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Any mask is as good as another between two programs that are no browsers; the server must undo it all the same.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The longest frame that is accepted from a server, bytes.
pub const FRAME_BYTES_MAX: usize = 768 * 1024;

/// A frame's place in what was received.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub struct Frame {
    pub opcode: u8,
    /// Bytes before the payload.
    pub header: usize,
    /// Bytes of the payload.
    pub length: usize,
}

/// The frame that `bytes` begin with, `None` while it is incomplete.
pub fn frame(bytes: &[u8]) -> Outcome<Option<Frame>> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    if second & 0x80 != 0 || first & 0x70 != 0 {
        return Err(Fault("the server sent a masked, compressed or broken frame".into()));
    }
    let (header, length) = match (second & 0x7f, rest) {
        (126, [high, low, ..]) => (4, usize::from(u16::from_be_bytes([*high, *low]))),
        (127, [a, b, c, d, e, f, g, h, ..]) => {
            let length = u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
            (10, usize::try_from(length).unwrap_or(usize::MAX))
        }
        (126 | 127, _) => return Ok(None),
        (short, _) => (2, usize::from(short)),
    };
    if length > FRAME_BYTES_MAX {
        return Err(Fault(format!("the server sent a frame of {length} bytes")));
    }
    let whole = bytes.len() >= header + length;
    Ok(whole.then_some(Frame { opcode: first & 0x0f, header, length }))
}

/// Appends one masked frame.
pub fn put_masked(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(0x80 | opcode);
    put_length(payload.len(), 0x80, out);
    out.extend_from_slice(&MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

/// Appends one unmasked frame, as servers send it.
pub fn put_unmasked(payload: &[u8], out: &mut Vec<u8>) {
    out.push(0x80 | TEXT);
    put_length(payload.len(), 0, out);
    out.extend_from_slice(payload);
}

fn put_length(length: usize, flag: u8, out: &mut Vec<u8>) {
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => out.push(flag | short),
        (_, Ok(middle)) => {
            out.push(flag | 126);
            out.extend_from_slice(&middle.to_be_bytes());
        }
        _ => {
            out.push(flag | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// The request that opens a WebSocket.
pub fn handshake(path: &str, port: u16) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {NONCE}\r\n\r\n"
    )
    .into_bytes()
}

/// The request that opens an event stream.
pub fn stream_request(path: &str, port: u16) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/event-stream\r\n\r\n").into_bytes()
}

/// Where the head of an HTTP message ends, past its empty line.
pub fn head_end(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, b"\r\n\r\n").map(|at| at + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_seen_once_it_is_whole_and_not_before() {
        for length in [0, 1, 125, 126, 65_535, 65_536, 100_000] {
            let mut bytes = Vec::new();
            put_unmasked(&vec![b'x'; length], &mut bytes);
            for cut in [0, 1, 3, 9, bytes.len() - 1] {
                let cut = cut.min(bytes.len() - 1);
                assert_eq!(frame(&bytes[..cut]).unwrap(), None, "{length} bytes cut at {cut}");
            }
            let header = bytes.len() - length;
            bytes.extend_from_slice(b"the next frame");
            assert_eq!(frame(&bytes).unwrap(), Some(Frame { opcode: TEXT, header, length }));
        }
    }

    #[test]
    fn masked_compressed_and_huge_frames_are_refused() {
        let mut masked = Vec::new();
        put_masked(TEXT, b"hello", &mut masked);
        assert!(frame(&masked).is_err());
        assert!(frame(&[0xc1, 0x00]).is_err());
        assert!(frame(&[0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0]).is_err());
    }

    #[test]
    fn the_mask_is_undone_by_applying_it_again() {
        let mut bytes = Vec::new();
        put_masked(TEXT, b"hello", &mut bytes);
        assert_eq!(&bytes[..2], &[0x81, 0x85]);
        let plain: Vec<u8> = bytes[6..].iter().zip(bytes[2..6].iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        assert_eq!(plain, b"hello");
    }
}
