//! From options to rules: what several options mean together, checked here and nowhere else.

use std::collections::BTreeMap;
use std::sync::Arc;

use url::Url;

use super::{Config, ConfigFault, ProcessOptions, SiteOptions};
use crate::channel::{ChannelName, Patterns, SiteName};
use crate::comment;

use crate::limit::Cidr;
use crate::page::PageLimits;
use crate::rule::{Dialect, Limits, Origins, Reach, Rules, SiteRules};

/// The most names that a site may reserve.
const RESERVED_NAMES_MAX: usize = 200;
/// The most names of reactions that a site may have.
const REACTIONS_MAX: usize = 64;

impl Config {
    /// The rules that these options make.
    ///
    /// # Errors
    /// The first option whose value does not fit, by name.
    pub fn rules(&self) -> Result<Rules, ConfigFault> {
        let process = &self.process;
        let trusted_proxies: Vec<Cidr> = process
            .trusted_proxy
            .iter()
            .map(|text| text.parse().map_err(|error| fault("trusted-proxy", format!("`{text}`: {error}"))))
            .collect::<Result<_, _>>()?;
        at_least_one("outbound-requests", process.outbound_requests)?;
        let limits = limits(process)?;
        let mut sites = BTreeMap::new();
        for (site, options) in &self.sites {
            sites.insert(site.clone(), Arc::new(site_rules(site, options, process, &limits)?));
        }
        Ok(Rules {
            demo: process.demo,
            public_url: public_url(&process.public_url)?,
            trusted_proxies,
            reach: Reach::parse(&process.outbound_allow).map_err(|error| fault("outbound-allow", error.to_string()))?,
            limits,
            msgs: dialect("msgs", &process.msgs, process.demo, "msgs")?,
            pubsub: dialect("pubsub", &process.pubsub, process.demo, "pubsub")?,
            viewing: is_spoken("viewing", &process.viewing, process.demo)?,
            comments_page: is_spoken("comments-page", &process.comments_page, process.demo)?,
            publish_root: is_spoken("publish-root", &process.publish_root, process.demo)?,
            sign_in: super::signin::sign_in(process)?,
            sites,
        })
    }
}

fn fault(key: &str, fault: String) -> ConfigFault {
    ConfigFault::Value { key: key.to_owned(), fault }
}

/// A count that must fit the memory's own numbers.
fn fitting<T: TryFrom<u64>>(key: &str, count: u64) -> Result<T, ConfigFault> {
    T::try_from(count).map_err(|_| fault(key, "the number is too large".to_owned()))
}

/// A count of which there must be at least one.
fn at_least_one(key: &str, count: u64) -> Result<usize, ConfigFault> {
    if count == 0 { Err(fault(key, "at least 1 is needed".to_owned())) } else { fitting(key, count) }
}

fn at_least(key: &str, bytes: usize, least: usize) -> Result<usize, ConfigFault> {
    if bytes < least { Err(fault(key, format!("at least {least} bytes are needed"))) } else { Ok(bytes) }
}

fn limits(process: &ProcessOptions) -> Result<Limits, ConfigFault> {
    Ok(Limits {
        request_bytes_max: at_least("request-bytes", process.request_bytes, 1_024)?,
        batch_bytes_max: at_least("batch-bytes", process.batch_bytes, 1_024)?,
        batch_entries_max: at_least_one("batch-entries", process.batch_entries)?,
        message_bytes_max: at_least("message-bytes", process.message_bytes, 1_024)?,
        publication_bytes_max: at_least("publication-bytes", process.publication_bytes, 1)?,
        subscriptions_max: at_least_one("subscriptions", process.subscriptions)?,
        recovery_entries_max: at_least_one("recovery-entries", process.recovery_entries)?,
        recovery_bytes_max: at_least("recovery-bytes", process.recovery_bytes, 1)?,
        ring_entries_max: at_least_one("ring-entries", process.ring_entries)?,
        ring_bytes_max: at_least("ring-bytes", process.ring_bytes, 1_024)?,
        rings_bytes_max: at_least("rings-bytes", process.rings_bytes, 1_024)?,
        ring_idle: process.ring_idle,
        lane_entries_max: at_least_one("lane-entries", process.lane_entries)?,
        lane_bytes_max: at_least("lane-bytes", process.lane_bytes, 1_024)?,
        deflate_from_bytes: process.deflate_from,
        flush_linger_ms: u64::try_from(process.flush_linger.as_millis()).unwrap_or(u64::MAX),
        viewer_linger: process.linger,
        admissions_per_second: u32::try_from(at_least_one("admissions", process.admissions)?).unwrap_or(u32::MAX),
        connections_max: fitting("connections", process.connections)?,
        connections_per_address_max: fitting("connections-per-address", process.connections_per_address)?,
        head_timeout: positive("head-timeout", process.head_timeout)?,
        head_bytes_max: at_least("head-bytes", process.head_bytes, 8_192)?,
        headers_max: at_least_one("headers", process.headers)?,
        body_timeout: positive("body-timeout", process.body_timeout)?,
        send_timeout: positive("send-timeout", process.send_timeout)?,
        key_set_every_ms: milliseconds(process.key_set_every),
        unsent_bytes_max: at_least("unsent-bytes", process.unsent_bytes, 4_096)?,
    })
}

fn positive(key: &str, time: std::time::Duration) -> Result<std::time::Duration, ConfigFault> {
    if time.is_zero() { Err(fault(key, "more than 0 is needed".to_owned())) } else { Ok(time) }
}

