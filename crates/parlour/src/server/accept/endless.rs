//! Answers without an end (event streams), once they have begun: written to the socket by a small task of our own. What the HTTP library
//! keeps for a connection as long as it lives, two buffers of 8 KiB among it, is given back first. Relies on the body to say when it is over,
//! and on the socket's own timeout for a client that takes nothing.

use std::io;

use axum::body::Body;
use http::{HeaderValue, Response, Version, header};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// Bytes read at once of what a client says while it should listen.
const IGNORED_BYTES: usize = 1024;

/// The head of the answer as it goes over the wire, and what follows it in chunks.
pub(super) fn begin(mut response: Response<Body>) -> (Vec<u8>, Body) {
    let date = rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now()).ok();
    let date = date.and_then(|date| HeaderValue::try_from(date).ok());
    let headers = response.headers_mut();
    headers.extend(date.map(|date| (header::DATE, date)));
    headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    let mut head = format!("{:?} {}\r\n", Version::HTTP_11, response.status()).into_bytes();
    for (name, value) in response.headers() {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    head.extend_from_slice(b"\r\n");
    (head, response.into_body())
}

/// Writes it until the body or the client comes to an end.
pub(super) async fn tell(mut stream: TcpStream, head: Vec<u8>, mut body: Body) -> io::Result<()> {
    stream.write_all(&head).await?;
    drop(head);
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            gone = gone(&stream) => return gone,
        };
        let Some(frame) = frame.transpose().map_err(io::Error::other)? else { break };
        if let Ok(data) = frame.into_data()
            && !data.is_empty()
        {
            let chunk = [format!("{:x}\r\n", data.len()).as_bytes(), &data, b"\r\n"].concat();
            stream.write_all(&chunk).await?;
        }
    }
    stream.write_all(b"0\r\n\r\n").await?;
    stream.shutdown().await
}

/// Waits until the client is gone; what it says until then is nobody's.
async fn gone(stream: &TcpStream) -> io::Result<()> {
    loop {
        stream.readable().await?;
        match stream.try_read(&mut [0; IGNORED_BYTES]) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
    }
}
