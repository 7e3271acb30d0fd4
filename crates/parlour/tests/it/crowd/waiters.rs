//! Those who wait over HTTP for something to happen, on event streams and long polls: what one of them costs the server in memory.

use std::time::Instant;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::process::memory_kib;
use crate::model::door::Doors;
use crate::server::{PATIENCE, Server};

/// Who came before it is measured: what the first of them cost is the server's own.
const FIRST: usize = 100;

#[derive(Clone, Copy, Debug)]
enum Waits {
    OnAStream,
    InAPoll,
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_over_http_costs_the_server_little() {
    for (waits, bytes_max) in [(Waits::OnAStream, 24 * 1024), (Waits::InAPoll, 64 * 1024)] {
        let bytes = bytes_each(waits, 400).await;
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

/// So many more, until the server counts them.
async fn come(waits: Waits, count: usize, doors: &Doors, top: &str, all: &mut Vec<TcpStream>) {
    for _ in 0..count {
        let mut stream = TcpStream::connect(doors.address).await.unwrap();
        let request = match waits {
            Waits::OnAStream => {
                format!("GET {} HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n", doors.path("events"))
            }
            Waits::InAPoll => {
                let path = doors.path(&format!("events?wait=60&since={top}&viewer=poll-{}", all.len()));
                format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")
            }
        };
        stream.write_all(request.as_bytes()).await.unwrap();
        all.push(stream);
    }
    let until = Instant::now() + PATIENCE;
    while doors.get(&doors.path("presence")).await.unwrap().1["viewers"].as_u64() != Some(all.len() as u64) {
        assert!(Instant::now() < until, "they do not all arrive");
    }
}
