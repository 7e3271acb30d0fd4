//! What applications publish, and signals.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parlour_wire::code::Code;
use parlour_wire::json;
use parlour_wire::position::Position;
use parlour_wire::push::{Event, Kind, Publisher};
use serde_json::{Value, json};

use super::{Asker, Node, told};
use crate::backend::{Append, Signal};
use crate::channel::Key;
use crate::comment::{CommentId, checked_name, is_nonce};
use crate::identity::Act;
use crate::limit::Rate;

/// The deepest nesting of published JSON.
const DATA_DEPTH_MAX: usize = 128;
/// Typing is told so often per member; more is passed over.
const TYPING_RATE: Rate = Rate { burst: 5, per_ms: 1_000 };

/// A publication as it was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Publishing<'a> {
    /// JSON text.
    pub data: &'a str,
    /// Makes a repetition harmless.
    pub nonce: Option<&'a str>,
    /// Whether it is kept; else it reaches those present and has no offset.
    pub store: bool,
}

impl Node {
    /// Publishes; the position, where it was stored. This is the one door for publications.
    pub async fn publish(&self, asker: &Asker, key: &Key, publishing: Publishing<'_>) -> Result<Option<Position>, Code> {
        self.permit(Act::Publish, asker, key)?;
        self.site_rules(&key.site)?.writable()?;
        let key = &self.home(key).await?;
        let data = self.checked_data(publishing.data)?;
        if publishing.nonce.is_some_and(|nonce| !is_nonce(nonce)) {
            return Err(Code::NonceInvalid);
        }
        let publisher = asker.client.as_ref().map(|client| Publisher { user: asker.user(), client: client.clone() });
        let time_ms = self.clock.now_ms();
        self.stats.published.fetch_add(1, Ordering::Relaxed);
        if !publishing.store {
            let event =
                Event { kind: Kind::Publication, channel: key.channel.as_str().into(), offset: None, data, publisher, time_ms };
            self.backend.log.signal(key, Signal::Event(event)).await.map_err(told)?;
            return Ok(None);
        }
        let nonce = publishing.nonce.map(|nonce| (asker.user().to_string(), nonce.to_owned()));
        let append = Append::Publication { data, publisher, nonce, time_ms };
        Ok(self.backend.log.append(key, append).await.map_err(told)?.position)
    }

    /// A line that a person says through a dialect without comments: by the rights and the limits of comments, kept as a
    /// publication.
    pub async fn say(&self, asker: &Asker, key: &Key, data: &str) -> Result<(), Code> {
        self.permit(Act::Comment, asker, key)?;
        let rules = self.site_rules(&key.site)?;
        rules.writable()?;
        if data.chars().nth(rules.limits.body_chars_max).is_some() {
            return Err(Code::BodyTooLong);
        }
        self.limit_posts(asker, &rules)?;
        let data = self.checked_data(data)?;
        self.may_say(asker, key, &spoken(&data)).await?;
        self.stats.published.fetch_add(1, Ordering::Relaxed);
        let append = Append::Publication { data, publisher: None, nonce: None, time_ms: self.clock.now_ms() };
        self.backend.log.append(key, append).await.map_err(told).map(|_| ())
    }

    /// Data as it is kept: JSON in UTF-8, not too large, not too deep, white space between tokens gone.
    fn checked_data(&self, data: &str) -> Result<Arc<str>, Code> {
        let too_large = data.len() > self.book.now().limits.publication_bytes_max;
        if too_large || !json::depth_within(data, DATA_DEPTH_MAX) || serde_json::from_str::<serde::de::IgnoredAny>(data).is_err()
        {
            return Err(Code::DataInvalid);
        }
        Ok(json::compact(data).into())
    }

    /// Tells that somebody writes. Too often is passed over, and so are guests where the site does not want it.
    pub async fn typing(&self, asker: &Asker, key: &Key, name: Option<&str>, parent: Option<&str>) -> Result<(), Code> {
        self.permit(Act::Comment, asker, key)?;
        let key = &self.home(key).await?;
        let parent = parent.map(CommentId::parse).transpose().map_err(|_| Code::ParentNotFound)?;
        let rules = self.site_rules(&key.site)?;
        let name = match asker.who.member().filter(|member| member.verified) {
            Some(member) => member.name.clone(),
            None => checked_name(name.unwrap_or_default(), &rules.limits).map_err(|_| Code::NameInvalid)?,
        };
        if asker.who.member().is_none_or(|member| !member.verified) && !asker.who.is_key() {
            self.guard_name(&rules, &name).await?;
            if !rules.guests_typing {
                return Ok(());
            }
        }
        if self.limiter.take(("typing", &key.site, asker.user()), TYPING_RATE, self.clock.now_ms()).is_err() {
            return Ok(());
        }
        let data = json!({ "name": name, "parent": parent }).to_string().into();
        let channel = key.channel.as_str().into();
        let event = Event { kind: Kind::Typing, channel, offset: None, data, publisher: None, time_ms: self.clock.now_ms() };
        self.backend.log.signal(key, Signal::Event(event)).await.map_err(told)
    }
}

/// The texts of a line, however its JSON writes them.
fn spoken(data: &str) -> String {
    match serde_json::from_str(data) {
        Ok(Value::String(text)) => text,
        Ok(Value::Object(fields)) => fields.values().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}

impl Asker {
    /// The member's id; `key` for keys, nothing for nobody.
    pub fn user(&self) -> Arc<str> {
        match self.who.member() {
            Some(member) => member.id.shared(),
            None if self.who.is_key() => "key".into(),
            None => Arc::default(),
        }
    }
}
