//! A page's own words: what a reader's browser said of a page is replaced by what the page says itself, once the server has read it
//! there. One task asks, through `outbound`, a few pages at a time; what cannot be read stays as it was said, and unverified.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use http::HeaderValue;
use http::header::{ACCEPT, CONTENT_TYPE};
use tokio::sync::mpsc;
use url::Url;

use crate::backend::{Append, PageNote};
use crate::channel::Key;
use crate::node::Node;
use crate::outbound::{Answer, Ask, Client};
use crate::page::{Origin, channel_of, head_of};
use crate::render::plain_name;
use crate::rule::SiteRules;

/// Pages that wait to be read; what comes beyond is not read this time.
const WAITING_MAX: usize = 256;
/// Pages read at the same time.
const READ_AT_ONCE: usize = 4;
/// How much of a page is read: its head is in there.
const PAGE_BYTES_MAX: usize = 128 << 10;
/// How long a page may take.
const PAGE_WITHIN: Duration = Duration::from_secs(10);
/// Redirects on the page's own origin.
const REDIRECTS_MAX: u8 = 3;
/// A page that could not be read is not asked again for so long.
const AGAIN_AFTER: Duration = Duration::from_secs(3_600);
/// Pages that are remembered for that.
const TRIED_MAX: usize = 10_000;

/// Starts the task; it ends with the node.
pub fn start(node: &Arc<Node>, client: Client) {
    let (sender, waiting) = mpsc::channel(WAITING_MAX);
    if node.verifies(sender) {
        tokio::spawn(run(Arc::downgrade(node), client, waiting));
    }
}

async fn run(node: Weak<Node>, client: Client, waiting: mpsc::Receiver<Key>) {
    let mut tried: HashMap<Key, Instant> = HashMap::new();
    let fresh = stream::unfold(waiting, async |mut waiting| waiting.recv().await.map(|key| (key, waiting))).filter(move |key| {
        if tried.len() >= TRIED_MAX {
            tried.clear();
        }
        let last = tried.insert(key.clone(), Instant::now());
        std::future::ready(last.is_none_or(|last| last.elapsed() >= AGAIN_AFTER))
    });
    fresh
        .for_each_concurrent(READ_AT_ONCE, |key| {
            let (node, client) = (node.clone(), client.clone());
            async move {
                if let Some(node) = node.upgrade()
                    && let Err(why) = verify(&node, &client, &key).await
                {
                    tracing::debug!(why, "a page's title stays as a reader said it");
                }
            }
        })
        .await;
}

async fn verify(node: &Node, client: &Client, key: &Key) -> Result<(), &'static str> {
    let store = |_| "the store is away";
    let rules = node.site_rules(&key.site).map_err(|_| "the site is gone")?;
    let Some(row) = node.backend().pages.page(key).await.map_err(store)? else { return Ok(()) };
    if row.thread.verified || row.thread.url.is_empty() {
        return Ok(());
    }
    let url = Url::parse(&row.thread.url).map_err(|_| "no address")?;
    let origin = Origin::of(&url).ok_or("no origin")?;
    if !rules.allows_origin(&origin.to_string()) {
        return Err("the page is not the site's");
    }
    let accept = HeaderValue::from_static("text/html, application/xhtml+xml");
    let ask = Ask::get(url.clone()).header(ACCEPT, accept).answer_bytes(PAGE_BYTES_MAX).cut();
    let answer = client.send(ask.within(PAGE_WITHIN).follow(REDIRECTS_MAX).plain()).await.map_err(|_| "it cannot be read")?;
    let title = own_title(&rules, &url, &answer)?;
    let page = PageNote { url: row.thread.url, title };
    let append = Append::Page { page, verified: true, time_ms: node.clock.now_ms() };
    node.backend().log.append(&Key::new(key.site.clone(), row.channel), append).await.map_err(store).map(drop)
}

/// What the page calls itself, if it is there and is the page that was meant.
fn own_title(rules: &SiteRules, url: &Url, answer: &Answer) -> Result<String, &'static str> {
    let kind = answer.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !answer.status.is_success() || !(kind.starts_with("text/html") || kind.starts_with("application/xhtml+xml")) {
        return Err("no page is there");
    }
    let head = head_of(&String::from_utf8_lossy(&answer.body));
    let limits = &rules.limits.page;
    let channel = |url: &Url| channel_of(Some(url.as_str()), None, limits).ok();
    if let Some(canonical) = head.canonical.and_then(|text| url.join(&text).ok())
        && canonical.origin() == url.origin()
        && channel(&canonical) != channel(url)
    {
        return Err("the page says that it is another");
    }
    Ok(plain_name(&head.title).chars().take(limits.title_chars_max).collect())
}
