//! Commands out of a text frame. A line is first read as an envelope, so that a refusal can carry the command's number; then its
//! body. Unknown keys are passed over; what would change what is delivered (`tf`, `type`) is refused.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::code::Code;
use crate::command::{Command, Connect, History, Signals, Subscribe};
use crate::position::{Epoch, Position};
use crate::text::{DEPTH_MAX, depth_within};

/// What a line says.
#[derive(Debug)]
pub enum Incoming {
    /// The answer to the server's ping: `{}`.
    Pong,
    /// A command. The number is above 0, except that of `send`, which has no answer.
    Command {
        /// The number its reply repeats.
        id: u32,
        /// What is asked.
        command: Command,
    },
}

/// A line that is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its number could be read: answered by an error.
    Refused {
        /// The command's number.
        id: u32,
        /// Why.
        code: Code,
    },
    /// Nobody to answer: the connection closes with `Close::BAD_REQUEST`.
    Malformed,
}

/// Reads the commands of a text frame in order: one to a line, a line break at the end allowed. After [`Fault::Malformed`] the
/// rest is not worth reading.
pub fn decode(text: &str) -> impl Iterator<Item = Result<Incoming, Fault>> + '_ {
    text.strip_suffix('\n').unwrap_or(text).split('\n').map(decode_line)
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    id: u32,
    #[serde(borrow)]
    connect: Option<&'a RawValue>,
    #[serde(borrow)]
    ping: Option<&'a RawValue>,
    #[serde(borrow)]
    subscribe: Option<&'a RawValue>,
    #[serde(borrow)]
    unsubscribe: Option<&'a RawValue>,
    #[serde(borrow)]
    publish: Option<&'a RawValue>,
    #[serde(borrow)]
    presence: Option<&'a RawValue>,
    #[serde(borrow)]
    presence_stats: Option<&'a RawValue>,
    #[serde(borrow)]
    history: Option<&'a RawValue>,
    #[serde(borrow)]
    rpc: Option<&'a RawValue>,
    #[serde(borrow)]
    send: Option<&'a RawValue>,
    #[serde(borrow)]
    refresh: Option<&'a RawValue>,
    #[serde(borrow)]
    sub_refresh: Option<&'a RawValue>,
}

/// Reads the body of a command of one kind.
type Reader = fn(&RawValue) -> Result<Command, Code>;

fn decode_line(line: &str) -> Result<Incoming, Fault> {
    // Checked by hand because a derived struct would take an array of its fields as well.
    if !line.trim_start_matches([' ', '\t', '\r']).starts_with('{') {
        return Err(Fault::Malformed);
    }
    let envelope: Envelope = serde_json::from_str(line).map_err(|_| Fault::Malformed)?;
    let id = envelope.id;
    let Some(command) = envelope.command() else {
        return if id == 0 { Ok(Incoming::Pong) } else { Err(Fault::Refused { id, code: Code::MethodNotFound }) };
    };
    if id == 0 && !matches!(command, Ok(Command::Send)) {
        return Err(Fault::Malformed);
    }
    command.map(|command| Incoming::Command { id, command }).map_err(|code| Fault::Refused { id, code })
}

impl Envelope<'_> {
    /// The first command of the envelope, in the order in which Centrifuge servers look; `None` when there is none.
    fn command(&self) -> Option<Result<Command, Code>> {
        let bodies: [(Option<&RawValue>, Reader); 12] = [
            (self.connect, connect),
            (self.ping, |_| Ok(Command::Ping)),
            (self.subscribe, subscribe),
            (self.unsubscribe, unsubscribe),
            (self.publish, publish),
            (self.presence, presence),
            (self.presence_stats, presence_stats),
            (self.history, history),
            (self.rpc, rpc),
            (self.send, |_| Ok(Command::Send)),
            (self.refresh, refresh),
            (self.sub_refresh, sub_refresh),
        ];
        bodies.into_iter().find_map(|(body, reader)| body.map(reader))
    }
}

/// Reads a body, which is an object.
pub(crate) fn read<'a, T: Deserialize<'a>>(body: &'a RawValue) -> Result<T, Code> {
    if body.get().starts_with('{') {
        serde_json::from_str(body.get()).map_err(|_| Code::BadRequest)
    } else {
        Err(Code::BadRequest)
    }
}

/// Like `Option`, but `null` is a value: published data may be `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
struct Channel {
    #[serde(default)]
    channel: String,
}

pub(crate) fn unsubscribe(body: &RawValue) -> Result<Command, Code> {
    read(body).map(|Channel { channel }| Command::Unsubscribe { channel })
}

pub(crate) fn presence(body: &RawValue) -> Result<Command, Code> {
    read(body).map(|Channel { channel }| Command::Presence { channel })
}

pub(crate) fn presence_stats(body: &RawValue) -> Result<Command, Code> {
    read(body).map(|Channel { channel }| Command::PresenceStats { channel })
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
}

pub(crate) fn refresh(body: &RawValue) -> Result<Command, Code> {
    read(body).map(|Token { token }| Command::Refresh { token })
}

#[derive(Deserialize)]
struct ConnectBody<'a> {
    #[serde(default)]
    token: String,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct ConnectData {
    count: Option<bool>,
    face: Option<bool>,
    site: Option<String>,
}

