//! Webhooks: a site's receivers are told of its comments, as in Standard Webhooks 1.0. What is to be told waits in a queue of each
//! receiver's own ([`crate::queue`]), so that one which is slow or dead delays neither writers nor the others, and one of all nodes
//! tells it. Everything goes through `outbound`: no private address unless the operator named it, no redirect.
//!
//! A queue holds names and no text: what is sent is the comment as it is when it is sent, and what is no longer so by then is not
//! sent. Text that was withdrawn leaves by this door neither.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::task::AbortHandle;
use url::Url;

use crate::backend::{Backend, Fault};
use crate::channel::{ChannelName, Key, SiteName};
use crate::comment::{CommentId, State, Time};
use crate::metrics::Metrics;
use crate::outbound::{Ask, Client};
use crate::queue::{Carrier, Outcome, Queue, Terms};
use crate::rule::{Book, HookEvent, HookRules};

/// The pauses between tries, in milliseconds: over a day and a half in all, as the specification advises.
const PAUSES_MS: &[i64] =
    &[5_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000, 28_800_000, 36_000_000, 43_200_000];
/// What could not be told within three days is not told any more, in milliseconds.
const USELESS_MS: i64 = 3 * 86_400_000;
/// How long a receiver may take to answer.
const WITHIN: Duration = Duration::from_secs(10);
/// Longer than that, in milliseconds.
const LEASE_MS: i64 = 60_000;
/// A receiver that fails is asked once a minute at last.
const REST_MAX: Duration = Duration::from_secs(60);
/// Of a receiver's answer nothing is read but its status.
const ANSWER_BYTES_MAX: usize = 1_024;
/// How often it is looked whether the rules name other receivers.
const RULES_EVERY: Duration = Duration::from_secs(1);

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// What is to be told. No text of a comment is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The message's name, the same at every try, by which a receiver knows it again.
    id: String,
    event: HookEvent,
    site: SiteName,
    channel: ChannelName,
    comment: CommentId,
    time_ms: i64,
}

