//! What a reader makes of good, bad, cut and arbitrary bytes.

use super::super::client::frame;
use super::*;
use proptest::prelude::*;

const MAX: usize = 1000;
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>),
}

/// Feeds the stream in the given pieces; the messages, and what it was closed with.
fn read(pieces: &[&[u8]]) -> (Vec<Said>, Option<Close>) {
    let mut reader = Reader::default();
    let mut said = Vec::new();
    for piece in pieces {
        let mut input = piece.to_vec();
        let result = reader.feed(&mut input, MAX, &mut |message| {
            said.push(match message {
                Message::Text(text) => Said::Text(text.to_owned()),
                Message::Binary(bytes) => Said::Binary(bytes.to_vec()),
                Message::Ping(bytes) => Said::Ping(bytes.to_vec()),
                Message::Pong => Said::Pong,
                Message::Close(code) => Said::Close(code),
            });
        });
        if let Err(close) = result {
            assert!(!reader.is_pending());
            return (said, Some(close));
        }
    }
    (said, None)
}

/// The same, whole and byte by byte: the results must not differ.
fn both(stream: &[u8]) -> (Vec<Said>, Option<Close>) {
    let whole = read(&[stream]);
    assert_eq!(read(&stream.chunks(1).collect::<Vec<_>>()), whole);
    whole
}

fn closes_with(stream: &[u8], close: Close) {
    assert_eq!(both(stream), (vec![], Some(close)), "{stream:x?}");
}

#[test]
fn whole_messages_are_handed_out_where_they_lie() {
    let mut stream = [frame(0x81, b"one", MASK), frame(0x82, &[0; 300], MASK)].concat();
    let range = stream.as_ptr_range();
    let mut seen = 0;
    let mut reader = Reader::default();
    reader
        .feed(&mut stream, MAX, &mut |message| {
            let place = match message {
                Message::Text(text) => text.as_ptr(),
                Message::Binary(bytes) => bytes.as_ptr(),
                other => panic!("{other:?}"),
            };
            assert!(range.contains(&place));
            seen += 1;
        })
        .unwrap();
    assert_eq!(seen, 2);
    assert!(!reader.is_pending());
}

#[test]
fn a_reader_owns_nothing_between_messages() {
    let stream = [frame(0x01, b"a", MASK), frame(0x89, b"p", MASK), frame(0x80, b"b", MASK)].concat();
    let mut reader = Reader::default();
    for byte in &stream {
        assert!(reader.feed(&mut [*byte], MAX, &mut |_| {}).is_ok());
    }
    assert!(!reader.is_pending());
    assert!(std::mem::size_of::<Reader>() <= 16);
}

#[test]
fn fragments_become_one_message_and_control_frames_pass_between() {
    let stream = [
        frame(0x01, "Hé".as_bytes().split_last().unwrap().1, MASK),
        frame(0x89, b"now", [9; 4]),
        frame(0x00, b"", MASK),
        frame(0x8a, b"x", MASK),
        frame(0x80, b"\xa9!", [0; 4]),
    ]
    .concat();
    assert_eq!(both(&stream), (vec![Said::Ping(b"now".to_vec()), Said::Pong, Said::Text("Hé!".into())], None));
}

#[test]
fn empty_frames_are_messages_too() {
    let stream =
        [frame(0x81, b"", MASK), frame(0x82, b"", MASK), frame(0x01, b"", MASK), frame(0x80, b"", MASK), frame(0x89, b"", MASK)]
            .concat();
    assert_eq!(both(&stream).0, [Said::Text(String::new()), Said::Binary(vec![]), Said::Text(String::new()), Said::Ping(vec![])]);
}

#[test]
fn what_the_protocol_forbids_closes_with_1002() {
    for first in [0xc1, 0xa1, 0x91, 0x83, 0x87, 0x8b, 0x8f, 0x09, 0x08, 0x0a] {
        closes_with(&frame(first, b"x", MASK), Close::PROTOCOL);
    }
    closes_with(&[0x81, 0x01, b'x'], Close::PROTOCOL);
    closes_with(&frame(0x89, &[0; 126], MASK), Close::PROTOCOL);
    closes_with(&frame(0x80, b"x", MASK), Close::PROTOCOL);
    closes_with(&frame(0x00, b"x", MASK), Close::PROTOCOL);
    closes_with(&[frame(0x01, b"x", MASK), frame(0x81, b"y", MASK)].concat(), Close::PROTOCOL);
    closes_with(&[0x82, 0xfe, 0, 125], Close::PROTOCOL);
    closes_with(&[0x82, 0xff, 0, 0, 0, 0, 0, 0, 255, 255], Close::PROTOCOL);
    closes_with(&[0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0], Close::PROTOCOL);
}

#[test]
fn a_message_too_big_is_refused_when_a_header_tells() {
    let beyond = frame(0x82, &[0; MAX + 1], MASK);
    closes_with(&beyond[..8], Close::MESSAGE_TOO_BIG);
    assert_eq!(both(&frame(0x82, &[0; MAX], MASK)).1, None);
    let fragments = [frame(0x02, &[0; MAX], MASK), frame(0x80, b"x", MASK)].concat();
    closes_with(&fragments[..fragments.len() - 1], Close::MESSAGE_TOO_BIG);
}

