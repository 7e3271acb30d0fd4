//! The one HTTP client: whatever the server itself asks of the network (a page's title, a site's keys, a sign-in, a webhook) goes
//! through [`Client::send`], and nothing else opens a connection outwards.
//!
//! The address may have been said by a stranger and the other end may be hostile. So: TLS, except where the caller or the operator
//! allows plain HTTP; the host's addresses are looked up once, those that are not public are passed over (`rule::reach`), and the
//! connection goes to the very address that was checked; no proxy of the environment is used; a redirect is an answer, followed
//! only on the same origin where the caller asked for it; size, time and the number of requests are limited. Which answer is
//! a good one is the caller's business. Errors name neither address nor header: they may go into a log.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::rule::Book;

mod connect;
#[cfg(test)]
mod tests;

/// How long an answer may take where the caller does not say.
const DEADLINE: Duration = Duration::from_secs(10);
/// What an answer may weigh where the caller does not say, in bytes.
const ANSWER_BYTES_MAX: usize = 256 << 10;
/// What an answer's head may weigh, in bytes.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Fields of an answer's head.
const HEADERS_MAX: usize = 128;
/// The longest address that is asked, in bytes.
const URL_BYTES_MAX: usize = 8_192;

/// Why nothing came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No `http` or `https` address, too long, or one with a user in it.
    #[error("not an address that can be asked")]
    AddressInvalid,
    /// Plain HTTP where neither caller nor operator allowed it.
    #[error("only https is asked")]
    Insecure,
    /// The host has no public address, and is not named in `outbound-allow`.
    #[error("the address is private: outbound-allow does not name it")]
    Private,
    /// The host has no address.
    #[error("the host was not found")]
    Unresolved,
    /// Nobody answers there.
    #[error("no connection could be made")]
    Unreachable,
    /// The other end could not prove who it is.
    #[error("the certificate was refused")]
    Certificate,
    /// The time was up.
    #[error("no whole answer within the time")]
    TimedOut,
    /// The answer is larger than the caller takes.
    #[error("the answer is too large")]
    TooLarge,
    /// A redirect to elsewhere, or one too many.
    #[error("redirected elsewhere")]
    Redirected,
    /// What came was not HTTP, or broke off.
    #[error("the answer is broken")]
    Broken,
}

/// What is asked. Made by [`Ask::get`] and [`Ask::post`], changed by the methods that return it.
#[derive(Clone)]
pub struct Ask {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
    answer_bytes_max: usize,
    is_cut: bool,
    deadline: Duration,
    redirects_max: u8,
    is_plain_allowed: bool,
}

impl Ask {
    /// `GET`: answers up to 256 KiB within 10 s, https alone, redirects not followed.
    #[must_use]
    pub fn get(url: Url) -> Ask {
        Ask {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            answer_bytes_max: ANSWER_BYTES_MAX,
            is_cut: false,
            deadline: DEADLINE,
            redirects_max: 0,
            is_plain_allowed: false,
        }
    }

    /// `POST` with this body; otherwise as [`Ask::get`].
    #[must_use]
    pub fn post(url: Url, content_type: &'static str, body: impl Into<Bytes>) -> Ask {
        let ask = Ask { method: Method::POST, body: body.into(), ..Ask::get(url) };
        ask.header(CONTENT_TYPE, HeaderValue::from_static(content_type))
    }

    /// One more header. A secret's value should be marked sensitive.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Ask {
        self.headers.append(name, value);
        self
    }

    /// The body of the answer may weigh so much, in bytes; beyond it there is [`Fault::TooLarge`].
    #[must_use]
    pub fn answer_bytes(mut self, max: usize) -> Ask {
        self.answer_bytes_max = max;
        self
    }

    /// A body that is larger is cut there, and [`Answer::is_cut`] says so.
    #[must_use]
    pub fn cut(mut self) -> Ask {
        self.is_cut = true;
        self
    }

    /// The whole, waiting for a place included, may take so long.
    #[must_use]
    pub fn within(mut self, deadline: Duration) -> Ask {
        self.deadline = deadline;
        self
    }

    /// So many redirects are followed, within the origin. Of a `GET` only.
    #[must_use]
    pub fn follow(mut self, redirects_max: u8) -> Ask {
        self.redirects_max = redirects_max;
        self
    }

    /// `http` will do: for what is no secret and is believed no more than the page that said it.
    #[must_use]
    pub fn plain(mut self) -> Ask {
        self.is_plain_allowed = true;
        self
    }
}

/// What came back, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status; a redirect that was not to be followed is an answer too.
    pub status: StatusCode,
    /// Its header.
    pub headers: HeaderMap,
    /// Its body, as it came: no compression was asked for.
    pub body: Bytes,
    /// Whether more was there than was taken.
    pub is_cut: bool,
    /// Where it was found at last.
    pub url: Url,
}

