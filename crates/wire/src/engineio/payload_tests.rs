//! Payloads of both versions, both ways, and what is refused.

use super::*;
use proptest::prelude::*;

fn message(text: &str) -> Packet<'static> {
    Packet::Message(text.to_owned().into())
}

#[test]
fn version_4_separates_packets_by_a_control_character() {
    let packets = [Encoded::Text("4hello"), Encoded::Text("2"), Encoded::Binary(&[1, 2, 3, 4])];
    assert_eq!(encode_payload(Version::V4, &packets, false), Body::Text("4hello\u{1e}2\u{1e}bAQIDBA==".into()));
    let read = decode_payload(Version::V4, Body::Text("4hello\u{1e}2\u{1e}bAQIDBA==")).unwrap();
    assert_eq!(read, [message("hello"), Packet::Ping("".into()), Packet::Binary(vec![1, 2, 3, 4].into())]);
    for bad in ["", "abc", "4a\u{1e}", "\u{1e}4a"] {
        assert!(decode_payload(Version::V4, Body::Text(bad)).is_err(), "{bad:?}");
    }
    assert!(decode_payload(Version::V4, Body::Binary(b"4a")).is_err());
}

#[test]
fn version_3_counts_utf_16_units() {
    let packets = [Encoded::Text("4é😀"), Encoded::Text("2"), Encoded::Binary(&[1, 2])];
    assert_eq!(encode_payload(Version::V3, &packets, true), Body::Text("4:4é😀1:26:b4AQI=".into()));
    let read = decode_payload(Version::V3, Body::Text("4:4é😀1:20:6:b4AQI=")).unwrap();
    assert_eq!(read, [message("é😀"), Packet::Ping("".into()), Packet::Binary(vec![1, 2].into())]);
    for bad in ["", "0:", ":4", "4", "3:4a", "2:4😀", "-1:4", "+2:4a", "2:4a2", "99999999999:4a", "1:7"] {
        assert!(decode_payload(Version::V3, Body::Text(bad)).is_err(), "{bad:?}");
    }
}

#[test]
fn version_3_counts_bytes_in_a_binary_body() {
    let packets = [Encoded::Text("4é"), Encoded::Binary(&[7; 10])];
    let body = [&[0, 3, 255][..], "4é".as_bytes(), &[1, 1, 1, 255, 4], &[7; 10]].concat();
    assert_eq!(encode_payload(Version::V3, &packets, false), Body::Binary(body.clone()));
    assert_eq!(decode_payload(Version::V3, Body::Binary(&body)).unwrap(), [message("é"), Packet::Binary(vec![7; 10].into())]);
    for bad in [
        &b""[..],
        &[0],
        &[0, 255],
        &[0, 1],
        &[0, 2, 255, b'4'],
        &[2, 1, 255, b'4'],
        &[0, 1, 255, 0xff],
        &[1, 1, 255, 9],
        &[0, 11, 255, b'4'],
    ] {
        assert!(decode_payload(Version::V3, Body::Binary(bad)).is_err(), "{bad:?}");
    }
}

#[test]
fn utf_8_written_twice_by_the_oldest_clients_is_understood() {
    let twice: String = "42[\"é€😀\"]".bytes().map(char::from).collect();
    let body = format!("{}:{twice}", twice.chars().count());
    assert_eq!(decode_payload(Version::V3, Body::Text(&body)).unwrap(), [message("2[\"é€😀\"]")]);
    for once in ["é", "Ã", "naïve café", "é😀", "日本"] {
        let body = format!("{}:4{once}", 1 + once.encode_utf16().count());
        assert_eq!(decode_payload(Version::V3, Body::Text(&body)).unwrap(), [message(once)]);
    }
}

#[test]
fn too_many_packets_are_refused() {
    let body = |count| vec!["6"; count].join("\u{1e}");
    assert_eq!(decode_payload(Version::V4, Body::Text(&body(PACKETS_MAX))).unwrap().len(), PACKETS_MAX);
    assert!(decode_payload(Version::V4, Body::Text(&body(PACKETS_MAX + 1))).is_err());
    assert!(decode_payload(Version::V3, Body::Text(&"1:6".repeat(PACKETS_MAX + 1))).is_err());
    assert!(decode_payload(Version::V3, Body::Binary(&[0, 1, 255, b'6'].repeat(PACKETS_MAX + 1))).is_err());
}

#[test]
fn jsonp_is_a_script_that_calls_with_a_string() {
    assert_eq!(jsonp("3", "2:4\""), "___eio[3](\"2:4\\\"\");");
    assert_eq!(jsonp("1);alert(2", "\u{2028}\u{2029}\n"), "___eio[12](\"\\u2028\\u2029\\n\");");
}

#[test]
fn jsonp_forms_are_read() {
    assert_eq!(jsonp_form("d=4%3A4a+%C3%A9&x=1").unwrap(), "4:4a é");
    assert_eq!(jsonp_form("x=1&d=a%5Cnb%5C%5Cnc%5Cd%%4").unwrap(), "a\nb\\nc\\d%%4");
    assert_eq!(jsonp_form(r"d=\\\n").unwrap(), "\\\\n");
    assert!(jsonp_form("e=4").is_err());
    assert!(jsonp_form("d=%ff").is_err());
}

fn packet() -> impl Strategy<Value = Result<String, Vec<u8>>> {
    // What looks like UTF-8 written twice would be changed, so texts are made of ASCII and of what is beyond U+00FF.
    prop_oneof![
        "[ -~\u{100}-\u{ffff}😀-😏&&[^\u{1e}]]{0,20}".prop_map(|text| Ok(format!("4{text}"))),
        proptest::collection::vec(any::<u8>(), 0..30).prop_map(Err)
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read(packets in proptest::collection::vec(packet(), 1..8), is_v3 in any::<bool>(), base64 in any::<bool>()) {
        let version = if is_v3 { Version::V3 } else { Version::V4 };
        let encoded: Vec<Encoded> = packets.iter().map(|packet| match packet { Ok(text) => Encoded::Text(text), Err(bytes) => Encoded::Binary(bytes) }).collect();
        let body = encode_payload(version, &encoded, base64);
        let read = decode_payload(version, match &body { Body::Text(text) => Body::Text(text.as_str()), Body::Binary(bytes) => Body::Binary(bytes.as_slice()) }).unwrap();
        let expected: Vec<Packet> = packets.iter().map(|packet| match packet { Ok(text) => message(&text[1..]), Err(bytes) => Packet::Binary(bytes.clone().into()) }).collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn arbitrary_bodies_are_survived(bytes in proptest::collection::vec(prop_oneof![0u8..12, Just(255u8), Just(b'4'), any::<u8>()], 0..60), text in "[0-9:4b\u{1e}é😀=+/]{0,40}") {
        let _ = decode_payload(Version::V3, Body::Binary(&bytes));
        let _ = decode_payload(Version::V3, Body::Text(&text));
        let _ = decode_payload(Version::V4, Body::Text(&text));
        let _ = jsonp_form(&format!("d={text}"));
        let _ = jsonp_form(&String::from_utf8_lossy(&bytes));
    }
}
