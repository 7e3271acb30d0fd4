//! `permessage-deflate` and gzip as clients see them: who offers gets what is long compressed, the same bytes as everyone; who does not gets it
//! as it is.

use std::io::Read;

use flate2::read::{DeflateDecoder, GzDecoder};

use crate::raw::{Raw, TEXT, frame, handshake};
use crate::server::Server;

/// A text frame whose payload is compressed.
const COMPRESSED: u8 = 0xc1;

async fn deflating(server: &Server) -> Raw {
    let mut raw = Raw::open(server).await;
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    raw.send(handshake(&format!("Host: {}\r\n{offer}", server.address)).as_bytes()).await;
    let answer = raw.answer().await;
    let agreed = answer.headers["sec-websocket-extensions"].to_str().unwrap();
    assert_eq!(agreed, "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
    raw
}

async fn subscribe(raw: &mut Raw) {
    raw.send(&frame(TEXT, b"{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"feed\"}}")).await;
    loop {
        let (_, payload) = raw.frame().await.unwrap();
        if String::from_utf8_lossy(&payload).contains("\"id\":2") {
            return;
        }
    }
}

fn inflated(payload: &[u8]) -> String {
    let mut text = String::new();
    // What was left out, and a last block so that the reader knows the end.
    let whole = [payload, &[0x00, 0x00, 0xff, 0xff, 0x03, 0x00]].concat();
    DeflateDecoder::new(&whole[..]).read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn who_offers_compression_gets_what_is_long_compressed_and_all_get_the_same() {
    let server = Server::start(&["--demo", "--deflate-from", "500"], "");
    let (mut one, mut other, mut plain) = (deflating(&server).await, deflating(&server).await, Raw::websocket(&server).await);
    for raw in [&mut one, &mut other, &mut plain] {
        subscribe(raw).await;
    }
    let long = "again and ".repeat(100);
    for data in [long.as_str(), "short"] {
        let publish = format!(r#"{{"id":3,"publish":{{"channel":"feed","data":"{data}"}}}}"#);
        plain.send(&frame(TEXT, publish.as_bytes())).await;
        let (first, expected) = loop {
            let (first, payload) = plain.frame().await.unwrap();
            if String::from_utf8_lossy(&payload).contains("\"push\"") {
                break (first, payload);
            }
        };
        assert_eq!(first, TEXT);
        let (first, payload) = one.frame().await.unwrap();
        assert_eq!(other.frame().await.unwrap(), (first, payload.clone()));
        match first {
            COMPRESSED => assert_eq!((inflated(&payload).as_bytes(), data), (&expected[..], long.as_str())),
            _ => assert_eq!((payload, data), (expected, "short")),
        }
    }
}

#[tokio::test]
async fn a_bomb_is_refused_and_what_was_not_agreed_on_too() {
    let server = Server::start(&["--demo", "--message-bytes", "10000"], "");
    // A megabyte of nothing in a kilobyte: a deflate block of zeros.
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, &vec![0; 1 << 20]).unwrap();
    let bomb = encoder.finish().unwrap();
    let mut raw = deflating(&server).await;
    raw.send(&frame(COMPRESSED, &bomb)).await;
    assert_eq!(raw.closed().await, 1009);
    let mut raw = Raw::websocket(&server).await;
    raw.send(&frame(COMPRESSED, &bomb)).await;
    assert_eq!(raw.closed().await, 1002);
}

#[tokio::test]
async fn a_page_that_many_read_goes_out_compressed_to_whoever_takes_that() {
    let server = Server::demo();
    let url = server.url("/");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let plain = client.get(&url).send().await.unwrap().bytes().await.unwrap();
    let short = client.get(&url).header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(short.headers()["content-encoding"], "gzip");
    let mut text = Vec::new();
    GzDecoder::new(&short.bytes().await.unwrap()[..]).read_to_end(&mut text).unwrap();
    assert_eq!(text, plain);
    let built = client.get(&url).header("accept-encoding", "gzip, deflate, br").send().await.unwrap();
    assert_eq!(built.headers()["content-encoding"], "br");
    assert_eq!(built.headers()["vary"], "authorization, accept-encoding");
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("dist/demo.html.br");
    assert_eq!(built.bytes().await.unwrap(), std::fs::read(path).unwrap());
}
