//! The load generator: one thread, one epoll instance, one read buffer for all connections. Frame boundaries are scanned, payloads are not
//! parsed; only sampled connections look for time stamps. It must stay cheaper than any server that it measures. Relies on `wire` and on a
//! [`Peer`] for the words to say; `pace` decides when to publish, `scenario` what to measure.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::net::sockopt::set_tcp_quickack;
use rustix::time::Timespec;

use crate::fault::{Doing, Fault, Outcome};
use crate::peer::{Peer, Publishing, Step, Unit};
use crate::{stamp, wire};

mod connection;
pub mod http;
pub mod pace;

use connection::{Connection, Role, Stage};

/// The read buffer, bytes: a whole frame and what is read after it must fit.
const BUFFER_BYTES: usize = 1024 * 1024;
/// Handshakes under way at once; below every server's backlog.
const HANDSHAKES_MAX: usize = 64;
/// How long all handshakes together may make no progress.
const HANDSHAKE_STALL: Duration = Duration::from_secs(20);
/// Latencies kept; beyond that the run is long enough to do without.
const LATENCIES_MAX: usize = 4_000_000;

/// What was received since the last [`Load::reset`].
#[derive(Default)]
pub struct Tally {
    pub deliveries: u64,
    /// Nanoseconds from sending a publication to receiving it, of sampled connections.
    pub latencies_ns: Vec<u64>,
    /// Connections that the server closed.
    pub closed: u64,
}

/// Many clients of one server.
pub struct Load<'a> {
    peer: &'a dyn Peer,
    address: SocketAddrV4,
    epoll: OwnedFd,
    connections: Vec<Connection>,
    publishers: Vec<usize>,
    /// Connections with a delivery that `pace` is to answer, if it asked for them.
    pub delivered: Option<Vec<usize>>,
    buffer: Vec<u8>,
    events: Vec<Event>,
    ready: usize,
    sample_every: usize,
    payload_bytes: usize,
    unit: Unit,
    /// Positions given in answers to subscribing, by connection, if asked for.
    pub positions: Option<Vec<(usize, String)>>,
    /// The position that returning clients name.
    pub return_position: Option<String>,
    pub tally: Tally,
}

impl<'a> Load<'a> {
    /// No connection yet. Payloads will have `payload_bytes`; one in `sample_every` connections samples latencies.
    pub fn new(peer: &'a dyn Peer, address: SocketAddrV4, payload_bytes: usize, sample_every: usize) -> Outcome<Self> {
        Ok(Self {
            peer,
            address,
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            connections: Vec::new(),
            publishers: Vec::new(),
            delivered: None,
            buffer: vec![0; BUFFER_BYTES],
            events: Vec::with_capacity(1024),
            ready: 0,
            sample_every: sample_every.max(1),
            payload_bytes,
            unit: peer.unit(payload_bytes),
            positions: None,
            return_position: None,
            tally: Tally::default(),
        })
    }

    /// From now on, of so many new subscribers one samples latencies; none with `usize::MAX`.
    pub fn sample_every(&mut self, every: usize) {
        self.sample_every = every.max(1);
    }

    pub fn subscribers(&self) -> usize {
        self.connections.len() - self.publishers.len()
    }

    /// Connects a client for each channel named and waits until all are subscribed.
    pub fn subscribe_all(&mut self, channels: impl Iterator<Item = String>) -> Outcome<()> {
        for channel in channels {
            let sampled = self.subscribers() % self.sample_every == self.sample_every / 2;
            self.open(Role::Subscriber { channel }, sampled)?;
            while self.connections.len() - self.ready >= HANDSHAKES_MAX {
                self.await_progress()?;
            }
        }
        self.finish_handshakes()
    }

    /// Connects publishers, over which publications are spread.
    pub fn add_publishers(&mut self, count: usize) -> Outcome<()> {
        for _ in 0..count {
            self.publishers.push(self.connections.len());
            let role = match self.peer.publishing() {
                Publishing::WebSocket => Role::Publisher,
                Publishing::Http => Role::HttpPublisher,
            };
            self.open(role, false)?;
        }
        self.finish_handshakes()
    }

    /// Cuts every connection at once, without a word.
    pub fn cut_all(&mut self) {
        self.connections.clear();
        self.publishers.clear();
        self.ready = 0;
    }

    fn finish_handshakes(&mut self) -> Outcome<()> {
        while self.ready < self.connections.len() {
            self.await_progress()?;
        }
        Ok(())
    }

    fn await_progress(&mut self) -> Outcome<()> {
        let before = Instant::now();
        let events = self.wait(HANDSHAKE_STALL)?;
        if self.tally.closed > 0 || (events == 0 && before.elapsed() >= HANDSHAKE_STALL) {
            let (ready, all, closed) = (self.ready, self.connections.len(), self.tally.closed);
            return Err(Fault(format!(
                "{ready} of {all} clients got through, {closed} were closed by the server, then nothing happened"
            )));
        }
        Ok(())
    }

