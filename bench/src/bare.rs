//! The limit that servers are held against: a bare epoll loop that finds a channel's sockets in a list and hands each a ready frame, one `send`
//! per message. Merging, it makes one `send` of all that came in at once. It speaks the plain protocol of `peer::plain`, checks nothing and
//! frees little: it is no server, only what the kernel's calls cost.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::net::SendFlags;

use crate::fault::{Doing, Fault, Outcome};
use crate::wire;

const LISTENER: u64 = u64::MAX;
const BUFFER_BYTES: usize = 1024 * 1024;
/// Unsent bytes that a client may have before it is dropped.
const PENDING_BYTES_MAX: usize = 16 * 1024 * 1024;

/// One client. Whether it is open yet is told by its channel.
struct Client {
    stream: TcpStream,
    /// Index into the channels; `None` before the handshake and for publishers.
    channel: Option<u32>,
    open: bool,
    /// The beginning of a frame, or what could not be sent; nearly always neither.
    rest: Option<Box<Rest>>,
}

#[derive(Default)]
struct Rest {
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
}

struct Loop {
    epoll: OwnedFd,
    listener: TcpListener,
    clients: Vec<Option<Client>>,
    names: HashMap<String, u32>,
    /// Members of each channel.
    channels: Vec<Vec<u32>>,
    /// Merging: what is to be sent to each channel after this read.
    gathered: Vec<(u32, Vec<u8>)>,
    merging: bool,
    buffer: Vec<u8>,
}

/// Serves on a port of loopback until it is killed.
pub fn serve(port: u16, merging: bool) -> Outcome<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).doing("listening")?;
    rustix::net::listen(&listener, 4096)?;
    listener.set_nonblocking(true)?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let buffer = vec![0; BUFFER_BYTES];
    let (clients, names, channels, gathered) = Default::default();
    let mut all = Loop { epoll, listener, clients, names, channels, gathered, merging, buffer };
    let mut events: Vec<Event> = Vec::with_capacity(1024);
    loop {
        events.clear();
        epoll::wait(&all.epoll, rustix::buffer::spare_capacity(&mut events), None)?;
        for event in &events {
            match event.data.u64() {
                LISTENER => all.accept()?,
                index => all.serve_one(index as usize, event.flags)?,
            }
        }
        all.send_gathered()?;
    }
}

