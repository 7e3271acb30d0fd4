//! Tests of the accept loop with real sockets and a router of one line.

use super::*;
use crate::config::Sources;
use crate::config::layer::FileLayers;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// More than the kernel takes for a client that does not read.
const LARGE_BYTES: usize = 32 * 1024 * 1024;

/// A running loop.
struct Running {
    address: SocketAddr,
    closing: watch::Sender<bool>,
    ended: tokio::task::JoinHandle<JoinSet<()>>,
    metrics: Arc<Metrics>,
}

async fn running(file: &str, connections_max: usize) -> Running {
    let layers = FileLayers::from_text(file).unwrap();
    let rules = Sources::default().read_with(layers, None).unwrap().rules().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let metrics = Arc::new(Metrics::default());
    let router = Router::new()
        .route("/", get(async || "here\n"))
        .route("/large", get(async || "x".repeat(LARGE_BYTES)))
        .route("/endless", get(endless_answer));
    let acceptor =
        Acceptor { router, book: Arc::new(Book::new(rules)), metrics: metrics.clone(), connections_max, seats: Arc::default() };
    let (closing, closed) = watch::channel(false);
    let ended = tokio::spawn(acceptor.run(listener, closed));
    Running { address, closing, ended, metrics }
}

async fn ask(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    read_to_end(&mut stream).await
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_request_is_answered() {
    let server = running("", 10).await;
    let answer = ask(server.address, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("here\n"), "{answer}");
}

#[tokio::test]
async fn a_head_that_does_not_come_to_an_end_ends_the_connection() {
    let server = running("head-timeout = \"50ms\"", 10).await;
    let answer = ask(server.address, "GET / HTTP/1.1\r\nhost: x\r\n").await;
    assert!(!answer.contains("here"), "{answer}");
    let idle = ask(server.address, "").await;
    assert!(idle.is_empty(), "{idle}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = running("headers = 4", 10).await;
    let many = "a: b\r\n".repeat(5);
    let answer = ask(server.address, &format!("GET / HTTP/1.1\r\n{many}\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let long = "a".repeat(20_000);
    let answer = ask(server.address, &format!("GET / HTTP/1.1\r\na: {long}\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn one_address_gets_so_many_connections_and_no_more() {
    let server = running("connections-per-address = 2", 10).await;
    let _first = TcpStream::connect(server.address).await.unwrap();
    let _second = TcpStream::connect(server.address).await.unwrap();
    let mut third = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(read_to_end(&mut third).await, "");
    assert_eq!(server.metrics.connections_refused.get(), 1);
}

#[tokio::test]
async fn demo_mode_counts_no_addresses_but_has_an_end() {
    let server = running("connections-per-address = 1\ndemo = true", 2).await;
    let _first = TcpStream::connect(server.address).await.unwrap();
    let answer = ask(server.address, "GET / HTTP/1.1\r\nconnection: close\r\n\r\n").await;
    assert!(answer.contains("here"), "{answer}");
}

#[tokio::test]
async fn closing_lets_a_connection_finish_and_takes_no_other() {
    let server = running("", 10).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut seen = vec![0; 1_024];
    let count = stream.read(&mut seen).await.unwrap();
    assert!(String::from_utf8_lossy(&seen[..count]).contains("200 OK"));
    server.closing.send(true).unwrap();
    let mut left = server.ended.await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
    assert_eq!(read_to_end(&mut stream).await, "");
    while left.join_next().await.is_some() {}
}

/// Two pieces, marked as what has no end.
async fn endless_answer() -> Response {
    let mut response = Body::from_stream(futures_util::stream::iter([Ok::<_, Infallible>("one"), Ok("two")])).into_response();
    response.extensions_mut().insert(Endless);
    response
}

#[tokio::test]
async fn an_answer_without_an_end_is_told_in_chunks_and_its_end_is_the_connections() {
    let server = running("", 10).await;
    let answer = ask(server.address, "GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    for line in ["transfer-encoding: chunked", "connection: close", "date: "] {
        assert!(head.contains(&format!("\r\n{line}")), "{line}: {head}");
    }
    assert_eq!(body, "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
    // Who knows no chunks, or asks for the head alone, is answered as ever.
    let old = ask(server.address, "GET /endless HTTP/1.0\r\n\r\n").await;
    assert!(old.ends_with("\r\n\r\nonetwo"), "{old}");
    let head = ask(server.address, "HEAD /endless HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(head.ends_with("\r\n\r\n"), "{head}");
}

#[tokio::test]
async fn an_answer_that_is_still_on_its_way_comes_whole_before_one_without_an_end() {
    let server = running("", 10).await;
    let answer = ask(server.address, "GET /large HTTP/1.1\r\nhost: x\r\n\r\nGET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let (_, rest) = answer.split_once("\r\n\r\n").unwrap();
    let (large, endless) = rest.split_at_checked(LARGE_BYTES).unwrap();
    assert!(large.bytes().all(|byte| byte == b'x'));
    assert!(endless.starts_with("HTTP/1.1 200 OK\r\n") && endless.ends_with("two\r\n0\r\n\r\n"), "{endless}");
}
