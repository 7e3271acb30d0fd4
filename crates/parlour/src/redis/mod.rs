//! The backend of many nodes: everything in Redis 7.0 or newer, on one server, behind Sentinels, or in a cluster.
//!
//! Every channel belongs to one of 128 partitions, whose keys share a hash tag ([`tag`]) and so a server. [`link`] carries calls of
//! scripts ([`script`]) and commands to the right one and says honestly what became of them; where the servers are is `pilot`'s
//! business. What a log, a comment, a page is, is in `lua/`: each script does one job whole, in one snapshot, and `keys` says what
//! lies where. [`carry`] brings what is announced on any node ([`announce`]) into this node's lanes. Who may read or write what is not
//! asked here.

pub mod announce;
pub mod carry;
pub mod link;
pub mod place;
pub mod script;
pub mod tag;

mod answer;
mod chart;
mod cluster;
mod desk;
mod dial;
mod ear;
mod entry;
mod facts;
mod fitness;
mod fold;
mod forget;
mod group;
mod kept;
mod keys;
mod lease;
mod line;
mod list;
mod log;
mod mail;
mod open;
mod pages;
mod pilot;
mod presence;
mod sentinel;
mod shelf;
mod store;
mod sweep;
mod wanted;

pub use carry::Carry;
pub use link::Link;
pub use open::{Options, open, open_beside};
pub use place::Place;
pub use presence::Others;
pub use script::{Call, Script};
pub use store::{Keep, Ledger};
