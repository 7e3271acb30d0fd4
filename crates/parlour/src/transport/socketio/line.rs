//! One session of Engine.IO, on whatever transport it is: a line. What is to be sent lies in its outbox; what is said is told to
//! the layer above, an [`Upper`], one message after the other. The doors (`poll`, `socket`) carry bytes; the `engine` keeps the
//! lines that polls look for and their heartbeats.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use parlour_wire::code::Close;
use parlour_wire::engineio::{self, Packet, Version};
use parlour_wire::frame;
use tokio::sync::Notify;

use crate::outbox::Outbox;

use super::engine::Engine;

/// How long a client that posts may leave its answers unread.
const ROOM_WITHIN: Duration = Duration::from_secs(20);

/// What a client said to the layer above.
#[derive(Debug)]
pub enum Said {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

/// The layer above Engine.IO: one for each line.
pub trait Upper: Send + 'static {
    /// The line is open. `false`: close it.
    fn open(&mut self) -> impl Future<Output = bool> + Send;

    /// The client said something. `false`: close the line.
    fn hear(&mut self, said: Said) -> impl Future<Output = bool> + Send;

    /// The reader at this place of the outbox fell off its ring.
    fn fell(&mut self, place: usize) -> impl Future<Output = ()> + Send;

    /// Whether the client has said what it wants here; until then it has only so long.
    fn is_established(&self) -> bool;

    /// The line is closed: by a goodbye, or lost.
    fn end(&mut self, lost: bool);
}

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client said goodbye.
    Goodbye,
    /// The server closes.
    Closed,
    /// The client broke a rule, or is gone.
    Lost,
}

/// Which transport carries the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    Polls,
    Socket,
}

/// What changes.
pub(super) struct State {
    pub(super) carrier: Carrier,
    /// A poll waits.
    pub(super) polled: bool,
    /// A post is being read.
    pub(super) posted: bool,
    /// A WebSocket is about to take over.
    pub(super) probed: bool,
    pub(super) ended: Option<End>,
}

/// What is known of a line from its handshake.
pub(super) struct Known {
    pub(super) sid: Arc<str>,
    pub(super) version: Version,
    /// Whom limits count.
    pub(super) address: Option<IpAddr>,
}

/// One session.
pub struct Line<U: Upper> {
    pub(super) engine: Arc<Engine<U>>,
    pub(super) sid: Arc<str>,
    pub(super) version: Version,
    address: Option<IpAddr>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) upper: tokio::sync::Mutex<U>,
    pub(super) state: Mutex<State>,
    /// Rung when a poll took something.
    pub(super) room: Notify,
    /// Tick of the engine at which something was last heard.
    heard: AtomicU64,
    owes_pong: AtomicBool,
}

impl<U: Upper> Line<U> {
    pub(super) fn new(engine: Arc<Engine<U>>, known: Known, outbox: Arc<Outbox>, upper: U, carrier: Carrier) -> Arc<Line<U>> {
        let Known { sid, version, address } = known;
        let state = State { carrier, polled: false, posted: false, probed: false, ended: None };
        let heard = AtomicU64::new(engine.tick());
        Arc::new(Line {
            engine,
            sid,
            version,
            address,
            outbox,
            upper: tokio::sync::Mutex::new(upper),
            state: Mutex::new(state),
            room: Notify::new(),
            heard,
            owes_pong: AtomicBool::new(false),
        })
    }

    /// The open packet, then the layer above.
    pub(super) async fn open(self: &Arc<Self>) {
        let settings = &self.engine.settings;
        let text = engineio::open(&engineio::Open {
            sid: &self.sid,
            upgrade: self.state.lock().carrier == Carrier::Polls,
            ping_interval_ms: settings.ping_interval.as_millis() as u64,
            ping_timeout_ms: settings.ping_timeout.as_millis() as u64,
            payload_bytes_max: settings.payload_bytes_max,
        });
        let told = self.outbox.send(frame::text(&text)).is_ok();
        if !told || !self.upper.lock().await.open().await {
            self.close(End::Closed);
        }
    }

    /// A packet of the client. `false`: the line is closed.
    pub(super) async fn hear(self: &Arc<Self>, packet: Packet<'_>) -> bool {
        self.heard.store(self.engine.tick(), Ordering::Relaxed);
        self.owes_pong.store(false, Ordering::Relaxed);
        let said = match (packet, self.version) {
            (Packet::Message(text), _) => Said::Text(text.into_owned()),
            (Packet::Binary(bytes), _) => Said::Binary(bytes.into_owned()),
            (Packet::Ping(payload), Version::V3) => {
                let pong = frame::text(&engineio::pong(&payload));
                return self.outbox.send(pong).is_ok() || self.lose();
            }
            (Packet::Pong, Version::V4) | (Packet::Noop | Packet::Upgrade, _) => return true,
            (Packet::Close, _) => {
                self.close(End::Goodbye);
                return false;
            }
            // A heartbeat of the wrong direction.
            (Packet::Ping(_), Version::V4) | (Packet::Pong, Version::V3) => return self.lose(),
        };
        if self.outbox.is_crowded() && tokio::time::timeout(ROOM_WITHIN, self.wait_for_room()).await.is_err() {
            return self.lose();
        }
        let goes_on = self.upper.lock().await.hear(said).await;
        if !goes_on {
            self.close(End::Lost);
        }
        goes_on
    }

    /// Whoever does not read its answers is asked for no more questions. A WebSocket's door sees to that itself.
    async fn wait_for_room(&self) {
        loop {
            let rung = self.room.notified();
            let is_polled = self.state.lock().carrier == Carrier::Polls;
            if !is_polled || !self.outbox.is_crowded() {
                return;
            }
            rung.await;
        }
    }

    fn lose(self: &Arc<Self>) -> bool {
        self.close(End::Lost);
        false
    }

    /// Ends the line, once. The layer above hears of it when it has done what it is at.
    pub(super) fn close(self: &Arc<Self>, end: End) {
        {
            let mut state = self.state.lock();
            if state.ended.is_some() {
                return;
            }
            state.ended = Some(end);
        }
        self.engine.forget(&self.sid, self.address);
        self.outbox.finish(Some(frame::close(Close::NORMAL)));
        self.room.notify_waiters();
        let line = self.clone();
        tokio::spawn(async move { line.upper.lock().await.end(end != End::Goodbye) });
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().ended.is_some()
    }

    /// The engine's heartbeat reached the line: the server pings, or looks whether the client did.
    pub(super) fn beat(self: &Arc<Self>, tick: u64) {
        match self.version {
            Version::V4 => {
                self.owes_pong.store(true, Ordering::Relaxed);
                if self.outbox.send(frame::text(engineio::PING)).is_err() {
                    self.close(End::Lost);
                }
            }
            Version::V3 => self.check_silence(tick),
        }
    }

    /// So long after the heartbeat the answer must have come.
    pub(super) fn check_beat(self: &Arc<Self>, tick: u64) {
        match self.version {
            Version::V4 if self.owes_pong.load(Ordering::Relaxed) => self.close(End::Lost),
            Version::V4 => {}
            Version::V3 => self.check_silence(tick),
        }
    }

    fn check_silence(self: &Arc<Self>, tick: u64) {
        if tick.saturating_sub(self.heard.load(Ordering::Relaxed)) > self.engine.silence_ticks() {
            self.close(End::Lost);
        }
    }
}
