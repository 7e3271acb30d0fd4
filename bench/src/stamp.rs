//! What is published: a JSON string of an exact length that carries the moment of its sending, so that every server carries the same bytes,
//! whether it treats them as JSON or not, and a receiver finds the moment by scanning for `@`.

use rustix::time::{ClockId, clock_gettime};

/// The shortest payload, bytes. Whatever a server says that is shorter than the payload is not a delivery.
pub const BYTES_MIN: usize = 64;

const DIGITS: usize = 20;

/// Nanoseconds of `CLOCK_MONOTONIC`, the one clock of both ends.
pub fn now_ns() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// A payload of exactly `bytes` bytes (at least [`BYTES_MIN`]), sent at `sent_ns`.
pub fn payload(sent_ns: u64, bytes: usize) -> Vec<u8> {
    let mut payload = format!("\"@{sent_ns:0DIGITS$}").into_bytes();
    payload.resize(bytes.max(BYTES_MIN) - 1, b'x');
    payload.push(b'"');
    payload
}

/// Every moment of sending in what was received.
pub fn moments(received: &[u8]) -> impl Iterator<Item = u64> {
    memchr::memchr_iter(b'@', received).filter_map(|at| {
        let digits = received.get(at + 1..=at + DIGITS)?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_has_its_length_is_json_and_gives_its_moment_back() {
        let payload = payload(1_234_567, 128);
        assert_eq!(payload.len(), 128);
        assert!(serde_json::from_slice::<String>(&payload).is_ok());
        let twice = [&b"MSG a 1 128\r\n"[..], &payload, b"\r\nMSG a 1 128\r\n", &payload].concat();
        assert_eq!(moments(&twice).collect::<Vec<_>>(), [1_234_567, 1_234_567]);
    }

    #[test]
    fn what_only_looks_like_a_moment_is_passed_over() {
        assert_eq!(moments(b"@12 @abcdefghijklmnopqrst @").count(), 0);
    }
}
