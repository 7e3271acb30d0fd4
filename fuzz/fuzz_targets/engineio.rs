//! Any bytes as an Engine.IO packet, as a payload and as a JSONP form, in both versions. What was read is written and read again, and
//! must be the same; payloads keep to their limit. Relies on `parlour_wire::engineio` alone.

#![no_main]

use libfuzzer_sys::fuzz_target;
use parlour_wire::engineio::{
    Body, Encoded, PACKETS_MAX, Packet, Version, binary, binary_as_text, decode_binary, decode_payload, decode_text,
    encode_payload, jsonp, jsonp_form, message, pong,
};

fuzz_target!(|data: &[u8]| {
    let text = std::str::from_utf8(data).ok();
    for version in [Version::V3, Version::V4] {
        if let Ok(packet) = decode_binary(version, data) {
            assert_eq!(packet, Packet::Binary(if version == Version::V3 { &data[1..] } else { data }.into()));
        }
        bytes_survive(version, data);
        payload(version, Body::Binary(data));
        if let Some(text) = text {
            packet(version, text);
            payload(version, Body::Text(text));
        }
    }
    if let Some(text) = text {
        form(text);
        script(text);
    }
});

fn bytes_survive(version: Version, data: &[u8]) {
    assert_eq!(decode_binary(version, &binary(version, data)), Ok(Packet::Binary(data.into())));
    assert_eq!(decode_text(version, &binary_as_text(version, data)), Ok(Packet::Binary(data.into())));
}

/// One packet, there and back.
fn packet(version: Version, text: &str) {
    let Ok(packet) = decode_text(version, text) else { return };
    let again = match written(&packet) {
        Written::Text(text) => text,
        Written::Binary(bytes) => binary_as_text(version, &bytes),
    };
    assert_eq!(decode_text(version, &again), Ok(packet));
}

/// A payload, there and back, as text and where it can be as bytes.
fn payload(version: Version, body: Body<&str, &[u8]>) {
    let Ok(packets) = decode_payload(version, body) else { return };
    assert!((1..=PACKETS_MAX).contains(&packets.len()));
    // Version 4 has no way to write its own separator within a packet, and reads none; in version 3 there is none.
    let written: Vec<Written> = packets.iter().map(written).collect();
    let encoded: Vec<Encoded> = written
        .iter()
        .map(|packet| match packet {
            Written::Text(text) => Encoded::Text(text),
            Written::Binary(bytes) => Encoded::Binary(bytes),
        })
        .collect();
    for base64 in [false, true] {
        let body = encode_payload(version, &encoded, base64);
        let (again, is_text) = match &body {
            Body::Text(text) => (decode_payload(version, Body::Text(text)), true),
            Body::Binary(bytes) => (decode_payload(version, Body::Binary(bytes)), false),
        };
        let again = again.expect("what was written can be read");
        assert_eq!(packets.len(), again.len());
        for (packet, again) in packets.iter().zip(&again) {
            if !(version == Version::V3 && is_text && may_be_utf8_twice(packet)) {
                assert_eq!(packet, again);
            }
        }
    }
}

/// Text that version 3 may take for UTF-8 written twice, and change.
fn may_be_utf8_twice(packet: &Packet) -> bool {
    matches!(packet, Packet::Message(text) if !text.is_ascii() && text.chars().all(|character| u32::from(character) < 256))
}

enum Written {
    Text(String),
    Binary(Vec<u8>),
}

/// As this server would write it. What a pong said is not kept.
fn written(packet: &Packet) -> Written {
    Written::Text(match packet {
        Packet::Close => "1".to_owned(),
        Packet::Ping(payload) => format!("2{payload}"),
        Packet::Pong => pong(""),
        Packet::Message(text) => message(text),
        Packet::Binary(bytes) => return Written::Binary(bytes.to_vec()),
        Packet::Upgrade => "5".to_owned(),
        Packet::Noop => "6".to_owned(),
    })
}

/// A form, and what a client would post to say the same.
fn form(text: &str) {
    let Ok(payload) = jsonp_form(text) else { return };
    assert!(payload.len() <= text.len());
    // A backslash before a line break has no writing of its own.
    if !payload.contains("\\\n") {
        let escaped = payload.replace("\\n", "\\\\n").replace('\n', "\\n");
        let field: String = escaped.bytes().map(|byte| format!("%{byte:02x}")).collect();
        assert_eq!(jsonp_form(&format!("j=0&d={field}")), Ok(payload));
    }
}

/// The script is one call with one string, whatever the text and the index are.
fn script(text: &str) {
    let script = jsonp(text, text);
    let (index, call) = script.strip_prefix("___eio[").and_then(|rest| rest.split_once("](")).expect("an index");
    assert!(index.bytes().all(|byte| byte.is_ascii_digit()));
    let string = call.strip_suffix(");").expect("an end");
    assert!(!string.contains(['\n', '\r', '\u{2028}', '\u{2029}']));
    assert_eq!(serde_json::from_str::<String>(string).ok().as_deref(), Some(text));
}
