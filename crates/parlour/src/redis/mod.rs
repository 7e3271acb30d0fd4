//! The backend of many nodes: everything in Redis 7.0 or newer, on one server, behind Sentinels, or in a cluster.
//!
//! Every channel belongs to one of 128 partitions, whose keys share a hash tag ([`tag`]) and so a server. [`link`] carries calls of
//! scripts ([`script`]) and commands to the right one and says honestly what became of them; where the servers are is `pilot`'s
//! business. Who may read or write what is not asked here.

pub mod link;
pub mod place;
pub mod script;
pub mod tag;

mod announce;
mod answer;
mod chart;
mod dial;
mod entry;
mod facts;
mod keys;
mod line;
mod list;
mod log;
mod pilot;
mod store;
mod sweep;

pub use link::Link;
pub use place::Place;
pub use script::{Call, Script};
pub use store::{Keep, Ledger};
