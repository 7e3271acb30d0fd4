//! The JSON form of the Centrifuge client protocol, version 2: commands in, replies and pushes out, one to a line.
//! The shapes are those of `client.proto` in centrifugal/protocol; a field that is empty or false is left out, as its
//! servers do. Relies on the parser for JSON; what a command may do and when it is answered are the server's matter.

pub(crate) mod decode;
pub(crate) mod encode;

pub use decode::{Fault, Incoming, decode};
pub use encode::{PING, event, message, publication, push, push_of, reply};

pub use crate::text::{DEPTH_MAX, compact, depth_within};
