//! The node: the one door through which everything enters. It asks who may what, takes time and chance from outside the pure
//! modules, and joins the backend to the hub. Doors and sessions call it; it knows none of them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use parlour_wire::code::Code;
use tokio::sync::mpsc;

use crate::backend::{Backend, Delivery, Fault};
use crate::channel::{ChannelName, Key, SiteName, Sort};
use crate::clients::Clients;
use crate::door::Whence;
use crate::hook::Hooks;
use crate::hub::Hub;
use crate::identity::allowed;
use crate::identity::{Act, ApiKey, GUEST_ID_BYTES, InstallSecret, Signer, Subscribe, Token, TokenFault, Verifier, Who};
use crate::limit::{Limiter, Rate};
use crate::outbound::Client;
use crate::outbox::LaneLimits;
use crate::ring::RingLimits;
use crate::rule::{Book, Rules, SiteRules};

mod accounts;
mod claim;
mod comments;
mod decisions;
mod flush;
mod keep;
mod keyring;
mod me;
mod measure;
mod mend;
mod moderation;
mod moves;
mod pages;
mod peers;
mod people;
mod presence;
mod publish;
mod reactions;
mod read;
mod recover;
mod revoke;
mod trust;
mod undo;
mod verdict;

pub use accounts::{CODE_MS, Login, SignedIn};
pub use comments::{COMMENTS_MAX, Posted};
pub use decisions::Change;
pub use keyring::Keyring;
pub use moderation::{Done, ORDER_COMMENTS_MAX, Order, ROWS_MAX, notice_record};
pub use moves::{Change as PagesChange, Refused, Step};
pub use publish::Publishing;
pub use reactions::Reacted;
pub use read::{HistoryPage, Since, Subscription, Wish};
pub use recover::{Page, Start};
pub use undo::Undone;

/// Members and addresses whose posting is counted at once; the least busy are forgotten first.
const LIMITED_MAX: usize = 200_000;

/// Between two lines of the log about a store that is away.
const UNAVAILABLE_PACE: Duration = Duration::from_secs(1);

/// Time as the node sees it: the one place where it is read.
#[derive(Clone, Copy, Default)]
pub struct Clock;

impl Clock {
    /// Milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        since.as_millis() as i64
    }

    /// Unix seconds.
    pub fn now_s(&self) -> i64 {
        self.now_ms() / 1000
    }
}

/// Who asks: settled once per request or session.
#[derive(Clone, Debug)]
pub struct Asker {
    /// What the token or key says.
    pub who: Who,
    /// The site that is meant.
    pub site: SiteName,
    /// Where the request comes from, for limits; `None` where they are off.
    pub address: Option<IpAddr>,
    /// The connection, where there is one.
    pub client: Option<Arc<str>>,
    /// Good subscribe tokens that the session brought, one a channel.
    pub grants: Vec<Subscribe>,
}

impl Asker {
    /// The same, asking as anybody: for answers that are the same for all.
    #[must_use]
    pub fn as_nobody(&self) -> Asker {
        Asker { who: Who::Nobody, grants: Vec::new(), ..self.clone() }
    }
}

/// Counters since the start, for `/metrics`.
#[derive(Default)]
pub struct Stats {
    /// Publications and comments accepted.
    pub published: AtomicU64,
    /// Comments accepted.
    pub comments: AtomicU64,
    /// Reactions that came or went.
    pub reactions: AtomicU64,
    /// Readers that fell off a ring.
    pub fallen: AtomicU64,
    /// Reads of the log for rings and readers.
    pub log_reads: AtomicU64,
    /// Subscriptions now.
    pub subscriptions: AtomicU64,
}

/// A verifier, and the rules and the state of the keyring that it was made of.
type Verifying = (Arc<Rules>, u64, Arc<Verifier>);

