//! The doors for those who stay: bytes in, frames out. Each is thin; what is said is the session's and the node's business.

pub mod events;
mod intake;
pub mod polling;
pub mod socketio;
pub mod sse;
pub mod websocket;
