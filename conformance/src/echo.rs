//! `/echo`: a WebSocket on which every message comes back, text as text and bytes as bytes, compressed where the client offers that.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::Response;
use hyper::upgrade::OnUpgrade;
use parlour::door::Wire;
use parlour::transport::websocket::{deflate, handshake, refuse, switching};
use parlour_wire::frame::{self, HandshakeFault, Message, Reader};
use tokio::net::TcpStream;

/// Bytes of the largest message: the suite sends up to 16 MiB.
const MESSAGE_BYTES_MAX: usize = 32 * 1024 * 1024;
const READ_BYTES: usize = 64 * 1024;

/// Answers the handshake and echoes in a task of its own.
pub async fn upgrade(mut request: Request) -> Response<Body> {
    let accept = match handshake(request.method().as_str(), request.headers()) {
        Ok(accept) => accept,
        Err(fault) => return refuse(fault),
    };
    let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() else { return refuse(HandshakeFault::NotAsked) };
    let extension = deflate(request.headers());
    tokio::spawn(async move {
        let parts = upgrade.await.map(|upgraded| upgraded.downcast::<Wire>());
        if let Ok(Ok(parts)) = parts {
            serve(Arc::new(parts.io.into_inner()), parts.read_buf, extension.is_some()).await;
        }
    });
    switching(&accept, extension)
}

async fn serve(stream: Arc<TcpStream>, first: Bytes, deflating: bool) {
    let mut reader = if deflating { Reader::deflating() } else { Reader::default() };
    let mut input = first.to_vec();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let (answers, goes_on) = answer(&mut reader, &mut input, deflating);
        if write(&stream, &answers).await.is_err() || !goes_on || stream.readable().await.is_err() {
            return;
        }
        match stream.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => input = buffer[..length].to_vec(),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => input.clear(),
            Err(_) => return,
        }
    }
}

/// What is to be sent, and whether anything may follow.
fn answer(reader: &mut Reader, input: &mut [u8], deflating: bool) -> (Vec<u8>, bool) {
    let mut answers = Vec::new();
    let mut goes_on = true;
    let result = reader.feed(input, MESSAGE_BYTES_MAX, &mut |message| {
        let frame = match message {
            Message::Text(text) => dressed(frame::text(text), deflating),
            Message::Binary(bytes) => dressed(frame::binary(bytes), deflating),
            Message::Ping(payload) => frame::pong(payload),
            Message::Pong => return,
            Message::Close(code) => {
                goes_on = false;
                frame::close_reply(code)
            }
        };
        answers.extend_from_slice(&frame);
    });
    if let Err(close) = result {
        answers.extend_from_slice(&frame::close(close));
        goes_on = false;
    }
    (answers, goes_on)
}

/// As it goes out, compressed where that was agreed on.
fn dressed(frame: Bytes, deflating: bool) -> Bytes {
    if deflating { frame::deflated(&frame, 0) } else { frame }
}

async fn write(stream: &TcpStream, mut rest: &[u8]) -> std::io::Result<()> {
    while !rest.is_empty() {
        stream.writable().await?;
        match stream.try_write(rest) {
            Ok(written) => rest = &rest[written..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
