//! Engine.IO packets, protocol versions 3 and 4: the layer below Socket.IO that makes one connection of polls and a WebSocket.
//! A packet is encoded as text whose first character is its type; a WebSocket carries it as a message, a poll in a payload
//! (`payload`). Timers, sessions and upgrades are the server's matter.

mod payload;

pub use payload::{Body, Encoded, PACKETS_MAX, decode_payload, encode_payload, jsonp, jsonp_form};

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::text::push_string;

/// The protocol's version, as the parameter `EIO` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// Client libraries 1.x and 2.x: the client pings; carries Socket.IO protocol 4.
    V3,
    /// Client libraries 3.x and 4.x: the server pings; carries Socket.IO protocol 5.
    V4,
}

impl Version {
    /// Reads the parameter `EIO`.
    pub fn from_parameter(value: &str) -> Option<Version> {
        match value {
            "3" => Some(Version::V3),
            "4" => Some(Version::V4),
            _ => None,
        }
    }
}

/// What a client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// The end of the connection.
    Close,
    /// To be answered by [`pong`] with the same payload; `probe` begins an upgrade.
    Ping(Cow<'a, str>),
    /// The answer to a ping.
    Pong,
    /// Text for the layer above.
    Message(Cow<'a, str>),
    /// Bytes for the layer above.
    Binary(Cow<'a, [u8]>),
    /// From now on by WebSocket.
    Upgrade,
    /// Nothing.
    Noop,
}

/// The bytes are no packet or payload; the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketFault;

/// The server's ping (version 4).
pub const PING: &str = "2";
/// The answer to `2probe`.
pub const PONG_PROBE: &str = "3probe";
/// The payload of the ping that begins an upgrade.
pub const PROBE: &str = "probe";
/// The end of the connection.
pub const CLOSE: &str = "1";
/// Nothing: what a waiting poll is answered with when another transport takes over.
pub const NOOP: &str = "6";

/// The first packet of a session.
#[derive(Clone, Copy, Debug)]
pub struct Open<'a> {
    /// The session's id.
    pub sid: &'a str,
    /// Whether the client may go over to a WebSocket.
    pub upgrade: bool,
    /// Milliseconds between pings.
    pub ping_interval_ms: u64,
    /// Milliseconds to wait for the answer.
    pub ping_timeout_ms: u64,
    /// Bytes of the largest payload that the server takes.
    pub payload_bytes_max: usize,
}

/// The open packet: `0` and what the client needs to know.
pub fn open(open: &Open<'_>) -> String {
    let mut out = String::from("0{\"sid\":");
    push_string(&mut out, open.sid);
    out.push_str(if open.upgrade { ",\"upgrades\":[\"websocket\"]" } else { ",\"upgrades\":[]" });
    out + &format!(
        ",\"pingInterval\":{},\"pingTimeout\":{},\"maxPayload\":{}}}",
        open.ping_interval_ms, open.ping_timeout_ms, open.payload_bytes_max
    )
}

/// The answer to a ping, with its payload.
pub fn pong(payload: &str) -> String {
    format!("3{payload}")
}

/// A text message.
pub fn message(text: &str) -> String {
    format!("4{text}")
}

/// A binary message as a WebSocket carries it.
pub fn binary(version: Version, bytes: &[u8]) -> Vec<u8> {
    match version {
        Version::V3 => [&[4], bytes].concat(),
        Version::V4 => bytes.to_vec(),
    }
}

/// A binary message as text.
pub fn binary_as_text(version: Version, bytes: &[u8]) -> String {
    let mut out = String::from(match version {
        Version::V3 => "b4",
        Version::V4 => "b",
    });
    BASE64.encode_string(bytes, &mut out);
    out
}

/// Reads a packet from a WebSocket's text message.
pub fn decode_text(version: Version, text: &str) -> Result<Packet<'_>, PacketFault> {
    let mut characters = text.chars();
    let kind = characters.next();
    let rest = characters.as_str();
    Ok(match kind {
        Some('1') => Packet::Close,
        Some('2') => Packet::Ping(rest.into()),
        Some('3') => Packet::Pong,
        Some('4') => Packet::Message(rest.into()),
        Some('5') => Packet::Upgrade,
        Some('6') => Packet::Noop,
        Some('b') => {
            let encoded = match version {
                Version::V3 => rest.strip_prefix('4').ok_or(PacketFault)?,
                Version::V4 => rest,
            };
            Packet::Binary(BASE64.decode(encoded).map_err(|_| PacketFault)?.into())
        }
        _ => return Err(PacketFault),
    })
}

/// Reads a packet from a WebSocket's binary message.
pub fn decode_binary(version: Version, bytes: &[u8]) -> Result<Packet<'_>, PacketFault> {
    match (version, bytes) {
        (Version::V4, bytes) | (Version::V3, [4, bytes @ ..]) => Ok(Packet::Binary(bytes.into())),
        _ => Err(PacketFault),
    }
}

