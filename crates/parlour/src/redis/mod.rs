//! The backend of many nodes: everything in Redis 7.0 or newer, on one server, behind Sentinels, or in a cluster.
//!
//! Every channel belongs to one of 128 partitions, whose keys share a hash tag ([`tag`]) and so a server. [`link`] carries calls of
//! scripts ([`script`]) and commands to the right one and says honestly what became of them; where the servers are is `pilot`'s
//! business. [`carry`] brings what is announced on any node ([`announce`]) into this node's lanes. Who may read or write what is not
//! asked here.

pub mod announce;
pub mod carry;
pub mod link;
pub mod place;
pub mod script;
pub mod tag;

mod chart;
mod cluster;
mod dial;
mod ear;
mod fitness;
mod group;
mod lease;
mod line;
mod mail;
mod pilot;
mod presence;
mod sentinel;
mod wanted;

pub use carry::Carry;
pub use link::Link;
pub use place::Place;
pub use presence::Others;
pub use script::{Call, Script};
