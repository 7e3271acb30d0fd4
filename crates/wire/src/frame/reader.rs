//! Messages out of a client's bytes (RFC 6455 §5): unmasked where they lie, and handed out from there when they are whole. What is
//! cut off at the end of the input is kept until the rest comes; between messages a reader owns nothing on the heap. A compressed message is
//! inflated when it is whole, within the same limit.
//! What to answer is the caller's matter.

use super::deflate::{inflate, may_compress};
use super::{BINARY, CLOSE, CONTINUATION, CONTROL_BYTES_MAX, FIN, PING, PONG, RSV1, TEXT};
use crate::code::Close;

/// What a client said. It lies in the input or in the reader, for as long as the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A whole text message.
    Text(&'a str),
    /// A whole binary message.
    Binary(&'a [u8]),
    /// To be answered by a pong with the same payload.
    Ping(&'a [u8]),
    /// The answer to a ping, or a sign of life.
    Pong,
    /// To be answered by `close_reply`; nothing follows. The code, if one was given, is one that may be sent.
    Close(Option<u16>),
}

/// Reads one client's frames.
#[derive(Debug, Default)]
pub struct Reader {
    /// Set while something is incomplete.
    pending: Option<Box<Pending>>,
    /// After a close frame or a fault nothing is read any more.
    closed: bool,
    /// Whether messages may be compressed.
    deflating: bool,
}

#[derive(Debug, Default)]
struct Pending {
    /// The beginning of a header.
    header: [u8; Head::BYTES_MAX],
    header_length: usize,
    /// The frame whose payload has not all come.
    frame: Option<Head>,
    /// Of `frame`: payload bytes that have come.
    frame_arrived: usize,
    /// The payload of a control frame so far.
    control: Vec<u8>,
    /// The opcode of the message whose last frame has not all come.
    message_opcode: Option<u8>,
    /// Whether that message is compressed.
    compressed: bool,
    /// The message so far.
    message: Vec<u8>,
    /// Of `message`, if it is text: bytes known to be whole characters.
    message_checked: usize,
}

impl Reader {
    /// Of a client with which `permessage-deflate` was agreed on.
    pub fn deflating() -> Reader {
        Reader { deflating: true, ..Reader::default() }
    }

    /// Reads `input`, changing it, and hands out each message that becomes whole. A message longer than `message_bytes_max` is
    /// refused as soon as a header tells. After an error, or after [`Message::Close`], further input is passed over; the error is
    /// what to close with.
    pub fn feed(
        &mut self,
        mut input: &mut [u8],
        message_bytes_max: usize,
        out: &mut impl FnMut(Message<'_>),
    ) -> Result<(), Close> {
        while !input.is_empty() && !self.closed {
            match self.step(input, message_bytes_max, out) {
                Ok(used) => input = &mut input[used..],
                Err(close) => {
                    self.pending = None;
                    self.closed = true;
                    return Err(close);
                }
            }
        }
        if self.closed || self.pending.as_ref().is_some_and(|pending| pending.is_idle()) {
            self.pending = None;
        }
        Ok(())
    }

    /// Whether a message is incomplete.
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// One step: more of a header, more of a payload, or a whole frame. Returns how much of the input it used, at least a byte.
    fn step(&mut self, input: &mut [u8], message_bytes_max: usize, out: &mut impl FnMut(Message<'_>)) -> Result<usize, Close> {
        if let Some(pending) = self.pending.as_mut().filter(|pending| pending.frame.is_some()) {
            let (used, closed) = pending.continue_frame(input, message_bytes_max, out)?;
            self.closed = closed;
            return Ok(used);
        }
        if self.pending.as_ref().is_some_and(|pending| pending.header_length > 0) {
            return self.continue_header(input[0], message_bytes_max, out);
        }
        let Some(head) = Head::parse(input, self.deflating)? else {
            let pending = self.pending.get_or_insert_default();
            pending.header[..input.len()].copy_from_slice(input);
            pending.header_length = input.len();
            // Even a part of a header may tell that it does not belong here.
            check_sequence(input[0], pending.message_opcode)?;
            return Ok(input.len());
        };
        let message = self.pending.as_ref().map_or((None, 0), |pending| (pending.message_opcode, pending.message.len()));
        head.check(message, message_bytes_max)?;
        let end = head.header_length + head.length;
        let in_one_piece = input.len() >= end && (head.is_control() || (head.fin && head.opcode != CONTINUATION));
        if !in_one_piece {
            let used = head.header_length;
            self.begin_frame(head, message_bytes_max, out)?;
            return Ok(used);
        }
        let payload = &mut input[head.header_length..end];
        unmask(payload, head.mask, 0);
        self.closed = match head.compressed {
            true => deliver(head.opcode, &inflate(payload, message_bytes_max)?, out)?,
            false => deliver(head.opcode, payload, out)?,
        };
        Ok(end)
    }

    /// One more byte of a header that came in pieces.
    fn continue_header(&mut self, byte: u8, message_bytes_max: usize, out: &mut impl FnMut(Message<'_>)) -> Result<usize, Close> {
        let pending = self.pending.get_or_insert_default();
        pending.header[pending.header_length] = byte;
        pending.header_length += 1;
        let Some(head) = Head::parse(&pending.header[..pending.header_length], self.deflating)? else { return Ok(1) };
        pending.header_length = 0;
        head.check((pending.message_opcode, pending.message.len()), message_bytes_max)?;
        self.begin_frame(head, message_bytes_max, out)?;
        Ok(1)
    }

    /// A frame whose payload is to be collected. One without payload is complete at once.
    fn begin_frame(&mut self, head: Head, message_bytes_max: usize, out: &mut impl FnMut(Message<'_>)) -> Result<(), Close> {
        let pending = self.pending.get_or_insert_default();
        if !head.is_control() && head.opcode != CONTINUATION {
            pending.message_opcode = Some(head.opcode);
            pending.compressed = head.compressed;
        }
        let empty = head.length == 0;
        pending.frame = Some(head);
        pending.frame_arrived = 0;
        if empty {
            let (_, closed) = pending.continue_frame(&mut [], message_bytes_max, out)?;
            self.closed = closed;
        }
        Ok(())
    }
}

impl Pending {
    fn is_idle(&self) -> bool {
        self.header_length == 0 && self.frame.is_none() && self.message_opcode.is_none()
    }

    /// More payload. Returns how much of the input it took, and whether the connection was closed by it.
    fn continue_frame(
        &mut self,
        input: &mut [u8],
        message_bytes_max: usize,
        out: &mut impl FnMut(Message<'_>),
    ) -> Result<(usize, bool), Close> {
        let Some(head) = self.frame else { return Ok((0, false)) };
        let used = input.len().min(head.length - self.frame_arrived);
        let part = &mut input[..used];
        unmask(part, head.mask, self.frame_arrived);
        self.frame_arrived += used;
        let complete = self.frame_arrived == head.length;
        if complete {
            self.frame = None;
        }
        if head.is_control() {
            self.control.extend_from_slice(part);
            let closed = complete && deliver(head.opcode, &self.control, out)?;
            if complete {
                self.control = Vec::new();
            }
            return Ok((used, closed));
        }
        self.message.extend_from_slice(part);
        self.continue_message(complete && head.fin, message_bytes_max, out)?;
        Ok((used, false))
    }

    /// Text is checked as it comes, so that what cannot become UTF-8 ends the connection at once.
    fn continue_message(
        &mut self,
        complete: bool,
        message_bytes_max: usize,
        out: &mut impl FnMut(Message<'_>),
    ) -> Result<(), Close> {
        if self.message_opcode == Some(TEXT) && !self.compressed {
            match simdutf8::compat::from_utf8(&self.message[self.message_checked..]) {
                Ok(_) => self.message_checked = self.message.len(),
                // The last character is not all there yet.
                Err(fault) if fault.error_len().is_none() && !complete => self.message_checked += fault.valid_up_to(),
                Err(_) => return Err(Close::INVALID_UTF8),
            }
        }
        if complete && let Some(opcode) = self.message_opcode.take() {
            let message = std::mem::take(&mut self.message);
            self.message_checked = 0;
            match std::mem::take(&mut self.compressed) {
                true => deliver(opcode, &inflate(&message, message_bytes_max)?, out)?,
                false => deliver(opcode, &message, out)?,
            };
        }
        Ok(())
    }
}

/// A frame's header.
#[derive(Clone, Copy, Debug)]
struct Head {
    fin: bool,
    /// Whether it begins a compressed message.
    compressed: bool,
    opcode: u8,
    mask: [u8; 4],
    /// Payload bytes.
    length: usize,
    /// Bytes of the header itself.
    header_length: usize,
}

impl Head {
    /// Bytes of the longest header of a masked frame.
    const BYTES_MAX: usize = 14;

    /// Reads a header; `None` when more bytes are needed. What it can tell from the beginning it tells at once.
    fn parse(bytes: &[u8], deflating: bool) -> Result<Option<Head>, Close> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        let (fin, opcode) = (first & FIN != 0, first & 0x0f);
        let control = opcode >= CLOSE;
        let compressed = first & RSV1 != 0;
        if first & 0x30 != 0
            || (compressed && !(deflating && may_compress(opcode)))
            || !matches!(opcode, CONTINUATION | TEXT | BINARY | CLOSE | PING | PONG)
            || (control && !fin)
        {
            return Err(Close::PROTOCOL);
        }
        let Some(&second) = bytes.get(1) else { return Ok(None) };
        let short = usize::from(second & 0x7f);
        if second & 0x80 == 0 || (control && short > CONTROL_BYTES_MAX) {
            return Err(Close::PROTOCOL);
        }
        let length_bytes = [0, 2, 8][short.saturating_sub(CONTROL_BYTES_MAX)];
        let Some(extended) = bytes.get(2..2 + length_bytes) else { return Ok(None) };
        let long = extended.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        // The shortest form must be used, and the highest bit must be 0.
        if (length_bytes == 2 && long < 126) || (length_bytes == 8 && (long < 65_536 || long >> 63 != 0)) {
            return Err(Close::PROTOCOL);
        }
        let length = if length_bytes == 0 { short } else { usize::try_from(long).map_err(|_| Close::MESSAGE_TOO_BIG)? };
        let Some(mask) = bytes.get(2 + length_bytes..).and_then(|rest| rest.first_chunk::<4>()) else { return Ok(None) };
        Ok(Some(Head { fin, compressed, opcode, mask: *mask, length, header_length: 6 + length_bytes }))
    }

    const fn is_control(&self) -> bool {
        self.opcode >= CLOSE
    }

    /// Whether the frame may come now, after `message`: the opcode and the bytes of an incomplete one.
    fn check(&self, message: (Option<u8>, usize), message_bytes_max: usize) -> Result<(), Close> {
        check_sequence(self.opcode, message.0)?;
        if !self.is_control() && self.length > message_bytes_max.saturating_sub(message.1) {
            return Err(Close::MESSAGE_TOO_BIG);
        }
        Ok(())
    }
}

/// A continuation needs a beginning, and a beginning must not come within a message.
fn check_sequence(first_byte: u8, message_opcode: Option<u8>) -> Result<(), Close> {
    let opcode = first_byte & 0x0f;
    if opcode < CLOSE && (opcode == CONTINUATION) != message_opcode.is_some() { Err(Close::PROTOCOL) } else { Ok(()) }
}

/// Hands out a whole, unmasked message; true when it was the last.
fn deliver(opcode: u8, payload: &[u8], out: &mut impl FnMut(Message<'_>)) -> Result<bool, Close> {
    let message = match opcode {
        TEXT => Message::Text(simdutf8::basic::from_utf8(payload).map_err(|_| Close::INVALID_UTF8)?),
        BINARY => Message::Binary(payload),
        PING => Message::Ping(payload),
        PONG => Message::Pong,
        _ => Message::Close(close_code(payload)?),
    };
    out(message);
    Ok(opcode == CLOSE)
}

/// The code of a close frame: none, or one that RFC 6455 §7.4 and its registry let an endpoint send.
fn close_code(payload: &[u8]) -> Result<Option<u16>, Close> {
    match payload {
        [] => Ok(None),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
                return Err(Close::PROTOCOL);
            }
            simdutf8::basic::from_utf8(reason).map_err(|_| Close::INVALID_UTF8)?;
            Ok(Some(code))
        }
        [_] => Err(Close::PROTOCOL),
    }
}

/// Removes the mask from a part of a payload that begins `at` bytes into it.
fn unmask(part: &mut [u8], mask: [u8; 4], at: usize) {
    let mut key = mask;
    key.rotate_left(at % 4);
    let wide = u64::from_ne_bytes([key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3]]);
    let (words, rest) = part.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
