//! A WebSocket client so small that one process holds ten thousand of them: it counts offsets and looks at little else.

use std::net::SocketAddr;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// One connection.
pub struct Line {
    stream: TcpStream,
    buffer: BytesMut,
}

/// What a line brought.
#[derive(Debug)]
pub enum Came {
    /// The text of a message.
    Text(String),
    /// A close frame's code.
    Close(u16),
}

impl Line {
    /// Opens; `receive_bytes` bounds what this end's kernel takes in. `None` where nobody is there.
    pub async fn open(address: SocketAddr, receive_bytes: Option<u32>) -> Option<Line> {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = receive_bytes {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        let stream = socket.connect(address).await.ok()?;
        let mut line = Line { stream, buffer: BytesMut::new() };
        let head = format!(
            "GET /connection/websocket HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        line.stream.write_all(head.as_bytes()).await.ok()?;
        loop {
            if let Some(end) = line.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                assert!(line.buffer.starts_with(b"HTTP/1.1 101"), "{:?}", line.buffer);
                line.buffer.advance(end + 4);
                return Some(line);
            }
            line.read().await?;
        }
    }

    /// The port of this end.
    pub fn port(&self) -> u16 {
        self.stream.local_addr().unwrap().port()
    }

    /// Sends a message; a line that is lost is found by the next read.
    pub async fn say(&mut self, text: &str) {
        let mut frame = vec![0x81];
        match text.len() {
            length @ 0..126 => frame.push(0x80 | length as u8),
            length => {
                frame.push(0x80 | 126);
                frame.extend((length as u16).to_be_bytes());
            }
        }
        // A mask of zeros changes nothing.
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        let _ = self.stream.write_all(&frame).await;
    }

    /// The next message; `None` when the line is gone.
    pub async fn next(&mut self) -> Option<Came> {
        loop {
            let Some((opcode, payload)) = self.frame() else {
                self.read().await?;
                continue;
            };
            match opcode {
                8 => return Some(Came::Close(u16::from_be_bytes([payload[0], payload[1]]))),
                _ if &payload[..] == b"{}" => self.say("{}").await,
                _ => return Some(Came::Text(String::from_utf8(payload.to_vec()).unwrap())),
            }
        }
    }

    async fn read(&mut self) -> Option<()> {
        self.buffer.reserve(2_048);
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(()),
        }
    }

    fn frame(&mut self) -> Option<(u8, BytesMut)> {
        let (first, second) = (*self.buffer.first()?, *self.buffer.get(1)?);
        let (head, length) = match second {
            126 => (4, usize::from(u16::from_be_bytes(self.buffer.get(2..4)?.try_into().unwrap()))),
            127 => (10, u64::from_be_bytes(self.buffer.get(2..10)?.try_into().unwrap()) as usize),
            short => (2, usize::from(short)),
        };
        if self.buffer.len() < head + length {
            return None;
        }
        self.buffer.advance(head);
        let payload = self.buffer.split_to(length);
        if self.buffer.is_empty() {
            // Ten thousand idle lines hold no buffers.
            self.buffer = BytesMut::new();
        }
        Some((first & 15, payload))
    }
}
