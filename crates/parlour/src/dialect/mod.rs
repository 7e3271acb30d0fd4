//! The manners of pages that existed before Parlour: each dialect a small module that maps what they say to calls of the node, and
//! nothing else. Off until an option names its channel; on in demo mode.

pub mod chat;
pub mod msgs;
pub mod page;
pub mod viewing;

use crate::rule::{Dialect as Place, Rules};
use crate::transport::socketio::dialect::{Dialect, Origin};

/// The dialects of Socket.IO that these rules have, for one client.
pub fn spoken(rules: &Rules, origin: &Origin) -> Vec<Box<dyn Dialect>> {
    let mut spoken: Vec<Box<dyn Dialect>> = Vec::new();
    if let Place::Channel(channel) = &rules.pubsub {
        spoken.push(Box::new(chat::Chat::new(channel.clone())));
    }
    if rules.viewing {
        spoken.push(Box::new(viewing::Viewing::new(origin.version)));
    }
    if rules.comments_page {
        spoken.push(Box::new(page::CommentsPage::new(origin.clone(), rules.public_url.as_deref())));
    }
    spoken
}