impl Loop {
    fn accept(&mut self) -> Outcome<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).doing("accepting"),
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            epoll::add(&self.epoll, &stream, EventData::new_u64(self.clients.len() as u64), EventFlags::IN)?;
            self.clients.push(Some(Client { stream, channel: None, open: false, rest: None }));
        }
    }

    fn serve_one(&mut self, index: usize, flags: EventFlags) -> Outcome<()> {
        if flags.contains(EventFlags::OUT) {
            self.send_rest(index)?;
        }
        if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) { self.read(index) } else { Ok(()) }
    }

    fn read(&mut self, index: usize) -> Outcome<()> {
        let Some(client) = self.clients[index].as_mut() else { return Ok(()) };
        let incoming = client.rest.as_mut().map(|rest| std::mem::take(&mut rest.incoming)).unwrap_or_default();
        let kept = incoming.len();
        self.buffer[..kept].copy_from_slice(&incoming);
        match client.stream.read(&mut self.buffer[kept..]) {
            Ok(0) => self.leave(index),
            Ok(read) => {
                let mut buffer = std::mem::take(&mut self.buffer);
                let done = self.take(index, &mut buffer[..kept + read]);
                self.buffer = buffer;
                done
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(_) => self.leave(index),
        }
    }

    fn take(&mut self, index: usize, bytes: &mut [u8]) -> Outcome<()> {
        let Some(client) = self.clients[index].as_mut() else { return Ok(()) };
        let mut at = 0;
        if !client.open {
            let Some(end) = wire::head_end(bytes) else { return self.keep(index, bytes) };
            client.open = true;
            let answer = format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
                wire::NONCE_ANSWER
            );
            client.stream.write_all(answer.as_bytes())?;
            let path = bytes.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
            let name = String::from_utf8_lossy(path.strip_prefix(b"/").unwrap_or(path)).into_owned();
            if !name.is_empty() {
                let channel = self.channel(name);
                self.channels[channel as usize].push(index as u32);
                client_of(&mut self.clients, index)?.channel = Some(channel);
            }
            at = end;
        }
        while let Some((header, length)) = masked_frame(&bytes[at..])? {
            let (mask, payload) = bytes[at + header - 4..][..4 + length].split_at_mut(4);
            payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
            if let Some(space) = memchr::memchr(b' ', payload)
                && let Some(channel) = std::str::from_utf8(&payload[..space]).ok().and_then(|name| self.names.get(name)).copied()
            {
                let mut frame = Vec::with_capacity(payload.len() + 10);
                wire::put_unmasked(&payload[space + 1..], &mut frame);
                self.publish(channel, &frame)?;
            }
            at += header + length;
        }
        self.keep(index, &bytes[at..])
    }

    fn channel(&mut self, name: String) -> u32 {
        let next = self.channels.len() as u32;
        let channel = *self.names.entry(name).or_insert(next);
        if channel == next {
            self.channels.push(Vec::new());
        }
        channel
    }

    fn keep(&mut self, index: usize, bytes: &[u8]) -> Outcome<()> {
        let client = client_of(&mut self.clients, index)?;
        if !bytes.is_empty() {
            client.rest.get_or_insert_default().incoming = bytes.to_vec();
        } else if client.rest.as_ref().is_some_and(|rest| rest.outgoing.is_empty()) {
            client.rest = None;
        }
        Ok(())
    }

    fn publish(&mut self, channel: u32, frame: &[u8]) -> Outcome<()> {
        if !self.merging {
            return self.send_all(channel, frame);
        }
        match self.gathered.iter_mut().find(|(to, _)| *to == channel) {
            Some((_, frames)) => frames.extend_from_slice(frame),
            None => self.gathered.push((channel, frame.to_vec())),
        }
        Ok(())
    }

    fn send_gathered(&mut self) -> Outcome<()> {
        for (channel, frames) in std::mem::take(&mut self.gathered) {
            self.send_all(channel, &frames)?;
        }
        Ok(())
    }

    fn send_all(&mut self, channel: u32, frame: &[u8]) -> Outcome<()> {
        let members = std::mem::take(&mut self.channels[channel as usize]);
        for index in &members {
            let Some(client) = self.clients[*index as usize].as_mut() else { continue };
            let waiting = client.rest.as_ref().is_some_and(|rest| !rest.outgoing.is_empty());
            let sent = if waiting { 0 } else { send(&client.stream, frame) };
            if sent < frame.len() {
                let rest = client.rest.get_or_insert_default();
                rest.outgoing.extend_from_slice(&frame[sent..]);
                if rest.outgoing.len() > PENDING_BYTES_MAX {
                    return Err(Fault("a client reads too slowly".into()));
                }
                if !waiting {
                    watch(&self.epoll, &client.stream, *index, EventFlags::IN | EventFlags::OUT)?;
                }
            }
        }
        self.channels[channel as usize] = members;
        Ok(())
    }

    fn send_rest(&mut self, index: usize) -> Outcome<()> {
        let Some(client) = self.clients[index].as_mut() else { return Ok(()) };
        let Some(rest) = client.rest.as_mut() else { return Ok(()) };
        let sent = send(&client.stream, &rest.outgoing);
        rest.outgoing.drain(..sent);
        if rest.outgoing.is_empty() {
            client.rest = None;
            watch(&self.epoll, &client.stream, index as u32, EventFlags::IN)?;
        }
        Ok(())
    }

    fn leave(&mut self, index: usize) -> Outcome<()> {
        let Some(client) = self.clients[index].take() else { return Ok(()) };
        if let Some(channel) = client.channel {
            self.channels[channel as usize].retain(|member| *member as usize != index);
        }
        epoll::delete(&self.epoll, &client.stream).doing("forgetting a client")
    }
}

fn client_of(clients: &mut [Option<Client>], index: usize) -> Outcome<&mut Client> {
    clients[index].as_mut().ok_or_else(|| Fault("a client is gone".into()))
}

fn watch(epoll: &OwnedFd, stream: &TcpStream, index: u32, flags: EventFlags) -> Outcome<()> {
    epoll::modify(epoll, stream, EventData::new_u64(u64::from(index)), flags).doing("watching a client")
}

/// Bytes that the socket took; an error shows when it is read.
fn send(stream: &TcpStream, bytes: &[u8]) -> usize {
    rustix::net::send(stream, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT).unwrap_or(0)
}

/// Header, mask included, and payload length of a client's frame; `None` while it is incomplete.
fn masked_frame(bytes: &[u8]) -> Outcome<Option<(usize, usize)>> {
    let (header, length) = match bytes {
        [_, second, ..] if second & 0x80 == 0 => return Err(Fault("an unmasked frame".into())),
        [_, 0xfe, high, low, ..] => (8, usize::from(u16::from_be_bytes([*high, *low]))),
        [_, 0xff, ..] => return Err(Fault("a frame beyond 64 KiB".into())),
        [_, second, ..] if *second != 0xfe => (6, usize::from(second & 0x7f)),
        _ => return Ok(None),
    };
    Ok((bytes.len() >= header + length).then_some((header, length)))
}
