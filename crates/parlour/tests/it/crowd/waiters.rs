//! Those who wait over HTTP for something to happen, on event streams and long polls: what one of them costs the server in memory.

use std::time::Instant;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::process::memory_kib;
use crate::model::door::Doors;
use crate::server::{PATIENCE, Server};

/// Who came before it is measured: what the first of them cost is the server's own.
const FIRST: usize = 100;
/// How many come before the others wait for the server to count them.
const AT_ONCE: usize = 20;

#[derive(Clone, Copy, Debug)]
enum Waits {
    OnAStream,
    InAPoll,
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_over_http_costs_the_server_little() {
    // Memory comes to a process in pieces of up to 2 MiB: with fewer, one such piece would decide.
    for (waits, bytes_max) in [(Waits::OnAStream, 12 * 1024), (Waits::InAPoll, 56 * 1024)] {
        let bytes = bytes_each(waits, 1_200).await;
        assert!(bytes < bytes_max, "{bytes} bytes for each who waits, {waits:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: cargo xtask long"]
async fn long_four_thousand_wait_on_streams_and_in_polls() {
    parlour::server::files::raise();
    println!("| 4,000 who wait | resident bytes of the server for each |");
    println!("| --- | --- |");
    println!("| on event streams | {} |", bytes_each(Waits::OnAStream, 4_000).await);
    println!("| in long polls | {} |", bytes_each(Waits::InAPoll, 4_000).await);
}

async fn bytes_each(waits: Waits, count: usize) -> u64 {
    let server = Server::demo();
    let doors = Doors::of(&server, "a");
    let top = doors.get(&doors.path("history?limit=0")).await.unwrap().1["position"].as_str().unwrap().to_owned();
    let mut all = Vec::with_capacity(FIRST + count);
    come(waits, FIRST, &doors, &top, &mut all).await;
    let before_kib = memory_kib(&server, "VmRSS");
    come(waits, count, &doors, &top, &mut all).await;
    memory_kib(&server, "VmRSS").saturating_sub(before_kib) * 1024 / count as u64
}

/// So many more, a few at a time: what many requests take while they are all being read is not what is measured.
async fn come(waits: Waits, count: usize, doors: &Doors, top: &str, all: &mut Vec<TcpStream>) {
    for begun in (0..count).step_by(AT_ONCE) {
        for _ in begun..count.min(begun + AT_ONCE) {
            let path = match waits {
                Waits::OnAStream => doors.path("events"),
                Waits::InAPoll => doors.path(&format!("events?wait=60&since={top}&viewer=poll-{}", all.len())),
            };
            let accept = match waits {
                Waits::OnAStream => "text/event-stream",
                Waits::InAPoll => "application/json",
            };
            let mut stream = TcpStream::connect(doors.address).await.unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\naccept: {accept}\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            all.push(stream);
        }
        let until = Instant::now() + PATIENCE;
        while doors.get(&doors.path("presence")).await.unwrap().1["viewers"].as_u64() != Some(all.len() as u64) {
            assert!(Instant::now() < until, "they do not all arrive");
        }
    }
}
