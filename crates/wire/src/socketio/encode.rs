//! The server's packets. An event that many sockets hear is encoded once, without its end: `]`, or for a socket that was given a
//! `pid` one more argument before it, RESUME. Over Engine.IO 3 everything is written in ASCII, because the oldest of its clients
//! misread other characters in polls.

use crate::code::Code;
use crate::engineio::Version;
use crate::json::encode::{message, push_client_info, push_error, push_result};
use crate::position::Epoch;
use crate::push::{self, Answer, Push};
use crate::text::{on_one_line, push_string, to_ascii};

use super::MAIN_NAMESPACE;

/// A packet's type, as far as the server sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Is in the namespace.
    Connect,
    /// Is out of it.
    Disconnect,
    /// An event.
    Event,
    /// The answer to an event.
    Acknowledgement,
    /// Does not get in.
    ConnectError,
}

/// Any packet. With attachments, events and acknowledgements are of the binary type; `data` is JSON text, with its placeholders.
pub fn packet(kind: Kind, namespace: &str, id: Option<u32>, attachments: usize, data: &str) -> String {
    let mut out = String::with_capacity(data.len() + namespace.len() + 16);
    out.push('4');
    out.push(match (kind, attachments) {
        (Kind::Connect, _) => '0',
        (Kind::Disconnect, _) => '1',
        (Kind::Event, 0) => '2',
        (Kind::Acknowledgement, 0) => '3',
        (Kind::ConnectError, _) => '4',
        (Kind::Event, _) => '5',
        (Kind::Acknowledgement, _) => '6',
    });
    if attachments > 0 && matches!(kind, Kind::Event | Kind::Acknowledgement) {
        out.push_str(&attachments.to_string());
        out.push('-');
    }
    if namespace != MAIN_NAMESPACE {
        out.push_str(namespace);
        out.push(',');
    }
    if let Some(id) = id {
        out.push_str(&id.to_string());
    }
    out.push_str(data);
    out
}

/// Welcome. Over Engine.IO 4 with the socket's id, and with `pid` if its connection can be recovered.
pub fn connect(version: Version, namespace: &str, sid: &str, pid: Option<&str>) -> String {
    let mut data = String::new();
    if version == Version::V4 {
        data.push_str("{\"sid\":");
        push_string(&mut data, sid);
        if let Some(pid) = pid {
            data.push_str(",\"pid\":");
            push_string(&mut data, pid);
        }
        data.push('}');
    }
    packet(Kind::Connect, namespace, None, 0, &data)
}

/// Does not get in: `{"message", "data"?: {"code"}}`, over Engine.IO 3 the message alone.
pub fn connect_error(version: Version, namespace: &str, message: &str, code: Option<u32>) -> String {
    let mut data = String::new();
    if version == Version::V4 {
        data.push_str("{\"message\":");
    }
    push_string(&mut data, message);
    if version == Version::V4 {
        if let Some(code) = code {
            data.push_str(&format!(",\"data\":{{\"code\":{code}}}"));
        }
        data.push('}');
    }
    packet(Kind::ConnectError, namespace, None, 0, &spoken(version, data))
}

/// Is out of the namespace. The server says it only to answer faults: a client that hears it does not come back by itself.
pub fn disconnect(namespace: &str) -> String {
    packet(Kind::Disconnect, namespace, None, 0, "")
}

/// What closes an event for a socket without RESUME.
pub const EVENT_END: &str = "]";

/// What closes an event for a socket with RESUME, which is its last argument.
pub fn event_end(resume: &str) -> String {
    let mut out = String::from(",");
    push_string(&mut out, resume);
    out.push(']');
    out
}

/// An event of the main namespace without its end. Arguments are JSON texts.
pub fn event_open<'a>(version: Version, name: &str, arguments: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = String::from("42[");
    push_string(&mut out, name);
    for argument in arguments {
        out.push(',');
        out.push_str(argument);
    }
    spoken(version, out)
}