    fn open(&mut self, role: Role, sampled: bool) -> Outcome<()> {
        let mut address = self.address;
        address.set_port(address.port() + (self.connections.len() % usize::from(self.peer.nodes())) as u16);
        let stream = TcpStream::connect(address).doing(format!("connecting client {}", self.connections.len()))?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let index = self.connections.len();
        epoll::add(&self.epoll, &stream, EventData::new_u64(index as u64), EventFlags::IN)?;
        let mut connection = Connection::new(stream, role, sampled);
        if connection.role == Role::HttpPublisher {
            connection.stage = Stage::Ready;
            self.ready += 1;
        } else {
            let (path, port) = (self.peer.path(connection.channel()), address.port());
            connection.pending = match self.unit {
                Unit::Event => wire::stream_request(&path, port),
                _ => wire::handshake(&path, port),
            };
            connection.flush()?;
        }
        self.connections.push(connection);
        Ok(())
    }

    /// Forgets what was received so far.
    pub fn reset(&mut self) {
        self.tally = Tally::default();
    }

    /// Waits for something to arrive, at most so long, and takes it in. Says how many connections had something.
    pub fn wait(&mut self, at_most: Duration) -> Outcome<usize> {
        let timeout = Timespec { tv_sec: at_most.as_secs() as i64, tv_nsec: i64::from(at_most.subsec_nanos()) };
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        let waited = epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&timeout));
        if let Err(error) = waited
            && error != rustix::io::Errno::INTR
        {
            return Err(error.into());
        }
        for event in &events {
            self.read(event.data.u64() as usize)?;
        }
        let count = events.len();
        self.events = events;
        Ok(count)
    }

    /// Takes in all that has arrived.
    pub fn drain(&mut self) -> Outcome<()> {
        while self.wait(Duration::ZERO)? > 0 {}
        Ok(())
    }

    fn read(&mut self, index: usize) -> Outcome<()> {
        let Some(connection) = self.connections.get_mut(index) else { return Ok(()) };
        let kept = connection.carry.len();
        if kept > self.buffer.len() / 2 + wire::FRAME_BYTES_MAX / 2 {
            return Err(Fault("the server sent a message without end".into()));
        }
        self.buffer[..kept].copy_from_slice(&connection.carry);
        let read = match connection.stream.read(&mut self.buffer[kept..]) {
            Ok(0) => Err(ErrorKind::ConnectionReset),
            Ok(read) => Ok(read),
            Err(error) => Err(error.kind()),
        };
        match read {
            Ok(read) => {
                connection.carry.clear();
                let buffer = std::mem::take(&mut self.buffer);
                let taken = self.take(index, &buffer[..kept + read]);
                self.buffer = buffer;
                taken
            }
            Err(ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(()),
            Err(_) => {
                epoll::delete(&self.epoll, &connection.stream)?;
                self.tally.closed += 1;
                Ok(())
            }
        }
    }

    /// Takes whole messages out of `bytes` and keeps the rest for the next read.
    fn take(&mut self, index: usize, bytes: &[u8]) -> Outcome<()> {
        let mut at = 0;
        if self.connections[index].role == Role::HttpPublisher {
            return self.connections[index].expect_success(bytes);
        }
        if self.connections[index].stage == Stage::Opening {
            let Some(end) = wire::head_end(bytes) else { return self.keep(index, bytes) };
            let wanted: &[u8] = if self.unit == Unit::Event { b"HTTP/1.1 200" } else { b"HTTP/1.1 101" };
            if !bytes.starts_with(wanted) {
                return Err(Fault(format!("a client was refused: {}", String::from_utf8_lossy(&bytes[..end]))));
            }
            at = end;
            self.begin_step(index, 0)?;
        }
        let mut deliveries = 0;
        if self.unit == Unit::Event {
            // The line that begins a chunk belongs to what it frames and is shorter than a payload.
            while let Some(length) = memchr::memmem::find(&bytes[at..], b"\n\n") {
                deliveries += u64::from(length >= self.payload_bytes);
                at += length + 2;
            }
            self.received(index, &bytes[..at], deliveries);
            return self.keep(index, &bytes[at..]);
        }
        while let Some(frame) = wire::frame(&bytes[at..])? {
            let payload = &bytes[at + frame.header..][..frame.length];
            at += frame.header + frame.length;
            match (frame.opcode, self.connections[index].stage) {
                (wire::PING, _) => self.connections[index].send(wire::PONG, payload)?,
                (wire::CLOSE, _) => self.tally.closed += 1,
                (_, Stage::Step(step)) => self.step_answered(index, step, payload)?,
                _ => deliveries += self.count(index, payload)?,
            }
        }
        self.received(index, &bytes[..at], deliveries);
        self.keep(index, &bytes[at..])
    }

    /// Notes what whole messages brought.
    fn received(&mut self, index: usize, bytes: &[u8], deliveries: u64) {
        if deliveries == 0 {
            return;
        }
        self.tally.deliveries += deliveries;
        if self.connections[index].sampled && self.tally.latencies_ns.len() < LATENCIES_MAX {
            let now = stamp::now_ns();
            self.tally.latencies_ns.extend(stamp::moments(bytes).map(|sent| now.saturating_sub(sent)));
        }
        if let Some(delivered) = &mut self.delivered {
            delivered.extend(std::iter::repeat_n(index, deliveries as usize));
        }
    }

    fn keep(&mut self, index: usize, rest: &[u8]) -> Outcome<()> {
        let connection = &mut self.connections[index];
        if rest.is_empty() {
            connection.carry = Vec::new();
        } else {
            connection.carry.extend_from_slice(rest);
        }
        Ok(())
    }

    /// How many deliveries a payload holds; what is shorter than one may want an answer.
    fn count(&mut self, index: usize, payload: &[u8]) -> Outcome<u64> {
        let least = self.payload_bytes;
        match self.unit {
            Unit::Bytes { beside } if payload.len() >= least || self.connections[index].partial_bytes > 0 => {
                let connection = &mut self.connections[index];
                let bytes = connection.partial_bytes + payload.len();
                connection.partial_bytes = bytes % (least + beside);
                return Ok((bytes / (least + beside)) as u64);
            }
            Unit::Frame if payload.len() >= least => return Ok(1),
            Unit::Line if payload.len() >= least => {
                let mut deliveries = 0;
                let mut from = 0;
                for end in memchr::memchr_iter(b'\n', payload).chain([payload.len()]) {
                    deliveries += u64::from(end - from >= least);
                    from = end + 1;
                }
                return Ok(deliveries);
            }
            _ => {}
        }
        self.answer(index, payload)?;
        Ok(0)
    }

    fn answer(&mut self, index: usize, payload: &[u8]) -> Outcome<()> {
        match self.peer.answer(payload) {
            Some(answer) => self.connections[index].send(wire::TEXT, answer),
            None => Ok(()),
        }
    }

    fn step(&self, index: usize, step: usize) -> Option<Step> {
        let channel = self.connections[index].channel();
        match &self.return_position {
            Some(position) if !channel.is_empty() => self.peer.return_step(step, channel, position),
            _ => self.peer.step(step, channel),
        }
    }

    fn begin_step(&mut self, index: usize, step: usize) -> Outcome<()> {
        let next = self.step(index, step);
        let connection = &mut self.connections[index];
        match next {
            Some(next) => {
                connection.stage = Stage::Step(step);
                connection.until = next.until;
                if !next.send.is_empty() {
                    connection.send(wire::TEXT, next.send.as_bytes())?;
                }
            }
            None => {
                connection.stage = Stage::Ready;
                self.ready += 1;
                // Whether a client has spoken after the handshake decides when its kernel acknowledges: at once in the server's `send`, or when
                // the generator reads. That is the client's side of the cost, so it is made the same for every protocol.
                set_tcp_quickack(&connection.stream, true)?;
            }
        }
        Ok(())
    }

    fn step_answered(&mut self, index: usize, step: usize, payload: &[u8]) -> Outcome<()> {
        if memchr::memmem::find(payload, b"\"error\"").is_some() {
            return Err(Fault(format!("a client was refused: {}", String::from_utf8_lossy(payload))));
        }
        if memchr::memmem::find(payload, self.connections[index].until.as_bytes()).is_none() {
            // A ping that came early.
            return self.answer(index, payload);
        }
        self.begin_step(index, step + 1)?;
        if self.connections[index].stage == Stage::Ready {
            // What was recovered comes inside the answer itself; each publication carries one moment.
            self.tally.deliveries += if self.return_position.is_some() { stamp::moments(payload).count() as u64 } else { 0 };
            if let Some(positions) = &mut self.positions {
                positions.extend(self.peer.position(payload).map(|position| (index, position)));
            }
        }
        Ok(())
    }

    /// Publishes to `channel` over one of the publishers.
    pub fn publish(&mut self, channel: &str, sequence: u64) -> Outcome<()> {
        let publishers = self.publishers.len().max(1);
        let index = self.publishers.get(sequence as usize % publishers).copied();
        let index = index.ok_or_else(|| Fault("nobody is there to publish".into()))?;
        let payload = stamp::payload(stamp::now_ns(), self.payload_bytes);
        let connection = &mut self.connections[index];
        self.peer.publish(channel, &payload, sequence, &mut connection.pending);
        connection.flush()
    }

    /// Lets a subscriber publish into its own channel.
    pub fn echo(&mut self, index: usize, sequence: u64) -> Outcome<()> {
        let payload = stamp::payload(stamp::now_ns(), self.payload_bytes);
        let connection = &mut self.connections[index];
        let Role::Subscriber { channel } = &connection.role else { return Ok(()) };
        self.peer.publish(channel, &payload, sequence, &mut connection.pending);
        connection.flush()
    }

    /// Sends what did not fit when it was published.
    pub fn flush_publishers(&mut self) -> Outcome<()> {
        self.publishers.iter().try_for_each(|index| self.connections[*index].flush())
    }
}

/// Writes as much of `pending` as the socket takes.
fn write_pending(stream: &mut TcpStream, pending: &mut Vec<u8>) -> Outcome<()> {
    while !pending.is_empty() {
        match stream.write(pending) {
            Ok(written) => drop(pending.drain(..written)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).doing("sending to the server"),
        }
    }
    *pending = Vec::new();
    Ok(())
}
