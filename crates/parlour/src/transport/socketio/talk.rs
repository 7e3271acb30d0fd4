//! Socket.IO over a line: packets in, commands to the session; the namespace `/` alone. Over Engine.IO 3 a client is connected by
//! its handshake, over 4 by its first packet, which may bring what a recovery needs.

use std::sync::Arc;

use parlour_wire::code::{Close, Code};
use parlour_wire::engineio::Version;
use parlour_wire::frame;
use parlour_wire::push::{Push, Reply};
use parlour_wire::socketio::{self, Auth, Content, Decoder, Event, MAIN_NAMESPACE, Packet};
use serde_json::value::RawValue;

use super::dialect::{Dialect, Origin, Spoken};
use super::engine::Hello;
use super::line::{Said, Upper};
use crate::clients::Manners;
use crate::door::Whence;
use crate::identity::TOKEN_BYTES_MAX;
use crate::node::{Node, random_id};
use crate::outbox::resume::{self, Had};
use crate::outbox::{Hearing, Outbox, Overflow};
use crate::ring::{Audience, PLAIN};
use crate::session::{Listening, Session, Speech, Then};

/// What both versions say alike: pings are the line's, and its end is the transport's.
static MANNERS: Manners = Manners { ping: None, pongs: false, close: |close| Some(frame::close(close)) };

/// Sessions count commands from 1, acknowledgements from 0.
fn acknowledgement(version: Version, reply: &Reply) -> bytes::Bytes {
    frame::text(&socketio::acknowledgement(version, reply.id.saturating_sub(1), &reply.result))
}

fn say(version: Version, outbox: &Outbox, push: &Push) -> Result<(), Overflow> {
    outbox.send_event(&socketio::push_open(version, push))
}

static SPEECH_3: Speech = Speech {
    manners: &MANNERS,
    reply: |reply| acknowledgement(Version::V3, reply),
    push: |outbox, push| say(Version::V3, outbox, push),
};

static SPEECH_4: Speech = Speech {
    manners: &MANNERS,
    reply: |reply| acknowledgement(Version::V4, reply),
    push: |outbox, push| say(Version::V4, outbox, push),
};

/// One client of Socket.IO.
pub struct Talk {
    version: Version,
    outbox: Arc<Outbox>,
    session: Session,
    /// Where the handshake came from.
    whence: Whence,
    decoder: Decoder,
    attachments_bytes_max: usize,
    /// What the handshake's parameters said.
    token: String,
    site: Option<String>,
    dialects: Vec<Box<dyn Dialect>>,
}

impl Talk {
    /// For a new line.
    pub fn new(node: &Arc<Node>, spoken: Spoken, whence: Whence, hello: &Hello<'_>) -> Talk {
        let (mut token, mut site, mut page) = (String::new(), None, None);
        for (name, value) in url::form_urlencoded::parse(hello.request.uri.query().unwrap_or_default().as_bytes()) {
            match &*name {
                "token" if value.len() <= TOKEN_BYTES_MAX => token = value.into_owned(),
                "site" => site = Some(value.into_owned()),
                "page" => page = Some(value.into_owned()),
                _ => {}
            }
        }
        let speech = if hello.version == Version::V3 { &SPEECH_3 } else { &SPEECH_4 };
        let rules = node.book.now();
        let origin = Origin::read(hello.version, &hello.request.headers, page);
        Talk {
            version: hello.version,
            outbox: hello.outbox.clone(),
            session: Session::new(node.clone(), hello.outbox.clone(), speech, Whence::default()),
            whence,
            decoder: Decoder::default(),
            attachments_bytes_max: rules.limits.message_bytes_max,
            token,
            site,
            dialects: spoken(&rules, &origin),
        }
    }

    fn send(&self, packet: &str) -> bool {
        self.outbox.send(frame::text(packet)).is_ok()
    }

    async fn obey(&mut self, packet: Packet) -> bool {
        let is_main = packet.namespace == MAIN_NAMESPACE;
        match packet.content {
            Content::Connect { .. } if !is_main => {
                self.send(&socketio::connect_error(self.version, &packet.namespace, "Invalid namespace", None))
            }
            // Over Engine.IO 3 it is connected already, and says so once more at most.
            Content::Connect { .. } if self.version == Version::V3 => true,
            Content::Connect { .. } if self.session.is_connected() => false,
            Content::Connect { auth } => match Auth::from_json(auth.as_deref()) {
                Ok(auth) => self.connect(auth).await,
                Err(code) => self.refuse(code),
            },
            _ if !is_main || !self.session.is_connected() => false,
            Content::Disconnect => {
                self.session.end(false);
                true
            }
            Content::Event(event) => self.event(&event).await,
            Content::Acknowledgement { .. } => true,
        }
    }

    fn refuse(&self, code: Code) -> bool {
        self.send(&socketio::connect_error(self.version, MAIN_NAMESPACE, socketio::message_of(code), Some(code.number())))
    }

