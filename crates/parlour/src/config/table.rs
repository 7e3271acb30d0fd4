//! THE table of every option: name, kind, default, and a sentence. Flags, keys of the file, variables, `--help`,
//! `docs/configuration.md` and the sample file come from here, and from nowhere else.

use super::kind::{Chosen, Count, Hidden, Kind, List, Pace, Raw, Size, Switch, Text, Time};

/// What an option is about; the headings of `--help` and of the documents, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Server,
    Store,
    Access,
    SignIn,
    Outbound,
    Comments,
    Moderation,
    Webhooks,
    Dialects,
    Delivery,
    Connections,
    Requests,
}

impl Group {
    /// Every group, in order.
    pub const ALL: [Group; 12] = [
        Group::Server,
        Group::Store,
        Group::Access,
        Group::SignIn,
        Group::Outbound,
        Group::Comments,
        Group::Moderation,
        Group::Webhooks,
        Group::Dialects,
        Group::Delivery,
        Group::Connections,
        Group::Requests,
    ];

    /// The heading.
    pub const fn title(self) -> &'static str {
        match self {
            Group::Server => "Server",
            Group::Store => "Store",
            Group::Access => "Sites and who may ask",
            Group::SignIn => "Signing in and mail",
            Group::Outbound => "What the server asks of others",
            Group::Comments => "Comments",
            Group::Moderation => "Moderation",
            Group::Webhooks => "Webhooks",
            Group::Dialects => "Dialects",
            Group::Delivery => "Delivery",
            Group::Connections => "Connections",
            Group::Requests => "Requests",
        }
    }
}

/// Whose an option is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The process's: once.
    Process,
    /// A site's: outside a table of the file it is that of the site `default`, and of others where it is inherited.
    Site,
}

/// One row of the table.
#[derive(Debug)]
pub struct Opt {
    /// The field, in snake case.
    pub field: &'static str,
    /// How a value is written.
    pub hint: &'static str,
    /// The default, as it would be written.
    pub default: &'static str,
    /// What it is about.
    pub group: Group,
    /// Whose it is.
    pub scope: Scope,
    /// What it does.
    pub text: &'static str,
}

impl Opt {
    /// The flag without dashes, and the key of the file: `flush-linger`.
    pub fn name(&self) -> String {
        self.field.replace('_', "-")
    }

    /// The variable: `PARLOUR_FLUSH_LINGER`.
    pub fn variable(&self) -> String {
        format!("PARLOUR_{}", self.field.to_ascii_uppercase())
    }

    /// Whether its value is shown nowhere, and may come out of a file of its own (`NAME-file`).
    pub fn is_secret(&self) -> bool {
        self.hint == Hidden::HINT
    }

    /// Whether a site that does not say otherwise has what stands outside tables. Who may ask, and with whose signature, is each
    /// site's own: a secret or an origin must not reach a site that does not name it; nor is anyone told of its comments but by it.
    pub fn is_inherited(&self) -> bool {
        let is_own = matches!(self.group, Group::Access | Group::Webhooks) || self.is_secret();
        self.scope == Scope::Site && !is_own
    }

    /// Whether a flag alone stands for `true`.
    pub fn is_switch(&self) -> bool {
        self.hint == Switch::HINT
    }

    /// Whether several values may be given.
    pub fn is_list(&self) -> bool {
        self.hint == List::HINT
    }
}

