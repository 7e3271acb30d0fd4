//! Any bytes as what one WebSocket client sends: fed at once, and again in pieces of the size that the first byte says. Both must
//! hand out the same messages and the same end, within the limit of a message. Relies on `parlour_wire::frame`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use parlour_wire::frame::{CONTROL_BYTES_MAX, Message, Reader};

/// Small, so that it is reached.
const MESSAGE_BYTES_MAX: usize = 200;

fuzz_target!(|data: &[u8]| {
    let [piece_bytes, bytes @ ..] = data else { return };
    let at_once = read(bytes, bytes.len().max(1));
    let in_pieces = read(bytes, usize::from(*piece_bytes).max(1));
    assert_eq!(at_once, in_pieces);
});

#[derive(Debug, PartialEq)]
enum Heard {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>),
    /// The reader refused the rest.
    Fault,
}

fn read(bytes: &[u8], piece_bytes: usize) -> Vec<Heard> {
    let mut reader = Reader::default();
    let mut heard = Vec::new();
    let mut bytes = bytes.to_vec();
    for piece in bytes.chunks_mut(piece_bytes) {
        let fed = reader.feed(piece, MESSAGE_BYTES_MAX, &mut |message| heard.push(owned(message)));
        if fed.is_err() {
            assert!(!reader.is_pending());
            heard.push(Heard::Fault);
        }
    }
    if let Some(end) = heard.iter().position(|heard| matches!(heard, Heard::Close(_) | Heard::Fault)) {
        assert_eq!(end + 1, heard.len(), "nothing follows an end");
    }
    heard
}

fn owned(message: Message<'_>) -> Heard {
    match message {
        Message::Text(text) => {
            assert!(text.len() <= MESSAGE_BYTES_MAX);
            Heard::Text(text.to_owned())
        }
        Message::Binary(bytes) => {
            assert!(bytes.len() <= MESSAGE_BYTES_MAX);
            Heard::Binary(bytes.to_vec())
        }
        Message::Ping(bytes) => {
            assert!(bytes.len() <= CONTROL_BYTES_MAX);
            Heard::Ping(bytes.to_vec())
        }
        Message::Pong => Heard::Pong,
        Message::Close(code) => Heard::Close(code),
    }
}
