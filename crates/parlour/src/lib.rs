//! Parlour: comments, chat and presence for any web page. The modules stand in the order in which they may be read:
//! each uses only those above it. (Empty lines keep the formatter from sorting them.)

pub mod channel;

pub mod render;

pub mod page;

pub mod comment;

pub mod identity;

pub mod limit;
