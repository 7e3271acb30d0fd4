//! The opening handshake (RFC 6455 §4.2): whether a request asks for a WebSocket as it should, and what proves that it was read.
//! Header fields come as plain strings; several of one name are joined by commas before. Origins are another's matter.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// The header fields that the handshake depends on, `None` where the request has none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Handshake<'a> {
    /// The request's method.
    pub method: &'a str,
    /// `Connection`.
    pub connection: Option<&'a str>,
    /// `Upgrade`.
    pub upgrade: Option<&'a str>,
    /// `Sec-WebSocket-Version`.
    pub version: Option<&'a str>,
    /// `Sec-WebSocket-Key`.
    pub key: Option<&'a str>,
}

/// Why a handshake is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeFault {
    /// The request does not ask for a WebSocket: 426 with `Upgrade: websocket`.
    NotAsked,
    /// Another method than GET: 405.
    Method,
    /// Another version than 13: 426 with `Sec-WebSocket-Version: 13`.
    Version,
    /// The key is not 16 bytes in base64: 400.
    Key,
}

impl Handshake<'_> {
    /// Checks the request; what comes back is the value of `Sec-WebSocket-Accept`.
    pub fn accept(&self) -> Result<String, HandshakeFault> {
        if !names(self.connection, "upgrade") || !names(self.upgrade, "websocket") {
            return Err(HandshakeFault::NotAsked);
        }
        if self.method != "GET" {
            return Err(HandshakeFault::Method);
        }
        if self.version.map(str::trim) != Some("13") {
            return Err(HandshakeFault::Version);
        }
        let key = self.key.map(str::trim).ok_or(HandshakeFault::Key)?;
        // A key of another length is not worth decoding.
        if key.len() != 24 || STANDARD.decode(key).map(|bytes| bytes.len()) != Ok(16) {
            return Err(HandshakeFault::Key);
        }
        Ok(accept_key(key))
    }
}

/// The proof that the server read the key (RFC 6455 §4.2.2, item 5.4).
pub fn accept_key(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.finalize())
}

/// Whether a list of tokens has this one, whatever its case.
fn names(list: Option<&str>, token: &str) -> bool {
    list.is_some_and(|list| list.split(',').any(|entry| entry.trim().eq_ignore_ascii_case(token)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Handshake = Handshake {
        method: "GET",
        connection: Some("keep-alive, Upgrade"),
        upgrade: Some("WebSocket"),
        version: Some("13"),
        key: Some("dGhlIHNhbXBsZSBub25jZQ=="),
    };

    #[test]
    fn the_example_of_the_rfc_is_accepted() {
        assert_eq!(GOOD.accept().unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn each_fault_has_its_name() {
        for connection in [None, Some("close"), Some("upgraded")] {
            assert_eq!(Handshake { connection, ..GOOD }.accept(), Err(HandshakeFault::NotAsked));
        }
        assert_eq!(Handshake { upgrade: Some("h2c"), ..GOOD }.accept(), Err(HandshakeFault::NotAsked));
        assert_eq!(Handshake { method: "POST", ..GOOD }.accept(), Err(HandshakeFault::Method));
        assert_eq!(Handshake { version: Some("8"), ..GOOD }.accept(), Err(HandshakeFault::Version));
        assert_eq!(Handshake { version: None, ..GOOD }.accept(), Err(HandshakeFault::Version));
        for key in
            [None, Some(""), Some("dGhlIHNhbXBsZSBub25jZQ"), Some("dGhlIHNhbXBsZSBub25jZTEy"), Some("!!!!!!!!!!!!!!!!!!!!!!==")]
        {
            assert_eq!(Handshake { key, ..GOOD }.accept(), Err(HandshakeFault::Key), "{key:?}");
        }
    }
}
