//! `/engine.io/`: every message comes back.

use std::sync::Arc;

use parlour::outbox::Outbox;
use parlour::transport::socketio::engine::Hello;
use parlour::transport::socketio::line::{Said, Upper};
use parlour_wire::engineio::{self, Version};
use parlour_wire::frame;

/// One client.
pub struct Echo {
    version: Version,
    outbox: Arc<Outbox>,
}

impl Echo {
    /// For a new line.
    pub fn new(hello: &Hello<'_>) -> Echo {
        Echo { version: hello.version, outbox: hello.outbox.clone() }
    }
}

impl Upper for Echo {
    async fn open(&mut self) -> bool {
        true
    }

    async fn hear(&mut self, said: Said) -> bool {
        let frame = match said {
            Said::Text(text) => frame::text(&engineio::message(&text)),
            Said::Binary(bytes) => frame::binary(&engineio::binary(self.version, &bytes)),
        };
        self.outbox.send(frame).is_ok()
    }

    async fn fell(&mut self, _place: usize) {}

    fn is_established(&self) -> bool {
        true
    }

    fn end(&mut self, _lost: bool) {}
}
