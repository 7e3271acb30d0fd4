//! `permessage-deflate` (RFC 7692), without memory from message to message on either side: a compressed frame is the same for every reader, so
//! it is made once, and no connection keeps a window. Relies on the caller to say which messages are worth it.

use std::cell::RefCell;

use bytes::{BufMut, Bytes};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::{BINARY, CLOSE, CONTINUATION, RSV1, TEXT, header, split_written};
use crate::code::Close;

/// What a message's last block leaves out on the wire (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// Windows of both sides are of 2 to the power of this many bytes, and of no other size.
const WINDOW_BITS: &str = "15";
/// Fast; what is published is compressed once and is mostly short.
const LEVEL: u32 = 3;
/// Bytes by which what is inflated grows at a time.
const INFLATE_BYTES: usize = 16 * 1024;

const ANSWER: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
const ANSWER_WINDOW: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15";

thread_local! {
    static COMPRESS: RefCell<Compress> = RefCell::new(Compress::new(Compression::new(LEVEL), false));
    static DECOMPRESS: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// Answers what a client offers in `Sec-WebSocket-Extensions`, several fields joined by commas: the value to answer with, of the first offer
/// that can be kept, or `None` where nothing is compressed. An offer that asks for a smaller window on our side is passed over.
pub fn accept(offers: &str) -> Option<&'static str> {
    offers.split(',').find_map(accept_one)
}

fn accept_one(offer: &str) -> Option<&'static str> {
    let mut parts = offer.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case("permessage-deflate") {
        return None;
    }
    let mut seen = Vec::new();
    let mut answer = ANSWER;
    for part in parts {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
            None => (part, None),
        };
        if seen.contains(&name) {
            return None;
        }
        seen.push(name);
        match (name, value) {
            ("server_no_context_takeover" | "client_no_context_takeover" | "client_max_window_bits", None) => {}
            ("client_max_window_bits", Some(bits)) if is_window(bits) => {}
            ("server_max_window_bits", Some(WINDOW_BITS)) => answer = ANSWER_WINDOW,
            _ => return None,
        }
    }
    Some(answer)
}

fn is_window(bits: &str) -> bool {
    matches!(bits, "8" | "9" | "10" | "11" | "12" | "13" | "14" | "15")
}

/// A whole frame that this crate wrote, compressed; the frame itself where its payload is shorter than `from_bytes` or does not shrink.
pub fn deflated(frame: &Bytes, from_bytes: usize) -> Bytes {
    let Some((opcode, payload, [])) = split_written(frame) else { return frame.clone() };
    if payload.len() < from_bytes || !(TEXT..=BINARY).contains(&opcode) {
        return frame.clone();
    }
    match compress(payload) {
        Some(short) if short.len() < payload.len() => {
            let mut out = header(RSV1 | opcode, short.len(), short.len());
            out.put_slice(&short);
            out.freeze()
        }
        _ => frame.clone(),
    }
}

fn compress(payload: &[u8]) -> Option<Vec<u8>> {
    COMPRESS.with_borrow_mut(|compress| {
        compress.reset();
        // Enough for what does not compress at all; what takes more is not worth sending so.
        let mut out = Vec::with_capacity(payload.len() + payload.len() / 100 + 64);
        let status = compress.compress_vec(payload, &mut out, FlushCompress::Sync);
        let is_whole = matches!(status, Ok(Status::Ok)) && compress.total_in() == payload.len() as u64 && out.ends_with(&TAIL);
        out.truncate(out.len().saturating_sub(TAIL.len()));
        is_whole.then_some(out)
    })
}

