//! Threads as documents and feeds: what everyone may see, whoever asks, so that one answer serves all.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue};
use parlour_wire::code::Code;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::ask::Parameters;
use super::{Api, Target, answer};
use crate::backend::HEADS_MAX;
use crate::channel::SiteName;
use crate::door::{Problem, Whence};
use crate::paper::{Channel, Document, Feed, Written, written};
use crate::shape::ListQuery;

/// Nothing runs, nothing is loaded but pictures of the server's own, nobody may frame it.
const POLICY: &str = "default-src 'none'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Entries of a feed.
const ENTRIES: usize = 50;

#[derive(Deserialize)]
pub struct Asked {
    before: Option<String>,
    parent: Option<String>,
    sort: Option<String>,
    fragment: Option<String>,
}

/// `GET /v1/channels/{channel}/comments.html`.
pub async fn document(
    State(api): State<Api>,
    headers: HeaderMap,
    Target { ask, key }: Target,
    Parameters(asked): Parameters<Asked>,
) -> Result<Response, Problem> {
    let (asker, key) = (ask.asker.as_nobody(), api.node.home(&key).await?);
    let sort = asked.sort.clone().unwrap_or_else(|| "newest".to_owned());
    let mut limit = HEADS_MAX;
    let rules = api.node.book.now();
    loop {
        let list = ListQuery {
            limit: Some(limit),
            before: asked.before.clone(),
            sort: Some(sort.clone()),
            view: Some("tree".to_owned()),
            parent: asked.parent.clone(),
            around: None,
        };
        let page = api.node.comments(&asker, &key, list.checked()?).await?;
        let site = (key.site != SiteName::default()).then(|| key.site.as_str());
        let base = rules.public_url.as_deref().unwrap_or_default();
        let parent = asked.parent.as_deref();
        let document = Document { channel: &key.channel, site, base, sort: &sort, parent, page: &page };
        let fragment = written(&document);
        // What does not fit is on the next page; the store says where that begins.
        if fragment.heads < fragment.given && fragment.heads < limit {
            limit = fragment.heads;
            continue;
        }
        let text = match asked.fragment {
            Some(_) => fragment.html,
            None => document.whole(&fragment.html, page.next.as_deref()),
        };
        return Ok(strict(answer::tagged(&headers, "text/html; charset=utf-8", text, "no-cache")));
    }
}

/// `GET /v1/channels/{channel}/comments.atom`.
pub async fn channel_feed(State(api): State<Api>, headers: HeaderMap, Target { ask, key }: Target) -> Result<Response, Problem> {
    let (asker, key) = (ask.asker.as_nobody(), api.node.home(&key).await?);
    let list = ListQuery { limit: Some(ENTRIES), ..ListQuery::default() };
    let page = api.node.comments(&asker, &key, list.checked()?).await?;
    let thread = page.thread.clone().unwrap_or_default();
    let channel = Channel { url: thread.url, title: thread.title };
    let title = if channel.title.is_empty() { "Comments".to_owned() } else { format!("Comments: {}", channel.title) };
    let path = format!("/v1/channels/{}/comments.atom", utf8_percent_encode(key.channel.as_str(), NON_ALPHANUMERIC));
    let own = own(&api, &key.site, &path);
    let entries = page.comments.iter().map(|comment| Written { comment, channel: &channel }).collect();
    let id = format!("{}:{}", key.site, key.channel);
    let feed = Feed { id: &id, title: &title, page: &channel.url, own: &own, entries };
    Ok(atom(&headers, &feed))
}

/// `GET /v1/sites/{site}/comments.atom`: of the site's pages.
pub async fn site_feed(
    State(api): State<Api>,
    headers: HeaderMap,
    site: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let Path(site) = site.map_err(|_| Code::UnknownSite)?;
    let asker = api.node.identify(None, Some(&site), &Whence::default()).await?;
    let found = api.node.newest_of_pages(&asker.site, ENTRIES).await?;
    let channels: Vec<Channel> =
        found.iter().map(|(_, thread)| Channel { url: thread.url.clone(), title: thread.title.clone() }).collect();
    let entries = found.iter().zip(&channels).map(|((comment, _), channel)| Written { comment, channel }).collect();
    let own = own(&api, &asker.site, &format!("/v1/sites/{}/comments.atom", asker.site));
    let id = format!("{}:comments", asker.site);
    let feed = Feed { id: &id, title: &format!("Comments: {}", asker.site), page: "", own: &own, entries };
    Ok(atom(&headers, &feed))
}

/// Where a feed is, if the server knows its own address.
fn own(api: &Api, site: &SiteName, path: &str) -> String {
    let query = if *site == SiteName::default() || path.contains("/sites/") { String::new() } else { format!("?site={site}") };
    api.node.book.now().public_url.as_deref().map(|base| format!("{base}{path}{query}")).unwrap_or_default()
}

fn atom(asked: &HeaderMap, feed: &Feed<'_>) -> Response {
    strict(answer::tagged(asked, "application/atom+xml; charset=utf-8", feed.written(), "no-cache"))
}

fn strict(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
