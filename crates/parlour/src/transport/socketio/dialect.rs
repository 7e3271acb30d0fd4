//! What a dialect of Socket.IO is to the door: it hears events of its own names, and listens to channels in a tongue of its own.
//! The dialects themselves stand above the doors, in `crate::dialect`, and are handed in by the assembly.

use async_trait::async_trait;
use http::HeaderMap;
use parlour_wire::code::Code;
use parlour_wire::engineio::Version;
use parlour_wire::socketio::Event;

use crate::outbox::resume::Had;
use crate::rule::Rules;
use crate::session::{Listening, Session};

/// What a client's handshake said that dialects ask for.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The protocol's version.
    pub version: Version,
    /// The parameter `page`.
    pub page: Option<String>,
    /// The header `Referer`.
    pub referer: Option<String>,
    /// The header `Origin`.
    pub origin: Option<String>,
    /// The header `Host`.
    pub host: Option<String>,
}

impl Origin {
    /// Reads the headers and the parameter `page`.
    pub fn read(version: Version, headers: &HeaderMap, page: Option<String>) -> Origin {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Origin {
            version,
            page,
            referer: header(http::header::REFERER),
            origin: header(http::header::ORIGIN),
            host: header(http::header::HOST),
        }
    }
}

/// A dialect, as one client speaks it.
#[async_trait]
pub trait Dialect: Send + Sync {
    /// Whether an event of this name is the dialect's.
    fn knows(&self, name: &str) -> bool;

    /// How it listened in this place, where it is one of its own.
    fn hearing(&self, had: &Had) -> Option<Listening>;

    /// The client is connected; `recovered` says that what it listened to is taken up already.
    async fn begin(&mut self, session: &mut Session, recovered: bool) -> Result<(), Code>;

    /// The client said one of its events.
    async fn hear(&mut self, session: &mut Session, event: &Event) -> Result<(), Code>;
}

/// The dialects that are spoken by these rules, for one client.
pub type Spoken = fn(&Rules, &Origin) -> Vec<Box<dyn Dialect>>;