/// How long withdrawn text may still lie in the store, in milliseconds.
pub(super) fn purge_ms(process: &ProcessOptions) -> i64 {
    const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
    i64::try_from(process.purge_days).unwrap_or(i64::MAX).saturating_mul(DAY_MS)
}

fn milliseconds(time: std::time::Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn site_rules(
    site: &SiteName,
    options: &SiteOptions,
    process: &ProcessOptions,
    limits: &Limits,
) -> Result<SiteRules, ConfigFault> {
    let prefix = if *site == SiteName::default() { String::new() } else { format!("site.{site}.") };
    let fault = |key: &str, text: String| fault(&format!("{prefix}{key}"), text);
    if options.reactions.len() > REACTIONS_MAX || !options.reactions.iter().all(|name| is_reaction(name)) {
        return Err(fault("reactions", format!("at most {REACTIONS_MAX} names, each 1 to 32 of a-z, 0-9, _ and -")));
    }
    Ok(SiteRules {
        site: site.clone(),
        demo: process.demo,
        origins: Origins::parse(&options.origins).map_err(|error| fault("origins", error.to_string()))?,
        chats: Patterns::parse(&options.chats).map_err(|error| fault("chats", error.to_string()))?,
        tokens: super::tokens::site_tokens(&prefix, options)?,
        sign_in: options.sign_in.clone(),
        admins: options.admins.clone(),
        moderators: options.moderators.clone(),
        moderate_on_pages: options.moderate_on_pages,
        guests_typing: options.guests_typing,
        reserved_names: reserved_names(&prefix, options)?,
        verify_pages: options.verify_pages,
        reactions: options.reactions.clone(),
        policy: super::policy::policy(&prefix, options)?,
        akismet: super::policy::akismet(&prefix, options)?,
        notify: super::policy::notify(&prefix, options, process)?,
        notify_every_ms: milliseconds(options.notify_every),
        hooks: super::hook::hooks(&prefix, options)?,
        read_only: options.read_only,
        limits: comment_limits(&prefix, options, process, limits)?,
    })
}

fn reserved_names(prefix: &str, options: &SiteOptions) -> Result<Vec<String>, ConfigFault> {
    if options.reserved_names.len() > RESERVED_NAMES_MAX {
        return Err(fault(&format!("{prefix}reserved-names"), format!("at most {RESERVED_NAMES_MAX} names")));
    }
    Ok(options.reserved_names.clone())
}

fn comment_limits(
    prefix: &str,
    options: &SiteOptions,
    process: &ProcessOptions,
    limits: &Limits,
) -> Result<comment::Limits, ConfigFault> {
    let key = |name: &str| format!("{prefix}{name}");
    Ok(comment::Limits {
        body_chars_max: at_least_one(&key("body-characters"), options.body_characters)?,
        chat_chars_max: at_least_one(&key("chat-characters"), options.chat_characters)?,
        name_chars_max: fitting(&key("name-characters"), options.name_characters)?,
        page: PageLimits {
            url_chars_max: at_least_one(&key("url-characters"), options.url_characters)?,
            title_chars_max: fitting(&key("title-characters"), options.title_characters)?,
        },
        edit_ms: milliseconds(options.edit_for),
        depth_max: fitting(&key("depth"), options.depth)?,
        request_bytes_max: limits.request_bytes_max,
        batch_bytes_max: limits.batch_bytes_max,
        message_bytes_max: limits.message_bytes_max,
        publication_bytes_max: limits.publication_bytes_max,
        member_posts_burst: options.member_posts.burst,
        member_post_every_ms: options.member_posts.per_ms,
        address_posts_burst: options.address_posts.burst,
        address_post_every_ms: options.address_posts.per_ms,
        close_after_ms: milliseconds(options.close_after),
        address_reactions_burst: options.reaction_pace.burst,
        address_reaction_every_ms: options.reaction_pace.per_ms,
        address_reactions_max: fitting(&key("address-reactions"), options.address_reactions)?,
        address_pages_per_hour: fitting(&key("address-pages"), options.address_pages)?,
        site_pages_per_day: fitting(&key("site-pages"), options.site_pages)?,
        keep_events_max: process.keep_events,
        keep_for_ms: milliseconds(process.keep_for),
        purge_ms: purge_ms(process),
        subscriptions_max: limits.subscriptions_max,
        recovery_entries_max: limits.recovery_entries_max,
        recovery_bytes_max: limits.recovery_bytes_max,
    })
}

fn is_reaction(name: &str) -> bool {
    (1..=32).contains(&name.len()) && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

fn public_url(text: &str) -> Result<Option<String>, ConfigFault> {
    if text.is_empty() {
        return Ok(None);
    }
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    match url {
        Some(url) => Ok(Some(url.as_str().trim_end_matches('/').to_owned())),
        None => Err(fault("public-url", "an address such as https://talk.example.org is expected".to_owned())),
    }
}

fn is_spoken(key: &str, text: &str, demo: bool) -> Result<bool, ConfigFault> {
    match text {
        "off" => Ok(false),
        "on" => Ok(true),
        "demo" => Ok(demo),
        _ => Err(fault(key, "off, on or demo is expected".to_owned())),
    }
}

fn dialect(key: &str, text: &str, demo: bool, usual: &str) -> Result<Dialect, ConfigFault> {
    let name = match text {
        "off" => return Ok(Dialect::Off),
        "demo" if !demo => return Ok(Dialect::Off),
        "on" | "demo" => usual,
        name => name,
    };
    ChannelName::parse(name).map(Dialect::Channel).map_err(|error| fault(key, error.to_string()))
}