/// Some clients leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a request is refused before there is a session, or outside of one: the protocol's own numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `transport` is neither `polling` nor `websocket`.
    TransportUnknown,
    /// No session has this `sid`.
    SessionUnknown,
    /// A handshake by another method than GET.
    BadHandshakeMethod,
    /// Anything else that is not as it should be.
    BadRequest,
    /// Not allowed.
    Forbidden,
    /// `EIO` is neither 3 nor 4.
    UnsupportedVersion,
}

impl Refusal {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        if matches!(self, Refusal::Forbidden) { 403 } else { 400 }
    }

    /// The body: `{"code", "message"}`.
    pub const fn json(self) -> &'static str {
        match self {
            Refusal::TransportUnknown => r#"{"code":0,"message":"Transport unknown"}"#,
            Refusal::SessionUnknown => r#"{"code":1,"message":"Session ID unknown"}"#,
            Refusal::BadHandshakeMethod => r#"{"code":2,"message":"Bad handshake method"}"#,
            Refusal::BadRequest => r#"{"code":3,"message":"Bad request"}"#,
            Refusal::Forbidden => r#"{"code":4,"message":"Forbidden"}"#,
            Refusal::UnsupportedVersion => r#"{"code":5,"message":"Unsupported protocol version"}"#,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_open_packet_has_its_shape() {
        let mut of =
            Open { sid: "s", upgrade: true, ping_interval_ms: 25_000, ping_timeout_ms: 20_000, payload_bytes_max: 65_536 };
        assert_eq!(
            open(&of),
            r#"0{"sid":"s","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":65536}"#
        );
        of.upgrade = false;
        assert_eq!(open(&of), r#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":65536}"#);
    }

    #[test]
    fn packets_are_read() {
        for version in [Version::V3, Version::V4] {
            assert_eq!(decode_text(version, "2probe"), Ok(Packet::Ping(PROBE.into())));
            assert_eq!(decode_text(version, "2"), Ok(Packet::Ping("".into())));
            assert_eq!(decode_text(version, "3"), Ok(Packet::Pong));
            assert_eq!(decode_text(version, "4é"), Ok(Packet::Message("é".into())));
            assert_eq!(decode_text(version, "4"), Ok(Packet::Message("".into())));
            assert_eq!(decode_text(version, "1"), Ok(Packet::Close));
            assert_eq!(decode_text(version, "5"), Ok(Packet::Upgrade));
            assert_eq!(decode_text(version, "6"), Ok(Packet::Noop));
            for bad in ["", "0", "7", "x", "é", "b4!", "bé"] {
                assert_eq!(decode_text(version, bad), Err(PacketFault), "{bad}");
            }
        }
        assert_eq!(pong(PROBE), PONG_PROBE);
        assert_eq!(Version::from_parameter("4"), Some(Version::V4));
        assert_eq!(Version::from_parameter("5"), None);
    }

    #[test]
    fn bytes_have_a_type_in_version_3_and_none_in_version_4() {
        assert_eq!(binary(Version::V3, &[1, 2]), [4, 1, 2]);
        assert_eq!(binary(Version::V4, &[1, 2]), [1, 2]);
        assert_eq!(binary_as_text(Version::V3, &[1, 2]), "b4AQI=");
        assert_eq!(binary_as_text(Version::V4, &[1, 2]), "bAQI=");
        assert_eq!(decode_text(Version::V4, "bAQI"), Ok(Packet::Binary(vec![1, 2].into())));
        assert_eq!(decode_text(Version::V3, "bAQI="), Err(PacketFault));
        assert_eq!(decode_binary(Version::V3, &[2, 1]), Err(PacketFault));
        assert_eq!(decode_binary(Version::V3, &[]), Err(PacketFault));
        assert_eq!(decode_binary(Version::V4, &[]), Ok(Packet::Binary(vec![].into())));
    }

    #[test]
    fn refusals_are_json_with_the_numbers_of_the_protocol() {
        use Refusal::*;
        for (number, refusal) in [TransportUnknown, SessionUnknown, BadHandshakeMethod, BadRequest, Forbidden, UnsupportedVersion]
            .into_iter()
            .enumerate()
        {
            let json: serde_json::Value = serde_json::from_str(refusal.json()).unwrap();
            assert_eq!(json["code"], number);
        }
        assert_eq!((Forbidden.status(), SessionUnknown.status()), (403, 400));
    }

    proptest! {
        #[test]
        fn bytes_survive_both_ways(bytes in proptest::collection::vec(any::<u8>(), 0..50), is_v3 in any::<bool>()) {
            let version = if is_v3 { Version::V3 } else { Version::V4 };
            let (text, frame) = (binary_as_text(version, &bytes), binary(version, &bytes));
            prop_assert_eq!(decode_text(version, &text), Ok(Packet::Binary(bytes.clone().into())));
            prop_assert_eq!(decode_binary(version, &frame), Ok(Packet::Binary(bytes.into())));
        }

        #[test]
        fn any_text_is_survived(text in any::<String>(), is_v3 in any::<bool>()) {
            let _ = decode_text(if is_v3 { Version::V3 } else { Version::V4 }, &text);
        }
    }
}
