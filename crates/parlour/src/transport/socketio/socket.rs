//! A line carried by a WebSocket: from its beginning, or from the moment at which it takes over from polls. Like the door of
//! `/connection/websocket` a small task that owns no buffer while nothing happens; the outbox writes.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::Response;
use http::request::Parts;
use hyper::upgrade::OnUpgrade;
use parlour_wire::code::Close;
use parlour_wire::engineio::{self, Packet, Refusal, Version};
use parlour_wire::frame::{self, Message, Reader};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::engine::Engine;
use super::line::{Carrier, End, Line, Upper};
use crate::door::{Seat, Wire};
use crate::outbox::Pumped;
use crate::transport::intake::{Intake, take_in};
use crate::transport::websocket::{handshake, linger, switching};

/// How long a WebSocket may take to take over a line.
const TAKE_OVER_WITHIN: Duration = Duration::from_secs(10);

/// Answers the handshake of a WebSocket: for a new line, or for one that polls carry so far.
pub(super) fn upgrade<U: Upper>(
    engine: &Arc<Engine<U>>,
    version: Version,
    line: Option<Arc<Line<U>>>,
    mut parts: Parts,
    seat: Option<Arc<Seat>>,
) -> Result<Response<Body>, Refusal> {
    let accept = handshake(parts.method.as_str(), &parts.headers).map_err(|_| Refusal::BadRequest)?;
    let upgrade = parts.extensions.remove::<OnUpgrade>().ok_or(Refusal::BadRequest)?;
    let (line, is_new) = match line {
        None => (engine.begin(version, &parts, Carrier::Socket).ok_or(Refusal::Forbidden)?, true),
        Some(line) => {
            let mut state = line.state.lock();
            if state.carrier == Carrier::Socket || std::mem::replace(&mut state.probed, true) {
                return Err(Refusal::BadRequest);
            }
            drop(state);
            (line, false)
        }
    };
    tokio::spawn(async move {
        match upgrade.await.map(|upgraded| upgraded.downcast::<Wire>()) {
            Ok(Ok(parts)) => {
                tokio::spawn(serve(line, is_new, parts.io.into_inner(), parts.read_buf, seat));
            }
            Ok(Err(_)) => tracing::error!("a WebSocket came over something that is no TCP stream"),
            Err(error) => {
                tracing::debug!(%error, "a WebSocket handshake was not finished");
                give_up(&line, is_new);
            }
        }
    });
    Ok(switching(&accept, None))
}

/// The WebSocket came to nothing: a new line ends with it, another goes on by polls.
fn give_up<U: Upper>(line: &Arc<Line<U>>, is_new: bool) {
    match is_new {
        true => line.close(End::Lost),
        false => line.state.lock().probed = false,
    }
}

async fn serve<U: Upper>(line: Arc<Line<U>>, is_new: bool, stream: TcpStream, first: Bytes, seat: Option<Arc<Seat>>) {
    let mut door = Box::new(Door { line, stream: Arc::new(stream), reader: Reader::default(), said: VecDeque::new() });
    if !first.is_empty() {
        Door::read(&door.line, &mut door.reader, &mut door.said, &mut first.to_vec());
    }
    if is_new {
        door.line.outbox.adopt(door.stream.clone());
        door.line.open().await;
    } else {
        let taken = tokio::time::timeout(TAKE_OVER_WITHIN, Box::pin(door.take_over())).await;
        if taken != Ok(true) {
            give_up(&door.line, false);
            return;
        }
    }
    let end = door.run().await;
    door.line.close(end);
    linger(&door.stream, &door.line.outbox).await;
    drop(seat);
}

/// What a frame said.
enum Framed {
    Text(String),
    Binary(Vec<u8>),
    Answer(Bytes),
    Goodbye(Bytes),
    Fault(Close),
}

struct Door<U: Upper> {
    line: Arc<Line<U>>,
    stream: Arc<TcpStream>,
    reader: Reader,
    /// Read and not yet told.
    said: VecDeque<Framed>,
}

impl<U: Upper> Door<U> {
    fn read(line: &Line<U>, reader: &mut Reader, said: &mut VecDeque<Framed>, input: &mut [u8]) {
        let result = reader.feed(input, line.engine.settings.payload_bytes_max, &mut |message| match message {
            Message::Text(text) => said.push_back(Framed::Text(text.to_owned())),
            Message::Binary(bytes) => said.push_back(Framed::Binary(bytes.to_vec())),
            Message::Ping(payload) => said.push_back(Framed::Answer(frame::pong(payload))),
            Message::Pong => {}
            Message::Close(code) => said.push_back(Framed::Goodbye(frame::close_reply(code))),
        });
        if let Err(close) = result {
            said.push_back(Framed::Fault(close));
        }
    }