/// Who knows the addresses of a host. The system does; tests say others.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// The addresses, in the order in which they are to be tried.
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// Asks. Shared by whoever needs it; cheap to clone.
#[derive(Clone)]
pub struct Client {
    book: Arc<Book>,
    resolver: Arc<dyn Resolve>,
    tls: TlsConnector,
    places: Arc<Semaphore>,
}

impl Client {
    /// A client that believes the usual certificates and those of `roots` (PEM), and makes so many requests at once.
    ///
    /// # Errors
    /// A sentence: `roots` holds something else than certificates.
    pub fn open(book: Arc<Book>, roots: Option<&[u8]>, requests_max: usize) -> Result<Client, String> {
        let tls = connect::tls(roots)?;
        let places = Arc::new(Semaphore::new(requests_max.clamp(1, Semaphore::MAX_PERMITS)));
        Ok(Client { book, resolver: Arc::new(connect::System), tls, places })
    }

    /// The same, asking somebody else where hosts are.
    #[must_use]
    pub fn with_resolver(mut self, resolver: Arc<dyn Resolve>) -> Client {
        self.resolver = resolver;
        self
    }

    /// The same with places of its own: so many requests at once, whatever the others do.
    #[must_use]
    pub fn with_places(&self, requests_max: usize) -> Client {
        Client { places: Arc::new(Semaphore::new(requests_max.clamp(1, Semaphore::MAX_PERMITS))), ..self.clone() }
    }

    /// Asks, and waits for the whole answer, at most as long as the asker gave.
    ///
    /// # Errors
    /// [`Fault`]. For a `POST` all but the first five leave open whether the other end heard it.
    pub async fn send(&self, ask: Ask) -> Result<Answer, Fault> {
        let deadline = ask.deadline;
        tokio::time::timeout(deadline, self.send_and_follow(ask)).await.unwrap_or(Err(Fault::TimedOut))
    }

    async fn send_and_follow(&self, mut ask: Ask) -> Result<Answer, Fault> {
        // Never closed.
        let _place = self.places.acquire().await.map_err(|_| Fault::TimedOut)?;
        let follows = ask.redirects_max > 0 && ask.method == Method::GET;
        loop {
            let answer = self.send_once(&ask).await?;
            let Some(location) = answer.headers.get(LOCATION).filter(|_| follows && answer.status.is_redirection()) else {
                return Ok(answer);
            };
            let next = location.to_str().ok().and_then(|text| ask.url.join(text).ok()).ok_or(Fault::Redirected)?;
            if next.origin() != ask.url.origin() {
                return Err(Fault::Redirected);
            }
            ask.redirects_max = ask.redirects_max.checked_sub(1).ok_or(Fault::Redirected)?;
            ask.url = next;
        }
    }

    async fn send_once(&self, ask: &Ask) -> Result<Answer, Fault> {
        let reach = self.book.now().reach.clone();
        let target = connect::Target::of(&ask.url, ask.is_plain_allowed, &reach)?;
        let stream = connect::open(&target, &reach, &*self.resolver, &self.tls).await?;
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .handshake(stream)
            .await
            .map_err(|_| Fault::Broken)?;
        let request = request(ask, &target)?;
        // The connection lives as long as its answer is read, and is dropped with it: no task outlives the deadline.
        let exchange = async {
            let response = sender.send_request(request).await.map_err(|_| Fault::Broken)?;
            read(response, ask).await
        };
        tokio::pin!(connection, exchange);
        tokio::select! {
            answer = exchange.as_mut() => answer,
            // The other end may close as soon as it has said everything.
            _ = &mut connection => exchange.as_mut().await,
        }
    }
}

fn request(ask: &Ask, target: &connect::Target) -> Result<Request<Full<Bytes>>, Fault> {
    let path = &ask.url[url::Position::BeforePath..url::Position::AfterQuery];
    let mut request = Request::builder()
        .method(ask.method.clone())
        .uri(path)
        .body(Full::new(ask.body.clone()))
        .map_err(|_| Fault::AddressInvalid)?;
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::from_str(&target.authority).map_err(|_| Fault::AddressInvalid)?);
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("Parlour/", env!("CARGO_PKG_VERSION"))));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    for name in ask.headers.keys() {
        headers.remove(name);
    }
    headers.extend(ask.headers.clone());
    Ok(request)
}

async fn read(response: Response<Incoming>, ask: &Ask) -> Result<Answer, Fault> {
    let (head, mut body) = response.into_parts();
    let said: Option<usize> = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if !ask.is_cut && said.is_some_and(|said| said > ask.answer_bytes_max) {
        return Err(Fault::TooLarge);
    }
    let mut taken = BytesMut::new();
    let mut is_cut = false;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Fault::Broken)?.into_data() else { continue };
        let room = ask.answer_bytes_max - taken.len();
        if data.len() > room {
            if !ask.is_cut {
                return Err(Fault::TooLarge);
            }
            is_cut = true;
        }
        taken.extend_from_slice(&data[..data.len().min(room)]);
        if is_cut {
            break;
        }
    }
    Ok(Answer { status: head.status, headers: head.headers, body: taken.freeze(), is_cut, url: ask.url.clone() })
}
