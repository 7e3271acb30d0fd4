//! What stands under a member's name beside their comments, given out to whoever asks what is kept about them. It is what
//! [`super::Store::forget`] takes away.

use super::desk::{Block, Record};
use crate::channel::ChannelName;
use crate::comment::CommentId;

/// All of it, in any order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// What they reacted with, to which comments.
    pub reactions: Vec<(CommentId, String)>,
    /// The comments that they reported.
    pub reports: Vec<CommentId>,
    /// What they published, as long as its channel keeps it.
    pub publications: Vec<Published>,
    /// The block on them, whether or not its time is over.
    pub block: Option<Block>,
    /// What they did as a moderator, and what others did that names them.
    pub acts: Vec<Record>,
}

/// A publication of a member's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Where.
    pub channel: ChannelName,
    /// Its place there.
    pub offset: u64,
    /// When, in Unix milliseconds.
    pub time_ms: i64,
    /// JSON text.
    pub data: String,
}
