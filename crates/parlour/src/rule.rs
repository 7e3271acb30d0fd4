//! The rules that the operator chose, checked and ready to be asked: those of the process, and those of each site.
//!
//! No IO and no clock. `config` makes them from options; the doors and the node ask them and never see an option. They are
//! replaced as a whole while the server runs ([`Book`]), so whoever decides takes one [`Rules`] and stays with it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use parlour_wire::code::Code;

use crate::channel::{ChannelName, Patterns, SiteName, Sort};
use crate::comment;
use crate::identity::SiteTokens;
use crate::limit::{Cidr, client_address};
use crate::moderation::PolicyOptions;

mod akismet;
mod hook;
mod mailbox;
mod origin;
mod reach;
mod signin;

pub use akismet::AkismetRules;
pub use hook::{HookEvent, HookRules, HookSecret, RECEIVERS_MAX};
pub use mailbox::is_address;
pub use origin::{Origins, OriginsFault, is_local_host, is_local_origin};
pub use reach::{Reach, ReachFault, is_public};
pub use signin::{MailRules, Provider, ProviderKind, SignInRules};

/// Text that no log line, message or debug output shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Wraps a text.
    pub fn new(text: &str) -> Secret {
        Secret(text.into())
    }

    /// The text, for whoever signs or verifies with it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// What limits the process as a whole, whatever the site. Each field is an option (DESIGN §3.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A request's body, in bytes.
    pub request_bytes_max: usize,
    /// The body of `POST /v1/batch`, in bytes.
    pub batch_bytes_max: usize,
    /// Publications in one batch.
    pub batch_entries_max: usize,
    /// A WebSocket message, in bytes.
    pub message_bytes_max: usize,
    /// A publication's data, in bytes.
    pub publication_bytes_max: usize,
    /// Subscriptions of one session.
    pub subscriptions_max: usize,
    /// Publications that one recovery or page of history may bring.
    pub recovery_entries_max: usize,
    /// What they may weigh, in bytes.
    pub recovery_bytes_max: usize,
    /// Entries of a channel's ring.
    pub ring_entries_max: usize,
    /// What they may weigh, encodings included, in bytes.
    pub ring_bytes_max: usize,
    /// What all rings of this node may weigh, in bytes.
    pub rings_bytes_max: usize,
    /// How long a ring stays after its last reader left.
    pub ring_idle: Duration,
    /// Entries of the short lane of replies.
    pub lane_entries_max: usize,
    /// What they may weigh, in bytes.
    pub lane_bytes_max: usize,
    /// Publications are compressed from so many bytes on, for WebSockets that offer it; 0: never.
    pub deflate_from_bytes: usize,
    /// The least time between two flushes of a channel with many readers, in milliseconds.
    pub flush_linger_ms: u64,
    /// How long a lost viewer is still counted.
    pub viewer_linger: Duration,
    /// Returning clients that are let in within a second; the others wait a little.
    pub admissions_per_second: u32,
    /// Connections at once; 0 for as many as the limit of open files leaves room for.
    pub connections_max: usize,
    /// Connections at once from one address; 0 for no such limit.
    pub connections_per_address_max: usize,
    /// How long the head of a request may take, and an idle connection stay.
    pub head_timeout: Duration,
    /// The bytes of a request's head.
    pub head_bytes_max: usize,
    /// Header fields of a request.
    pub headers_max: usize,
    /// How long the body of a request may take.
    pub body_timeout: Duration,
    /// How long sent bytes may stay unacknowledged before a connection counts as dead.
    pub send_timeout: Duration,
    /// The least time between two questions for the keys at one address, in milliseconds.
    pub key_set_every_ms: i64,
    /// Unsent bytes that the kernel may keep for one connection.
    pub unsent_bytes_max: usize,
}

/// Whether a page-wide dialect of old is spoken, and in which channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Not spoken.
    Off,
    /// Spoken, in this channel.
    Channel(ChannelName),
}

/// The rules of one site.
#[derive(Clone, Debug)]
pub struct SiteRules {
    /// Whose rules.
    pub site: SiteName,
    /// Demo mode: everyone may do all but `$…`.
    pub demo: bool,
    /// The origins whose pages may ask.
    pub origins: Origins,
    /// The channels in which everyone may write and see names.
    pub chats: Patterns,
    /// What the site signs its tokens with, if it does.
    pub tokens: SiteTokens,
    /// The ways in that are offered; all that there are if none is named.
    pub sign_in: Vec<String>,
    /// Verified addresses of those who are admins when they sign in at Parlour's own origin.
    pub admins: Vec<String>,
    /// The same of moderators.
    pub moderators: Vec<String>,
    /// Whether a page may keep a token of more than a member's role.
    pub moderate_on_pages: bool,
    /// Whether it is told of guests that they write.
    pub guests_typing: bool,
    /// Names that only staff may use, beside those that always are.
    pub reserved_names: Vec<String>,
    /// Whether the server reads new pages itself.
    pub verify_pages: bool,
    /// The names of reactions.
    pub reactions: Vec<String>,
    /// What decides whether a comment is shown at once, as far as options say.
    pub policy: PolicyOptions,
    /// Whether Akismet is asked, and how.
    pub akismet: Option<AkismetRules>,
    /// Addresses that are told what waits for a moderator.
    pub notify: Vec<String>,
    /// At most one letter in so long, in milliseconds.
    pub notify_every_ms: i64,
    /// Whom the site tells of its comments.
    pub hooks: HookRules,
    /// Nobody writes for now.
    pub read_only: bool,
    /// How long, how many, how often.
    pub limits: comment::Limits,
}