    async fn connect(&mut self, mut auth: Auth) -> bool {
        if auth.connect.token.is_empty() {
            auth.connect.token = self.token.clone();
        }
        if auth.connect.site.is_none() {
            auth.connect.site = self.site.clone();
        }
        if self.session.node().is_draining() {
            return false;
        }
        let pid = auth.pid.filter(|pid| is_pid(pid));
        // A guest's token is a part of its private id, so that it comes back as the same guest.
        let mut guest = None;
        if let Some((_, token)) = pid.as_deref().and_then(|pid| pid.split_once('.')).filter(|_| auth.connect.token.is_empty()) {
            auth.connect.token = token.to_owned();
            guest = Some(token.to_owned());
        }
        let connected = match self.session.begin(&auth.connect, &self.whence).await {
            Ok(connected) => connected,
            Err(code) => return self.refuse(code),
        };
        let guest = connected.guest_token.or(guest);
        let recovered = match self.version {
            Version::V3 => self.send(&socketio::connect(Version::V3, MAIN_NAMESPACE, "", None)).then_some(false),
            Version::V4 => self.welcome(&connected.client, pid, auth.offset, guest).await,
        };
        let Some(recovered) = recovered else { return false };
        for dialect in &mut self.dialects {
            if let Err(code) = dialect.begin(&mut self.session, recovered).await {
                tracing::debug!(code = code.name(), "a dialect could not begin");
            }
        }
        true
    }

    /// CONNECT and `position`, with what was missed where all of it is there: whether that is so. `None`: the line is full.
    async fn welcome(
        &mut self,
        client: &str,
        pid: Option<String>,
        offset: Option<String>,
        guest: Option<String>,
    ) -> Option<bool> {
        let had = offset.as_deref().and_then(resume::read);
        if let (Some(pid), Some(had)) = (pid, had) {
            let open = frame::text(&socketio::connect(Version::V4, MAIN_NAMESPACE, client, Some(&pid)));
            let Talk { session, dialects, .. } = self;
            let hearing = |had: &Had| match had.tongue == PLAIN.index {
                true => {
                    let audience = had.audience.without(Audience::VIEWS);
                    Some(Listening { hearing: Hearing { audience, tongue: &PLAIN }, counted: true })
                }
                false => dialects.iter().find_map(|dialect| dialect.hearing(had)),
            };
            if session.take_up(had, hearing, open).await.ok()? {
                return Some(true);
            }
        }
        let fresh = match guest {
            Some(token) => format!("{}.{token}", random_id()),
            None => random_id().to_string(),
        };
        let told = self.send(&socketio::connect(Version::V4, MAIN_NAMESPACE, client, Some(&fresh)));
        (told && self.outbox.send_position().is_ok()).then_some(false)
    }

    async fn event(&mut self, event: &Event) -> bool {
        // Sessions take 0 for what is not to be answered.
        let Some(id) = event.id.map_or(Some(0), |id| id.checked_add(1)) else { return false };
        let Talk { session, dialects, .. } = self;
        if let Some(dialect) = dialects.iter_mut().find(|dialect| dialect.knows(&event.name)) {
            let result = match event.attachments.is_empty() {
                true => dialect.hear(session, event).await,
                false => Err(Code::BadRequest),
            };
            return match (result, event.id) {
                (_, None) => true,
                (Ok(()), Some(id)) => {
                    self.send(&socketio::packet(socketio::Kind::Acknowledgement, MAIN_NAMESPACE, Some(id), 0, "[{}]"))
                }
                (Err(code), Some(_)) => session.refuse(id, code) == Then::Continue,
            };
        }
        let then = match event.command() {
            Ok(command) => session.handle(id, command).await,
            Err(code) => session.refuse(id, code),
        };
        match then {
            Then::Continue | Then::SkipFrame => true,
            Then::Close(close) => {
                session.close(close);
                false
            }
        }
    }
}

/// What this server may have given as a private id: nothing that could not stand in a packet, and not long.
fn is_pid(pid: &str) -> bool {
    pid.len() <= TOKEN_BYTES_MAX + 64 && pid.bytes().all(|byte| byte.is_ascii_graphic())
}

impl Upper for Talk {
    async fn open(&mut self) -> bool {
        match self.version {
            Version::V3 => match Auth::from_json(None::<&RawValue>) {
                Ok(auth) => self.connect(auth).await,
                Err(code) => self.refuse(code),
            },
            Version::V4 => true,
        }
    }

    async fn hear(&mut self, said: Said) -> bool {
        let decoded = match &said {
            Said::Text(text) => self.decoder.text(text),
            Said::Binary(bytes) => self.decoder.binary(bytes, self.attachments_bytes_max),
        };
        match decoded {
            Ok(Some(packet)) => Box::pin(self.obey(packet)).await,
            Ok(None) => true,
            Err(_) => {
                self.session.close(Close::BAD_REQUEST);
                false
            }
        }
    }

    async fn fell(&mut self, place: usize) {
        if !self.session.heard_fell(place).await {
            self.session.fell(place);
        }
    }

    fn is_established(&self) -> bool {
        self.session.is_connected()
    }

    fn end(&mut self, lost: bool) {
        self.session.end(lost);
    }
}
