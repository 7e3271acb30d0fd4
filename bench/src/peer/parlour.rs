//! Parlour itself: `parlour serve --demo` with an SQLite store in the scratch directory, spoken to in the JSON form of the Centrifuge protocol
//! (CONTRACT §4), by event streams or by Socket.IO. In demo mode everyone may publish, so the publisher is a client like any other.

use std::process::Command;

use super::{CommentRequest, Peer, Place, Publishing, Step, Unit, first_line, http_request, put_text};
use crate::fault::{Fault, Outcome};

/// Parlour with options besides the defaults.
pub struct Parlour {
    pub name: &'static str,
    pub flags: &'static [&'static str],
    /// Whether its calls to sync files do nothing: what durability costs is the difference.
    pub unsynced: bool,
}

/// The channel whose comments are posted and read.
const THREAD: &str = "bench-comments";
const CONNECT: &str = r#"{"id":1,"connect":{}}"#;

impl Peer for Parlour {
    fn name(&self) -> &str {
        self.name
    }

    fn version(&self, place: &Place) -> String {
        let version = first_line(Command::new(place.parlour).arg("--version"));
        let unsynced = if self.unsynced { "under libeatmydata, which makes syncing do nothing" } else { "" };
        format!("{version} {}{unsynced}", self.flags.join(" ")).trim_end().to_owned()
    }

    fn command(&self, place: &Place) -> Outcome<Command> {
        if !place.parlour.exists() {
            return Err(Fault(format!(
                "{} is missing: cargo build --release -p parlour, or --parlour PATH",
                place.parlour.display()
            )));
        }
        let mut command = Command::new(place.parlour);
        command.args(["serve", "--demo", "--listen", &format!("127.0.0.1:{}", place.port)]);
        command.args(["--store", &format!("sqlite:{}", place.scratch.join("parlour.db").display())]).args(self.flags);
        // One writer of the bench stands for many people.
        command.args(["--member-posts", "1000000/1ms"]);
        if self.unsynced {
            command.env("LD_PRELOAD", "libeatmydata.so");
        }
        Ok(command)
    }

    fn path(&self, _channel: &str) -> String {
        "/connection/websocket".into()
    }

