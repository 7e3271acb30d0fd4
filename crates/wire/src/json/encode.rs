//! Replies, events and pushes as lines. Data is embedded as it is; strings are escaped by the JSON library; the order of keys is
//! that of `client.proto`, so that the bytes can be compared.

use std::fmt::Write;

use crate::code::Code;
use crate::push::{Answer, ClientInfo, Connected, Event, Kind, Push, Reply, Subscribed};
use crate::text::{on_one_line, push_string};

/// The server's ping; the client answers with the same.
pub const PING: &str = "{}";

/// The answer to a command.
pub fn reply(reply: &Reply) -> String {
    let mut out = String::with_capacity(128);
    put(&mut out, format_args!("{{\"id\":{},", reply.id));
    match &reply.result {
        Ok(answer) => {
            put(&mut out, format_args!("\"{}\":", name(answer)));
            push_result(&mut out, answer);
        }
        Err(code) => {
            out.push_str("\"error\":");
            push_error(&mut out, *code);
        }
    }
    out.push('}');
    out
}

/// A publication or a signal to a subscriber of its channel: the same text for each.
pub fn event(event: &Event) -> String {
    push_of(&event.channel, &publication(event))
}

/// The push around a publication's text as [`publication`] made it.
pub fn push_of(channel: &str, publication: &str) -> String {
    let mut out = String::with_capacity(publication.len() + channel.len() + 40);
    out.push_str("{\"push\":{\"channel\":");
    push_string(&mut out, channel);
    out.push_str(",\"pub\":");
    out.push_str(publication);
    out.push_str("}}");
    out
}

/// The `pub` object of an event, as pushes, recoveries and history have it.
pub fn publication(event: &Event) -> String {
    let mut out = String::with_capacity(event.data.len() + 64);
    push_publication(&mut out, event);
    out
}

/// What else the server says unasked.
pub fn push(push: &Push) -> String {
    let mut out = String::from("{\"push\":{\"channel\":");
    match push {
        Push::Presence(presence) => {
            push_string(&mut out, &presence.channel);
            out.push_str(if presence.joined { ",\"join\":{\"info\":" } else { ",\"leave\":{\"info\":" });
            push_client_info(&mut out, &presence.who);
        }
        Push::Unsubscribe { channel, code, reason } => {
            push_string(&mut out, channel);
            put(&mut out, format_args!(",\"unsubscribe\":{{\"code\":{code},\"reason\":"));
            push_string(&mut out, reason);
        }
    }
    out.push_str("}}}");
    out
}

/// The `message` of an error: the protocol's own words for its numbers, the stable name for Parlour's.
pub const fn message(code: Code) -> &'static str {
    match code {
        Code::Internal => "internal server error",
        Code::Unauthorized => "unauthorized",
        Code::UnknownChannel => "unknown channel",
        Code::Forbidden => "permission denied",
        Code::MethodNotFound => "method not found",
        Code::AlreadySubscribed => "already subscribed",
        Code::LimitExceeded => "limit exceeded",
        Code::BadRequest => "bad request",
        Code::NotAvailable => "not available",
        Code::TokenExpired => "token expired",
        Code::Expired => "expired",
        Code::TooManyRequests => "too many requests",
        Code::UnrecoverablePosition => "unrecoverable position",
        own => own.name(),
    }
}

/// `{"code", "message", "temporary"?}`.
pub(crate) fn push_error(out: &mut String, code: Code) {
    put(out, format_args!("{{\"code\":{},\"message\":\"{}\"", code.number(), message(code)));
    out.push_str(if code.retry() { ",\"temporary\":true}" } else { "}" });
}

/// The key under which a reply carries its result.
const fn name(answer: &Answer) -> &'static str {
    match answer {
        Answer::Connect(_) => "connect",
        Answer::Subscribe(_) => "subscribe",
        Answer::Unsubscribe => "unsubscribe",
        Answer::Publish => "publish",
        Answer::History { .. } => "history",
        Answer::Presence(_) => "presence",
        Answer::PresenceStats { .. } => "presence_stats",
        Answer::Rpc(_) => "rpc",
        Answer::Refresh { .. } => "refresh",
        Answer::SubRefresh { .. } => "sub_refresh",
        Answer::Ping => "ping",
    }
}

