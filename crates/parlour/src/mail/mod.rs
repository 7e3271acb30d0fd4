//! Letters that the server sends: a queue of them ([`crate::queue`]), and the postman who carries them to an SMTP server.
//!
//! A letter is plain text with a subject and one address. Nothing in it comes from a stranger unless whoever wrote it put it there
//! with care: there is no HTML, no picture, and no header that a reader's text reaches.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::backend::{Fault, Shelf};
use crate::comment::CommentId;
use crate::queue::{Queue, Terms};

mod postman;

pub use postman::{Postman, PostmanFault};

/// The pauses between the tries of a letter, in milliseconds: a minute, then twice as long each time, up to an hour.
const PAUSES_MS: &[i64] =
    &[60_000, 120_000, 240_000, 480_000, 960_000, 1_920_000, 3_600_000, 3_600_000, 3_600_000, 3_600_000, 3_600_000];
/// Longer than a mail server may take over a letter, in milliseconds.
const LEASE_MS: i64 = 2 * 60_000;
/// A server that refuses one letter for now takes the next perhaps.
const REST_MAX: Duration = Duration::from_secs(4);
/// The longest body, in bytes.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// What is to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// To whom; checked by [`crate::rule::is_address`].
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The comments that it quotes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub about: Vec<CommentId>,
}

/// The letters that wait.
#[derive(Clone)]
pub struct Mailbag(Arc<Queue<Letter>>);

impl Mailbag {
    /// A bag on this shelf for so many letters.
    pub fn new(shelf: Arc<dyn Shelf>, letters_max: u64) -> Mailbag {
        let terms = Terms { waiting_max: letters_max, lease_ms: LEASE_MS, pauses_ms: PAUSES_MS, rest_max: REST_MAX };
        Mailbag(Arc::new(Queue::new(shelf, "mail", terms)))
    }

    /// Takes a letter in, to be sent at once, and of no use after `useless_ms`. False where the bag is full.
    ///
    /// # Errors
    /// The letter is too long; the shelf cannot be written, or too many write it at once.
    pub async fn post(&self, letter: Letter, useless_ms: i64, now_ms: i64) -> Result<bool, Fault> {
        if letter.text.len() > TEXT_BYTES_MAX {
            return Err(Fault::Unavailable("the letter is too long".to_owned()));
        }
        self.0.put(letter, useless_ms, now_ms).await
    }

    /// Letters to this address, or that quote one of these comments, are not sent any more; whether there were any.
    ///
    /// # Errors
    /// The shelf cannot be used.
    pub async fn withdraw(&self, to: Option<&str>, about: &HashSet<CommentId>, now_ms: i64) -> Result<bool, Fault> {
        let is_it =
            |letter: &Letter| to == Some(letter.to.as_str()) || letter.about.iter().any(|comment| about.contains(comment));
        self.0.withdraw(is_it, now_ms).await
    }
}
