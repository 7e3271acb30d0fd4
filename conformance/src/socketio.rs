//! `/socket.io/`: the reference server of the Socket.IO protocol document. In the namespaces `/` and `/custom` a client is told
//! the `auth` that it brought (`auth`), `message` comes back as `message-back`, and `message-with-ack` as its acknowledgement.

use std::collections::HashSet;
use std::sync::Arc;

use parlour::outbox::Outbox;
use parlour::transport::socketio::engine::Hello;
use parlour::transport::socketio::line::{Said, Upper};
use parlour_wire::engineio::{self, Version};
use parlour_wire::frame;
use parlour_wire::socketio::{self, Content, Decoder, Event, Kind, MAIN_NAMESPACE, Packet};
use parlour_wire::text::to_ascii;

use crate::MESSAGE_BYTES_MAX;

const NAMESPACES: [&str; 2] = [MAIN_NAMESPACE, "/custom"];

/// One client.
pub struct Reference {
    version: Version,
    sid: Arc<str>,
    outbox: Arc<Outbox>,
    decoder: Decoder,
    /// The namespaces that it is in.
    inside: HashSet<String>,
    connects: u32,
}

impl Reference {
    /// For a new line.
    pub fn new(hello: &Hello<'_>) -> Reference {
        Reference {
            version: hello.version,
            sid: hello.sid.clone(),
            outbox: hello.outbox.clone(),
            decoder: Decoder::default(),
            inside: HashSet::new(),
            connects: 0,
        }
    }

    fn send(&self, kind: Kind, namespace: &str, id: Option<u32>, data: &str, attachments: &[Vec<u8>]) -> bool {
        // The oldest clients misread other characters in polls.
        let data = if self.version == Version::V3 { to_ascii(data) } else { data.into() };
        let packet = socketio::packet(kind, namespace, id, attachments.len(), &data);
        self.outbox.send(frame::text(&packet)).is_ok()
            && attachments.iter().all(|bytes| self.outbox.send(frame::binary(&engineio::binary(self.version, bytes))).is_ok())
    }

    fn connect(&mut self, namespace: &str, auth: Option<&str>) -> bool {
        if !NAMESPACES.contains(&namespace) {
            let refused = socketio::connect_error(self.version, namespace, "Invalid namespace", None);
            return self.outbox.send(frame::text(&refused)).is_ok();
        }
        if !self.inside.insert(namespace.to_owned()) {
            return false;
        }
        self.connects += 1;
        let sid = format!("{}-{}", self.sid, self.connects);
        let welcome = socketio::connect(self.version, namespace, &sid, None);
        let told = format!("[\"auth\",{}]", auth.unwrap_or("{}"));
        self.outbox.send(frame::text(&welcome)).is_ok() && self.send(Kind::Event, namespace, None, &told, &[])
    }

    fn event(&self, namespace: &str, event: &Event) -> bool {
        let arguments: Vec<&str> = event.arguments.iter().map(|argument| argument.get()).collect();
        match (event.name.as_str(), event.id) {
            ("message", _) => {
                let data = ["\"message-back\""].into_iter().chain(arguments).collect::<Vec<_>>().join(",");
                self.send(Kind::Event, namespace, None, &format!("[{data}]"), &event.attachments)
            }
            ("message-with-ack", Some(id)) => {
                self.send(Kind::Acknowledgement, namespace, Some(id), &format!("[{}]", arguments.join(",")), &event.attachments)
            }
            _ => true,
        }
    }

    fn obey(&mut self, packet: &Packet) -> bool {
        let namespace = packet.namespace.as_str();
        match &packet.content {
            Content::Connect { auth } => self.connect(namespace, auth.as_ref().map(|auth| auth.get())),
            _ if !self.inside.contains(namespace) => false,
            Content::Disconnect => self.inside.remove(namespace),
            Content::Event(event) => self.event(namespace, event),
            Content::Acknowledgement { .. } => true,
        }
    }
}

impl Upper for Reference {
    async fn open(&mut self) -> bool {
        self.version == Version::V4 || self.connect(MAIN_NAMESPACE, None)
    }

    async fn hear(&mut self, said: Said) -> bool {
        let decoded = match &said {
            Said::Text(text) => self.decoder.text(text),
            Said::Binary(bytes) => self.decoder.binary(bytes, MESSAGE_BYTES_MAX),
        };
        match decoded {
            Ok(Some(packet)) => self.obey(&packet),
            Ok(None) => true,
            Err(_) => false,
        }
    }

    async fn fell(&mut self, _place: usize) {}

    fn is_established(&self) -> bool {
        self.connects > 0
    }

    fn end(&mut self, _lost: bool) {}
}