fn connect(body: &RawValue) -> Result<Command, Code> {
    let body: ConnectBody = read(body)?;
    let data = match body.data {
        // An application's own data may be anything; only an object can say something to this server.
        Some(data) if data.get().starts_with('{') => read(data)?,
        _ => ConnectData::default(),
    };
    Ok(Command::Connect(Connect {
        token: body.token,
        count: data.count != Some(false),
        face: data.face == Some(true),
        site: data.site,
    }))
}

#[derive(Deserialize)]
struct SubscribeBody<'a> {
    #[serde(default)]
    channel: String,
    #[serde(default)]
    token: String,
    #[serde(default)]
    recover: bool,
    // Raw, because what cannot be read is a position that cannot be served and no fault of the command.
    #[serde(borrow)]
    epoch: Option<&'a RawValue>,
    #[serde(borrow)]
    offset: Option<&'a RawValue>,
    #[serde(default)]
    join_leave: bool,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    tf: Option<&'a RawValue>,
    #[serde(rename = "type", default)]
    type_number: i64,
}

#[derive(Default, Deserialize)]
struct SubscribeData<'a> {
    #[serde(borrow)]
    signals: Option<Vec<Cow<'a, str>>>,
}

pub(crate) fn subscribe(body: &RawValue) -> Result<Command, Code> {
    let body: SubscribeBody = read(body)?;
    if body.tf.is_some() || body.type_number != 0 {
        return Err(Code::NotAvailable);
    }
    let data = match body.data {
        Some(data) if data.get().starts_with('{') => read(data)?,
        _ => SubscribeData::default(),
    };
    let recover = if body.recover { position(body.epoch, body.offset) } else { None };
    Ok(Command::Subscribe(Subscribe {
        channel: body.channel,
        token: body.token,
        recover_unreadable: body.recover && recover.is_none(),
        recover,
        join_leave: body.join_leave,
        signals: Signals::from_names(data.signals.iter().flatten().map(|name| name.as_ref())),
    }))
}

/// An epoch, and an offset that client libraries leave out when it is 0.
fn position(epoch: Option<&RawValue>, offset: Option<&RawValue>) -> Option<Position> {
    let epoch: Cow<str> = serde_json::from_str(epoch?.get()).ok()?;
    let offset = match offset {
        Some(offset) => serde_json::from_str(offset.get()).ok()?,
        None => 0,
    };
    Some(Position { epoch: Epoch::new(&epoch).ok()?, offset })
}

#[derive(Deserialize)]
struct PublishBody<'a> {
    #[serde(default)]
    channel: String,
    #[serde(default, borrow, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    #[serde(rename = "type", default)]
    type_number: i64,
}

pub(crate) fn publish(body: &RawValue) -> Result<Command, Code> {
    let body: PublishBody = read(body)?;
    if body.type_number != 0 {
        return Err(Code::NotAvailable);
    }
    let data = body.data.ok_or(Code::BadRequest)?;
    if !depth_within(data.get(), DEPTH_MAX) {
        return Err(Code::DataInvalid);
    }
    Ok(Command::Publish { channel: body.channel, data: data.to_owned() })
}

#[derive(Deserialize)]
struct HistoryBody<'a> {
    #[serde(default)]
    channel: String,
    limit: Option<i64>,
    #[serde(borrow)]
    since: Option<Since<'a>>,
    #[serde(default)]
    reverse: bool,
}

#[derive(Deserialize)]
struct Since<'a> {
    #[serde(borrow)]
    epoch: Option<&'a RawValue>,
    #[serde(borrow)]
    offset: Option<&'a RawValue>,
}

pub(crate) fn history(body: &RawValue) -> Result<Command, Code> {
    let body: HistoryBody = read(body)?;
    let since = match body.since {
        Some(since) => Some(position(since.epoch, since.offset).ok_or(Code::UnrecoverablePosition)?),
        None => None,
    };
    Ok(Command::History(History { channel: body.channel, limit: body.limit, since, reverse: body.reverse }))
}

#[derive(Deserialize)]
struct RpcBody<'a> {
    #[serde(default)]
    method: String,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

fn rpc(body: &RawValue) -> Result<Command, Code> {
    let body: RpcBody = read(body)?;
    call(body.method, body.data)
}

/// An `rpc`. Its parameters are an object, so what they hold (the `data` of `publish`) is one level less deep.
pub(crate) fn call(method: String, data: Option<&RawValue>) -> Result<Command, Code> {
    if data.is_some_and(|data| !depth_within(data.get(), DEPTH_MAX + 1)) {
        return Err(Code::DataInvalid);
    }
    Ok(Command::Rpc { method, data: data.map(RawValue::to_owned) })
}

#[derive(Deserialize)]
struct SubRefreshBody {
    #[serde(default)]
    channel: String,
    #[serde(default)]
    token: String,
    #[serde(rename = "type", default)]
    type_number: i64,
}

pub(crate) fn sub_refresh(body: &RawValue) -> Result<Command, Code> {
    let body: SubRefreshBody = read(body)?;
    if body.type_number != 0 {
        return Err(Code::NotAvailable);
    }
    Ok(Command::SubRefresh { channel: body.channel, token: body.token })
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
