//! What moderators do: decide, block, set rules; and what readers report. Everything is noted, told on the moderators' channel and
//! undone for thirty days (`undo`); comments change by appends alone.

use parlour_wire::code::Code;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::comments::refused;
use super::undo::{Undo, Undone, kept};
use super::verdict::POLICY;
use super::{Asker, Node, told};
use crate::backend::desk::{Block, Filing, Filings, Hour, Record, Search, Whom};
use crate::backend::pages::PageRow;
use crate::backend::{After, Append, Before, Counts, Fault, Swap, Thread};
use crate::channel::{ChannelName, Key, SiteName};
use crate::comment::{Comment, CommentId, MemberId, State};
use crate::moderation::{PolicySetting, Reason};

/// Comments that one order may name.
pub const ORDER_COMMENTS_MAX: usize = 200;
/// Comments that go with "all by this person".
const BY_ONE_MAX: usize = 2_000;
/// So many different readers hold a comment.
const REPORTS_HOLD: u32 = 3;
/// Acts, blocks and threads of one answer at most.
pub const ROWS_MAX: usize = 100;
/// Channels of one answer at most.
const CHANNELS_MAX: usize = 200;
/// Who acts when readers do.
const READERS: &str = "readers";
/// The act that trusts the authors of what it approves.
const TRUST: &str = "trust";

/// What a moderator orders.
#[derive(Debug, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Order {
    /// Shown.
    Approve { ids: Vec<CommentId> },
    /// Held.
    Hold { ids: Vec<CommentId> },
    /// Taken away.
    Reject { ids: Vec<CommentId> },
    /// Taken for spam.
    Spam { ids: Vec<CommentId> },
    /// Held, and its author does not know.
    Shadow { ids: Vec<CommentId> },
    /// Shown, and what their authors write does not wait from now on.
    Trust { ids: Vec<CommentId> },
    /// Whoever was trusted is so no more.
    Untrust {
        /// `member:ID`.
        whom: String,
    },
    /// The author of a comment may not write any more, and from its address neither if that is wanted; with `all` everything of theirs goes.
    Block {
        /// The comment.
        id: CommentId,
        /// For how long, in seconds; until it is lifted if it is left out.
        seconds: Option<u32>,
        /// Their address too.
        #[serde(default)]
        address: bool,
        /// Everything that they wrote is taken away.
        #[serde(default)]
        all: bool,
    },
    /// They may again.
    Unblock { whom: String },
    /// Other rules.
    Rules { rules: PolicySetting },
}

impl Order {
    /// The order that brings comments into a state.
    #[must_use]
    pub fn of(state: State, ids: Vec<CommentId>) -> Order {
        match state {
            State::Approved => Order::Approve { ids },
            State::Pending => Order::Hold { ids },
            State::Spam => Order::Spam { ids },
            State::Shadow => Order::Shadow { ids },
            State::Rejected | State::Deleted => Order::Reject { ids },
        }
    }
}

/// What came of an order.
#[derive(Debug, Serialize)]
pub struct Done {
    /// The act's id, by which it is undone.
    pub record: u64,
    /// Comments that changed.
    pub changed: usize,
    /// What was taken back, where this was taking back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undone: Option<Undone>,
}

/// A channel that is read now.
#[derive(Debug)]
pub struct ChannelRead {
    /// Its name.
    pub channel: ChannelName,
    /// What is known of its page.
    pub thread: Thread,
    /// What was written and seen.
    pub counts: Counts,
    /// Who reads it now, on all nodes.
    pub viewers: u64,
}

impl Node {
    /// The moderators' own questions and orders are for them alone.
    pub(super) fn moderator(&self, asker: &Asker) -> Result<(), Code> {
        self.site_rules(&asker.site)?;
        if asker.who.is_moderator() { Ok(()) } else { Err(refused(asker)) }
    }

    /// Comments of the site, as moderators see them.
    pub async fn search(&self, asker: &Asker, search: Search) -> Result<Filings, Code> {
        self.moderator(asker)?;
        self.backend.desk.search(&asker.site, search).await.map_err(told)
    }

    /// One comment, as moderators see it.
    pub async fn filing(&self, asker: &Asker, id: &CommentId) -> Result<Filing, Code> {
        self.moderator(asker)?;
        self.backend.desk.filing(&asker.site, id).await.map_err(told)?.ok_or(Code::UnknownComment)
    }

