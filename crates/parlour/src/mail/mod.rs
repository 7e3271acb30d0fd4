//! Letters that the server sends: a queue on the shelf, so that what was promised survives the process and any node may send it,
//! and the postman who carries it to an SMTP server.
//!
//! A letter is plain text with a subject and one address. Nothing in it comes from a stranger unless whoever wrote it put it there
//! with care: there is no HTML, no picture, and no header that a reader's text reaches.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::backend::{After, Before, Fault, Shelf, Swap};

mod postman;

pub use postman::{Postman, PostmanFault};

/// A letter is tried again after so long, doubled each time, in milliseconds.
const RETRY_MS: i64 = 30_000;
/// The longest pause between two tries, in milliseconds.
const RETRY_MS_MAX: i64 = 60 * 60_000;
/// Tries before it is given up.
const TRIES_MAX: u32 = 12;
/// While one node carries a letter, no other takes it, for so long, in milliseconds: longer than a server may take to answer.
const CARRIED_MS: i64 = 2 * 60_000;
/// Letters that are looked at when one is to be carried: other nodes may take the first.
const LOOKED_AT: usize = 16;
/// How often the count is tried to be changed while others change it too.
const COUNTED_TRIES: usize = 32;
/// The longest body, in bytes.
const TEXT_BYTES_MAX: usize = 16 << 10;
const PREFIX: &str = "mail/";
const COUNT: &str = "mail-count";

/// What is to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// To whom; checked by [`is_address`].
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// After this it is of no use any more, in milliseconds since 1970.
    pub useless_ms: i64,
    /// How often it was tried.
    #[serde(default)]
    pub tries: u32,
}

/// A letter that is being carried: it must be [`Mailbag::delivered`] or [`Mailbag::failed`].
#[derive(Clone, Debug)]
pub struct Carried {
    /// The letter.
    pub letter: Letter,
    name: String,
    record: String,
}

/// The letters that wait.
#[derive(Clone)]
pub struct Mailbag {
    shelf: Arc<dyn Shelf>,
    letters_max: u64,
}

impl Mailbag {
    /// A bag on this shelf for so many letters.
    pub fn new(shelf: Arc<dyn Shelf>, letters_max: u64) -> Mailbag {
        Mailbag { shelf, letters_max }
    }

    /// Takes a letter in, to be sent at once; `id` is random. False where the bag is full.
    ///
    /// # Errors
    /// The shelf cannot be written, or too many write it at once.
    pub async fn post(&self, letter: &Letter, id: &str, now_ms: i64) -> Result<bool, Fault> {
        if letter.text.len() > TEXT_BYTES_MAX {
            return Err(Fault::Unavailable("the letter is too long".to_owned()));
        }
        let name = name(now_ms, id);
        for _ in 0..COUNTED_TRIES {
            let (count, counted) = self.count(now_ms).await?;
            if counted >= self.letters_max {
                return Ok(false);
            }
            let letter = Swap { name: name.clone(), before: Before::Nothing, after: After::Kept(written(letter)?) };
            if self.shelf.swap(vec![letter, count.to(counted + 1)], now_ms).await? {
                return Ok(true);
            }
        }
        Err(Fault::Unavailable("too many letters at once".to_owned()))
    }

    /// Takes out the first letter that is due; nobody else gets it for a while. `None` where none is due.
    ///
    /// # Errors
    /// The shelf cannot be reached.
    pub async fn take(&self, id: &str, now_ms: i64) -> Result<Option<Carried>, Fault> {
        for (due, record) in self.shelf.list(PREFIX, "", LOOKED_AT, now_ms).await? {
            if due > name(now_ms, "~") {
                return Ok(None);
            }
            let Ok(letter) = serde_json::from_str::<Letter>(&record) else {
                self.remove(&due, &record, now_ms).await?;
                continue;
            };
            if letter.useless_ms <= now_ms {
                self.remove(&due, &record, now_ms).await?;
                continue;
            }
            let later = name(now_ms + CARRIED_MS, id);
            let swaps = vec![
                Swap::take(&due, &record),
                Swap { name: later.clone(), before: Before::Nothing, after: After::Kept(record.clone()) },
            ];
            if self.shelf.swap(swaps, now_ms).await? {
                return Ok(Some(Carried { letter, name: later, record }));
            }
        }
        Ok(None)
    }

    /// It has arrived, or can never arrive: it is forgotten.
    ///
    /// # Errors
    /// The shelf cannot be written; it may then be sent once more.
    pub async fn delivered(&self, carried: &Carried, now_ms: i64) -> Result<(), Fault> {
        self.remove(&carried.name, &carried.record, now_ms).await
    }

    /// It could not be sent now: later, unless that was the last try. Whether it stays.
    ///
    /// # Errors
    /// The shelf cannot be written; it is then tried again all the same.
    pub async fn failed(&self, carried: &Carried, id: &str, now_ms: i64) -> Result<bool, Fault> {
        let letter = Letter { tries: carried.letter.tries + 1, ..carried.letter.clone() };
        let pause_ms = RETRY_MS.saturating_mul(1 << letter.tries.min(16)).min(RETRY_MS_MAX);
        if letter.tries >= TRIES_MAX || letter.useless_ms <= now_ms + pause_ms {
            self.delivered(carried, now_ms).await?;
            return Ok(false);
        }
        let again = Swap { name: name(now_ms + pause_ms, id), before: Before::Nothing, after: After::Kept(written(&letter)?) };
        self.shelf.swap(vec![Swap::take(&carried.name, &carried.record), again], now_ms).await
    }

    async fn remove(&self, name: &str, record: &str, now_ms: i64) -> Result<(), Fault> {
        for _ in 0..COUNTED_TRIES {
            let (count, counted) = self.count(now_ms).await?;
            if self.shelf.swap(vec![Swap::take(name, record), count.to(counted.saturating_sub(1))], now_ms).await? {
                return Ok(());
            }
            if self.shelf.record(name, now_ms).await?.as_deref() != Some(record) {
                return Ok(());
            }
        }
        Err(Fault::Unavailable("too many letters at once".to_owned()))
    }

    async fn count(&self, now_ms: i64) -> Result<(Count, u64), Fault> {
        let record = self.shelf.record(COUNT, now_ms).await?;
        let counted = record.as_deref().and_then(|record| record.parse().ok()).unwrap_or(0);
        Ok((Count(record), counted))
    }
}

/// The record that counts the letters, as it was read.
struct Count(Option<String>);

impl Count {
    fn to(self, counted: u64) -> Swap {
        let before = self.0.map_or(Before::Nothing, Before::This);
        Swap { name: COUNT.to_owned(), before, after: After::Kept(counted.to_string()) }
    }
}

/// Records are in the order in which letters are due.
fn name(due_ms: i64, id: &str) -> String {
    format!("{PREFIX}{:015}/{id}", due_ms.max(0))
}

fn written(letter: &Letter) -> Result<String, Fault> {
    serde_json::to_string(letter).map_err(|error| Fault::Unavailable(error.to_string()))
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