/// A whole event of the main namespace, for one socket.
pub fn event<'a>(version: Version, name: &str, arguments: impl IntoIterator<Item = &'a str>, resume: Option<&str>) -> String {
    let open = event_open(version, name, arguments);
    match resume {
        Some(resume) => open + &event_end(resume),
        None => open + EVENT_END,
    }
}

/// The event `position`, whose one argument is RESUME.
pub fn position(resume: &str) -> String {
    let mut out = String::from("42[\"position\"");
    out.push_str(&event_end(resume));
    out
}

/// A publication or signal without its end: its name, the channel, the data, and where it is: `{"epoch", "offset"}`, empty for what
/// has no offset.
pub fn publication_open(version: Version, event: &push::Event, epoch: &Epoch) -> String {
    let mut channel = String::new();
    push_string(&mut channel, &event.channel);
    let place = match event.offset {
        Some(offset) => format!("{{\"epoch\":\"{epoch}\",\"offset\":{offset}}}"),
        None => "{}".to_owned(),
    };
    event_open(version, event.kind.name(), [channel.as_str(), &event.data, &place])
}

/// What else the server says unasked, without its end: `join` and `leave` (channel, who), `unsubscribe` (channel, `{code, reason}`).
pub fn push_open(version: Version, push: &Push) -> String {
    let (mut channel, mut what) = (String::new(), String::new());
    let name = match push {
        Push::Presence(presence) => {
            push_string(&mut channel, &presence.channel);
            push_client_info(&mut what, &presence.who);
            if presence.joined { "join" } else { "leave" }
        }
        Push::Unsubscribe { channel: place, code, reason } => {
            push_string(&mut channel, place);
            what.push_str(&format!("{{\"code\":{code},\"reason\":"));
            push_string(&mut what, reason);
            what.push('}');
            "unsubscribe"
        }
    };
    event_open(version, name, [channel.as_str(), &what])
}

/// The answer to an event: the result, or `{"error": {"code", "message", "temporary"?}}`.
pub fn acknowledgement(version: Version, id: u32, result: &Result<Answer, Code>) -> String {
    let mut data = String::from("[");
    match result {
        Ok(Answer::Rpc(result)) => data.push_str(&on_one_line(result.get())),
        Ok(answer) => push_result(&mut data, answer),
        Err(code) => {
            data.push_str("{\"error\":");
            push_error(&mut data, *code);
            data.push('}');
        }
    }
    data.push(']');
    packet(Kind::Acknowledgement, MAIN_NAMESPACE, Some(id), 0, &spoken(version, data))
}

/// The message of a code, as acknowledgements and [`connect_error`] say it.
pub fn message_of(code: crate::code::Code) -> &'static str {
    message(code)
}

