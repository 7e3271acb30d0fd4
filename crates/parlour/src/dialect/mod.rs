//! The manners of pages that existed before Parlour: each dialect a small module that maps what they say to calls of the node, and
//! nothing else. Off until an option names its channel; on in demo mode.

pub mod msgs;

use crate::rule::Rules;
use crate::transport::socketio::dialect::{Dialect, Origin};

/// The dialects of Socket.IO that these rules have, for one client.
pub fn spoken(_rules: &Rules, _origin: &Origin) -> Vec<Box<dyn Dialect>> {
    Vec::new()
}