    /// What was done.
    pub async fn records(&self, asker: &Asker, before: Option<u64>) -> Result<Vec<Record>, Code> {
        self.moderator(asker)?;
        self.backend.desk.records(&asker.site, before, ROWS_MAX).await.map_err(told)
    }

    /// Who is blocked.
    pub async fn blocks(&self, asker: &Asker) -> Result<Vec<Block>, Code> {
        self.moderator(asker)?;
        self.backend.desk.blocks(&asker.site, ROWS_MAX).await.map_err(told)
    }

    /// The hours since then in which comments came.
    pub async fn hours(&self, asker: &Asker, since_ms: i64) -> Result<Vec<Hour>, Code> {
        self.moderator(asker)?;
        self.backend.desk.hours(&asker.site, since_ms).await.map_err(told)
    }

    /// The channels that somebody reads here now, those with most viewers first.
    pub async fn channels_read(&self, asker: &Asker) -> Result<Vec<ChannelRead>, Code> {
        self.moderator(asker)?;
        let mut keys = Vec::new();
        self.hub.each(|channel| {
            let is_theirs = channel.key.site == asker.site && !channel.key.channel.as_str().starts_with('$');
            if is_theirs && keys.len() < CHANNELS_MAX {
                keys.push(channel.key.clone());
            }
        });
        let viewers = self.viewers(&keys).await?;
        let counts = self.backend.store.counts(&keys).await.map_err(told)?;
        let mut read = Vec::with_capacity(keys.len());
        for ((key, viewers), counts) in keys.into_iter().zip(viewers).zip(counts) {
            let thread = self.backend.store.thread(&key).await.map_err(told)?.unwrap_or_default();
            read.push(ChannelRead { channel: key.channel, thread, counts, viewers });
        }
        read.sort_by_key(|channel| std::cmp::Reverse(channel.viewers));
        Ok(read)
    }

    /// The site's threads, in the order of their channels' names, after this one.
    pub async fn threads(&self, asker: &Asker, after: Option<&ChannelName>) -> Result<Vec<PageRow>, Code> {
        self.moderator(asker)?;
        self.backend.pages.pages(&asker.site, after, ROWS_MAX).await.map_err(told)
    }

    /// The rules that were set, and the names of those that the operator's options decide.
    pub async fn rules_set(&self, asker: &Asker) -> Result<(PolicySetting, Vec<&'static str>), Code> {
        self.moderator(asker)?;
        let rules = self.site_rules(&asker.site)?;
        Ok((self.policy_setting(&asker.site).await?, rules.policy.locked()))
    }

    /// Does what a moderator orders, notes it, and tells the others.
    pub async fn order(&self, asker: &Asker, order: Order) -> Result<Done, Code> {
        self.moderator(asker)?;
        match order {
            Order::Approve { ids } => self.decide_all(asker, "approve", ids, State::Approved).await,
            Order::Hold { ids } => self.decide_all(asker, "hold", ids, State::Pending).await,
            Order::Reject { ids } => self.decide_all(asker, "reject", ids, State::Rejected).await,
            Order::Spam { ids } => self.decide_all(asker, "spam", ids, State::Spam).await,
            Order::Shadow { ids } => self.decide_all(asker, "shadow", ids, State::Shadow).await,
            Order::Trust { ids } => self.decide_all(asker, TRUST, ids, State::Approved).await,
            Order::Untrust { whom } => {
                let (id, trust) = self.untrust(&asker.site, &whom).await?;
                let name = trust.name.clone();
                self.noted(asker, "untrust", name, Undo { trust: vec![(id, Some(trust))], ..Undo::default() }).await
            }
            Order::Block { id, seconds, address, all } => self.order_block(asker, &id, seconds, address, all).await,
            Order::Unblock { whom } => {
                let whom = Whom::parse(&whom).ok_or(Code::BadRequest)?;
                let lifted = self.backend.desk.unblock(&asker.site, &whom).await.map_err(told)?.ok_or(Code::BadRequest)?;
                let undo = Undo { block: vec![kept(&lifted)], ..Undo::default() };
                self.noted(asker, "unblock", lifted.name, undo).await
            }
            Order::Rules { rules } => {
                if !asker.who.is_admin() {
                    return Err(Code::Forbidden);
                }
                let rules = rules.checked().map_err(|_| Code::BadRequest)?;
                let before = self.policy_setting(&asker.site).await?;
                self.set_rules(&asker.site, &rules).await?;
                let undo = Undo { rules: Some(before), ..Undo::default() };
                self.noted(asker, "rules", String::new(), undo).await
            }
        }
    }