    /// Reads what is there; `false` at the end of the line.
    fn receive(&mut self) -> bool {
        let Door { line, stream, reader, said } = self;
        take_in(stream, |input| Self::read(line, reader, said, input)) != Intake::End
    }

    /// The probe: `2probe` is answered, the waiting poll ends, and with `5` the line is this WebSocket's. `false`: it is not.
    async fn take_over(&mut self) -> bool {
        let mut has_probed = false;
        loop {
            // What follows the upgrade may have come with it, and is the line's.
            while let Some(said) = self.said.pop_front() {
                let Framed::Text(text) = said else { return false };
                match engineio::decode_text(self.line.version, &text) {
                    Ok(Packet::Ping(payload)) if payload == engineio::PROBE && !has_probed => {
                        has_probed = true;
                        if !self.write(frame::text(engineio::PONG_PROBE)).await {
                            return false;
                        }
                        self.line.outbox.wake();
                    }
                    Ok(Packet::Upgrade) if has_probed => {
                        self.adopt();
                        return true;
                    }
                    _ => return false,
                }
            }
            if self.line.is_closed() || self.stream.readable().await.is_err() || !self.receive() {
                return false;
            }
        }
    }

    fn adopt(&self) {
        {
            let mut state = self.line.state.lock();
            state.carrier = Carrier::Socket;
            state.probed = false;
        }
        self.line.engine.hide(&self.line.sid);
        self.line.outbox.adopt(self.stream.clone());
        // A poll that still waits ends, and posts need not wait for it.
        self.line.outbox.wake();
        self.line.room.notify_waiters();
    }

    /// Writes past the outbox, which is not this WebSocket's yet.
    async fn write(&self, frame: Bytes) -> bool {
        let mut rest = &frame[..];
        while !rest.is_empty() {
            if self.stream.writable().await.is_err() {
                return false;
            }
            match self.stream.try_write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return false,
            }
        }
        true
    }

    async fn run(&mut self) -> End {
        loop {
            if !self.said.is_empty() {
                let said = std::mem::take(&mut self.said);
                if let Some(end) = Box::pin(self.obey(said)).await {
                    return end;
                }
            }
            if let Some(end) = self.turn().await {
                return end;
            }
        }
    }

    /// Waits for what comes next.
    async fn turn(&mut self) -> Option<End> {
        let outbox = &self.line.outbox;
        // Whoever does not read its answers is not asked for more questions.
        let interest = match (outbox.is_blocked(), outbox.is_crowded()) {
            (true, true) => Interest::WRITABLE,
            (true, false) => Interest::READABLE | Interest::WRITABLE,
            (false, _) => Interest::READABLE,
        };
        let ready = tokio::select! {
            ready = self.stream.ready(interest) => match ready {
                Ok(ready) => Some(ready),
                Err(_) => return Some(End::Lost),
            },
            () = outbox.woken() => None,
        };
        if ready.is_none_or(|ready| ready.is_writable())
            && let Some(end) = self.pump().await
        {
            return Some(end);
        }
        if ready.is_some_and(|ready| ready.is_readable()) && !self.receive() {
            return Some(End::Lost);
        }
        None
    }

    async fn pump(&mut self) -> Option<End> {
        loop {
            match self.line.outbox.pump() {
                Pumped::Idle | Pumped::Blocked => return None,
                Pumped::Again => tokio::task::yield_now().await,
                Pumped::Fell(place) => self.line.upper.lock().await.fell(place).await,
                Pumped::Finished => return Some(End::Lost),
            }
        }
    }

    async fn obey(&mut self, said: VecDeque<Framed>) -> Option<End> {
        let version = self.line.version;
        for said in said {
            let goes_on = match &said {
                Framed::Text(text) => match engineio::decode_text(version, text) {
                    Ok(packet) => self.hear(packet).await,
                    Err(_) => false,
                },
                Framed::Binary(bytes) => match engineio::decode_binary(version, bytes) {
                    Ok(packet) => self.hear(packet).await,
                    Err(_) => false,
                },
                Framed::Answer(frame) => self.line.outbox.send(frame.clone()).is_ok(),
                Framed::Goodbye(frame) => {
                    self.line.outbox.finish(Some(frame.clone()));
                    return Some(End::Goodbye);
                }
                Framed::Fault(close) => {
                    self.line.outbox.finish(Some(frame::close(*close)));
                    return Some(End::Lost);
                }
            };
            if !goes_on {
                return Some(End::Lost);
            }
        }
        None
    }

    async fn hear(&mut self, packet: Packet<'_>) -> bool {
        while self.line.outbox.is_blocked() && self.line.outbox.is_crowded() {
            if self.stream.writable().await.is_err() || self.pump().await.is_some() {
                return false;
            }
        }
        self.line.hear(packet).await
    }
}
