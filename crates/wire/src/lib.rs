//! What goes over Parlour's wires, and nothing else: what a client may ask, what a server may say, and the bytes of each format.
//! No runtime, no IO, no clock. The order of the modules is the order of reading; a module uses only those above it.

pub mod code;
pub mod command;
pub mod engineio;
pub mod frame;
pub mod json;
pub mod position;
pub mod push;
pub mod sse;
pub mod stream;
pub mod text;

pub mod socketio;
