//! Who asks, and of which channel: read from a request's head before anything else, the same for every route.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use parlour_wire::code::Code;
use serde::Deserialize;

use super::Api;
use crate::channel::Key;
use crate::door::{Peer, Problem, Whence};
use crate::node::{Asker, Node};
use crate::page::{self, PageFault};

/// Who asks.
pub struct Ask {
    /// Settled by the node.
    pub asker: Asker,
    /// Whether a token or key was brought: the answer is then for its bearer alone.
    pub is_personal: bool,
    /// It.
    pub credential: Option<String>,
}

/// Who asks, and of which channel.
pub struct Target {
    /// Who asks.
    pub ask: Ask,
    /// The channel, within the asker's site.
    pub key: Key,
}

#[derive(Deserialize)]
struct SiteQuery {
    site: Option<String>,
}

#[derive(Deserialize)]
struct PageQuery {
    url: Option<String>,
    id: Option<String>,
}

/// The token or key of `Authorization: Bearer …`; `None` where there is no such header.
///
/// # Errors
/// [`Code::Unauthorized`] for another scheme, and for two headers: whoever sends one means to be known.
pub fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Code> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().map_err(|_| Code::Unauthorized)?;
    let (scheme, credential) = text.split_once(' ').ok_or(Code::Unauthorized)?;
    let credential = credential.trim();
    if values.next().is_some() || !scheme.eq_ignore_ascii_case("bearer") || credential.is_empty() {
        return Err(Code::Unauthorized);
    }
    Ok(Some(credential))
}

/// Where a request comes from.
pub fn whence(parts: &Parts) -> Whence {
    parts.extensions.get::<Peer>().map(|peer| peer.whence.clone()).unwrap_or_default()
}

/// The channel that a path names; `page` with an address or an id is a page's.
///
/// # Errors
/// [`Code::InvalidChannel`], [`Code::PageInvalid`].
pub fn channel_key(node: &Node, asker: &Asker, name: &str, url: Option<&str>, id: Option<&str>) -> Result<Key, Problem> {
    if name != "page" || (url.is_none() && id.is_none()) {
        return Ok(node.key(asker, name)?);
    }
    let rules = node.site_rules(&asker.site)?;
    let channel = page::channel_of(url, id, &rules.limits.page).map_err(page_problem)?;
    Ok(Key::new(asker.site.clone(), channel))
}

fn page_problem(fault: PageFault) -> Problem {
    Problem::with_detail(Code::PageInvalid, fault.to_string())
}

impl FromRequestParts<Api> for Ask {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Ask, Problem> {
        let Query(query) = query::<SiteQuery>(parts)?;
        let credential = bearer(&parts.headers)?;
        let asker = api.node.identify(credential, query.site.as_deref(), &whence(parts)).await?;
        Ok(Ask { asker, is_personal: credential.is_some(), credential: credential.map(str::to_owned) })
    }
}

impl FromRequestParts<Api> for Target {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Target, Problem> {
        let ask = Ask::from_request_parts(parts, api).await?;
        let Path(name) = Path::<String>::from_request_parts(parts, api).await.map_err(|_: PathRejection| Code::InvalidChannel)?;
        let Query(page) = query::<PageQuery>(parts)?;
        let key = channel_key(&api.node, &ask.asker, &name, page.url.as_deref(), page.id.as_deref())?;
        Ok(Target { ask, key })
    }
}

/// The parameters of a request. Unknown ones are passed over; known ones must be of their kind.
pub fn query<T: serde::de::DeserializeOwned>(parts: &Parts) -> Result<Query<T>, Problem> {
    Query::try_from_uri(&parts.uri).map_err(|fault: QueryRejection| Problem::with_detail(Code::BadRequest, fault.body_text()))
}

/// The parameters of a request, as [`query`] reads them.
pub struct Parameters<T>(pub T);

impl<T: serde::de::DeserializeOwned> FromRequestParts<Api> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Parameters<T>, Problem> {
        query::<T>(parts).map(|Query(parameters)| Parameters(parameters))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_bearer_is_read_and_nothing_else_passes_for_nobody() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            }
            bearer(&headers).map(|text| text.map(str::to_owned))
        };
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["Bearer abc"]), Ok(Some("abc".to_owned())));
        assert_eq!(read(&["bearer  abc "]), Ok(Some("abc".to_owned())));
        for bad in [&["Basic abc"][..], &["Bearer"], &["Bearer "], &["abc"], &["Bearer a", "Bearer b"]] {
            assert_eq!(read(bad), Err(Code::Unauthorized), "{bad:?}");
        }
    }
}