/// One running node.
pub struct Node {
    /// Channels read here.
    pub hub: Hub,
    /// Everyone connected here.
    pub clients: Clients,
    /// The rules in force.
    pub book: Arc<Book>,
    /// Counters.
    pub stats: Stats,
    /// Time.
    pub clock: Clock,
    backend: Backend,
    secret: InstallSecret,
    signer: Signer,
    verifier: Mutex<Option<Verifying>>,
    /// Keys that sites and providers have at an address.
    pub keyring: Arc<Keyring>,
    revoked: revoke::Revoked,
    noted: people::Noted,
    limiter: Limiter,
    admission: Mutex<i64>,
    policies: Mutex<HashMap<SiteName, verdict::ReadPolicy>>,
    pages: recover::SharedPages,
    changed_viewers: Mutex<Vec<Arc<crate::hub::Channel>>>,
    watching: Vec<tokio::sync::Mutex<()>>,
    draining: AtomicBool,
    /// Takes pages whose words are only a reader's.
    unverified: std::sync::OnceLock<mpsc::Sender<Key>>,
    /// Whom sites tell of their comments.
    pub hooks: Arc<Hooks>,
    /// Asks the network.
    client: Client,
    this: std::sync::Weak<Node>,
}

/// A backend's fault as it is told outside.
pub fn fault_code(fault: &Fault) -> Code {
    match fault {
        Fault::Unavailable(_) => Code::StoreUnavailable,
        Fault::OutcomeUnknown => Code::OutcomeUnknown,
        Fault::NonceConflict => Code::NonceConflict,
        Fault::ParentNotFound => Code::ParentNotFound,
        Fault::TooDeep => Code::TooDeep,
        Fault::UnknownComment => Code::UnknownComment,
        Fault::ThreadClosed => Code::ThreadClosed,
        Fault::PageRequired => Code::PageRequired,
        Fault::Moved(_) => Code::ThreadMoved,
        Fault::PageTaken => Code::PageTaken,
        Fault::CursorInvalid => Code::CursorInvalid,
    }
}

/// Logs what the operator must know and answers the code that the client gets.
fn told(fault: Fault) -> Code {
    if let Fault::Unavailable(why) = &fault {
        say_unavailable(why);
    }
    fault_code(&fault)
}

/// One line a second at most: of a store that is away everybody asks at once.
fn say_unavailable(why: &str) {
    static UNSAID: Mutex<(Option<Instant>, u64)> = Mutex::new((None, 0));
    let mut unsaid = UNSAID.lock();
    unsaid.1 += 1;
    if unsaid.0.is_none_or(|said| said.elapsed() >= UNAVAILABLE_PACE) {
        tracing::error!(%why, refused = unsaid.1, "the store is unavailable");
        *unsaid = (Some(Instant::now()), 0);
    }
}

fn random<const N: usize>() -> [u8; N] {
    rand::random()
}