    pub(super) async fn set_rules(&self, site: &SiteName, rules: &PolicySetting) -> Result<(), Code> {
        let text = serde_json::to_string(rules).map_err(|_| Code::Internal)?;
        self.backend.desk.set(site, POLICY, &text).await.map_err(told)?;
        self.policies.lock().remove(site);
        Ok(())
    }

    async fn decide_all(&self, asker: &Asker, act: &str, ids: Vec<CommentId>, state: State) -> Result<Done, Code> {
        if ids.is_empty() || ids.len() > ORDER_COMMENTS_MAX {
            return Err(Code::LimitExceeded);
        }
        let target = ids[0].to_string();
        let mut undo = Undo::default();
        let mut outcome = Ok(());
        for id in ids {
            outcome = self.decide_one(&asker.site, id, state, act == TRUST, &mut undo).await;
            if outcome.is_err() {
                break;
            }
        }
        // What was done until something failed is noted too, so that it can be taken back.
        let done = self.noted(asker, act, target, undo).await?;
        outcome.map(|()| done)
    }

    /// Brings a comment into a state, and with `trusts` trusts its author; `undo` gets what was before.
    async fn decide_one(&self, site: &SiteName, id: CommentId, state: State, trusts: bool, undo: &mut Undo) -> Result<(), Code> {
        let before = self.set_state(site, &id, state, None).await?;
        undo.states.extend(before.map(|before| (id.clone(), before)));
        if !trusts {
            return Ok(());
        }
        let comment = self.backend.store.comment(site, &id, None).await.map_err(told)?;
        if let Some(author) = comment.and_then(|(_, comment)| comment.author) {
            undo.trust.extend(self.trust(site, &author).await?);
        }
        Ok(())
    }

    /// Brings a comment into a state; the one it had, if that was another. One that is gone for good is passed over.
    pub(super) async fn set_state(
        &self,
        site: &SiteName,
        id: &CommentId,
        state: State,
        reason: Option<Reason>,
    ) -> Result<Option<State>, Code> {
        let Some((channel, comment)) = self.backend.store.comment(site, id, None).await.map_err(told)? else {
            return Ok(None);
        };
        if comment.state == state {
            return Ok(None);
        }
        let append = Append::State { id: id.clone(), state, reason, time_ms: self.clock.now_ms() };
        match self.decide(&Key::new(site.clone(), channel), append).await {
            Ok(_) => Ok(Some(comment.state)),
            Err(Code::UnknownComment) => Ok(None),
            Err(code) => Err(code),
        }
    }

    async fn order_block(
        &self,
        asker: &Asker,
        id: &CommentId,
        seconds: Option<u32>,
        address: bool,
        all: bool,
    ) -> Result<Done, Code> {
        let filing = self.filing(asker, id).await?;
        let author = filing.comment.author.ok_or(Code::UnknownComment)?;
        let since_ms = self.clock.now_ms();
        let until_ms = seconds.map(|seconds| since_ms + i64::from(seconds) * 1_000);
        let mut whom = vec![Whom::Member(author.id.clone())];
        whom.extend(filing.address.filter(|_| address).map(Whom::Address));
        let mut undo = Undo::default();
        for whom in whom {
            undo.lift.push(whom.written());
            // An address is nobody's: a name beside it would stay when its bearer is forgotten.
            let name = if matches!(whom, Whom::Member(_)) { author.name.clone() } else { String::new() };
            let block = Block { whom, until_ms, since_ms, name };
            self.backend.desk.block(&asker.site, block).await.map_err(told)?;
        }
        // Whoever is blocked is not trusted; who lifts the block says whether they are again.
        let trust = self.set_trust(&asker.site, &author.id, None).await?;
        undo.trust.extend(trust.map(|trust| (author.id.clone(), Some(trust))));
        if all {
            undo.states = self.reject_all_by(&asker.site, &author.id).await?;
        }
        let act = if all { "block-all" } else { "block" };
        self.noted(asker, act, author.name, undo).await
    }

