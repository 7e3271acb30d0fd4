//! Letters that the server sends: a queue of them ([`crate::queue`]), and the postman who carries them to an SMTP server.
//!
//! A letter is plain text with a subject and one address. Nothing in it comes from a stranger unless whoever wrote it put it there
//! with care: there is no HTML, no picture, and no header that a reader's text reaches.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::backend::{Fault, Shelf};
use crate::queue::{Queue, Terms};

mod postman;

pub use postman::{Postman, PostmanFault};

/// The pauses between the tries of a letter, in milliseconds: a minute, then twice as long each time, up to an hour.
const PAUSES_MS: &[i64] = &[
    60_000, 120_000, 240_000, 480_000, 960_000, 1_920_000, 3_600_000, 3_600_000, 3_600_000, 3_600_000, 3_600_000,
];
/// Longer than a mail server may take over a letter, in milliseconds.
const LEASE_MS: i64 = 2 * 60_000;
/// A server that refuses one letter for now takes the next perhaps.
const REST_MAX: Duration = Duration::from_secs(4);
/// The longest body, in bytes.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// What is to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// To whom; checked by [`is_address`].
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
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
}

/// Whether a text is an address that letters are sent to: the plain form of RFC 5321, a dot in the host, no quotes, no comments, no
/// lists. What is refused here reaches no parser of addresses.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    let is_local = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    (1..=64).contains(&local.len())
        && local.bytes().all(is_local)
        && local.split('.').all(|part| !part.is_empty())
        && host.len() <= 189
        && host.contains('.')
        && host.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_is_one_person_at_one_host() {
        for good in ["a@example.org", "A.b+c@mail.example.org", "o'neil@example.co.uk", "x@xn--bcher-kva.example"] {
            assert!(is_address(good), "{good}");
        }
        let long = format!("{}@example.org", "a".repeat(65));
        for bad in [
            "",
            "a",
            "@example.org",
            "a@",
            "a@example",
            "a b@example.org",
            "a@b@example.org",
            "\"a\"@example.org",
            "a@[127.0.0.1]",
            "a@example.org,b@example.org",
            "a@example.org\r\nBcc: b@example.org",
            "<a@example.org>",
            "a..b@example.org",
            ".a@example.org",
            "a@-example.org",
            "a@example..org",
            "a@example.org.",
            "ü@example.org",
            "a@exämple.org",
            "a(b)@example.org",
            &long,
        ] {
            assert!(!is_address(bad), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_address_holds_what_ends_a_line(text in any::<String>()) {
            prop_assert!(!is_address(&text) || !text.contains(['\r', '\n', ' ', ',', '<', '"']));
        }
    }
}
