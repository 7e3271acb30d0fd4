//! One client, whatever its transport: command → node → reply. A session answers through its outbox and never sees a socket; how
//! a reply is written is its door's [`Speech`].

use std::sync::Arc;

use bytes::Bytes;
use parlour_wire::code::{Close, Code, UNSUBSCRIBE_INSUFFICIENT};
use parlour_wire::command::{Command, Connect, History, Subscribe};
use parlour_wire::push::{Answer, ClientInfo, Connected as ConnectAnswer, Push, Reply, Subscribed};
use serde_json::value::RawValue;

use crate::channel::Key;
use crate::clients::{Client, Connected, Manners, PING_S};
use crate::door::Whence;
use crate::hub::Viewer;
use crate::identity::{Who, claims_to_be_a_guest};
use crate::node::{Asker, Node, Publishing, Since, Start, Subscription, Wish, random_id};
use crate::outbox::{Outbox, Overflow};
use crate::ring::Audience;

mod listen;
mod rpc;

pub use listen::Listening;

/// How a door writes what a session says.
pub struct Speech {
    /// Pings and last words.
    pub manners: &'static Manners,
    /// The answer to a command.
    pub reply: fn(&Reply) -> Bytes,
    /// Says something unasked.
    pub push: fn(&Outbox, &Push) -> Result<(), Overflow>,
}

/// What the door does after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The next one.
    Continue,
    /// What else came in the same frame is passed over.
    SkipFrame,
    /// Close with this.
    Close(Close),
}

/// One client.
pub struct Session {
    node: Arc<Node>,
    outbox: Arc<Outbox>,
    speech: &'static Speech,
    /// Where it comes from; asked once, by `connect`.
    whence: Option<Box<Whence>>,
    joined: Option<Joined>,
}

/// What a session is after `connect`.
struct Joined {
    asker: Asker,
    client: Arc<Client>,
    subscriptions: Vec<Subscription>,
    /// What a dialect listens to beside the subscriptions.
    heard: Vec<listen::Heard>,
    _connected: Connected,
}

impl Session {
    /// A session that has said nothing yet.
    pub fn new(node: Arc<Node>, outbox: Arc<Outbox>, speech: &'static Speech, whence: Whence) -> Session {
        Session { node, outbox, speech, whence: Some(Box::new(whence)), joined: None }
    }

    /// Through which it answers.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Whether `connect` has succeeded.
    pub fn is_connected(&self) -> bool {
        self.joined.is_some()
    }

    /// A sign of life.
    pub fn heard(&self) {
        if let Some(joined) = &self.joined {
            joined.client.heard();
        }
    }

    /// Says why and ends.
    pub fn close(&self, close: Close) {
        self.outbox.finish((self.speech.manners.close)(close));
    }

    /// Refuses a command that could be read no further than its number.
    pub fn refuse(&self, id: u32, code: Code) -> Then {
        self.say(id, Err(code))
    }

    /// Answers, where somebody waits: id 0 is for what is not to be answered.
    fn say(&self, id: u32, result: Result<Answer, Code>) -> Then {
        if id == 0 {
            return Then::Continue;
        }
        match self.outbox.send((self.speech.reply)(&Reply { id, result })) {
            Ok(()) => Then::Continue,
            Err(_) => Then::Close(Close::SLOW),
        }
    }

    /// One command, in the order sent.
    pub async fn handle(&mut self, id: u32, command: Command) -> Then {
        match (command, self.joined.is_some()) {
            (Command::Connect(connect), false) => self.connect(id, connect).await,
            (Command::Connect(_), true) | (_, false) => Then::Close(Close::BAD_REQUEST),
            (Command::Subscribe(subscribe), true) => match self.subscribe(id, subscribe).await {
                Ok(()) => Then::Continue,
                Err(code) => self.say(id, Err(code)),
            },
            (Command::Send, true) => Then::Continue,
            (Command::Refresh { token }, true) => self.refresh(id, &token).await,
            (command, true) => {
                let result = self.answer(command).await;
                self.say(id, result)
            }
        }
    }