macro_rules! options {
    ($(#[$meta:meta])* $struct:ident, $table:ident, $scope:ident:
        $($field:ident: $kind:ident = $default:literal, $group:ident, $text:literal;)*) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        pub struct $struct { $(#[doc = $text] pub $field: <$kind as Kind>::Value,)* }

        #[doc = concat!("The rows of [`", stringify!($struct), "`].")]
        pub static $table: &[Opt] = &[$(Opt {
            field: stringify!($field),
            hint: <$kind as Kind>::HINT,
            default: $default,
            group: Group::$group,
            scope: Scope::$scope,
            text: $text,
        },)*];

        impl $struct {
            /// Reads every option; `given` answers what was given for a row, `None` where the default holds.
            ///
            /// # Errors
            /// The first row whose value is not of its kind, and a sentence that says why.
            pub fn read(given: &dyn Fn(&Opt) -> Option<Raw>) -> Result<$struct, (&'static Opt, String)> {
                let mut rows = $table.iter();
                Ok($struct { $($field: {
                    // The fields and the rows come from one list, in one order.
                    let row = rows.next().unwrap_or(&$table[0]);
                    let raw = given(row).unwrap_or_else(|| Raw::Text($default.to_owned()));
                    <$kind as Kind>::read(&raw).map_err(|fault| (row, fault))?
                },)* })
            }
        }
    };
}

options! {
    /// What is chosen once for the whole process.
    ProcessOptions, PROCESS, Process:
    config: Text = "", Server, "The file to read; without it parlour.toml in the working directory, if there is one. Not a key of the file itself.";
    listen: Text = "127.0.0.1:8080", Server, "The address and port to listen on; port 0 takes a free one.";
    demo: Switch = "false", Server, "Everybody on this machine may do everything; refuses every other address, host and origin.";
    public_url: Text = "", Server, "The server's address as browsers know it, the only base of links and redirects, such as https://talk.example.org.";
    drain: Time = "10s", Server, "How long sessions are told to go elsewhere, paced, before the process ends.";
    metrics_listen: Text = "", Server, "Another address and port for GET /metrics without a key; keep it private.";
    log: Text = "info", Server, "What is logged: error, warn, info, debug or trace.";

    store: Text = "sqlite:parlour.db", Store, "Where everything is kept: sqlite:PATH for one node; for many redis:// or rediss://HOST, redis+sentinel://H1,H2,H3/NAME, redis+cluster://H1,H2,H3, each with USER:PASSWORD@ if need be. What holds a password is better given as a variable.";
    redis_wait: Count = "0", Store, "Replicas of Redis that are to have what is stored before it is acknowledged.";
    keep_events: Count = "10000", Store, "Publications that a channel keeps; 0 keeps none. Comments are kept until they are deleted.";
    keep_for: Time = "7d", Store, "How long it keeps them; 0 keeps none.";
    purge_days: Count = "30", Store, "Days after which withdrawn text is overwritten in the store; what moderators took back or for spam goes for good then.";

    trusted_proxy: List = "", Access, "Networks (CIDR) whose X-Forwarded-For is believed, from the right, to the first that is none of them.";

    outbound_allow: List = "", Outbound, "Hosts, addresses and networks (CIDR) that the server may ask although they are private, and without TLS: *.intranet.example, 10.0.0.0/8. All others are asked at public addresses alone.";
    outbound_roots: Text = "", Outbound, "A file of certificates (PEM) that are believed besides the usual ones; read at the start.";
    outbound_requests: Count = "16", Outbound, "Requests at once that the server itself makes; read at the start.";

    msgs: Text = "demo", Dialects, "GET and POST /msgs, a plain list: off, on (the channel msgs), a channel's name, or demo (on in demo mode).";
    pubsub: Text = "demo", Dialects, "Socket.IO's chat message, in one channel that every such client hears: off, on (the channel pubsub), a channel's name, or demo (on in demo mode).";
    viewing: Text = "demo", Dialects, "Socket.IO's viewing, with viewers and views of the channel post:ID: off, on, or demo (on in demo mode).";
    comments_page: Text = "demo", Dialects, "Socket.IO's message, a comment on a page: off, on, or demo (on in demo mode).";
    publish_root: Text = "demo", Dialects, "POST / publishes with a key: off, on, or demo (on in demo mode, without a key).";

    flush_linger: Time = "8ms", Delivery, "The longest that a publication waits for more to be sent with it, in a channel with more than 16 readers that was flushed less than this ago. Others are flushed at once.";
    deflate_from: Size = "1KiB", Delivery, "Publications of at least this size are compressed, once for all, for WebSockets that offer permessage-deflate; 0 compresses none.";
    linger: Time = "5s", Delivery, "How long a viewer whose connection was lost is still counted.";
    ring_entries: Count = "256", Delivery, "Publications that a channel in use holds in memory.";
    ring_bytes: Size = "256KiB", Delivery, "What these may weigh, in every encoding.";
    rings_bytes: Size = "256MiB", Delivery, "What all channels of the process hold in memory.";
    ring_idle: Time = "60s", Delivery, "How long they are held after the last reader left.";
    lane_entries: Count = "256", Delivery, "Replies that wait for one client.";
    lane_bytes: Size = "64KiB", Delivery, "What these may weigh.";
    subscriptions: Count = "128", Delivery, "Subscriptions of one session.";
    recovery_entries: Count = "1000", Delivery, "Publications that one recovery brings; beyond that the client reads again.";
    recovery_bytes: Size = "1MiB", Delivery, "What these may weigh.";
    admissions: Count = "4000", Delivery, "Clients that are let in within a second; others wait, at most 4 s.";

    signin_for: Time = "30d", SignIn, "How long a page's token, and a browser, stays signed in.";
    signin_github_id: Text = "", SignIn, "The client id of an OAuth app at GitHub, whose callback is PUBLIC-URL/auth/callback/github; none: not offered.";
    signin_github_secret: Hidden = "", SignIn, "The client secret that goes with it.";
    signin_github_url: Text = "https://github.com", SignIn, "Where people sign in at GitHub; another for GitHub Enterprise.";
    signin_github_api: Text = "https://api.github.com", SignIn, "Where GitHub is asked who they are.";
    signin_google_id: Text = "", SignIn, "The client id of a web application at Google, whose callback is PUBLIC-URL/auth/callback/google; none: not offered.";
    signin_google_secret: Hidden = "", SignIn, "The client secret that goes with it.";
    signin_google_url: Text = "https://accounts.google.com", SignIn, "Google's issuer.";
    signin_oidc_id: Text = "", SignIn, "The client id at any OpenID Connect provider, whose callback is PUBLIC-URL/auth/callback/oidc; none: not offered.";
    signin_oidc_secret: Hidden = "", SignIn, "The client secret that goes with it.";
    signin_oidc_url: Text = "", SignIn, "Its issuer, exactly as it calls itself.";
    signin_oidc_name: Text = "OpenID", SignIn, "Its name on the button.";
    signin_mail: Switch = "false", SignIn, "A letter with a link is a way to sign in too.";
    mail_server: Text = "", SignIn, "The SMTP server that letters are sent through: smtps://HOST, or smtp://HOST:587?tls=required; read at the start.";
    mail_user: Text = "", SignIn, "The name for it; read at the start.";
    mail_password: Hidden = "", SignIn, "The password for it; read at the start.";
    mail_from: Text = "", SignIn, "From whom letters are, such as Example <talk@example.org>; read at the start.";
    mail_queue: Count = "10000", SignIn, "Letters that wait at most; read at the start.";

    webhook_queue: Count = "10000", Webhooks, "Messages that wait for one receiver at most; beyond that they are lost. Read at the start.";

    key_set_every: Time = "1m", Access, "How often the set of keys at one address is asked at most.";

    connections: Count = "0", Connections, "Connections at once; 0: as many as the limit of open files leaves room for.";
    connections_per_address: Count = "512", Connections, "Connections at once from one address, trusted proxies excepted; 0: no such limit. Off in demo mode.";
    head_timeout: Time = "10s", Connections, "How long the head of a request may take, and an unused connection may stay.";
    head_bytes: Size = "16KiB", Connections, "The size of a request's head; at least 8KiB.";
    headers: Count = "64", Connections, "Header fields of a request.";
    body_timeout: Time = "20s", Connections, "How long the body of a request may take.";
    send_timeout: Time = "60s", Connections, "How long what was sent may stay unacknowledged before the connection counts as dead.";
    unsent_bytes: Size = "64KiB", Connections, "Unsent bytes that the kernel keeps for a connection.";

    request_bytes: Size = "64KiB", Requests, "The body of a request.";
    batch_bytes: Size = "4MiB", Requests, "The body of a batch.";
    batch_entries: Count = "1000", Requests, "Publications of a batch.";
    message_bytes: Size = "64KiB", Requests, "A message over the WebSocket.";
    publication_bytes: Size = "64KiB", Requests, "The data of a publication.";
}

options! {
    /// What is chosen for each site.
    SiteOptions, SITE, Site:
    origins: List = "", Access, "The origins whose pages may ask: https://example.org, or https://*.example.org for all hosts below.";
    chats: List = "", Access, "Channels in which everyone may write and see who is there: names, or beginnings with * at the end.";
    token_secret: Hidden = "", Access, "The secret of the site's own tokens (JWT, HS256).";
    sign_in: List = "", SignIn, "The ways to sign in at Parlour's own origin that are offered: github, google, oidc, mail; none: all that there are.";
    admins: List = "", SignIn, "Verified addresses of those who are admins of the site when they sign in at Parlour's own origin.";
    moderators: List = "", SignIn, "Verified addresses of those who are moderators.";
    moderate_on_pages: Switch = "false", SignIn, "Lets a page keep a token with the role of moderator or admin; else it is at most a member's, and moderation is done on Parlour's own pages.";
    guests_typing: Switch = "true", Comments, "Tells those present that a guest is writing; without it only of those who signed in.";
    token_secret_old: Hidden = "", Access, "The secret before, while tokens that it signed are still about.";
    token_keys: List = "", Access, "Files with public keys (PEM) of the site's own tokens, each with its algorithm in front: RS256:site.pem, ES256:…, EdDSA:….";
    token_key_set: Text = "", Access, "The address of a JWK set with public keys of the site's own tokens; asked at most once a minute.";
    token_audience: Text = "", Access, "What `aud` must name in the site's own tokens; none: not looked at.";
    token_issuer: Text = "", Access, "What `iss` must be in the site's own tokens; none: not looked at.";

    reserved_names: List = "", Comments, "Names that nobody may type, nor what looks like them, beside admin, moderator and their like.";
    verify_pages: Switch = "false", Comments, "Whether the server reads a page once, at its own address, when readers begin to write there: until then its title is only what a browser said.";
    reactions: List = "up", Comments, "The names of reactions.";
    body_characters: Count = "10000", Comments, "A comment's length.";
    chat_characters: Count = "1000", Comments, "The length of a line in a chat.";
    name_characters: Count = "60", Comments, "A name's length; 0: no names.";
    title_characters: Count = "300", Comments, "The length of a page's title.";
    url_characters: Count = "2048", Comments, "The length of a page's address.";
    reaction_pace: Pace = "60/1s", Comments, "Reactions from one address. Off in demo mode.";
    address_reactions: Count = "3", Comments, "Reactions of guests of one address that count on a comment. Off in demo mode.";
    close_after: Time = "0", Comments, "How long after its first comment a page's thread closes; 0: never.";
    read_only: Switch = "false", Comments, "Nobody writes for now: no comments, edits, deletions, reactions or publications.";
    edit_for: Time = "15m", Comments, "How long one's own comment may be edited; deleting is always possible.";
    depth: Count = "100", Comments, "How deep answers are nested as stored.";
    member_posts: Pace = "5/10s", Comments, "Comments of one member.";
    address_posts: Pace = "20/3s", Comments, "Comments from one address. Off in demo mode.";
    address_pages: Count = "20", Comments, "New pages from one address in an hour; beyond that the comment waits for a moderator.";
    site_pages: Count = "500", Comments, "New pages of the site in a day; beyond that the comment waits for a moderator.";

    hold: Text = "", Moderation, "Whose comments wait for a moderator: nothing, first (whoever has no approved comment yet) or all. Unset: first, or what the admin page says. Nothing is held in demo mode.";
    hold_links: Chosen = "", Moderation, "Links that a comment may have; with one more it waits. Unset: 2, or what the admin page says.";
    hold_words: List = "", Moderation, "Words and phrases that make a comment or a line of a chat wait; beginnings of words with * at the end. Unset: what the admin page says.";
    slow_seconds: Chosen = "", Moderation, "The least time between two lines of one member in a chat, in seconds. Unset: 0, or what the admin page says.";
    proof_bits: Count = "13", Moderation, "Work that a browser proves before a comment that would wait is taken, in leading zero bits, at most 20; 0: none. Off in demo mode.";
    akismet_key: Hidden = "", Moderation, "The site's key at Akismet, which is then told of comments that would be shown, with name and address of who wrote them; what it takes for spam waits. None: nobody is asked.";
    akismet_url: Text = "https://rest.akismet.com", Moderation, "Where Akismet is asked.";
    akismet_wait: Time = "2s", Moderation, "How long whoever writes waits for its answer; without one the other rules decide.";
    notify: List = "", Moderation, "Addresses that get a letter when comments wait; needs mail-server and public-url.";
    notify_every: Time = "1h", Moderation, "At most one such letter in this time.";

    webhooks: List = "", Webhooks, "Addresses that are told of the site's comments, as in Standard Webhooks; at most 8.";
    webhook_secret: Hidden = "", Webhooks, "What the messages are signed with: whsec_ and 24 to 64 random bytes in base64.";
    webhook_secret_old: Hidden = "", Webhooks, "The secret before, while receivers change over: messages carry both signatures.";
    webhook_events: List = "", Webhooks, "The events that are told: comment.created, comment.held, comment.updated, comment.deleted; none: all.";
}

/// Every row, in the order of groups.
pub fn all() -> impl Iterator<Item = &'static Opt> {
    Group::ALL.into_iter().flat_map(|group| PROCESS.iter().chain(SITE).filter(move |row| row.group == group))
}

/// The row of this name.
pub fn find(name: &str) -> Option<&'static Opt> {
    PROCESS.iter().chain(SITE).find(|row| row.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_every_row_is_in_a_group() {
        let names: HashSet<String> = all().map(Opt::name).collect();
        assert_eq!(names.len(), PROCESS.len() + SITE.len());
        assert_eq!(all().count(), names.len());
    }

    #[test]
    fn every_default_is_of_its_kind() {
        assert!(ProcessOptions::read(&|_| None).is_ok());
        assert!(SiteOptions::read(&|_| None).is_ok());
    }

    #[test]
    fn every_row_reads_its_own_value() {
        // A number that no default is, given to one row at a time, must come out at that row alone.
        let options = ProcessOptions::read(&|row| (row.field == "publication_bytes").then(|| Raw::Text("77".into()))).unwrap();
        assert_eq!((options.publication_bytes, options.message_bytes), (77, 65_536));
        let fault = ProcessOptions::read(&|row| (row.field == "linger").then(|| Raw::Text("often".into()))).unwrap_err();
        assert_eq!(fault.0.name(), "linger");
    }
}
