//! What all doors share: who is on the other end ([`Peer`]), which requests are let in at all ([`guard`]), how a refusal looks
//! ([`Problem`]), how a body is read ([`body`]), and the socket that a door may take over ([`Wire`]). Knows the rules, and neither
//! node nor session.

pub mod body;
pub mod guard;
mod peer;
mod problem;
mod wire;

pub use peer::{Peer, Seat, Seats, Whence};
pub use problem::Problem;
pub use wire::Wire;

/// Among the extensions of an answer: its body has no end, and nothing else is asked on its connection.
#[derive(Clone, Copy, Debug)]
pub struct Endless;