    async fn connect(&mut self, id: u32, connect: Connect) -> Then {
        if self.node.is_draining() {
            return Then::Close(Close::SHUTDOWN);
        }
        let whence = self.whence.as_deref().cloned().unwrap_or_default();
        match self.begin(&connect, &whence).await {
            Ok(connected) => {
                self.whence = None;
                self.say(id, Ok(Answer::Connect(connected)))
            }
            Err(code) => self.refuse_connect(id, code),
        }
    }

    /// Becomes somebody's; what is to be told of it. Once a session.
    pub async fn begin(&mut self, connect: &Connect, whence: &Whence) -> Result<ConnectAnswer, Code> {
        match self.node.admit() {
            Some(wait) if wait.is_zero() => {}
            Some(wait) => tokio::time::sleep(wait).await,
            None => return Err(Code::TooManyRequests),
        }
        let site = connect.site.as_deref();
        let mut asker = match self.node.identify(Some(&connect.token), site, whence).await {
            // A guest loses nothing by being a new one; anybody else is told.
            Err(Code::Unauthorized | Code::TokenExpired | Code::SiteMismatch) if claims_to_be_a_guest(&connect.token) => {
                self.node.identify(None, site, whence).await?
            }
            asker => asker?,
        };
        let mut guest_token = None;
        if matches!(asker.who, Who::Nobody) {
            let (text, token) = self.node.new_guest(&asker.site)?;
            guest_token = Some(text);
            asker.who = Who::Token(Box::new(token));
        }
        if let (None, Who::Token(token)) = (&guest_token, &asker.who) {
            guest_token = self.node.renewed_guest(token);
        }
        let client_id = random_id();
        asker.client = Some(client_id.clone());
        let expires_s = token_expiry(&asker);
        let expires_in_s = expires_s.map(|at| at.saturating_sub(self.node.clock.now_s()).max(0) as u64);
        self.join(asker, connect, expires_s);
        Ok(ConnectAnswer { client: client_id, version: env!("CARGO_PKG_VERSION"), ping_s: PING_S, expires_in_s, guest_token })
    }

    fn refuse_connect(&self, id: u32, code: Code) -> Then {
        match code {
            Code::Unauthorized => Then::Close(Close::INVALID_TOKEN),
            code => {
                self.say(id, Err(code));
                Then::SkipFrame
            }
        }
    }

    fn join(&mut self, asker: Asker, connect: &Connect, expires_s: Option<i64>) {
        let member = asker.who.member();
        let name = member.map(|member| member.name.as_str().into()).unwrap_or_default();
        // A guest's name is anyone's: only who is signed in can be seen under theirs.
        let face = connect.face && member.is_some_and(|member| member.verified);
        let info = ClientInfo { client: asker.client.clone().unwrap_or_default(), user: asker.user(), name, face };
        let viewer = Arc::new(Viewer { info, counted: connect.count });
        let client = Client::new(self.outbox.clone(), asker.site.clone(), viewer, self.speech.manners, expires_s);
        let connected = self.node.clients.add(&client);
        self.joined = Some(Joined { asker, client, subscriptions: Vec::new(), heard: Vec::new(), _connected: connected });
    }

    async fn subscribe(&mut self, id: u32, subscribe: Subscribe) -> Result<(), Code> {
        let limit = self.node.book.now().limits.subscriptions_max;
        let joined = self.joined.as_mut().ok_or(Code::BadRequest)?;
        let key = self.node.key(&joined.asker, &subscribe.channel)?;
        if joined.find(&key).is_some() {
            return Err(Code::AlreadySubscribed);
        }
        if joined.subscriptions.len() >= limit {
            return Err(Code::LimitExceeded);
        }
        let expires_in_s = joined.grant(&self.node, &key, &subscribe.token)?;
        let audience = audience(&subscribe);
        let since = match subscribe.recover {
            Some(position) => Since::Position(position),
            None if subscribe.recover_unreadable => Since::Unreadable,
            None => Since::Now,
        };
        let speech = self.speech;
        let reply = |start: Start| {
            let publications = start.missed.iter().filter_map(|slot| slot.publication(start.seen)).collect();
            let Start { position, was_recovering, recovered, home, .. } = start;
            let subscribed = Subscribed { position, was_recovering, recovered, publications, expires_in_s, home };
            (id != 0).then(|| (speech.reply)(&Reply { id, result: Ok(Answer::Subscribe(subscribed)) }))
        };
        let wish = Wish { outbox: &self.outbox, viewer: &joined.client.viewer, since, hearing: audience.into(), at_once: true };
        let subscription = self.node.subscribe(&joined.asker, &key, wish, reply).await?;
        // Most sessions have one, and memory for no more.
        if joined.subscriptions.is_empty() {
            joined.subscriptions.reserve_exact(1);
        }
        joined.subscriptions.push(subscription);
        Ok(())
    }