/// A compressed message as it was before. One that would be longer than `bytes_max` is refused before it is.
pub(super) fn inflate(message: &[u8], bytes_max: usize) -> Result<Vec<u8>, Close> {
    DECOMPRESS.with_borrow_mut(|decompress| {
        decompress.reset(false);
        let mut out = Vec::new();
        for input in [message, &TAIL] {
            let start = decompress.total_in();
            loop {
                let used = (decompress.total_in() - start) as usize;
                out.reserve(INFLATE_BYTES);
                let (before, produced) = (decompress.total_in(), out.len());
                let status = decompress.decompress_vec(&input[used..], &mut out, FlushDecompress::Sync);
                if out.len() > bytes_max {
                    return Err(Close::MESSAGE_TOO_BIG);
                }
                match status {
                    // A last block ends the message; nothing of it may follow.
                    Ok(Status::StreamEnd) => return Ok(out),
                    Ok(_) if decompress.total_in() == before && out.len() == produced => break,
                    Ok(_) => {}
                    Err(_) => return Err(Close::PROTOCOL),
                }
            }
            if decompress.total_in() - start < input.len() as u64 {
                return Err(Close::PROTOCOL);
            }
        }
        Ok(out)
    })
}

/// Whether a frame may begin a compressed message.
pub(super) fn may_compress(opcode: u8) -> bool {
    opcode != CONTINUATION && opcode < CLOSE
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Message, Reader, client, text};
    use super::*;

    #[test]
    fn offers_are_taken_that_can_be_kept() {
        assert_eq!(accept("permessage-deflate; client_max_window_bits"), Some(ANSWER));
        assert_eq!(accept("permessage-deflate"), Some(ANSWER));
        assert_eq!(accept("x-webkit-deflate-frame, Permessage-Deflate; server_no_context_takeover"), Some(ANSWER));
        assert_eq!(accept("permessage-deflate; server_max_window_bits=15"), Some(ANSWER_WINDOW));
        assert_eq!(accept("permessage-deflate; server_max_window_bits=10, permessage-deflate"), Some(ANSWER));
        for offer in [
            "",
            "other",
            "permessage-deflate; server_max_window_bits=9",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; unheard_of",
            "permessage-deflate; client_max_window_bits=16",
            "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; server_no_context_takeover=1",
        ] {
            assert_eq!(accept(offer), None, "{offer}");
        }
    }

    #[test]
    fn what_is_short_or_does_not_shrink_stays_as_it_is() {
        let short = text(&"x".repeat(99));
        assert_eq!(deflated(&short, 100), short);
        let random: String = (0..300u32).filter_map(|n| char::from_u32(0x4e00 + n * 7919 % 20_000)).collect();
        assert!(deflated(&text(&random), 0).len() <= text(&random).len());
        let long = text(&"hello ".repeat(100));
        let frame = deflated(&long, 100);
        assert!(frame.len() < 60 && frame[0] == 0xc1);
        // Twice the same: nothing is remembered.
        assert_eq!(deflated(&long, 100), frame);
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_whole() {
        let frame = deflated(&text(&"\0".repeat(8 << 20)), 0);
        let (_, payload, _) = split_written(&frame).unwrap();
        assert!(payload.len() < 64 << 10);
        assert_eq!(inflate(payload, 1 << 20), Err(Close::MESSAGE_TOO_BIG));
        assert_eq!(inflate(payload, 8 << 20).map(|text| text.len()), Ok(8 << 20));
    }

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(inflate(&hello, 10).as_deref(), Ok(&b"Hello"[..]));
        let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
        assert_eq!(inflate(&stored, 10).as_deref(), Ok(&b"Hello"[..]));
        let last_block = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        assert_eq!(inflate(&last_block, 10).as_deref(), Ok(&b"Hello"[..]));
        let two_blocks = [0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(inflate(&two_blocks, 10).as_deref(), Ok(&b"Hello"[..]));
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_back(said in ".{0,2000}", cut in 1usize..50) {
            let frame = deflated(&text(&said.repeat(3)), 0);
            let (_, payload, _) = split_written(&frame).unwrap();
            let mut input = client::frame(frame[0], payload, [1, 2, 3, 4]);
            let mut reader = Reader::deflating();
            let mut heard = Vec::new();
            for part in input.chunks_mut(cut) {
                reader.feed(part, 1 << 20, &mut |message| {
                    if let Message::Text(text) = message {
                        heard.push(text.to_owned());
                    }
                }).unwrap();
            }
            prop_assert_eq!(heard, [said.repeat(3)]);
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = inflate(&bytes, 10_000);
        }
    }
}
