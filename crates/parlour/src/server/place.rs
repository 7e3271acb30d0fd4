//! Which store `--store` names, and opening it: for the server, or for an operator's command beside a server that may be running. Here,
//! and nowhere else, a concrete backend is named.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::backend::{Backend, KeyRow, Lanes, Store};
use crate::channel::ChannelName;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::rule::{Dialect, Rules};
use crate::{redis, sqlite};

/// How often publications that are too old are swept away.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Which store `--store` names.
#[derive(Debug)]
pub enum Place {
    /// One file.
    Sqlite(PathBuf),
    /// One Redis, or several that belong together.
    Redis(redis::Place),
}

impl Place {
    /// Reads the option.
    ///
    /// # Errors
    /// Nothing that this program has a backend for. What was written is not repeated: it may hold a password.
    pub fn parse(store: &str) -> anyhow::Result<Place> {
        if redis::Place::is_meant(store) {
            return Ok(Place::Redis(redis::Place::parse(store).context("`store`")?));
        }
        match store.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => Ok(Place::Sqlite(PathBuf::from(path))),
            _ => bail!("`store`: sqlite:PATH or the address of a Redis is expected"),
        }
    }

    /// Opens the store for the server; what it has to tell goes into `lanes`.
    ///
    /// # Errors
    /// The store cannot be opened.
    pub async fn open(self, config: &Config, rules: &Rules, lanes: Lanes, metrics: &Metrics) -> anyhow::Result<Backend> {
        match self {
            Place::Sqlite(path) => {
                let mut options = sqlite::Options::new(path);
                options.keep_events = config.process.keep_events;
                options.purge_ms = config.purge_ms();
                options.keep_for_ms = keep_for_ms(config);
                options.keep_whole = keep_whole(rules);
                let counters = options.counters.clone();
                metrics.observe(move |metrics| {
                    metrics.appends.inner().store(counters.tasks(), Ordering::Relaxed);
                    metrics.commits.inner().store(counters.commits(), Ordering::Relaxed);
                });
                sqlite::open(options, lanes).context(UNOPENED)
            }
            Place::Redis(place) => redis::open(redis_options(place, config, keep_whole(rules))?, lanes).await.context(UNOPENED),
        }
    }

    /// Opens the store for an operator's command, beside a server that may be running.
    ///
    /// # Errors
    /// The store cannot be opened.
    pub async fn beside(self, config: &Config) -> anyhow::Result<Beside> {
        Ok(match self {
            Place::Sqlite(path) => Beside::Sqlite(sqlite::Beside::open(&path).context(UNOPENED)?),
            Place::Redis(place) => {
                Beside::Redis(redis::open_beside(redis_options(place, config, None)?).await.context(UNOPENED)?)
            }
        })
    }
}

const UNOPENED: &str = "the store cannot be opened";

/// As it was written, without user and password.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Place::Redis(place) => write!(f, "{place}"),
        }
    }
}

fn keep_for_ms(config: &Config) -> i64 {
    i64::try_from(config.process.keep_for.as_millis()).unwrap_or(i64::MAX)
}

fn keep_whole(rules: &Rules) -> Option<ChannelName> {
    match &rules.msgs {
        Dialect::Channel(channel) => Some(channel.clone()),
        Dialect::Off => None,
    }
}

fn redis_options(place: redis::Place, config: &Config, whole: Option<ChannelName>) -> anyhow::Result<redis::Options> {
    let keep = redis::Keep {
        events: config.process.keep_events,
        for_ms: keep_for_ms(config),
        whole,
        purge_ms: config.purge_ms(),
        sweep: SWEEP_EVERY,
    };
    let replicas = u32::try_from(config.process.redis_wait).context("`redis-wait`")?;
    Ok(redis::Options { place, keep, replicas })
}

/// A store, opened for a command: keys and the secret.
pub enum Beside {
    /// One file, beside the process that writes it.
    Sqlite(sqlite::Beside),
    /// What all nodes use.
    Redis(Arc<dyn Store>),
}

impl Beside {
    /// How durable it is, where that is the operator's choice elsewhere.
    pub fn durability(&self) -> Option<String> {
        match self {
            Beside::Sqlite(_) => None,
            Beside::Redis(store) => Some(store.describe()),
        }
    }

    /// The secret made at first start: now, if there was no start yet.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn secret(&self) -> anyhow::Result<[u8; 32]> {
        Ok(match self {
            Beside::Sqlite(beside) => beside.secret()?,
            Beside::Redis(store) => store.secret().await?,
        })
    }

    /// Keeps a key's hash.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn add_key(&self, hash: &str, row: KeyRow) -> anyhow::Result<()> {
        match self {
            Beside::Sqlite(beside) => beside.add_key(hash, &row),
            Beside::Redis(store) => store.add_key(hash, row).await,
        }
        .map_err(Into::into)
    }

    /// All keys, the oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn keys(&self) -> anyhow::Result<Vec<KeyRow>> {
        Ok(match self {
            Beside::Sqlite(beside) => beside.keys()?,
            Beside::Redis(store) => store.keys().await?,
        })
    }

    /// Forgets a key by its id; whether there was one.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn revoke_key(&self, id: &str) -> anyhow::Result<bool> {
        Ok(match self {
            Beside::Sqlite(beside) => beside.revoke_key(id)?,
            Beside::Redis(store) => store.revoke_key(id).await?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_printed_without_its_password_and_a_bad_one_is_not_repeated() {
        let printed = |store: &str| Place::parse(store).map_or_else(|error| format!("{error:#}"), |place| place.to_string());
        assert_eq!(printed("sqlite:a.db"), "sqlite:a.db");
        assert_eq!(printed("redis://u:secret@h/1"), "redis://h:6379/1");
        for bad in ["sqlite:", "postgres://u:secret@h", "redis://u:secret@h/x", "redis+x://u:secret@h"] {
            assert!(printed(bad).starts_with("`store`") && !printed(bad).contains("secret"), "{}", printed(bad));
        }
    }
}
