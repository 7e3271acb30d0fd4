//! Putting the backend together: the connections, what is carried over them, what is kept.

use std::sync::Arc;

use super::log::Logs;
use super::{Carry, Keep, Ledger, Link, Others, Place};
use crate::backend::{Backend, Fault, Lanes, Store};

/// Which Redis, and how much it keeps.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it is.
    pub place: Place,
    /// How long what is published stays.
    pub keep: Keep,
    /// Replicas that are to have what is stored before it is acknowledged; 0: none.
    pub replicas: u32,
}

/// Connects for an operator's command, which neither listens nor sweeps.
///
/// # Errors
/// [`Fault::Unavailable`] with a sentence for people.
pub async fn open_beside(options: Options) -> Result<Arc<dyn Store>, Fault> {
    let link = Arc::new(Link::open(&options.place, options.replicas).await?);
    Ok(Ledger::beside(link, options.keep))
}

/// Connects. Deliveries go into `lanes`.
///
/// # Errors
/// [`Fault::Unavailable`] with a sentence for people.
pub async fn open(options: Options, lanes: Lanes) -> Result<Backend, Fault> {
    let link = Arc::new(Link::open(&options.place, options.replicas).await?);
    if let Some(warning) = link.warning() {
        tracing::warn!("{warning}");
    }
    let carry = Carry::start(link.clone(), lanes.clone());
    let presence = Arc::new(Others::start(link.clone(), &carry, lanes).await);
    let ledger = Ledger::start(link, options.keep);
    let log = Arc::new(Logs { ledger: ledger.clone(), carry });
    Ok(Backend { log, store: ledger.clone(), desk: ledger.clone(), pages: ledger.clone(), presence, shelf: ledger })
}
