//! Putting the backend together: the connections, what is carried over them, what is kept.

use std::sync::Arc;

use super::log::Logs;
use super::{Carry, Keep, Ledger, Link, Others, Place};
use crate::backend::{Backend, Fault, Lanes};

/// Which Redis, and how much it keeps.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it is.
    pub place: Place,
    /// What is stored is acknowledged when so many replicas have it.
    pub replicas: u32,
    /// How long what is published stays.
    pub keep: Keep,
}

/// Connects. Deliveries go into `lanes`.
///
/// # Errors
/// [`Fault::Unavailable`] with a sentence for people.
pub async fn open(options: Options, lanes: Lanes) -> Result<Backend, Fault> {
    let link = Arc::new(Link::open(&options.place, options.replicas).await?);
    let carry = Carry::start(link.clone(), lanes.clone());
    let presence = Arc::new(Others::start(link.clone(), &carry, lanes).await);
    let ledger = Ledger::start(link, options.keep);
    let log = Arc::new(Logs { ledger: ledger.clone(), carry });
    Ok(Backend { log, store: ledger.clone(), desk: ledger.clone(), presence, shelf: ledger })
}