/// Whom messages are for: a site's receiver, by the hash of both.
fn receiver_id(site: &SiteName, receiver: &Url) -> String {
    let hash = Sha256::digest(format!("{site} {receiver}"));
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The queues of all receivers.
pub struct Hooks {
    backend: Backend,
    book: Arc<Book>,
    waiting_max: u64,
    queues: Mutex<HashMap<String, Arc<Queue<Told>>>>,
}

impl Hooks {
    /// Ready to take messages, so many for each receiver.
    #[must_use]
    pub fn new(backend: Backend, book: Arc<Book>, waiting_max: u64) -> Hooks {
        Hooks { backend, book, waiting_max, queues: Mutex::default() }
    }

    fn queue(&self, id: &str) -> Arc<Queue<Told>> {
        let terms = Terms { waiting_max: self.waiting_max, lease_ms: LEASE_MS, pauses_ms: PAUSES_MS, rest_max: REST_MAX };
        let open = || Arc::new(Queue::new(self.backend.shelf.clone(), format!("hook/{id}"), terms));
        self.queues.lock().entry(id.to_owned()).or_insert_with(open).clone()
    }

    /// Whether somebody is told of this event on the site.
    #[must_use]
    pub fn are_told(&self, site: &SiteName, event: HookEvent) -> bool {
        let rules = self.book.now();
        rules.site(site).is_some_and(|rules| !rules.hooks.receivers.is_empty() && rules.hooks.events.contains(&event))
    }

    /// Puts a message into the queue of each receiver. It is in the store when this answers.
    pub async fn tell(&self, event: HookEvent, key: Key, comment: CommentId, now_ms: i64) {
        let rules = self.book.now();
        let Some(rules) = rules.site(&key.site) else { return };
        for receiver in &rules.hooks.receivers {
            let random: [u8; 16] = rand::random();
            let id = format!("msg_{}", random.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
            let told = Told {
                id,
                event,
                site: key.site.clone(),
                channel: key.channel.clone(),
                comment: comment.clone(),
                time_ms: now_ms,
            };
            match self.queue(&receiver_id(&key.site, receiver)).put(told, now_ms + USELESS_MS, now_ms).await {
                Ok(true) => {}
                Ok(false) => tracing::warn!(site = %key.site, "a webhook's queue is full: a message is lost"),
                Err(fault) => tracing::warn!(site = %key.site, %fault, "a webhook's message could not be kept"),
            }
        }
    }

    /// Has messages delivered until it is dropped: a task for each receiver that the rules name.
    pub async fn work(self: Arc<Hooks>, client: Client, metrics: Arc<Metrics>) {
        let mut running: HashMap<String, Running> = HashMap::new();
        let mut ticks = tokio::time::interval(RULES_EVERY);
        loop {
            ticks.tick().await;
            let named: HashMap<String, (SiteName, Url)> = self.named();
            running.retain(|id, _| named.contains_key(id));
            self.queues.lock().retain(|id, _| named.contains_key(id));
            for (id, (site, receiver)) in named {
                if running.contains_key(&id) {
                    continue;
                }
                let (backend, book, metrics) = (self.backend.clone(), self.book.clone(), metrics.clone());
                // A place of its own: whoever keeps it busy keeps nobody else waiting.
                let messenger = Messenger { backend, book, metrics, client: client.with_places(1), site, receiver };
                let queue = self.queue(&id);
                let task = tokio::spawn(async move { queue.work(&messenger).await });
                running.insert(id, Running(task.abort_handle()));
            }
        }
    }

    fn named(&self) -> HashMap<String, (SiteName, Url)> {
        let rules = self.book.now();
        let of_site = |site: &SiteName, hooks: &HookRules| {
            hooks.receivers.iter().map(|url| (receiver_id(site, url), (site.clone(), url.clone()))).collect::<Vec<_>>()
        };
        rules.sites.iter().flat_map(|(site, rules)| of_site(site, &rules.hooks)).collect()
    }
}

/// A receiver's task; ends with this.
struct Running(AbortHandle);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Who goes to one receiver.
struct Messenger {
    backend: Backend,
    book: Arc<Book>,
    metrics: Arc<Metrics>,
    client: Client,
    site: SiteName,
    receiver: Url,
}

#[async_trait]
impl Carrier<Told> for Messenger {
    async fn carry(&self, told: &Told, tries: u32) -> Outcome {
        let data = match self.data(told).await {
            Ok(Some(data)) => data,
            // It is no longer so; what is so now is told by a message of its own.
            Ok(None) => return Outcome::Done,
            Err(fault) => {
                tracing::warn!(%fault, "a webhook's comment cannot be read");
                return Outcome::Later;
            }
        };
        let body = json!({ "type": told.event.name(), "timestamp": Time(told.time_ms), "data": data }).to_string();
        let Some(ask) = self.ask(told, body) else { return Outcome::Done };
        let fault = match self.client.send(ask).await {
            Ok(answer) if answer.status.is_success() => {
                self.metrics.hooks_delivered.inc();
                return Outcome::Done;
            }
            Ok(answer) => format!("it answered {}", answer.status.as_u16()),
            Err(fault) => fault.to_string(),
        };
        self.metrics.hooks_failed.inc();
        tracing::warn!(site = %told.site, %fault, tries = tries + 1, "a webhook was not delivered");
        Outcome::Later
    }
}

impl Messenger {
    /// What is to be said of the comment, if what happened is still so.
    async fn data(&self, told: &Told) -> Result<Option<Value>, Fault> {
        let Some(filing) = self.backend.desk.filing(&told.site, &told.comment).await? else {
            let gone = json!({ "site": told.site, "channel": told.channel, "id": told.comment });
            return Ok((told.event == HookEvent::Deleted).then_some(gone));
        };
        let is_so = match told.event {
            HookEvent::Created | HookEvent::Updated => filing.comment.state == State::Approved,
            HookEvent::Held => filing.comment.state == State::Pending,
            HookEvent::Deleted => !matches!(filing.comment.state, State::Approved | State::Pending),
        };
        if !is_so {
            return Ok(None);
        }
        let key = Key::new(told.site.clone(), filing.comment.channel.clone());
        let thread = self.backend.store.thread(&key).await?.filter(|thread| !thread.url.is_empty());
        let page = thread.map(|thread| json!({ "url": thread.url, "title": thread.title }));
        let mut data = json!({ "site": key.site, "channel": key.channel, "page": page });
        let comment = filing.comment;
        if told.event == HookEvent::Deleted {
            data["id"] = json!(comment.id);
            data["root"] = json!(comment.root);
            data["parent"] = json!(comment.parent);
            data["tombstone"] = json!(comment.replies > 0);
        } else {
            data["comment"] = json!(comment);
        }
        if told.event == HookEvent::Held {
            data["reason"] = json!(filing.reason);
        }
        Ok(Some(data))
    }

    /// The message, signed by the secrets in force; `None` where the site has none any more.
    fn ask(&self, told: &Told, body: String) -> Option<Ask> {
        let rules = self.book.now();
        let hooks = &rules.site(&self.site)?.hooks;
        let time_s = jiff::Timestamp::now().as_second();
        let signature = hooks.signature(&told.id, time_s, &body);
        let value = |text: &str| HeaderValue::from_str(text).ok();
        let ask = Ask::post(self.receiver.clone(), "application/json", Bytes::from(body))
            .header(ID, value(&told.id)?)
            .header(TIMESTAMP, value(&time_s.to_string())?)
            .header(SIGNATURE, value(&signature)?);
        Some(ask.within(WITHIN).answer_bytes(ANSWER_BYTES_MAX).cut())
    }
}

/// What a change of a comment's state is to receivers.
#[must_use]
pub fn event_of(state: State) -> HookEvent {
    match state {
        State::Approved => HookEvent::Created,
        State::Pending => HookEvent::Held,
        State::Spam | State::Shadow | State::Rejected | State::Deleted => HookEvent::Deleted,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn sites_and_receivers_have_queues_of_their_own() {
        let site = |name: &str| SiteName::parse(name).unwrap();
        let url = |text: &str| Url::parse(text).unwrap();
        let ids: HashSet<String> = [("a", "https://x.example/1"), ("a", "https://x.example/2"), ("b", "https://x.example/1")]
            .iter()
            .map(|(name, text)| receiver_id(&site(name), &url(text)))
            .collect();
        assert_eq!(ids.len(), 3);
    }

    #[test]
    fn tries_go_on_for_more_than_a_day_and_end_before_they_are_useless() {
        let all_ms: i64 = PAUSES_MS.iter().sum();
        assert!(all_ms > 86_400_000 && all_ms < USELESS_MS && LEASE_MS > WITHIN.as_millis() as i64);
    }
}
