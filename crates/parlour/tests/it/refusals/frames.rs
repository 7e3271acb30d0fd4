//! Frames that are not what a WebSocket client sends: the close code that RFC 6455 or CONTRACT §4 has for each, and nobody else
//! notices.

use super::{Scene, long_name};
use crate::raw::{BINARY, Raw, TEXT, frame, unmasked};

/// Sends each to a connection of its own, before and after `connect`, and expects the same close.
async fn closes_with(code: u16, cases: &[(&str, Vec<u8>)]) {
    let mut scene = Scene::demo().await;
    for (why, bytes) in cases {
        for is_connected in [true, false] {
            let mut raw = if is_connected { Raw::guest(&scene.server).await } else { Raw::websocket(&scene.server).await };
            raw.send(bytes).await;
            assert_eq!(raw.closed().await, code, "{why}, connected: {is_connected}");
        }
    }
    scene.is_unharmed().await;
}

fn text(text: &str) -> Vec<u8> {
    frame(TEXT, text.as_bytes())
}

#[tokio::test]
async fn frames_over_the_limit_close_with_1009() {
    let part = vec![b' '; 40_000];
    let fragments = [frame(0x01, &part), frame(0x80, &part)].concat();
    let claims = |length: u64| [vec![TEXT, 0x80 | 127], length.to_be_bytes().to_vec(), vec![0; 4]].concat();
    let cases = [
        ("a byte too many", text(&" ".repeat(65_537))),
        ("two fragments", fragments),
        ("a claim of a tebibyte", claims(1 << 40)),
        ("a claim of all there is", claims(i64::MAX as u64)),
    ];
    closes_with(1009, &cases).await;
}

#[tokio::test]
async fn a_frame_at_the_limit_is_read() {
    let mut scene = Scene::demo().await;
    let mut raw = Raw::guest(&scene.server).await;
    let command = r#"{"id":7,"ping":{}}"#;
    raw.send(&text(&format!("{command}{}", " ".repeat(65_536 - command.len())))).await;
    assert!(String::from_utf8(raw.frame().await.unwrap().1).unwrap().contains("\"id\":7"));
    scene.is_unharmed().await;
}

#[tokio::test]
async fn broken_utf_8_closes_with_1007() {
    let bad: [(&str, &[u8]); 5] = [
        ("no UTF-8 at all", b"{\"id\":1,\"ping\":\"\xff\"}"),
        ("longer than need be", b"\xc0\xaf"),
        ("half a surrogate pair", b"\xed\xa0\x80"),
        ("beyond Unicode", b"\xf4\x90\x80\x80"),
        ("breaks off", b"{\"id\":1,\"ping\":\"\xe2\x82"),
    ];
    let cases: Vec<_> = bad.iter().map(|(why, bytes)| (*why, frame(TEXT, bytes))).collect();
    closes_with(1007, &cases).await;
}

#[tokio::test]
async fn a_binary_frame_closes_with_1003() {
    closes_with(1003, &[("binary", frame(BINARY, br#"{"id":1,"ping":{}}"#)), ("binary and empty", frame(BINARY, b""))]).await;
}

#[tokio::test]
async fn frames_against_the_protocol_close_with_1002() {
    let cases = [
        ("unmasked", unmasked(TEXT, br#"{"id":1,"ping":{}}"#)),
        ("a reserved bit", frame(0xC1, b"{}")),
        ("an opcode that is none", frame(0x83, b"{}")),
        ("a control opcode that is none", frame(0x8B, b"")),
        ("a continuation of nothing", frame(0x80, b"{}")),
        ("a text within a text", [frame(0x01, b"{"), text("}")].concat()),
        ("half a ping", frame(0x09, b"")),
        ("a long ping", frame(0x89, &[0; 126])),
        ("half a close code", frame(0x88, &[3])),
        ("a close code that is none", frame(0x88, &1005u16.to_be_bytes())),
    ];
    closes_with(1002, &cases).await;
}

#[tokio::test]
async fn broken_json_closes_with_3501() {
    let deep = format!(r#"{{"id":1,"ping":{}}}"#, "[".repeat(30_000));
    let bad = [
        "",
        " ",
        "{",
        "hello",
        "null",
        "[]",
        "7",
        "\"text\"",
        r#"{"id":1}x"#,
        r#"{"id":"1","ping":{}}"#,
        r#"{"id":-1,"ping":{}}"#,
        r#"{"id":4294967296,"ping":{}}"#,
        r#"{"id":1.5,"ping":{}}"#,
        r#"{"ping":{}}"#,
        r#"[1,{}]"#,
        "{\"id\":1,\"ping\":{}}\n\n",
        &deep,
    ];
    let cases: Vec<_> = bad.iter().map(|line| (*line, text(line))).collect();
    closes_with(3501, &cases).await;
}

#[tokio::test]
async fn commands_before_connect_close_with_3501() {
    let mut scene = Scene::demo().await;
    for command in [
        r#""subscribe":{"channel":"a"}"#,
        r#""unsubscribe":{"channel":"a"}"#,
        r#""publish":{"channel":"a","data":1}"#,
        r#""history":{"channel":"a"}"#,
        r#""presence":{"channel":"a"}"#,
        r#""presence_stats":{"channel":"a"}"#,
        r#""rpc":{"method":"publish","data":{"channel":"a","data":1}}"#,
        r#""refresh":{"token":""}"#,
        r#""sub_refresh":{"channel":"a","token":""}"#,
        r#""ping":{}"#,
        r#""send":{"data":{}}"#,
    ] {
        let mut raw = Raw::websocket(&scene.server).await;
        raw.send(&text(&format!("{{\"id\":1,{command}}}\n{{\"id\":2,\"connect\":{{}}}}"))).await;
        assert_eq!(raw.closed().await, 3501, "{command}");
    }
    assert_eq!(scene.kept("a").await, 0);
    scene.is_unharmed().await;
}

#[tokio::test]
async fn a_second_connect_closes_with_3501() {
    let mut scene = Scene::demo().await;
    let mut raw = Raw::guest(&scene.server).await;
    raw.send(&text(r#"{"id":2,"connect":{}}"#)).await;
    assert_eq!(raw.closed().await, 3501);
    scene.is_unharmed().await;
}

#[tokio::test]
async fn a_connection_that_breaks_off_anywhere_harms_nobody() {
    let mut scene = Scene::demo().await;
    let whole = [
        crate::raw::handshake(&format!("Host: {}\r\n", scene.server.address)).into_bytes(),
        text(r#"{"id":1,"connect":{}}"#),
        text(&format!(r#"{{"id":2,"subscribe":{{"channel":"{}"}}}}"#, long_name(150))),
    ]
    .concat();
    for length in (1..whole.len()).step_by(3) {
        let mut raw = Raw::open(&scene.server).await;
        raw.send(&whole[..length]).await;
        drop(raw);
    }
    scene.is_unharmed().await;
}
