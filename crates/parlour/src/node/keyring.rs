//! The keys of JWK sets: fetched when a token names a key that nobody knows, kept, and read again now and then, so that a site or a
//! provider may change its keys without telling anyone.
//!
//! Whoever makes up tokens makes nobody fetch: a set is asked at most once a minute (an option), whatever is asked for, and by one at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use url::Url;

use crate::identity::{KEY_SET_BYTES_MAX, SiteKey, key_set};
use crate::outbound::{Ask, Client};

/// A set that is in use is read again after so long, in milliseconds: a key that was taken out of it is gone by then.
const FRESH_MS: i64 = 10 * 60_000;
/// What could not be read again for so long is not believed any more, in milliseconds.
const KEPT_MS: i64 = 24 * 60 * 60_000;
/// Sets that are known at once; the configuration names them all.
const SETS_MAX: usize = 1_024;

/// The sets.
pub struct Keyring {
    client: Client,
    sets: Mutex<HashMap<String, Arc<Set>>>,
    /// Grows with every change.
    generation: AtomicU64,
}

#[derive(Default)]
struct Set {
    found: Mutex<Found>,
    /// One asks, the others wait for its answer.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Found {
    keys: Vec<SiteKey>,
    /// When they came; 0 for never.
    found_ms: i64,
    /// When they were asked for last; 0 for never.
    asked_ms: i64,
}

impl Keyring {
    /// Knows no set yet.
    #[must_use]
    pub fn new(client: Client) -> Keyring {
        Keyring { client, sets: Mutex::default(), generation: AtomicU64::default() }
    }

    /// A number that changes with every set.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    fn set(&self, url: &str) -> Arc<Set> {
        let mut sets = self.sets.lock();
        if sets.len() >= SETS_MAX && !sets.contains_key(url) {
            sets.clear();
        }
        sets.entry(url.to_owned()).or_default().clone()
    }

    /// The keys that are known of a set.
    #[must_use]
    pub fn keys(&self, url: &str, now_ms: i64) -> Vec<SiteKey> {
        let set = self.set(url);
        let found = set.found.lock();
        if found.found_ms + KEPT_MS > now_ms { found.keys.clone() } else { Vec::new() }
    }

    /// Whether the set was read long enough ago to be read again beside what it is used for.
    pub(super) fn is_old(&self, url: &str, now_ms: i64) -> bool {
        let set = self.set(url);
        let found = set.found.lock();
        found.asked_ms > 0 && found.asked_ms + FRESH_MS <= now_ms
    }

    /// Asks for the set, unless that was done less than `every_ms` ago, or is being done: then its answer is waited for. Whether
    /// there is news since the call.
    pub async fn ask(&self, url: &str, every_ms: i64, now_ms: i64) -> bool {
        let before = self.generation();
        let set = self.set(url);
        let _turn = set.turn.lock().await;
        {
            let mut found = set.found.lock();
            if found.asked_ms > 0 && found.asked_ms + every_ms > now_ms {
                return self.generation() != before;
            }
            found.asked_ms = now_ms;
        }
        match self.fetched(url).await {
            Ok(keys) => {
                let mut found = set.found.lock();
                found.keys = keys;
                found.found_ms = now_ms;
                drop(found);
                self.generation.fetch_add(1, Ordering::AcqRel);
            }
            // The operator named the address; it is no secret, and the host says which site or provider is meant.
            Err(why) => tracing::warn!(host = host(url), why, "a set of keys could not be read; those known are kept for a day"),
        }
        self.generation() != before
    }

    async fn fetched(&self, url: &str) -> Result<Vec<SiteKey>, String> {
        let url = Url::parse(url).map_err(|error| error.to_string())?;
        let is_plain = url.scheme() == "http";
        let ask = Ask::get(url).answer_bytes(KEY_SET_BYTES_MAX).follow(2);
        let ask = if is_plain { ask.plain() } else { ask };
        let answer = self.client.send(ask).await.map_err(|fault| fault.to_string())?;
        if !answer.status.is_success() {
            return Err(format!("status {}", answer.status.as_u16()));
        }
        key_set(&answer.body).map_err(|fault| fault.to_string())
    }
}

fn host(url: &str) -> String {
    Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::Sources;
    use crate::config::layer::FileLayers;
    use crate::rule::Book;

    /// Answers every request with a set that has nothing of use; the address, and how often it was asked.
    async fn served() -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = stream.read(&mut [0; 4_096]).await;
                let _ =
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\nconnection: close\r\n\r\n{\"keys\":[]}").await;
            }
        });
        (url, count)
    }

    #[tokio::test]
    async fn whatever_is_asked_for_a_set_is_fetched_once_a_minute_and_after_the_minute_again() {
        let layers = FileLayers::from_text("outbound-allow = \"127.0.0.1\"").unwrap();
        let book = Arc::new(Book::new(Sources::default().read_with(layers, None).unwrap().rules().unwrap()));
        // The floor that holds where nobody says anything else.
        let every_ms = book.now().limits.key_set_every_ms;
        let (url, count) = served().await;
        let keyring = Keyring::new(Client::open(book, None, 4).unwrap());
        let begin_ms = 1_800_000_000_000;
        for minute in 0..3 {
            let minute_ms = begin_ms + minute as i64 * 60_000;
            for now_ms in [0, 1, 30_000, 59_999].map(|since_ms| minute_ms + since_ms) {
                let flood = (0..50).map(|_| keyring.ask(&url, every_ms, now_ms));
                futures_util::future::join_all(flood).await;
                assert_eq!(count.load(Ordering::SeqCst), minute + 1, "{} ms into the flood", now_ms - begin_ms);
            }
        }
        // Another set has a minute of its own.
        let (other, others) = served().await;
        keyring.ask(&other, every_ms, begin_ms).await;
        assert_eq!(others.load(Ordering::SeqCst), 1);
    }
}
