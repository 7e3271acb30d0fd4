//! What scripts answer, taken apart. Whatever is not as the scripts of this version answer is refused, never believed.

use parlour_wire::position::{Epoch, Position};
use redis::Value;

use crate::backend::Fault;

/// The parts of an answer, taken one after the other.
pub(super) struct Parts(std::vec::IntoIter<Value>);

impl Parts {
    /// Of an answer that is a list.
    pub(super) fn of(value: Value) -> Result<Parts, Fault> {
        match value {
            Value::Array(parts) => Ok(Parts(parts.into_iter())),
            _ => Err(strange()),
        }
    }

    fn next(&mut self) -> Result<Value, Fault> {
        self.0.next().ok_or_else(strange)
    }

    /// The next, a text.
    pub(super) fn text(&mut self) -> Result<String, Fault> {
        text(self.next()?)
    }

    /// The next, a number.
    pub(super) fn number(&mut self) -> Result<i64, Fault> {
        match self.next()? {
            Value::Int(number) => Ok(number),
            _ => Err(strange()),
        }
    }

    /// The next, a number that is not below zero.
    pub(super) fn count(&mut self) -> Result<u64, Fault> {
        u64::try_from(self.number()?).map_err(|_| strange())
    }

    /// The next, a list.
    pub(super) fn parts(&mut self) -> Result<Parts, Fault> {
        Parts::of(self.next()?)
    }

    /// The next two: an epoch and an offset.
    pub(super) fn position(&mut self) -> Result<Position, Fault> {
        let epoch = Epoch::new(&self.text()?).map_err(|_| strange())?;
        Ok(Position { epoch, offset: self.count()? })
    }

    /// The next: older epochs, each with its end. What cannot be read is none.
    pub(super) fn older(&mut self) -> Result<Vec<Position>, Fault> {
        Ok(self.text()?.split_ascii_whitespace().filter_map(|position| position.parse().ok()).collect())
    }

    /// What is left, as texts.
    pub(super) fn texts(self) -> Result<Vec<String>, Fault> {
        self.0.map(text).collect()
    }

    /// What is left, as bytes.
    pub(super) fn bytes(self) -> Result<Vec<Vec<u8>>, Fault> {
        self.0.map(|value| if let Value::BulkString(bytes) = value { Ok(bytes) } else { Err(strange()) }).collect()
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.0.len() == 0
    }
}

/// A text.
pub(super) fn text(value: Value) -> Result<String, Fault> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).map_err(|_| strange()),
        Value::SimpleString(text) => Ok(text),
        _ => Err(strange()),
    }
}

/// An answer that no script of this version gives.
pub(super) fn strange() -> Fault {
    Fault::Unavailable("what Redis answered was not written by this version".to_owned())
}
