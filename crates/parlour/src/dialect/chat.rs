//! `chat message`: the chat of the page that everyone writes first. One channel, which every client hears from the start; what is
//! published there by whatever door arrives as text.

use async_trait::async_trait;
use parlour_wire::code::Code;
use parlour_wire::push::Kind;
use parlour_wire::socketio::{self, Event};

use crate::channel::{ChannelName, Key};
use crate::outbox::Hearing;
use crate::outbox::resume::Had;
use crate::ring::{Audience, Tongue};
use crate::session::{Listening, Session};
use crate::transport::socketio::dialect::Dialect;

const NAME: &str = "chat message";

static TONGUE: Tongue = Tongue {
    index: 1,
    open: |version, event, _| {
        let is_text = event.data.starts_with('"');
        let text = if is_text { event.data.to_string() } else { serde_json::Value::from(&*event.data).to_string() };
        (event.kind == Kind::Publication).then(|| socketio::event_open(version, NAME, [text.as_str()]))
    },
};

/// Nobody is a viewer of a channel that all hear.
const LISTENING: Listening = Listening { hearing: Hearing { audience: Audience::EVERYONE, tongue: &TONGUE }, counted: false };

/// As one client speaks it.
pub struct Chat {
    channel: ChannelName,
}

impl Chat {
    /// In this channel.
    pub fn new(channel: ChannelName) -> Chat {
        Chat { channel }
    }

    fn key(&self, session: &Session) -> Result<Key, Code> {
        Ok(Key::new(session.asker()?.site.clone(), self.channel.clone()))
    }
}

#[async_trait]
impl Dialect for Chat {
    fn knows(&self, name: &str) -> bool {
        name == NAME
    }

    fn hearing(&self, had: &Had) -> Option<Listening> {
        (had.tongue == TONGUE.index && had.channel == self.channel.as_str()).then_some(LISTENING)
    }

    async fn begin(&mut self, session: &mut Session, _recovered: bool) -> Result<(), Code> {
        if session.heard_in(TONGUE.index).is_some() {
            return Ok(());
        }
        let key = self.key(session)?;
        session.listen(&key, LISTENING).await
    }

    async fn hear(&mut self, session: &mut Session, event: &Event) -> Result<(), Code> {
        let [text] = event.arguments.as_slice() else { return Err(Code::BadRequest) };
        if !text.get().starts_with('"') {
            return Err(Code::BadRequest);
        }
        let key = self.key(session)?;
        session.node().say(session.asker()?, &key, text.get()).await
    }
}
