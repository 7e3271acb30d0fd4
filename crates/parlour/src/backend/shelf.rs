//! The shelf: small records of the server's own, each under a name. People, signed-in browsers, one-time codes and letters that
//! wait are kept on it, by whoever knows what they mean; a backend only keeps them.

use async_trait::async_trait;

use super::Fault;

/// The longest name of a record, in bytes.
pub const NAME_BYTES_MAX: usize = 1_024;
/// The largest record, in bytes.
pub const RECORD_BYTES_MAX: usize = 64 << 10;
/// The most records that one call changes.
pub const SWAPS_MAX: usize = 16;
/// The most records that one call lists.
pub const LISTED_MAX: usize = 1_000;

/// What a record must be for a change to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    /// Whatever it is.
    Anything,
    /// There must be none.
    Nothing,
    /// Exactly this.
    This(String),
}

/// What a record is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// Gone.
    Nothing,
    /// This text, for ever.
    Kept(String),
    /// This text until a time in milliseconds since 1970; at that time it is gone.
    Until(String, i64),
}

/// One change of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap {
    /// The record's name.
    pub name: String,
    /// What it must be.
    pub before: Before,
    /// What it is to be.
    pub after: After,
}

/// Small records by name.
///
/// Rules: names are compared and ordered byte by byte. A record whose time is over is not there, whether or not it was swept. What
/// `swap` answered survives the process like a comment. All nodes see the same shelf.
#[async_trait]
pub trait Shelf: Send + Sync {
    /// The record of this name.
    async fn record(&self, name: &str, now_ms: i64) -> Result<Option<String>, Fault>;

    /// Changes all of these records (at most [`SWAPS_MAX`], different ones) if each is what it must be, else none; whether it did.
    async fn swap(&self, swaps: Vec<Swap>, now_ms: i64) -> Result<bool, Fault>;

    /// Names and records whose names begin with `prefix` and come after `after` (empty for all of them), in order, at most `limit`.
    async fn list(&self, prefix: &str, after: &str, limit: usize, now_ms: i64) -> Result<Vec<(String, String)>, Fault>;
}

impl Swap {
    /// Puts a record, whatever was there.
    pub fn put(name: impl Into<String>, after: After) -> Swap {
        Swap { name: name.into(), before: Before::Anything, after }
    }

    /// Takes a record away if it is still this one.
    pub fn take(name: impl Into<String>, record: impl Into<String>) -> Swap {
        Swap { name: name.into(), before: Before::This(record.into()), after: After::Nothing }
    }
}

/// Takes a record away and answers it: of several who try, one gets it.
///
/// # Errors
/// As [`Shelf::swap`].
pub async fn take(shelf: &dyn Shelf, name: &str, now_ms: i64) -> Result<Option<String>, Fault> {
    let Some(record) = shelf.record(name, now_ms).await? else { return Ok(None) };
    let taken = shelf.swap(vec![Swap::take(name, record.clone())], now_ms).await?;
    Ok(taken.then_some(record))
}