/// Random characters for the ids of connections.
pub fn random_id() -> Arc<str> {
    let bytes: [u8; 12] = random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

impl Node {
    /// Starts the node: its workers take deliveries from `lanes` until the backend is dropped.
    pub async fn start(
        backend: Backend,
        lanes: Vec<mpsc::Receiver<Delivery>>,
        book: Arc<Book>,
        client: Client,
        hooks: Arc<Hooks>,
    ) -> Result<Arc<Node>, Fault> {
        let secret = InstallSecret::from_bytes(backend.store.secret().await?);
        let limits = book.now().limits.clone();
        let ring_limits = RingLimits { entries_max: limits.ring_entries_max, bytes_max: limits.ring_bytes_max };
        let node = Arc::new_cyclic(|this| Node {
            hub: Hub::new(ring_limits),
            clients: Clients::default(),
            stats: Stats::default(),
            clock: Clock,
            signer: Signer::new(&secret),
            verifier: Mutex::default(),
            keyring: Arc::new(Keyring::new(client.clone())),
            client,
            revoked: revoke::Revoked::default(),
            noted: people::Noted::default(),
            limiter: Limiter::new(LIMITED_MAX),
            admission: Mutex::default(),
            policies: Mutex::default(),
            pages: recover::SharedPages::default(),
            changed_viewers: Mutex::default(),
            watching: (0..64).map(|_| tokio::sync::Mutex::default()).collect(),
            draining: AtomicBool::new(false),
            unverified: std::sync::OnceLock::new(),
            hooks,
            this: this.clone(),
            book,
            backend,
            secret,
        });
        node.read_revocations().await?;
        for lane in lanes {
            tokio::spawn(flush::serve_lane(node.clone(), lane));
        }
        tokio::spawn(keep::keep(Arc::downgrade(&node)));
        tokio::spawn(revoke::watch(Arc::downgrade(&node)));
        Ok(node)
    }

    /// The backend's rows, for the command line and health.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// The rules of the site, or the refusal.
    pub fn site_rules(&self, site: &SiteName) -> Result<Arc<SiteRules>, Code> {
        self.book.now().site(site).cloned().ok_or(Code::UnknownSite)
    }

    fn verifier(&self) -> Arc<Verifier> {
        let rules = self.book.now();
        let mut cached = self.verifier.lock();
        let generation = self.keyring.generation();
        if let Some((of, at, verifier)) = &*cached
            && Arc::ptr_eq(of, &rules)
            && *at == generation
        {
            return verifier.clone();
        }
        let mut verifier = Verifier::new(&self.secret);
        for (site, site_rules) in &rules.sites {
            let mut tokens = site_rules.tokens.clone();
            let known = tokens.key_set_url.as_deref().map(|url| self.keyring.keys(url, self.clock.now_ms()));
            tokens.keys.extend(known.unwrap_or_default());
            verifier = verifier.with_site(site.clone(), tokens);
        }
        let verifier = Arc::new(verifier);
        *cached = Some((rules, generation, verifier.clone()));
        verifier
    }

    /// Who brings this token or key to a request that names `site`.
    pub async fn identify(&self, credential: Option<&str>, site: Option<&str>, whence: &Whence) -> Result<Asker, Code> {
        let asked = site.map(SiteName::parse).transpose().map_err(|_| Code::UnknownSite)?;
        let who = match credential {
            None | Some("") => Who::Nobody,
            Some(text) if ApiKey::claims_to_be_one(text) => self.key_holder(text).await?,
            Some(text) => self.bearer(text, asked.as_ref()).await?,
        };
        let site = who.site_meant(asked.as_ref()).map_err(token_code)?;
        let rules = self.book.now();
        rules.site(&site).ok_or(Code::UnknownSite)?;
        // The door has asked whether the page is one of any site's; now the site is known, and it must be that one's.
        let is_foreign = |origin: &Arc<str>| !rules.is_page_of(&site, origin);
        if whence.origin.as_ref().is_some_and(is_foreign) {
            return Err(Code::OriginNotAllowed);
        }
        Ok(Asker { who, site, address: whence.address, client: None, grants: Vec::new() })
    }

    /// Who brings this token. One whose key nobody knows has the sets of keys asked that may have it, as often as these may be.
    async fn bearer(&self, text: &str, asked: Option<&SiteName>) -> Result<Who, Code> {
        let verifier = self.verifier();
        let mut found = verifier.verify(text, asked, self.clock.now_s());
        let sets = if matches!(found, Err(TokenFault::Forged)) { verifier.key_sets_to_ask(text, asked) } else { Vec::new() };
        for url in sets.iter().take(KEY_SETS_ASKED_MAX) {
            self.keyring.ask(url, self.key_set_every_ms(), self.clock.now_ms()).await;
            found = self.verifier().verify(text, asked, self.clock.now_s());
            if found.is_ok() {
                break;
            }
        }
        let who = found.map_err(token_code)?;
        let Who::Token(token) = &who else { return Ok(who) };
        if self.revoked.refuses(token) {
            return Err(Code::Unauthorized);
        }
        self.tend_key_set(&token.site);
        Ok(who)
    }

    /// Reads a site's set of keys again when it was read long ago; whoever asks does not wait for it.
    fn tend_key_set(&self, site: &SiteName) {
        let Ok(rules) = self.site_rules(site) else { return };
        let Some(url) = rules.tokens.key_set_url.clone() else { return };
        let now_ms = self.clock.now_ms();
        if self.keyring.is_old(&url, now_ms) {
            let keyring = self.keyring.clone();
            let every_ms = self.key_set_every_ms();
            tokio::spawn(async move { keyring.ask(&url, every_ms, now_ms).await });
        }
    }

    /// Asks for a set of keys, as often as it may be asked.
    pub async fn ask_key_set(&self, url: &str) {
        self.keyring.ask(url, self.key_set_every_ms(), self.clock.now_ms()).await;
    }

    /// Whether one more letter may be asked for, to this address (keyed) and from that one.
    pub fn may_ask_letter(&self, to: &str, from: Option<IpAddr>, to_one: Rate, from_one: Rate) -> bool {
        let now_ms = self.clock.now_ms();
        from.is_none_or(|from| self.limiter.take(("letter from", from), from_one, now_ms).is_ok())
            && self.limiter.take(("letter to", to), to_one, now_ms).is_ok()
    }

    /// Refuses whoever asks for tokens too often.
    ///
    /// # Errors
    /// [`Code::TooManyRequests`].
    pub fn limit_exchanges(&self, from: Option<IpAddr>, rate: Rate) -> Result<(), Code> {
        let Some(from) = from else { return Ok(()) };
        self.limiter.take(("exchange", from), rate, self.clock.now_ms()).map_err(|_| Code::TooManyRequests)
    }

    fn key_set_every_ms(&self) -> i64 {
        self.book.now().limits.key_set_every_ms
    }

    async fn key_holder(&self, text: &str) -> Result<Who, Code> {
        let key = ApiKey::parse(text).map_err(|_| Code::Unauthorized)?;
        let row = self.backend.store.find_key(key.hash().as_str()).await.map_err(told)?;
        row.map(|row| Who::Key { site: row.site }).ok_or(Code::Unauthorized)
    }

    /// A subscribe token for one channel.
    pub fn identify_subscribe(&self, asker: &Asker, text: &str) -> Result<Subscribe, Code> {
        self.verifier().verify_subscribe(text, &asker.site, self.clock.now_s()).map_err(|fault| match fault {
            TokenFault::Expired => Code::TokenExpired,
            _ => Code::Forbidden,
        })
    }

    /// A new guest of the site, with the token that says so.
    pub fn new_guest(&self, site: &SiteName) -> Result<(String, Token), Code> {
        self.signer.guest(site, random::<GUEST_ID_BYTES>(), self.clock.now_s()).map_err(|error| {
            tracing::error!(%error, "a guest's token could not be signed");
            Code::Internal
        })
    }

    /// The channel that a text names.
    pub fn key(&self, asker: &Asker, channel: &str) -> Result<Key, Code> {
        let channel = ChannelName::parse(channel).map_err(|_| Code::InvalidChannel)?;
        Ok(Key::new(asker.site.clone(), channel))
    }

    /// Which row of the table of rights a channel is in.
    pub fn sort(&self, key: &Key) -> Result<Sort, Code> {
        Ok(key.channel.sort(&self.site_rules(&key.site)?.chats))
    }

    /// Whether the asker may.
    pub fn is_allowed(&self, act: Act, asker: &Asker, key: &Key) -> Result<bool, Code> {
        let rules = self.site_rules(&key.site)?;
        let grant = asker.grants.iter().find(|grant| grant.key == *key);
        Ok(allowed(act, key, key.channel.sort(&rules.chats), &asker.who, grant, rules.demo))
    }

    fn permit(&self, act: Act, asker: &Asker, key: &Key) -> Result<(), Code> {
        match self.is_allowed(act, asker, key)? {
            true => Ok(()),
            false if matches!(asker.who, Who::Nobody) => Err(Code::Unauthorized),
            false => Err(Code::Forbidden),
        }
    }

    /// How long a new connection is to wait, so that a herd comes in at the server's pace; `None` when it is too long.
    pub fn admit(&self) -> Option<Duration> {
        let every_us = 1_000_000 / self.book.now().limits.admissions_per_second.max(1) as i64;
        let now_us = self.clock.now_ms() * 1000;
        let mut next_us = self.admission.lock();
        let burst_us = 100_000;
        let at_us = (*next_us).max(now_us - burst_us);
        let wait_us = (at_us - now_us).max(0);
        if wait_us > ADMISSION_WAIT_MAX.as_micros() as i64 {
            return None;
        }
        *next_us = at_us + every_us;
        Some(Duration::from_micros(wait_us as u64))
    }

    /// How much may wait for one client.
    pub fn lane_limits(&self) -> LaneLimits {
        let limits = &self.book.now().limits;
        let bounded = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
        LaneLimits { frames_max: bounded(limits.lane_entries_max), bytes_max: bounded(limits.lane_bytes_max) }
    }

    /// Whether the server is on its way down.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// Sets of keys that one token may have asked: it names no site, and several sites have one.
const KEY_SETS_ASKED_MAX: usize = 4;

/// The longest that a `connect` waits.
const ADMISSION_WAIT_MAX: Duration = Duration::from_secs(4);

fn token_code(fault: TokenFault) -> Code {
    match fault {
        TokenFault::Expired => Code::TokenExpired,
        TokenFault::WrongSite => Code::SiteMismatch,
        _ => Code::Unauthorized,
    }
}
