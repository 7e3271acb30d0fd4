//! What went wrong, as a sentence. A measurement that cannot be trusted must end loudly, so nearly everything returns one of these; nobody
//! tells kinds apart, hence no enum.

use std::fmt;

/// A reason to give up a run, worded for the person at the terminal.
#[derive(Debug)]
pub struct Fault(pub String);

pub type Outcome<T> = Result<T, Fault>;

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<rustix::io::Errno> for Fault {
    fn from(error: rustix::io::Errno) -> Self {
        Self(std::io::Error::from(error).to_string())
    }
}

/// Says what was being done when it failed.
pub trait Doing<T> {
    /// `doing` is a phrase such as `starting bun`.
    fn doing(self, doing: impl fmt::Display) -> Outcome<T>;
}

impl<T, E: Into<Fault>> Doing<T> for Result<T, E> {
    fn doing(self, doing: impl fmt::Display) -> Outcome<T> {
        self.map_err(|error| Fault(format!("{doing}: {}", error.into())))
    }
}
