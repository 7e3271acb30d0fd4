//! `parlour pages`: asks a running server to move, merge, name or close pages, and prints what it did or would do, a line a step.

use anyhow::{Context, bail};
use bytes::Bytes;
use clap::ArgMatches;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpStream;
use url::Url;

use super::arguments::tail_token;
use super::say;

/// The largest answer that is read, in bytes: ten thousand steps.
const ANSWER_BYTES_MAX: usize = 64 << 20;

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    steps: Vec<Step>,
    #[serde(default)]
    detail: String,
}

#[derive(Deserialize)]
struct Step {
    act: String,
    from: Place,
    to: Option<Place>,
    comments: u64,
}

#[derive(Deserialize)]
struct Place {
    url: String,
    channel: String,
}

impl Place {
    fn shown(&self) -> &str {
        if self.url.is_empty() { &self.channel } else { &self.url }
    }
}

/// Asks and prints.
///
/// # Errors
/// The server cannot be reached, or refuses.
pub async fn run(matches: &ArgMatches) -> anyhow::Result<()> {
    let (action, below) = matches.subcommand().context("one of move, merge, alias, close and open is needed")?;
    let text = |name: &str| below.try_get_one::<String>(name).ok().flatten().cloned();
    let ask = json!({ "action": action, "from": text("from"), "to": text("to"), "dry_run": below.get_flag("dry-run") });
    let answer = send(below, &ask.to_string()).await?;
    for step in &answer.steps {
        let to = step.to.as_ref().map(|to| format!(" -> {}", to.shown())).unwrap_or_default();
        say(&format!("{} {}{to} ({} comments)", step.act, step.from.shown(), step.comments))?;
    }
    say(&format!("{} steps", answer.steps.len()))
}

async fn send(matches: &ArgMatches, body: &str) -> anyhow::Result<Answer> {
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    let server: Url = text("server").context("a server is needed")?.parse().context("--server is not an address")?;
    if server.scheme() != "http" {
        bail!("--server: only http:// is spoken here; ask the server itself, not the proxy in front of it");
    }
    let host = server.host_str().context("--server has no host")?.to_owned();
    let port = server.port_or_known_default().unwrap_or(80);
    let address = (host.trim_start_matches('[').trim_end_matches(']').to_owned(), port);
    let socket = TcpStream::connect(address).await.with_context(|| format!("{server} cannot be reached"))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
    // It ends with the answer; what went wrong is told by the answer as well.
    tokio::spawn(connection);
    let site = text("site").map(|site| format!("?site={site}")).unwrap_or_default();
    let mut request = Request::post(format!("{}/v1/pages{site}", server.path().trim_end_matches('/')))
        .header(HOST, format!("{host}:{port}"))
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, concat!("parlour/", env!("CARGO_PKG_VERSION")));
    if let Some(token) = tail_token(matches) {
        request = request.header(AUTHORIZATION, format!("Bearer {}", token.reveal()));
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned())))?;
    let response = sender.send_request(request).await.context("the server did not answer")?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?.to_bytes();
    let answer: Answer = serde_json::from_slice(&body).with_context(|| format!("the server answers {status}"))?;
    if !status.is_success() {
        bail!("the server refuses: {status} {}", answer.detail);
    }
    Ok(answer)
}