    /// Everything that somebody wrote goes: what went, and as what it stood.
    async fn reject_all_by(&self, site: &SiteName, author: &MemberId) -> Result<Vec<(CommentId, State)>, Code> {
        let (mut states, mut before) = (Vec::new(), None);
        loop {
            let search = Search { author: Some(author.clone()), before, limit: ROWS_MAX, ..Search::default() };
            let found = self.backend.desk.search(site, search).await.map_err(told)?;
            for filing in &found.filings {
                let id = &filing.comment.id;
                if let Some(was) = self.set_state(site, id, State::Rejected, None).await? {
                    states.push((id.clone(), was));
                }
            }
            before = found.next;
            if before.is_none() || states.len() >= BY_ONE_MAX {
                return Ok(states);
            }
        }
    }

    /// A reader reports a comment. Who is signed in counts by name, the others by their address.
    pub async fn report(&self, asker: &Asker, id: &str) -> Result<(), Code> {
        let (key, comment) = self.seen_comment(asker, id).await?;
        self.limit_posts(asker, &*self.site_rules(&key.site)?)?;
        let member = asker.who.member();
        let reporter = match (member.filter(|member| member.verified), self.address_of(asker)) {
            _ if asker.who.is_key() => "key".to_owned(),
            (Some(member), _) => member.id.to_string(),
            (None, Some(address)) => format!("address {address}"),
            (None, None) => member.ok_or(Code::Unauthorized)?.id.to_string(),
        };
        let reports = self.backend.desk.report(&key.site, &comment.id, &reporter, self.clock.now_ms()).await.map_err(told)?;
        if reports == REPORTS_HOLD && comment.state == State::Approved {
            let before = self.set_state(&key.site, &comment.id, State::Pending, Some(Reason::Reported)).await?;
            let states = before.map(|before| (comment.id.clone(), before)).into_iter().collect();
            self.note(&key.site, READERS, "report", comment.id.to_string(), &Undo { states, ..Undo::default() }).await?;
        }
        self.tell_moderators(&key.site, &json!({ "event": "reported", "id": comment.id, "reports": reports })).await;
        Ok(())
    }

    /// Tells moderators of a comment that waits.
    pub(super) async fn tell_held(&self, key: &Key, comment: &Comment, reason: Reason) {
        let told = json!({ "event": "held", "id": comment.id, "channel": key.channel, "reason": reason });
        self.tell_moderators(&key.site, &told).await;
        if let Err(fault) = self.owe_letter(&key.site).await {
            tracing::warn!(%fault, "nobody will be written to about what waits");
        }
    }

    /// A letter about what waits becomes due, if the site wants any: at once, or when the last one is old enough.
    pub(super) async fn owe_letter(&self, site: &SiteName) -> Result<(), Fault> {
        let Some(rules) = self.book.now().site(site).filter(|rules| !rules.notify.is_empty()).cloned() else { return Ok(()) };
        let (name, now_ms) = (notice_record(site), self.clock.now_ms());
        let record = self.backend.shelf.record(&name, now_ms).await?;
        let noted: Option<i64> = record.as_deref().and_then(|record| record.parse().ok());
        if noted.is_some_and(|due_ms| due_ms >= 0) {
            return Ok(());
        }
        let due_ms = noted.map_or(now_ms, |written_ms| now_ms.max(rules.notify_every_ms - written_ms));
        let before = record.map_or(Before::Nothing, Before::This);
        // Where another was faster, it is due all the same.
        self.backend.shelf.swap(vec![Swap { name, before, after: After::Kept(due_ms.to_string()) }], now_ms).await.map(drop)
    }

    /// Publishes on the moderators' channel. What is told names comments and never quotes them, so that nothing withdrawn stays in
    /// its log. What was done is done, whether or not the others heard of it.
    pub(super) async fn tell_moderators(&self, site: &SiteName, data: &serde_json::Value) {
        let Ok(channel) = ChannelName::parse(MODERATION) else { return };
        let append =
            Append::Publication { data: data.to_string().into(), publisher: None, nonce: None, time_ms: self.clock.now_ms() };
        if let Err(fault) = self.backend.log.append(&Key::new(site.clone(), channel), append).await {
            match fault {
                Fault::Unavailable(why) => tracing::warn!(%why, "moderators were not told"),
                fault => tracing::warn!(%fault, "moderators were not told"),
            }
        }
    }
}

/// Where it is noted when a site's owners are to be written to: Unix milliseconds; less than nothing, when they last were.
pub fn notice_record(site: &SiteName) -> String {
    format!("notice/{site}")
}

/// The moderators' channel.
const MODERATION: &str = "$parlour:moderation";
