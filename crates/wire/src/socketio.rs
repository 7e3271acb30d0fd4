//! Socket.IO packets, protocol versions 4 (over Engine.IO 3) and 5 (over Engine.IO 4), and what they mean: events of a client are
//! commands, commands' answers are acknowledgements, publications are events of the server. Encoded packets begin with Engine.IO's
//! type for a message, so that they are ready for a WebSocket or a payload. Relies on `json` for the bodies; the dialects, the
//! namespaces that exist and the recovery of a connection are the server's matter.

mod command;
mod decode;
mod encode;

pub use command::Auth;
pub use decode::{ATTACHMENTS_MAX, Content, Decoder, Event, Packet};
pub use encode::{
    EVENT_END, Kind, acknowledgement, connect, connect_error, disconnect, event, event_end, event_open, message_of, packet,
    position, publication_open, push_open,
};

/// The namespace that every client is in.
pub const MAIN_NAMESPACE: &str = "/";
