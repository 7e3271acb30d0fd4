//! `parlour token` and `parlour key`: what opens doors. Both work beside a running server.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use clap::ArgMatches;

use super::say;
use crate::backend::KeyRow;
use crate::channel::{Patterns, SiteName};
use crate::comment::Time;
use crate::config::Config;
use crate::config::kind::{Kind as _, Time as Duration};
use crate::identity::{ApiKey, Grant, InstallSecret, MemberId, Role, Signer};
use crate::server::{Beside, Place};

/// How long the token in the line at the start of demo mode is good, in seconds.
const DEMO_TOKEN_S: i64 = 24 * 60 * 60;
/// Digits of a key's hash that name it.
const KEY_ID_DIGITS: usize = 12;
/// The longest label of a key, in bytes.
const LABEL_BYTES_MAX: usize = 200;

/// `parlour token`.
///
/// # Errors
/// An argument that does not fit, a site that is not configured, a store that cannot be opened.
pub async fn token(config: &Config, matches: &ArgMatches) -> anyhow::Result<()> {
    let text = |name: &str| matches.get_one::<String>(name).map_or("", String::as_str);
    let patterns = |name: &str| {
        let texts: Vec<&String> = matches.get_many::<String>(name).unwrap_or_default().collect();
        Patterns::parse(&texts).with_context(|| format!("--{name}"))
    };
    let expires = Duration::parse(text("expires")).map_err(|fault| anyhow::anyhow!("--expires: {fault}"))?;
    let now_s = now_ms()? / 1_000;
    let grant = Grant {
        member: MemberId::parse(text("user")).context("--user")?,
        name: Some(text("name").to_owned()).filter(|name| !name.is_empty()),
        role: match text("role") {
            "member" => Some(Role::Member),
            "moderator" => Some(Role::Moderator),
            "admin" => Some(Role::Admin),
            _ => None,
        },
        site: site(config, text("site"))?,
        channels: patterns("channel")?,
        publish: patterns("publish")?,
        kept_by_page: false,
        exp_s: now_s.saturating_add(i64::try_from(expires.as_secs())?),
    };
    let secret = InstallSecret::from_bytes(beside(config).await?.secret().await?);
    say(&Signer::new(&secret).member(&grant, now_s)?)?;
    Ok(())
}

/// A moderator's token, good for a day.
///
/// # Errors
/// It could not be signed.
pub fn moderator(secret: [u8; 32], now_s: i64) -> anyhow::Result<String> {
    let grant = Grant {
        member: MemberId::parse("moderator")?,
        name: Some("Moderator".to_owned()),
        role: Some(Role::Moderator),
        site: SiteName::default(),
        channels: Patterns::default(),
        publish: Patterns::default(),
        kept_by_page: false,
        exp_s: now_s.saturating_add(DEMO_TOKEN_S),
    };
    Ok(Signer::new(&InstallSecret::from_bytes(secret)).member(&grant, now_s)?)
}

/// `parlour key new|list|revoke`.
///
/// # Errors
/// A site that is not configured, an id that no key has, a store that cannot be opened.
pub async fn key(config: &Config, matches: &ArgMatches) -> anyhow::Result<()> {
    match matches.subcommand() {
        Some(("new", matches)) => new_key(config, matches).await,
        Some(("revoke", matches)) => {
            let id = matches.get_one::<String>("id").context("an id is needed")?;
            if !beside(config).await?.revoke_key(id).await? {
                bail!("no key has the id {id}");
            }
            say(&format!("revoked {id}"))?;
            Ok(())
        }
        _ => {
            for row in beside(config).await?.keys().await? {
                say(&format!("{}  {}  {}  {}", row.id, Time(row.created_ms), row.site, row.label))?;
            }
            Ok(())
        }
    }
}

async fn new_key(config: &Config, matches: &ArgMatches) -> anyhow::Result<()> {
    let text = |name: &str| matches.get_one::<String>(name).map_or("", String::as_str);
    let label = text("label").trim();
    if label.len() > LABEL_BYTES_MAX || label.chars().any(char::is_control) {
        bail!("--label: at most {LABEL_BYTES_MAX} bytes on one line");
    }
    let site = site(config, text("site"))?;
    let key = ApiKey::from_random(rand::random());
    let hash = key.hash();
    let id = hash.as_str().chars().take(KEY_ID_DIGITS).collect();
    let row = KeyRow { id, site, label: label.to_owned(), created_ms: now_ms()? };
    beside(config).await?.add_key(hash.as_str(), row).await?;
    say(&key.reveal())?;
    eprintln!("It is shown this once; keep it like a password.");
    Ok(())
}

fn site(config: &Config, name: &str) -> anyhow::Result<SiteName> {
    let site = SiteName::parse(name).context("--site")?;
    if !config.sites.contains_key(&site) {
        bail!("--site: there is no site {site} in the configuration");
    }
    Ok(site)
}

fn now_ms() -> anyhow::Result<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    Ok(i64::try_from(since.as_millis())?)
}

async fn beside(config: &Config) -> anyhow::Result<Beside> {
    Place::parse(&config.process.store)?.beside(config).await
}