    fn step(&self, index: usize, channel: &str) -> Option<Step> {
        match (index, channel) {
            (0, "") => Some(Step { send: CONNECT.into(), until: r#""id":1"# }),
            (0, _) => Some(Step {
                send: format!("{CONNECT}\n{{\"id\":2,\"subscribe\":{{\"channel\":\"{channel}\"}}}}"),
                until: r#""id":2"#,
            }),
            _ => None,
        }
    }

    fn return_step(&self, index: usize, channel: &str, position: &str) -> Option<Step> {
        let (epoch, offset) = position.split_once(':')?;
        (index == 0).then(|| Step {
            send: format!(
                "{CONNECT}\n{{\"id\":2,\"subscribe\":{{\"channel\":\"{channel}\",\"recover\":true,\"epoch\":\"{epoch}\",\"offset\":{offset}}}}}"
            ),
            until: r#""id":2"#,
        })
    }

    fn position(&self, answer: &[u8]) -> Option<String> {
        let line = answer.split(|byte| *byte == b'\n').find(|line| memchr::memmem::find(line, br#""id":2"#).is_some())?;
        let json: serde_json::Value = serde_json::from_slice(line).ok()?;
        let reply = json.get("subscribe")?;
        let offset = reply.get("offset").and_then(serde_json::Value::as_u64).unwrap_or(0);
        Some(format!("{}:{offset}", reply.get("epoch")?.as_str()?))
    }

    fn publish(&self, channel: &str, payload: &[u8], sequence: u64, out: &mut Vec<u8>) {
        let head = format!("{{\"id\":{},\"publish\":{{\"channel\":\"{channel}\",\"data\":", sequence % 1_000_000_000 + 10);
        put_text(&[head.as_bytes(), payload, b"}}"], out);
    }

    fn unit(&self, _payload_bytes: usize) -> Unit {
        Unit::Line
    }

    fn answer(&self, text: &[u8]) -> Option<&'static [u8]> {
        (text == b"{}").then_some(b"{}")
    }

    fn comments(&self, ask: &CommentRequest) -> Outcome<Vec<u8>> {
        let path = format!("/v1/channels/{THREAD}/comments");
        Ok(match ask {
            CommentRequest::Post { text, nonce, token } => {
                let body = serde_json::json!({"body": text, "nonce": nonce}).to_string();
                http_request("POST", &path, *token, &body)
            }
            CommentRequest::Page { before, limit } => {
                let before = before.map(|cursor| format!("&before={cursor}")).unwrap_or_default();
                http_request("GET", &format!("{path}?limit={limit}{before}"), None, "")
            }
        })
    }

    fn token(&self, answer: &[u8]) -> Option<String> {
        let answer: serde_json::Value = serde_json::from_slice(answer).ok()?;
        answer["token"].as_str().map(str::to_owned)
    }

    fn next_page(&self, body: &[u8]) -> Outcome<Option<String>> {
        let page: serde_json::Value = serde_json::from_slice(body).map_err(|error| Fault(error.to_string()))?;
        Ok(page["next"].as_str().map(str::to_owned))
    }
}

/// Several nodes on one Redis, which is started with them and whose CPU time counts; clients are spread over the nodes. Redis keeps an
/// append-only file that is synced once a second.
pub struct Nodes {
    pub parlour: Parlour,
    pub count: u16,
}

/// Starts Redis and all nodes but the first, and then the first, whose port is waited for. `$0` is the binary, then its port, the number
/// of nodes.
const START: &str = r#"
trap 'kill $(jobs -p); wait' TERM
port=$1 count=$2 redis=$(($1 + count))
up() { until (: > "/dev/tcp/127.0.0.1/$1") 2> /dev/null; do sleep 0.05; done; }
redis-server --port $redis --bind 127.0.0.1 --save '' --appendonly yes --appendfsync everysec > redis.log &
up $redis
for at in $(seq $((port + count - 1)) -1 $port); do
    "$0" serve --demo --listen 127.0.0.1:$at --store redis://127.0.0.1:$redis > node-$at.log 2>&1 &
    up $at
done
wait
"#;

impl Peer for Nodes {
    fn name(&self) -> &str {
        self.parlour.name
    }

    fn version(&self, place: &Place) -> String {
        let redis = first_line(Command::new("redis-server").arg("--version"));
        format!("{}, {} on one Redis ({redis})", self.parlour.version(place), self.count)
    }

    fn command(&self, place: &Place) -> Outcome<Command> {
        self.parlour.command(place)?;
        let mut command = Command::new("bash");
        command.args(["-c", START]).arg(place.parlour).args([place.port.to_string(), self.count.to_string()]);
        Ok(command)
    }

    fn nodes(&self) -> u16 {
        self.count
    }

    fn path(&self, channel: &str) -> String {
        self.parlour.path(channel)
    }

    fn step(&self, index: usize, channel: &str) -> Option<Step> {
        self.parlour.step(index, channel)
    }

    fn publish(&self, channel: &str, payload: &[u8], sequence: u64, out: &mut Vec<u8>) {
        self.parlour.publish(channel, payload, sequence, out);
    }

    fn unit(&self, payload_bytes: usize) -> Unit {
        self.parlour.unit(payload_bytes)
    }

    fn answer(&self, text: &[u8]) -> Option<&'static [u8]> {
        self.parlour.answer(text)
    }
}

/// The same server, its clients listening to event streams and publications handed in over HTTP.
pub struct Events(pub Parlour);

impl Peer for Events {
    fn name(&self) -> &str {
        self.0.name
    }

    fn version(&self, place: &Place) -> String {
        format!("{}, its event streams", self.0.version(place))
    }

    fn command(&self, place: &Place) -> Outcome<Command> {
        self.0.command(place)
    }

    fn path(&self, channel: &str) -> String {
        format!("/v1/channels/{channel}/events")
    }

    fn publishing(&self) -> Publishing {
        Publishing::Http
    }

    fn publish(&self, channel: &str, payload: &[u8], _sequence: u64, out: &mut Vec<u8>) {
        let data = [b"{\"data\":", payload, b"}"].concat();
        let body = String::from_utf8_lossy(&data);
        out.extend_from_slice(&http_request("POST", &format!("/v1/channels/{channel}/publications"), None, &body));
    }

    fn unit(&self, _payload_bytes: usize) -> Unit {
        Unit::Event
    }
}

/// The same server, spoken to as socket.io's client from version 3 on does: Engine.IO 4 over WebSocket alone. Each socket is given a `pid`, so
/// every event ends with the client's own RESUME (CONTRACT §5), which is what such clients get.
pub struct SocketIo(pub Parlour);

impl Peer for SocketIo {
    fn name(&self) -> &str {
        self.0.name
    }

    fn version(&self, place: &Place) -> String {
        format!("{}, its Socket.IO (Engine.IO 4, WebSocket, with RESUME)", self.0.version(place))
    }

    fn command(&self, place: &Place) -> Outcome<Command> {
        self.0.command(place)
    }

    fn path(&self, _channel: &str) -> String {
        "/socket.io/?EIO=4&transport=websocket".into()
    }

    /// An event `position` comes between the last two answers; it must end neither step.
    fn step(&self, index: usize, channel: &str) -> Option<Step> {
        match (index, channel) {
            (0, _) => Some(Step { send: String::new(), until: "\"sid\"" }),
            (1, _) => Some(Step { send: "40".into(), until: "40{" }),
            (2, "") => None,
            (2, _) => Some(Step { send: format!("420[\"subscribe\",{{\"channel\":\"{channel}\"}}]"), until: "430[" }),
            _ => None,
        }
    }

    fn publish(&self, channel: &str, payload: &[u8], sequence: u64, out: &mut Vec<u8>) {
        let head = format!("42{}[\"publish\",{{\"channel\":\"{channel}\",\"data\":", sequence % 1_000_000_000);
        put_text(&[head.as_bytes(), payload, b"}]"], out);
    }

    fn answer(&self, text: &[u8]) -> Option<&'static [u8]> {
        (text == b"2").then_some(b"3")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_socket_io_a_step_ends_with_its_own_answer_and_not_with_a_position() {
        let peer = SocketIo(Parlour { name: "parlour-socketio", flags: &[], unsynced: false });
        let answers = [r#"0{"sid":"a","upgrades":[]}"#, r#"40{"sid":"a","pid":"b"}"#, r#"430[{"epoch":"e","offset":40}]"#];
        let positions = [r#"42["position","1"]"#, r#"42["position","1 e:430:0:bench-00040"]"#];
        for (index, answer) in answers.iter().enumerate() {
            let until = peer.step(index, "bench-00040").unwrap().until;
            assert!(answer.contains(until), "{answer}");
            assert!(positions.iter().all(|position| !position.contains(until)), "{until}");
        }
        assert!(peer.step(answers.len(), "bench-00040").is_none() && peer.step(2, "").is_none());
        assert_eq!(peer.answer(b"2"), Some(&b"3"[..]));
    }
}