#[test]
fn text_that_cannot_become_utf_8_closes_before_it_is_complete() {
    closes_with(&frame(0x81, b"\xce\xba\xe1\xbd\xb9\xff", MASK), Close::INVALID_UTF8);
    closes_with(&frame(0x81, b"\xe1\xbd", MASK), Close::INVALID_UTF8);
    closes_with(&frame(0x81, b"\xed\xa0\x80", MASK), Close::INVALID_UTF8);
    closes_with(&frame(0x01, b"ok\xf4\x90", MASK), Close::INVALID_UTF8);
    let long = frame(0x81, &[b"\xf8".as_slice(), &[b'x'; 100]].concat(), MASK);
    assert_eq!(read(&[&long[..7]]).1, Some(Close::INVALID_UTF8));
    closes_with(&[frame(0x01, b"\xe1", MASK), frame(0x80, b"", MASK)].concat(), Close::INVALID_UTF8);
}

#[test]
fn close_frames_are_read_and_end_the_reading() {
    let payload = |code: u16, reason: &[u8]| [&code.to_be_bytes(), reason].concat();
    for code in [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4999] {
        let stream = [frame(0x88, &payload(code, "é".as_bytes()), MASK), frame(0x81, b"late", MASK)].concat();
        assert_eq!(both(&stream), (vec![Said::Close(Some(code))], None));
    }
    assert_eq!(both(&frame(0x88, b"", MASK)), (vec![Said::Close(None)], None));
    closes_with(&frame(0x88, b"\x03", MASK), Close::PROTOCOL);
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        closes_with(&frame(0x88, &payload(code, b""), MASK), Close::PROTOCOL);
    }
    closes_with(&frame(0x88, &payload(1000, b"\xff"), MASK), Close::INVALID_UTF8);
}

#[test]
fn after_a_fault_nothing_more_is_read() {
    let mut reader = Reader::default();
    assert!(reader.feed(&mut frame(0x83, b"", MASK), MAX, &mut |_| {}).is_err());
    assert_eq!(reader.feed(&mut frame(0x81, b"late", MASK), MAX, &mut |message| panic!("{message:?}")), Ok(()));
}

fn frames() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![8 => prop::sample::select(vec![0x81u8, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8a]), 1 => any::<u8>()];
    let payload = prop_oneof![any::<String>().prop_map(String::into_bytes), proptest::collection::vec(any::<u8>(), 0..300)];
    proptest::collection::vec(
        (first, payload, any::<[u8; 4]>()).prop_map(|(first, payload, mask)| frame(first, &payload, mask)),
        0..8,
    )
    .prop_map(|frames| frames.concat())
}

/// Messages that a client may send, as their frames and what they say.
fn messages() -> impl Strategy<Value = (Vec<u8>, Vec<Said>)> {
    let message = (any::<String>(), any::<bool>(), 0usize..4, any::<[u8; 4]>(), any::<bool>()).prop_map(
        |(text, is_text, cuts, mask, pinged)| {
            let (bytes, opcode) = (text.as_bytes(), if is_text { TEXT } else { BINARY });
            let size = bytes.len().div_ceil(cuts + 1).max(1);
            let mut parts: Vec<&[u8]> = bytes.chunks(size).collect();
            if parts.is_empty() {
                parts.push(b"");
            }
            let (mut stream, mut said) = (Vec::new(), Vec::new());
            for (index, part) in parts.iter().enumerate() {
                let fin = if index + 1 == parts.len() { FIN } else { 0 };
                stream.extend(frame(fin | if index == 0 { opcode } else { CONTINUATION }, part, mask));
                if pinged && fin == 0 {
                    stream.extend(frame(FIN | PING, b"p", mask));
                    said.push(Said::Ping(b"p".to_vec()));
                }
            }
            said.push(if is_text { Said::Text(text.clone()) } else { Said::Binary(bytes.to_vec()) });
            (stream, said)
        },
    );
    proptest::collection::vec(message, 0..6).prop_map(|all| {
        all.into_iter().fold((vec![], vec![]), |(mut stream, mut said), (bytes, one)| {
            stream.extend(bytes);
            said.extend(one);
            (stream, said)
        })
    })
}

fn split<'a>(mut stream: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for cut in cuts {
        let (piece, rest) = stream.split_at((*cut).min(stream.len()));
        pieces.push(piece);
        stream = rest;
    }
    pieces.push(stream);
    pieces
}

proptest! {
    #[test]
    fn any_split_yields_the_messages_that_were_sent((stream, said) in messages(), cuts in proptest::collection::vec(0usize..60, 0..40)) {
        prop_assert_eq!(read(&split(&stream, &cuts)), (said, None));
    }

    #[test]
    fn any_split_of_good_and_bad_frames_is_read_alike(stream in frames(), cuts in proptest::collection::vec(0usize..60, 0..40)) {
        prop_assert_eq!(read(&split(&stream, &cuts)), read(&[&stream]));
    }

    #[test]
    fn arbitrary_bytes_are_survived(stream in proptest::collection::vec(any::<u8>(), 0..200), cuts in proptest::collection::vec(0usize..20, 0..20)) {
        prop_assert_eq!(read(&split(&stream, &cuts)), read(&[&stream]));
    }
}
