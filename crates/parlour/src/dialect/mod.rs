//! The manners of pages that existed before Parlour: each dialect a small module that maps what they say to calls of the node, and
//! nothing else. Off until an option names its channel; on in demo mode.

pub mod msgs;
