//! `parlour tail CHANNEL`: follows the event stream of a running server and prints what it says, an event a line. Comes back
//! with the position it had when the stream ends.

use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use clap::ArgMatches;
use http::header::{ACCEPT, AUTHORIZATION, HOST, USER_AGENT};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::net::TcpStream;
use url::Url;

use super::arguments::tail_token;
use super::{Unheard, say};
use crate::rule::Secret;

/// How long to wait before coming back.
const RETRY: Duration = Duration::from_secs(2);
/// The longest line of a stream that is taken, in bytes.
const LINE_BYTES_MAX: usize = 4 << 20;
/// How much of a refusal is read, in bytes.
const REFUSAL_BYTES_MAX: usize = 16 << 10;

/// Follows until the process is told to end.
///
/// # Errors
/// The first connection fails, or the server refuses.
pub async fn run(matches: &ArgMatches) -> anyhow::Result<()> {
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    let server: Url = text("server").context("a server is needed")?.parse().context("--server is not an address")?;
    if server.scheme() != "http" {
        bail!("--server: only http:// is spoken here; ask the server itself, not the proxy in front of it");
    }
    let channel = text("channel").context("a channel is needed")?;
    let mut follower = Follower { server, channel, site: text("site"), token: tail_token(matches), position: text("since") };
    let mut stream = follower.connect().await?;
    loop {
        let printed = follower.print(&mut stream).await;
        match &printed {
            Ok(()) => eprintln!("parlour: the stream ended; coming back"),
            Err(error) if error.is::<Unheard>() => return printed,
            Err(error) => eprintln!("parlour: {error:#}; coming back"),
        }
        stream = loop {
            tokio::time::sleep(RETRY).await;
            match follower.connect().await {
                Ok(stream) => break stream,
                Err(error) if error.is::<Refused>() => return Err(error),
                Err(_) => {}
            }
        };
    }
}

/// The server answered, and not with a stream.
#[derive(Debug, thiserror::Error)]
#[error("the server refuses: {0}")]
struct Refused(String);

struct Follower {
    server: Url,
    channel: String,
    site: Option<String>,
    token: Option<Secret>,
    position: Option<String>,
}

impl Follower {
    async fn connect(&self) -> anyhow::Result<Response<Incoming>> {
        let host = self.server.host_str().context("--server has no host")?.to_owned();
        let port = self.server.port_or_known_default().unwrap_or(80);
        let address = (host.trim_start_matches('[').trim_end_matches(']').to_owned(), port);
        let socket = TcpStream::connect(address).await.with_context(|| format!("{} cannot be reached", self.server))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
        // It ends with the stream; what went wrong is told by the stream as well.
        tokio::spawn(connection);
        let request = self.request(&host, port)?;
        let response = sender.send_request(request).await.context("the server did not answer")?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let body =
            Limited::new(response.into_body(), REFUSAL_BYTES_MAX).collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        Err(Refused(format!("{status} {}", String::from_utf8_lossy(&body))).into())
    }

    fn request(&self, host: &str, port: u16) -> anyhow::Result<Request<Empty<Bytes>>> {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let base = self.server.path().trim_end_matches('/');
        let mut path = format!("{base}/v1/channels/{}/events?signals=viewers,typing", encoded(&self.channel));
        for (name, value) in [("site", &self.site), ("since", &self.position)] {
            if let Some(value) = value {
                path.push_str(&format!("&{name}={}", encoded(value)));
            }
        }
        let mut request = Request::get(path)
            .header(HOST, format!("{host}:{port}"))
            .header(ACCEPT, "text/event-stream")
            .header(USER_AGENT, concat!("parlour/", env!("CARGO_PKG_VERSION")));
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.reveal()));
        }
        Ok(request.body(Empty::new())?)
    }

    /// Prints events until the stream ends, and keeps the position.
    async fn print(&mut self, stream: &mut Response<Incoming>) -> anyhow::Result<()> {
        let mut lines = Lines::default();
        let mut is_position = false;
        while let Some(frame) = stream.body_mut().frame().await {
            let frame = frame.context("the stream broke")?;
            let Ok(data) = frame.into_data() else { continue };
            for line in lines.take(&data)? {
                if let Some(position) = field(&line, "id") {
                    self.position = Some(position.to_owned());
                } else if line.is_empty() || field(&line, "event").is_some() {
                    // This event says where the stream begins, and nothing that happened.
                    is_position = field(&line, "event") == Some("position");
                } else if let Some(data) = field(&line, "data").filter(|_| !is_position) {
                    say(data)?;
                }
            }
        }
        Ok(())
    }
}

/// The value of a line of an event stream, if it is of this field.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let value = line.strip_prefix(name)?.strip_prefix(':')?;
    Some(value.strip_prefix(' ').unwrap_or(value))
}

/// Lines out of pieces that end anywhere.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn take(&mut self, piece: &[u8]) -> anyhow::Result<Vec<String>> {
        let mut whole = Vec::new();
        for (index, part) in piece.split(|byte| *byte == b'\n').enumerate() {
            if index > 0 {
                let line = std::mem::take(&mut self.0);
                whole.push(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned());
            }
            self.0.extend_from_slice(part);
            if self.0.len() > LINE_BYTES_MAX {
                bail!("a line of the stream is too long");
            }
        }
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_whole_wherever_the_pieces_end() {
        let mut lines = Lines::default();
        assert!(lines.take(b"id: e").unwrap().is_empty());
        assert_eq!(lines.take(b":1\r\ndata: {}\n\nda").unwrap(), ["id: e:1", "data: {}", ""]);
        assert_eq!(lines.take(b"ta: x\n").unwrap(), ["data: x"]);
        assert!(Lines::default().take(&vec![b'x'; LINE_BYTES_MAX + 1]).is_err());
    }

    #[test]
    fn a_field_is_a_name_a_colon_and_perhaps_a_space() {
        assert_eq!(field("data: x", "data"), Some("x"));
        assert_eq!(field("data:x", "data"), Some("x"));
        assert_eq!(field("data", "data"), None);
        assert_eq!(field(": comment", "data"), None);
    }

    #[test]
    fn what_is_asked_is_encoded() {
        let follower = Follower {
            server: "http://127.0.0.1:8080/below/".parse().unwrap(),
            channel: "a/b?c".to_owned(),
            site: None,
            token: Some(Secret::new("t")),
            position: Some("e:1".to_owned()),
        };
        let request = follower.request("127.0.0.1", 8080).unwrap();
        assert_eq!(request.uri().to_string(), "/below/v1/channels/a%2Fb%3Fc/events?signals=viewers,typing&since=e%3A1");
        assert_eq!(request.headers()[AUTHORIZATION], "Bearer t");
    }
}
