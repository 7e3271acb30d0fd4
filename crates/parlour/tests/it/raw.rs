//! A connection without a library: bytes written by hand, for what no proper client would send.

use std::net::{IpAddr, SocketAddr};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::http::Answer;
use crate::server::{PATIENCE, Server};

/// One connection.
pub struct Raw {
    stream: TcpStream,
    input: Vec<u8>,
}

pub const TEXT: u8 = 0x81;
pub const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;

impl Raw {
    pub async fn open(server: &Server) -> Raw {
        Raw { stream: TcpStream::connect(server.address).await.unwrap(), input: Vec::new() }
    }

    /// From this address of the machine.
    pub async fn open_from(source: IpAddr, server: &Server) -> std::io::Result<Raw> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(source, 0))?;
        Ok(Raw { stream: socket.connect(server.address).await?, input: Vec::new() })
    }

    /// A WebSocket after its handshake.
    pub async fn websocket(server: &Server) -> Raw {
        let mut raw = Raw::open(server).await;
        raw.send(handshake(&format!("Host: {}\r\n", server.address)).as_bytes()).await;
        let answer = raw.answer().await;
        assert_eq!(answer.status, 101, "{answer:?}");
        raw
    }

    /// A WebSocket that said `connect`.
    pub async fn guest(server: &Server) -> Raw {
        let mut raw = Raw::websocket(server).await;
        raw.send(&frame(TEXT, br#"{"id":1,"connect":{}}"#)).await;
        let (_, reply) = raw.frame().await.unwrap();
        assert!(String::from_utf8_lossy(&reply).contains("\"connect\""), "{reply:?}");
        raw
    }

    /// Writes; what the other end no longer takes is not of interest.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// The head and body of an answer; a body has a length here.
    pub async fn answer(&mut self) -> Answer {
        let end = loop {
            if let Some(at) = self.input.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.more().await, "closed instead of an answer: {:?}", String::from_utf8_lossy(&self.input));
        };
        let head = String::from_utf8(self.input.drain(..end).collect()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: HeaderMap = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.trim().parse::<HeaderValue>().unwrap()))
            .collect();
        let length: usize = headers.get("content-length").map_or(0, |length| length.to_str().unwrap().parse().unwrap());
        while self.input.len() < length {
            assert!(self.more().await, "a body breaks off");
        }
        let text = String::from_utf8(self.input.drain(..length).collect()).unwrap();
        Answer { status, headers, text }
    }

    /// The next frame of a WebSocket: its first byte and payload; `None` at the end.
    pub async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            let header = match self.input.get(1) {
                Some(126) => 4,
                Some(127) => 10,
                _ => 2,
            };
            if self.input.len() >= header {
                let length = match header {
                    2 => usize::from(self.input[1]),
                    4 => usize::from(u16::from_be_bytes([self.input[2], self.input[3]])),
                    _ => usize::try_from(u64::from_be_bytes(self.input[2..10].try_into().unwrap())).unwrap(),
                };
                if self.input.len() >= header + length {
                    let first = self.input[0];
                    let payload = self.input.drain(..header + length).skip(header).collect();
                    return Some((first, payload));
                }
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// Waits for the end of a WebSocket: the close code, and that nothing follows it.
    pub async fn closed(&mut self) -> u16 {
        let mut code = None;
        while let Some((first, payload)) = self.frame().await {
            assert!(code.is_none(), "something follows the close frame: {first} {payload:?}");
            if first == CLOSE {
                code = Some(u16::from_be_bytes([payload[0], payload[1]]));
            }
        }
        code.expect("gone without a close frame")
    }

    /// Waits until the other end closes, whatever it says before.
    pub async fn gone(&mut self) {
        while self.more().await {
            self.input.clear();
        }
    }

    /// Whether more came before the end.
    async fn more(&mut self) -> bool {
        let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.input)).await.expect("nothing comes");
        read.is_ok_and(|length| length > 0)
    }
}

/// The head of a WebSocket's handshake; `headers` are whole lines.
pub fn handshake(headers: &str) -> String {
    let fixed = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    format!("GET /connection/websocket HTTP/1.1\r\n{headers}{fixed}\r\n")
}

/// A frame as a client sends it, masked.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
    let mut bytes = head(first, payload.len(), true);
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// A frame as only a server may send it.
pub fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = head(first, payload.len(), false);
    bytes.extend(payload);
    bytes
}

fn head(first: u8, length: usize, masked: bool) -> Vec<u8> {
    let mask = if masked { 0x80 } else { 0 };
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => vec![first, mask | short],
        (_, Ok(middle)) => [vec![first, mask | 126], middle.to_be_bytes().to_vec()].concat(),
        _ => [vec![first, mask | 127], (length as u64).to_be_bytes().to_vec()].concat(),
    }
}
