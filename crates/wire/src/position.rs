//! Where a reader stands in a channel: epoch and offset, written `EPOCH:OFFSET`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Bytes of the longest epoch.
pub const EPOCH_BYTES_MAX: usize = 32;

/// The name of one life of a channel's log: 1–32 of `[0-9a-z]`. It changes whenever the log can no longer vouch for what it promised.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(Arc<str>);

impl Epoch {
    /// Checks the alphabet and the length.
    pub fn new(text: &str) -> Result<Epoch, PositionFault> {
        let fits = (1..=EPOCH_BYTES_MAX).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()) {
            Ok(Epoch(text.into()))
        } else {
            Err(PositionFault)
        }
    }

    /// The epoch of no log: what a ring holds before it was filled.
    pub fn unopened() -> Epoch {
        Epoch("0".into())
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A place in a channel's log: everything up to and including `offset` was seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// Which life of the log.
    pub epoch: Epoch,
    /// The offset of the last publication seen; 0 before the first.
    pub offset: u64,
}

impl Position {
    /// Whether it is an earlier place of the same life of a log.
    pub fn is_before(&self, other: &Position) -> bool {
        self.epoch == other.epoch && self.offset < other.offset
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.offset)
    }
}

/// The text is not a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionFault;

impl fmt::Display for PositionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a position: EPOCH:OFFSET is expected")
    }
}

impl std::error::Error for PositionFault {}

impl FromStr for Position {
    type Err = PositionFault;

    fn from_str(text: &str) -> Result<Position, PositionFault> {
        let (epoch, offset) = text.split_once(':').ok_or(PositionFault)?;
        // `u64::from_str` takes a leading `+`; a position does not.
        if offset.is_empty() || offset.len() > 20 || !offset.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PositionFault);
        }
        Ok(Position { epoch: Epoch::new(epoch)?, offset: offset.parse().map_err(|_| PositionFault)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_is_written() {
        let position: Position = "0az9:42".parse().unwrap();
        assert_eq!(position.to_string(), "0az9:42");
        assert_eq!(position.offset, 42);
    }

    #[test]
    fn what_is_not_a_position_is_refused() {
        for text in [
            "",
            ":",
            "a:",
            ":1",
            "A:1",
            "a:-1",
            "a:+1",
            "a:1:2",
            "a: 1",
            "a:99999999999999999999",
            &format!("{}:1", "a".repeat(33)),
        ] {
            assert!(text.parse::<Position>().is_err(), "{text:?}");
        }
    }
}