    /// Publications that came together: they go to the log in the order sent, which waits for none of them before it takes the
    /// next, so that they share what a commit costs.
    pub async fn publish_all(&mut self, first: (u32, Command), more: Vec<(u32, Command)>) -> Then {
        let Some(joined) = &self.joined else { return Then::Close(Close::BAD_REQUEST) };
        let (node, asker) = (&self.node, &joined.asker);
        let publishes = std::iter::once(first).chain(more).map(|(id, command)| async move {
            let result = match command {
                Command::Publish { channel, data } => publish(node, asker, &channel, &data).await,
                _ => Err(Code::BadRequest),
            };
            (id, result)
        });
        // Polled in this order, which is that in which the log is asked.
        let results = futures_util::future::join_all(publishes).await;
        // One send for all answers.
        self.outbox.hold();
        let refused = results.into_iter().map(|(id, result)| self.say(id, result)).find(|then| *then != Then::Continue);
        self.outbox.release(Vec::new());
        refused.unwrap_or(Then::Continue)
    }

    async fn answer(&mut self, command: Command) -> Result<Answer, Code> {
        let node = self.node.clone();
        let joined = self.joined.as_mut().ok_or(Code::BadRequest)?;
        let asker = &joined.asker;
        match command {
            Command::Unsubscribe { channel } => {
                let key = node.key(asker, &channel)?;
                if let Some(index) = joined.find(&key) {
                    node.unsubscribe(&self.outbox, joined.subscriptions.swap_remove(index), None);
                    joined.asker.grants.retain(|grant| grant.key != key);
                    joined.note_expiry();
                }
                self.outbox.send_position().map_err(|_| Code::LimitExceeded)?;
                Ok(Answer::Unsubscribe)
            }
            Command::Publish { channel, data } => publish(&node, asker, &channel, &data).await,
            Command::History(history) => answer_history(&node, asker, history).await,
            Command::Presence { channel } => node.members(asker, &node.key(asker, &channel)?).await.map(Answer::Presence),
            Command::PresenceStats { channel } => {
                let (clients, users) = node.presence_stats(asker, &node.key(asker, &channel)?).await?;
                Ok(Answer::PresenceStats { clients, users })
            }
            Command::Rpc { method, data } => {
                let data = data.as_deref().map_or("null", RawValue::get);
                let text = rpc::call(&node, asker, &method, data).await?;
                RawValue::from_string(text).map(Answer::Rpc).map_err(|_| Code::Internal)
            }
            Command::SubRefresh { channel, token } => {
                let key = node.key(asker, &channel)?;
                joined.find(&key).ok_or(Code::BadRequest)?;
                Ok(Answer::SubRefresh { expires_in_s: joined.grant(&node, &key, &token)? })
            }
            Command::Ping => Ok(Answer::Ping),
            Command::Connect(_) | Command::Subscribe(_) | Command::Refresh { .. } | Command::Send => Err(Code::BadRequest),
        }
    }

    async fn refresh(&mut self, id: u32, token: &str) -> Then {
        let Some(joined) = self.joined.as_mut() else { return Then::Close(Close::BAD_REQUEST) };
        let whence = Whence { address: joined.asker.address, origin: None };
        let result = match self.node.identify(Some(token), Some(joined.asker.site.as_str()), &whence).await {
            Ok(fresh) if fresh.user() == joined.asker.user() => {
                let expires_s = token_expiry(&fresh);
                joined.client.renew(expires_s.unwrap_or(i64::MAX));
                joined.asker.who = fresh.who;
                Ok(Answer::Refresh { expires_in_s: expires_s.map(|at| (at - self.node.clock.now_s()).max(0) as u64) })
            }
            Ok(_) | Err(Code::Unauthorized) => return Then::Close(Close::INVALID_TOKEN),
            Err(code) => Err(code),
        };
        self.say(id, result)
    }

