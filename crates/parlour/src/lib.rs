//! Parlour: comments, chat and presence for any web page. The modules stand in dependency order, which is also the order of
//! reading; a module uses only those above it (`tests/it/tidy.rs` reads this file and every `use crate::`).

pub mod metrics;
pub mod channel;
pub mod page;
pub mod render;
pub mod comment;
pub mod identity;
pub mod rule;
pub mod config;
pub mod backend;
pub mod door;
pub mod server;
pub mod cli;