/// The result itself, an object.
pub(crate) fn push_result(out: &mut String, answer: &Answer) {
    match answer {
        Answer::Connect(connected) => push_connected(out, connected),
        Answer::Subscribe(subscribed) => push_subscribed(out, subscribed),
        Answer::Unsubscribe | Answer::Publish | Answer::Ping => out.push_str("{}"),
        Answer::History { publications, position } => {
            out.push_str("{\"publications\":");
            push_publications(out, publications);
            put(out, format_args!(",\"epoch\":\"{}\",\"offset\":{}}}", position.epoch, position.offset));
        }
        Answer::Presence(present) => push_presence(out, present),
        Answer::PresenceStats { clients, users } => put(out, format_args!("{{\"num_clients\":{clients},\"num_users\":{users}}}")),
        Answer::Rpc(data) => put(out, format_args!("{{\"data\":{}}}", on_one_line(data.get()))),
        Answer::Refresh { expires_in_s } | Answer::SubRefresh { expires_in_s } => push_refreshed(out, *expires_in_s),
    }
}

fn push_connected(out: &mut String, connected: &Connected) {
    out.push_str("{\"client\":");
    push_string(out, &connected.client);
    out.push_str(",\"version\":");
    push_string(out, connected.version);
    push_expiry(out, connected.expires_in_s);
    if let Some(token) = &connected.guest_token {
        out.push_str(",\"data\":{\"token\":");
        push_string(out, token);
        out.push('}');
    }
    put(out, format_args!(",\"ping\":{},\"pong\":true}}", connected.ping_s));
}

/// Ends with or without `expires` and `ttl`, each with a comma before.
fn push_expiry(out: &mut String, expires_in_s: Option<u64>) {
    if let Some(ttl) = expires_in_s {
        put(out, format_args!(",\"expires\":true,\"ttl\":{}", ttl.min(u64::from(u32::MAX))));
    }
}

fn push_refreshed(out: &mut String, expires_in_s: Option<u64>) {
    match expires_in_s {
        Some(ttl) => put(out, format_args!("{{\"expires\":true,\"ttl\":{}}}", ttl.min(u64::from(u32::MAX)))),
        None => out.push_str("{}"),
    }
}

fn push_subscribed(out: &mut String, subscribed: &Subscribed) {
    put(out, format_args!("{{\"recoverable\":true,\"epoch\":\"{}\"", subscribed.position.epoch));
    if !subscribed.publications.is_empty() {
        out.push_str(",\"publications\":");
        out.push('[');
        out.push_str(&subscribed.publications.join(","));
        out.push(']');
    }
    if subscribed.recovered {
        out.push_str(",\"recovered\":true");
    }
    put(out, format_args!(",\"offset\":{},\"positioned\":true", subscribed.position.offset));
    if subscribed.was_recovering {
        out.push_str(",\"was_recovering\":true");
    }
    push_expiry(out, subscribed.expires_in_s);
    if let Some(home) = &subscribed.home {
        out.push_str(",\"data\":{\"channel\":");
        push_string(out, home);
        out.push('}');
    }
    out.push('}');
}

fn push_publications(out: &mut String, publications: &[Event]) {
    out.push('[');
    for (index, event) in publications.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_publication(out, event);
    }
    out.push(']');
}

fn push_publication(out: &mut String, event: &Event) {
    out.push_str("{\"data\":");
    out.push_str(&event.data);
    if let Some(publisher) = &event.publisher {
        out.push_str(",\"info\":{\"user\":");
        push_string(out, &publisher.user);
        out.push_str(",\"client\":");
        push_string(out, &publisher.client);
        out.push('}');
    }
    if let Some(offset) = event.offset {
        put(out, format_args!(",\"offset\":{offset}"));
    }
    if event.kind != Kind::Publication {
        put(out, format_args!(",\"tags\":{{\"event\":\"{}\"}}", event.kind.name()));
    }
    out.push('}');
}

fn push_presence(out: &mut String, present: &[ClientInfo]) {
    out.push_str("{\"presence\":{");
    for (index, who) in present.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_string(out, &who.client);
        out.push(':');
        push_client_info(out, who);
    }
    out.push_str("}}");
}

pub(crate) fn push_client_info(out: &mut String, who: &ClientInfo) {
    out.push_str("{\"user\":");
    push_string(out, &who.user);
    out.push_str(",\"client\":");
    push_string(out, &who.client);
    if !who.name.is_empty() || who.face {
        out.push_str(",\"conn_info\":{");
        if !who.name.is_empty() {
            out.push_str("\"name\":");
            push_string(out, &who.name);
        }
        if who.face {
            out.push_str(if who.name.is_empty() { "\"face\":true" } else { ",\"face\":true" });
        }
        out.push('}');
    }
    out.push('}');
}

/// Formats into the text; writing to a `String` cannot fail.
fn put(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(arguments);
    debug_assert!(written.is_ok());
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;