    /// The reader at this place fell off its ring: it is told, and its library subscribes again with its position.
    pub fn fell(&mut self, place: usize) {
        let Some(joined) = self.joined.as_mut() else { return };
        let Some(index) = joined.subscriptions.iter().position(|subscription| subscription.place == place) else { return };
        let subscription = joined.subscriptions.swap_remove(index);
        let channel = subscription.asked().channel.as_str().into();
        self.node.stats.fallen.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let linger = self.node.linger();
        self.node.unsubscribe(&self.outbox, subscription, Some(linger));
        let (code, reason) = UNSUBSCRIBE_INSUFFICIENT;
        if (self.speech.push)(&self.outbox, &Push::Unsubscribe { channel, code, reason }).is_err() {
            self.close(Close::SLOW);
        }
    }

    /// The line is gone: properly closed, or lost.
    pub fn end(&mut self, lost: bool) {
        if let Some(joined) = self.joined.take() {
            let linger = lost.then(|| self.node.linger());
            let heard = joined.heard.into_iter().map(|heard| heard.subscription);
            for subscription in joined.subscriptions.into_iter().chain(heard) {
                self.node.unsubscribe(&self.outbox, subscription, linger);
            }
        }
    }
}

impl Joined {
    fn find(&self, key: &Key) -> Option<usize> {
        self.subscriptions.iter().position(|subscription| subscription.asked() == key)
    }

    /// Takes a subscribe token in, if one was brought; the seconds it is good for.
    fn grant(&mut self, node: &Node, key: &Key, token: &str) -> Result<Option<u64>, Code> {
        if token.is_empty() {
            return Ok(None);
        }
        let grant = node.identify_subscribe(&self.asker, token)?;
        if grant.key != *key {
            return Err(Code::Forbidden);
        }
        let left_s = (grant.exp_s - node.clock.now_s()).max(0) as u64;
        self.asker.grants.retain(|old| old.key != *key);
        self.asker.grants.push(grant);
        self.note_expiry();
        Ok(Some(left_s))
    }

    fn note_expiry(&self) {
        let first = self.asker.grants.iter().map(|grant| grant.exp_s).min();
        self.client.subscriptions_expire(first.unwrap_or(i64::MAX));
    }
}

/// Until when the token is good. A guest's is renewed with use, and nobody is to be told when it expires.
fn token_expiry(asker: &Asker) -> Option<i64> {
    match &asker.who {
        Who::Token(token) if !token.guest => Some(token.exp_s),
        _ => None,
    }
}

fn audience(subscribe: &Subscribe) -> Audience {
    let wants = [
        (subscribe.signals.viewers, Audience::VIEWERS),
        (subscribe.signals.typing, Audience::TYPING),
        (subscribe.join_leave, Audience::PRESENCE),
    ];
    wants.into_iter().filter(|(wanted, _)| *wanted).fold(Audience::EVERYONE, |audience, (_, one)| audience.with(one))
}

async fn publish(node: &Node, asker: &Asker, channel: &str, data: &RawValue) -> Result<Answer, Code> {
    let publishing = Publishing { data: data.get(), nonce: None, store: true };
    node.publish(asker, &node.key(asker, channel)?, publishing).await.map(|_| Answer::Publish)
}

/// The protocol's `limit`: absent or 0 asks for the position alone, a negative one for as many as allowed.
async fn answer_history(node: &Node, asker: &Asker, history: History) -> Result<Answer, Code> {
    let key = node.key(asker, &history.channel)?;
    let limit = match history.limit {
        None => Some(0),
        Some(limit) => usize::try_from(limit).ok(),
    };
    let page = node.history(asker, &key, limit, history.since, history.reverse).await?;
    Ok(Answer::History { publications: page.events, position: page.position })
}
