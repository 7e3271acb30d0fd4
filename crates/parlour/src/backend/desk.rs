//! What moderators work with, beside the comments themselves: who is known or blocked, what readers reported, what was done and
//! how it is undone, the rules that were set while the server runs, and what was spent.

use async_trait::async_trait;

use super::Fault;
use crate::channel::{ChannelName, SiteName};
use crate::comment::{Comment, CommentId, MemberId, State};
use crate::moderation::Reason;

/// What is known of somebody who is about to write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Has an approved comment on this site.
    pub is_known: bool,
    /// The block in force, by the member's id or the address.
    pub blocked: Option<Block>,
}

/// Who is blocked. An address is known by its keyed hash alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Whom {
    /// A member.
    Member(MemberId),
    /// An address, IPv6 by its /64: 64 hex digits.
    Address(String),
}

impl Whom {
    /// How it is stored and told: `member:ID`, `address:HASH`.
    #[must_use]
    pub fn written(&self) -> String {
        match self {
            Whom::Member(id) => format!("member:{id}"),
            Whom::Address(hash) => format!("address:{hash}"),
        }
    }

    /// Reads [`Whom::written`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Whom> {
        match text.split_once(':')? {
            ("member", id) => MemberId::parse(id).ok().map(Whom::Member),
            ("address", hash) if hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                Some(Whom::Address(hash.to_owned()))
            }
            _ => None,
        }
    }
}

/// A block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Who.
    pub whom: Whom,
    /// Until when, in Unix milliseconds; `None` until it is lifted.
    pub until_ms: Option<i64>,
    /// Since when, in Unix milliseconds.
    pub since_ms: i64,
    /// The name as moderators knew it.
    pub name: String,
}

impl Block {
    /// Whether it is in force.
    #[must_use]
    pub fn holds(&self, now_ms: i64) -> bool {
        self.until_ms.is_none_or(|until_ms| now_ms < until_ms)
    }
}

/// What is looked for among a site's comments, newest first.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// In this state; any if none is named.
    pub state: Option<State>,
    /// By this member.
    pub author: Option<MemberId>,
    /// In this channel.
    pub channel: Option<ChannelName>,
    /// With all these words in body or name, each as the beginning of a word; at most [`SEARCH_WORDS_MAX`] are read.
    pub words: String,
    /// A cursor that an earlier page gave.
    pub before: Option<String>,
    /// At most so many, 1–100.
    pub limit: usize,
}

/// Words of one search at most.
pub const SEARCH_WORDS_MAX: usize = 8;
/// Comments of one channel, member or page of words that a search without an index of its own looks through.
pub const SEARCHED_MAX: usize = 10_000;

/// A comment as moderators see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Filing {
    /// The comment, in its true state.
    pub comment: Comment,
    /// Why it was held, if it ever was.
    pub reason: Option<Reason>,
    /// Members who reported it.
    pub reports: u32,
    /// Where it came from, keyed, as long as that is remembered.
    pub address: Option<String>,
}

/// A page of filings.
#[derive(Clone, Debug)]
pub struct Filings {
    /// Newest first.
    pub filings: Vec<Filing>,
    /// What goes into `before` for the next page; `None` on the last.
    pub next: Option<String>,
    /// Comments of the site that wait, counted up to [`SEARCHED_MAX`].
    pub waiting: u64,
}

/// One act of a moderator, to be kept. What undoes it is JSON of the node's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// Unix milliseconds.
    pub time_ms: i64,
    /// Who did it: a member's id, or `key`.
    pub by: String,
    /// What was done: `approve`, `block`, `rules`, ….
    pub act: String,
    /// To whom or what, for people to read.
    pub target: String,
    /// What brings back what was before; empty where nothing can.
    pub undo: String,
}

/// One act, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Grows with every act of the site.
    pub id: u64,
    /// The act.
    pub record: NewRecord,
    /// When it was undone, in Unix milliseconds.
    pub undone_ms: Option<i64>,
}

/// How many comments came within an hour, and how many of them were held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hour {
    /// Its beginning, in Unix milliseconds.
    pub begin_ms: i64,
    /// Comments that came.
    pub came: u64,
    /// Of these, held.
    pub held: u64,
}

/// The moderators' desk.
///
/// Rules: what was answered survives the process like comments do. Everything belongs to one site. Nothing here changes a
/// comment: that is `Log::append`'s alone.
#[async_trait]
pub trait Desk: Send + Sync {
    /// What is known of a member and the address that they write from.
    async fn standing(
        &self,
        site: &SiteName,
        member: Option<&MemberId>,
        address: Option<&str>,
        now_ms: i64,
    ) -> Result<Standing, Fault>;

    /// One comment of the site.
    async fn filing(&self, site: &SiteName, id: &CommentId) -> Result<Option<Filing>, Fault>;

    /// Comments of the site, newest first.
    async fn search(&self, site: &SiteName, search: Search) -> Result<Filings, Fault>;

    /// One more reader reported a comment: how many different ones did. The same reader counts once.
    async fn report(&self, site: &SiteName, id: &CommentId, reporter: &str, time_ms: i64) -> Result<u32, Fault>;

    /// Blocks somebody, in place of an earlier block.
    async fn block(&self, site: &SiteName, block: Block) -> Result<(), Fault>;

    /// Lifts a block; which one it was.
    async fn unblock(&self, site: &SiteName, whom: &Whom) -> Result<Option<Block>, Fault>;

    /// The newest blocks, at most `limit`.
    async fn blocks(&self, site: &SiteName, limit: usize) -> Result<Vec<Block>, Fault>;

    /// Keeps an act; its id.
    async fn note(&self, site: &SiteName, record: NewRecord) -> Result<u64, Fault>;

    /// The newest acts, with smaller ids than `before`, at most `limit`.
    async fn records(&self, site: &SiteName, before: Option<u64>, limit: usize) -> Result<Vec<Record>, Fault>;

    /// Marks an act as undone and answers it as it was; `None` if there is none, or it was undone before: one caller wins.
    async fn undo(&self, site: &SiteName, id: u64, time_ms: i64) -> Result<Option<Record>, Fault>;

    /// What was set while the server runs: JSON text, by name.
    async fn setting(&self, site: &SiteName, name: &str) -> Result<Option<String>, Fault>;

    /// Sets it.
    async fn set(&self, site: &SiteName, name: &str, value: &str) -> Result<(), Fault>;

    /// Spends something that is good once until `until_ms`; false if it was spent before, on whatever node.
    async fn spend(&self, what: &str, until_ms: i64, now_ms: i64) -> Result<bool, Fault>;

    /// The hours since `since_ms` in which comments came, oldest first.
    async fn hours(&self, site: &SiteName, since_ms: i64) -> Result<Vec<Hour>, Fault>;
}