/// Everything that the operator chose and that may change while the server runs.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Demo mode.
    pub demo: bool,
    /// The only base of links and redirects, without a slash at its end; `None` where nobody said.
    pub public_url: Option<String>,
    /// From these alone `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Cidr>,
    /// Whom the server itself may ask.
    pub reach: Reach,
    /// The limits of the process.
    pub limits: Limits,
    /// The dialect of the plain list, `/msgs`.
    pub msgs: Dialect,
    /// The dialect of the chat page, `chat message`.
    pub pubsub: Dialect,
    /// Whether the dialect of the presence page is spoken, `viewing`.
    pub viewing: bool,
    /// Whether the dialect of the comments page is spoken, `message`.
    pub comments_page: bool,
    /// Whether `POST /` publishes.
    pub publish_root: bool,
    /// How people sign in here.
    pub sign_in: SignInRules,
    /// The rules of each site; `default` is always there.
    pub sites: BTreeMap<SiteName, Arc<SiteRules>>,
}

impl Rules {
    /// The rules of a site; `None` for one that does not exist.
    pub fn site(&self, site: &SiteName) -> Option<&Arc<SiteRules>> {
        self.sites.get(site)
    }

    /// Whether a browser's page from this origin may ask anything: an origin of one of the sites, and in demo mode those
    /// of this machine on every port. `null` never may.
    pub fn allows_origin(&self, origin: &str) -> bool {
        if self.demo && is_local_origin(origin) {
            return true;
        }
        self.sites.values().any(|rules| rules.origins.allows(origin))
    }

    /// The ways in that a site offers: name and title.
    pub fn ways_of<'a>(&'a self, site: &'a SiteRules) -> impl Iterator<Item = (&'a str, &'a str)> {
        let providers = self.sign_in.providers.iter().map(|provider| (provider.name, provider.title.as_str()));
        let mail = self.sign_in.by_mail.then_some(("mail", "E-mail"));
        providers.chain(mail).filter(|(name, _)| site.sign_in.is_empty() || site.sign_in.iter().any(|one| one == name))
    }

    /// Whether a site offers this way in.
    pub fn offers(&self, site: &SiteName, way: &str) -> bool {
        self.site(site).is_some_and(|site| self.ways_of(site).any(|(name, _)| name == way))
    }

    /// Whether a page of this origin may ask this site: one of the site's own, or one that Parlour itself serves.
    pub fn is_page_of(&self, site: &SiteName, origin: &str) -> bool {
        self.is_own_origin(origin) || self.site(site).is_some_and(|rules| rules.allows_origin(origin))
    }

    /// Whether the origin is the server's own, by `public-url` and nothing else.
    pub fn is_own_origin(&self, origin: &str) -> bool {
        let own = self.public_url.as_deref().and_then(|text| url::Url::parse(text).ok());
        own.is_some_and(|own| own.origin().ascii_serialization() == origin)
    }

    /// The address that limits count, from the socket's peer and the values of `X-Forwarded-For`, joined by commas as they came:
    /// read from the right to the first that is no trusted proxy, and not at all unless the peer is one.
    pub fn client_address(&self, peer: IpAddr, forwarded: Option<&str>) -> IpAddr {
        client_address(peer, forwarded, &self.trusted_proxies)
    }

    /// Whether this peer is one of the trusted proxies.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(peer))
    }
}

impl SiteRules {
    /// Whether pages of this origin belong to the site; in demo mode those of this machine do too.
    pub fn allows_origin(&self, origin: &str) -> bool {
        (self.demo && is_local_origin(origin)) || self.origins.allows(origin)
    }

    /// Whether anything may be written now, by whomever.
    ///
    /// # Errors
    /// [`Code::ReadOnly`].
    pub fn writable(&self) -> Result<(), Code> {
        if self.read_only { Err(Code::ReadOnly) } else { Ok(()) }
    }

    /// Whether a page's thread that began at `made_ms` has closed by its age; other channels have none.
    pub fn has_aged_out(&self, channel: &ChannelName, made_ms: i64, now_ms: i64) -> bool {
        channel.sort(&self.chats) == Sort::Page && self.limits.has_aged_out(made_ms, now_ms)
    }
}

/// The rules in force; replaced as a whole, read without waiting.
#[derive(Debug)]
pub struct Book(RwLock<Arc<Rules>>);

impl Book {
    /// Opens the book at these rules.
    pub fn new(rules: Rules) -> Book {
        Book(RwLock::new(Arc::new(rules)))
    }

    /// The rules in force now.
    pub fn now(&self) -> Arc<Rules> {
        self.0.read().clone()
    }

    /// Other rules from now on.
    pub fn replace(&self, rules: Rules) {
        *self.0.write() = Arc::new(rules);
    }
}
