//! Parlour: comments, chat and presence for any web page. The modules stand in dependency order, which is also the order of
//! reading; a module uses only those above it (`tests/it/tidy.rs` reads this file and every `use crate::`).
//! Empty lines keep the formatter from sorting them.

pub mod metrics;

pub mod channel;

pub mod render;

pub mod page;

pub mod comment;

pub mod identity;

pub mod limit;

pub mod moderation;

pub mod rule;

pub mod config;

pub mod door;

pub mod outbound;

pub mod akismet;

pub mod backend;

pub mod sqlite;

pub mod redis;

pub mod ring;

pub mod outbox;

pub mod queue;

pub mod mail;

pub mod hook;

pub mod hub;

pub mod clients;

pub mod node;

pub mod notice;

pub mod paper;

pub mod shape;

pub mod session;

pub mod signin;

pub mod verify;

pub mod transport;

pub mod dialect;

pub mod api;

pub mod site;

pub mod server;

pub mod cli;
