//! HTTP clients that ask again as soon as they are answered, each over a connection of its own that is kept as long as the server keeps it. The
//! same thread and epoll as everything else; answers are measured by `Content-Length` or by the chunks' end, not parsed. What to ask is the caller's matter.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::time::Timespec;

use super::write_pending;
use crate::fault::{Doing, Fault, Outcome};
use crate::{stamp, wire};

const READ_BYTES: usize = 64 * 1024;
/// The longest answer, bytes.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long all askers together may go without an answer.
const STALL_MAX: Duration = Duration::from_secs(30);

/// One client and its request under way.
struct Asker {
    stream: TcpStream,
    received: Vec<u8>,
    sent_ns: u64,
    asking: bool,
}

/// An answer: its status, head and body.
pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

/// What came of asking.
#[derive(Default)]
pub struct Asked {
    pub answers: u64,
    pub latencies_ns: Vec<u64>,
    pub elapsed: Duration,
}

/// Several clients of one server.
pub struct Askers {
    address: SocketAddrV4,
    epoll: OwnedFd,
    askers: Vec<Asker>,
    buffer: Vec<u8>,
}

impl Askers {
    pub fn new(address: SocketAddrV4, count: usize) -> Outcome<Self> {
        let mut all =
            Self { address, epoll: epoll::create(CreateFlags::CLOEXEC)?, askers: Vec::new(), buffer: vec![0; READ_BYTES] };
        for index in 0..count {
            let stream = all.connect(index)?;
            all.askers.push(Asker { stream, received: Vec::new(), sent_ns: 0, asking: false });
        }
        Ok(all)
    }

    fn connect(&self, index: usize) -> Outcome<TcpStream> {
        let stream = TcpStream::connect(self.address).doing("connecting")?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        epoll::add(&self.epoll, &stream, EventData::new_u64(index as u64), EventFlags::IN)?;
        Ok(stream)
    }

    /// Asks until `lasting` has passed or `request` has no more to ask; `request` is given the asker's number, `answered` the number and the answer.
    pub fn ask(
        &mut self,
        lasting: Duration,
        mut request: impl FnMut(usize) -> Option<Vec<u8>>,
        mut answered: impl FnMut(usize, &Answer) -> Outcome<()>,
    ) -> Outcome<Asked> {
        let start = Instant::now();
        let mut asked = Asked::default();
        let mut events: Vec<Event> = Vec::with_capacity(256);
        for index in 0..self.askers.len() {
            self.send(index, request(index))?;
        }
        let mut progress = start;
        while self.askers.iter().any(|asker| asker.asking) {
            events.clear();
            let second = Timespec { tv_sec: 1, tv_nsec: 0 };
            epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&second))?;
            if progress.elapsed() > STALL_MAX {
                return Err(Fault(format!("no answer for {} s", STALL_MAX.as_secs())));
            }
            for event in &events {
                let index = event.data.u64() as usize;
                if let Some(Whole { status, head, end, closing }) = self.read(index)? {
                    progress = Instant::now();
                    let asker = &mut self.askers[index];
                    asker.asking = false;
                    asked.answers += 1;
                    asked.latencies_ns.push(stamp::now_ns().saturating_sub(asker.sent_ns));
                    answered(index, &Answer { status, body: &asker.received[head..end] })?;
                    asker.received.drain(..end);
                    if closing {
                        self.askers[index].stream = self.connect(index)?;
                    }
                    let next = if start.elapsed() < lasting { request(index) } else { None };
                    self.send(index, next)?;
                }
            }
        }
        asked.elapsed = start.elapsed();
        Ok(asked)
    }

    fn send(&mut self, index: usize, request: Option<Vec<u8>>) -> Outcome<()> {
        let Some(mut request) = request else { return Ok(()) };
        let asker = &mut self.askers[index];
        asker.asking = true;
        asker.sent_ns = stamp::now_ns();
        write_pending(&mut asker.stream, &mut request)?;
        if request.is_empty() { Ok(()) } else { Err(Fault("a request did not fit into the socket".into())) }
    }

    /// The answer, once it is whole.
    fn read(&mut self, index: usize) -> Outcome<Option<Whole>> {
        let asker = &mut self.askers[index];
        let read = match asker.stream.read(&mut self.buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error).doing("reading an answer"),
        };
        asker.received.extend_from_slice(&self.buffer[..read]);
        if read == 0 {
            if asker.asking {
                return Err(Fault("the server closed a connection instead of answering".into()));
            }
            // Some servers answer so often over a connection and no more.
            self.askers[index].stream = self.connect(index)?;
            return Ok(None);
        }
        if asker.received.len() > ANSWER_BYTES_MAX {
            return Err(Fault("an answer without end".into()));
        }
        whole(&asker.received)
    }
}

/// Where a whole answer's head and body end, and whether the server closes the connection after it.
#[derive(PartialEq, Eq, Debug)]
struct Whole {
    status: u16,
    head: usize,
    end: usize,
    closing: bool,
}

/// The answer that `received` begins with, `None` while it is incomplete.
fn whole(received: &[u8]) -> Outcome<Option<Whole>> {
    let Some(head) = wire::head_end(received) else { return Ok(None) };
    let text = std::str::from_utf8(&received[..head]).map_err(|_| Fault("an answer that is no HTTP".into()))?;
    let status =
        text.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(|| Fault("an answer without status".into()))?;
    let field = |name: &str| {
        text.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    };
    let closing = field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let end = if let Some(length) = field("content-length") {
        let length: usize = length.parse().map_err(|_| Fault("an answer of unknown length".into()))?;
        (received.len() >= head + length).then_some(head + length)
    } else if field("transfer-encoding").is_some() {
        received.ends_with(b"\r\n0\r\n\r\n").then_some(received.len())
    } else {
        return Err(Fault("an answer that does not say where it ends".into()));
    };
    Ok(end.map(|end| Whole { status, head, end, closing }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_length_says() {
        let answer = b"HTTP/1.1 201 Created\r\ncontent-Length: 4\r\n\r\nbodyHTTP/1.1";
        assert_eq!(whole(&answer[..43]).unwrap(), None);
        assert_eq!(whole(answer).unwrap(), Some(Whole { status: 201, head: 43, end: 47, closing: false }));
        let chunked =
            whole(b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n").unwrap();
        assert!(chunked.is_some_and(|chunked| chunked.status == 200 && chunked.closing));
        assert!(whole(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