fn spoken(version: Version, text: String) -> String {
    match version {
        Version::V3 => to_ascii(&text).into_owned(),
        Version::V4 => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::{ClientInfo, Event, Kind as EventKind, Presence, Subscribed};
    use serde_json::value::RawValue;

    use Version::{V3, V4};

    fn an_event(kind: EventKind, offset: Option<u64>) -> Event {
        Event { kind, channel: "ü\"".into(), offset, data: r#"{"a":"\ud800é"}"#.into(), publisher: None, time_ms: 0 }
    }

    #[test]
    fn packets_have_their_parts_in_order() {
        assert_eq!(packet(Kind::Event, "/", None, 0, r#"["a"]"#), r#"42["a"]"#);
        assert_eq!(packet(Kind::Event, "/custom", Some(3), 2, r#"["a"]"#), r#"452-/custom,3["a"]"#);
        assert_eq!(packet(Kind::Acknowledgement, "/", Some(0), 1, "[]"), "461-0[]");
        assert_eq!(disconnect("/"), "41");
        assert_eq!(disconnect("/custom"), "41/custom,");
    }

    #[test]
    fn connecting_is_answered_as_each_version_expects() {
        assert_eq!(connect(V4, "/", "s", None), r#"40{"sid":"s"}"#);
        assert_eq!(connect(V4, "/custom", "s", Some("p")), r#"40/custom,{"sid":"s","pid":"p"}"#);
        assert_eq!(connect(V3, "/", "s", Some("p")), "40");
        assert_eq!(connect_error(V4, "/x", "Invalid namespace", None), r#"44/x,{"message":"Invalid namespace"}"#);
        assert_eq!(
            connect_error(V4, "/", message_of(Code::Forbidden), Some(103)),
            r#"44{"message":"permission denied","data":{"code":103}}"#
        );
        assert_eq!(connect_error(V3, "/", "é", Some(103)), r#"44"\u00e9""#);
    }

    #[test]
    fn an_event_is_shared_up_to_its_end() {
        let epoch = Epoch::new("e").unwrap();
        let open = publication_open(V4, &an_event(EventKind::Publication, Some(7)), &epoch);
        assert_eq!(open.clone() + EVENT_END, r#"42["publication","ü\"",{"a":"\ud800é"},{"epoch":"e","offset":7}]"#);
        assert_eq!(open + &event_end("r\""), r#"42["publication","ü\"",{"a":"\ud800é"},{"epoch":"e","offset":7},"r\""]"#);
        let old = publication_open(V3, &an_event(EventKind::Viewers, None), &epoch);
        assert_eq!(old + EVENT_END, r#"42["viewers","\u00fc\"",{"a":"\ud800\u00e9"},{}]"#);
        assert_eq!(event(V4, "chat message", ["\"hi\""], None), r#"42["chat message","hi"]"#);
        assert_eq!(event(V4, "chat message", ["\"hi\"", "1"], Some("r")), r#"42["chat message","hi",1,"r"]"#);
        assert_eq!(position("r"), r#"42["position","r"]"#);
    }

    #[test]
    fn pushes_are_events() {
        let who = ClientInfo { client: "c".into(), user: "u".into(), name: "".into(), face: false };
        let join = push_open(V4, &Push::Presence(Presence { channel: "a".into(), who, joined: true }));
        assert_eq!(join + EVENT_END, r#"42["join","a",{"user":"u","client":"c"}]"#);
        let (code, reason) = crate::code::UNSUBSCRIBE_INSUFFICIENT;
        let end = push_open(V4, &Push::Unsubscribe { channel: "a".into(), code, reason });
        assert_eq!(end + EVENT_END, r#"42["unsubscribe","a",{"code":2500,"reason":"insufficient state"}]"#);
    }

    #[test]
    fn acknowledgements_carry_the_result_or_the_error() {
        let of = |version, result: Result<Answer, Code>| acknowledgement(version, 5, &result);
        assert_eq!(of(V4, Ok(Answer::Publish)), "435[{}]");
        assert_eq!(of(V4, Err(Code::MethodNotFound)), r#"435[{"error":{"code":104,"message":"method not found"}}]"#);
        assert_eq!(
            of(V4, Err(Code::StoreUnavailable)),
            r#"435[{"error":{"code":1031,"message":"store-unavailable","temporary":true}}]"#
        );
        let result = || RawValue::from_string("{\"position\":\n\"é\"}".into()).unwrap();
        assert_eq!(of(V4, Ok(Answer::Rpc(result()))), r#"435[{"position":"é"}]"#);
        assert_eq!(of(V3, Ok(Answer::Rpc(result()))), r#"435[{"position":"\u00e9"}]"#);
        let subscribed = Subscribed {
            position: "e:5".parse().unwrap(),
            was_recovering: true,
            recovered: false,
            publications: vec![],
            expires_in_s: None,
            home: None,
        };
        assert_eq!(
            of(V4, Ok(Answer::Subscribe(subscribed))),
            r#"435[{"recoverable":true,"epoch":"e","offset":5,"positioned":true,"was_recovering":true}]"#
        );
    }
}
