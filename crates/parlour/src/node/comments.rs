//! What persons write. `Node::post` is the one door for comments, whatever the transport.

use std::sync::atomic::Ordering;
use std::time::Duration;

use parlour_wire::code::Code;
use parlour_wire::position::Position;

use super::undo::Undo;
use super::verdict::Writing;
use super::{Asker, Node, random, told};
use crate::backend::{Append, CommentPage, Counts, HEADS_MAX, NewComment, PageNote, Query, Thread};
use crate::channel::{ChannelName, Key, Sort};
use crate::comment::checked_body;
use crate::comment::{Author, CheckedDraft, Comment, CommentId, Draft, DraftFault, ID_BYTES, MemberId, Mine, Role, State, Time};
use crate::hook::event_of;
use crate::identity::{Act, Token, Who, keyed_hash};
use crate::limit::Rate;
use crate::page::Page;
use crate::render;
use crate::rule::SiteRules;

/// What came of a post.
#[derive(Debug)]
pub struct Posted {
    /// The comment, with `mine`.
    pub comment: Comment,
    /// The same had been posted before with the same nonce.
    pub repeated: bool,
    /// A new guest's token, where the asker had none; a fresh one, where theirs was old.
    pub token: Option<String>,
}

/// Who signs: what a comment stores of its author.
struct Signature {
    author: Author,
    /// Whether the nonce is remembered: only for those who can ask again as the same.
    remembered: bool,
    token: Option<String>,
}

impl Node {
    /// A person's comment: checked, rendered, stored, announced.
    pub async fn post(&self, asker: &Asker, key: &Key, draft: Draft, page: Option<Page>) -> Result<Posted, Code> {
        self.permit(Act::Comment, asker, key)?;
        let rules = self.site_rules(&key.site)?;
        rules.writable()?;
        let sort = key.channel.sort(&rules.chats);
        let draft = draft.checked(&rules.limits, sort).map_err(draft_code)?;
        let key = &self.home(key).await?;
        let page = self.checked_page(asker, key, sort, &rules, page).await?;
        self.limit_posts(asker, &rules)?;
        let thread = self.open_thread(key, &rules).await?;
        let is_over = self.makes_pages_too_often(asker, sort, &rules, thread.is_some());
        let signature = self.signature(asker, &draft, &rules).await?;
        let html = render::render(&draft.body);
        let writing = Writing {
            body: &draft.body,
            name: &signature.author.name,
            html: &html,
            page: page
                .as_ref()
                .map_or_else(|| thread.as_ref().map_or("", |thread| thread.url.as_str()), |page| page.url.as_str()),
            is_reply: draft.parent.is_some(),
            is_trapped: draft.is_trapped,
            is_over,
            proof: draft.proof.as_deref(),
        };
        let (state, reason) = self.verdict(asker, key, sort, &writing).await?;
        let may_make_page = sort != Sort::Page || asker.who.is_key() || rules.demo;
        let new = NewComment {
            id: self.backend.log.comment_id(key, CommentId::from_random(random::<ID_BYTES>())),
            parent: draft.parent,
            author: signature.author.clone(),
            email_key: draft.email_hash.map(|hash| keyed_hash(&self.secret, &hash)),
            html,
            body: draft.body,
            rendered_by: render::VERSION,
            state,
            reason,
            address: self.address_of(asker),
            created_ms: self.clock.now_ms(),
            nonce: draft.nonce.filter(|_| signature.remembered),
            page,
            may_make_page,
            depth_max: rules.limits.depth_max,
        };
        if let (Some(page), Some(channel)) = (&new.page, self.hub.find(key)) {
            channel.ring.lock().set_page_url(&page.url);
        }
        let is_read_first =
            rules.verify_pages && new.page.is_some() && state == State::Approved && thread.is_none_or(|thread| !thread.verified);
        let appended = self.backend.log.append(key, Append::Comment(Box::new(new))).await.map_err(told)?;
        if is_read_first {
            self.verify_later(key);
        }
        self.stats.comments.fetch_add(1, Ordering::Relaxed);
        let mut comment = appended.comment.ok_or(Code::Internal)?;
        if !appended.repeated {
            if let Some(reason) = reason {
                self.tell_held(key, &comment, reason).await;
            }
            // What nobody but its author ever sees is no news.
            if matches!(comment.state, State::Approved | State::Pending) {
                self.tell_receivers(key, comment.id.clone(), event_of(comment.state)).await;
            }
        }
        comment.mine = Some(self.mine(&comment, Some(&signature.author.id), asker.who.is_moderator(), &rules));
        comment.state = comment.state.as_its_author_sees_it();
        Ok(Posted { comment, repeated: appended.repeated, token: signature.token })
    }

    async fn signature(&self, asker: &Asker, draft: &CheckedDraft, rules: &SiteRules) -> Result<Signature, Code> {
        let typed = draft.name.clone().unwrap_or_default();
        if asker.who.member().is_none_or(|member| !member.verified) && !asker.who.is_key() {
            self.guard_name(rules, &typed).await?;
        }
        match &asker.who {
            Who::Token(token) => {
                self.remember(token).await?;
                Ok(Signature { author: author_of(token, typed), remembered: true, token: self.renewed_guest(token) })
            }
            Who::Key { .. } => {
                let id = MemberId::parse("key").map_err(|_| Code::Internal)?;
                let author = Author { id, name: typed, avatar: None, role: Some(Role::Admin), verified: true };
                Ok(Signature { author, remembered: true, token: None })
            }
            Who::Nobody => {
                let (text, token) = self.new_guest(&asker.site)?;
                Ok(Signature { author: author_of(&token, typed), remembered: false, token: Some(text) })
            }
        }
    }

    /// The page that makes its channel: the server computes the channel itself and asks that the page is the site's own.
    async fn checked_page(
        &self,
        asker: &Asker,
        key: &Key,
        sort: Sort,
        rules: &SiteRules,
        claim: Option<Page>,
    ) -> Result<Option<PageNote>, Code> {
        let Some(claim) = claim.filter(|_| sort == Sort::Page) else { return Ok(None) };
        let page = claim.checked(&rules.limits.page).map_err(|_| Code::PageInvalid)?;
        let is_other = page.channel != key.channel;
        if is_other && self.home(&Key::new(key.site.clone(), page.channel.clone())).await? != *key {
            return Err(Code::PageMismatch);
        }
        let is_own = rules.allows_origin(&page.origin.to_string());
        if !is_own && !asker.who.is_key() && !rules.demo {
            return Err(Code::PageForeign);
        }
        Ok(Some(PageNote { url: page.url, title: page.title }))
    }

    pub(super) fn limit_posts(&self, asker: &Asker, rules: &SiteRules) -> Result<(), Code> {
        if asker.who.is_key() {
            return Ok(());
        }
        let (limits, now_ms) = (&rules.limits, self.clock.now_ms());
        if let Some(address) = asker.address {
            let rate = Rate { burst: limits.address_posts_burst, per_ms: limits.address_post_every_ms };
            self.limiter.take(("post", &asker.site, address), rate, now_ms).map_err(|_| Code::TooManyRequests)?;
        }
        if asker.who.member().is_some() {
            let rate = Rate { burst: limits.member_posts_burst, per_ms: limits.member_post_every_ms };
            self.limiter.take(("post", &asker.site, asker.user()), rate, now_ms).map_err(|_| Code::TooManyRequests)?;
        }
        Ok(())
    }

    /// Whether this would make a page, and pages come too often from one address or on one site.
    fn makes_pages_too_often(&self, asker: &Asker, sort: Sort, rules: &SiteRules, is_known: bool) -> bool {
        if sort != Sort::Page || rules.demo || asker.who.is_key() || is_known {
            return false;
        }
        let now_ms = self.clock.now_ms();
        let per_hour = rules.limits.address_pages_per_hour.max(1);
        let by_address = Rate { burst: per_hour, per_ms: 3_600_000 / u64::from(per_hour) };
        let per_day = rules.limits.site_pages_per_day.max(1);
        let by_site = Rate { burst: per_day, per_ms: 86_400_000 / u64::from(per_day) };
        let address_is_over =
            asker.address.is_some_and(|address| self.limiter.take(("page", &asker.site, address), by_address, now_ms).is_err());
        address_is_over || self.limiter.take(("page", &asker.site), by_site, now_ms).is_err()
    }

    /// What is known of a page's thread, which is closed neither by hand nor by its age. Other channels have no age, and whether
    /// they are closed the backend looks at as it appends.
    pub(super) async fn open_thread(&self, key: &Key, rules: &SiteRules) -> Result<Option<Thread>, Code> {
        if key.channel.sort(&rules.chats) != Sort::Page {
            return Ok(None);
        }
        let thread = self.backend.store.thread(key).await.map_err(told)?;
        match &thread {
            Some(found) if found.closed || rules.has_aged_out(&key.channel, found.made_ms, self.clock.now_ms()) => {
                Err(Code::ThreadClosed)
            }
            _ => Ok(thread),
        }
    }

    /// The comment and its channel, if the asker may see it.
    pub(super) async fn seen_comment(&self, asker: &Asker, id: &str) -> Result<(Key, Comment), Code> {
        let id = CommentId::parse(id).map_err(|_| Code::UnknownComment)?;
        let member = asker.who.member().map(|member| &member.id);
        let found = self.backend.store.comment(&asker.site, &id, member).await.map_err(told)?;
        let (channel, mut comment) = found.ok_or(Code::UnknownComment)?;
        let key = Key::new(asker.site.clone(), channel);
        if comment.state == State::Rejected {
            comment = comment.tombstone();
        }
        let is_shown = matches!(comment.state, State::Approved | State::Deleted);
        let may_see = is_shown || is_own(asker, &comment) || asker.who.is_moderator();
        if !self.is_allowed(Act::Read, asker, &key)? || !(may_see || comment.replies > 0) {
            return Err(Code::UnknownComment);
        }
        // What was taken back while answers hang on it stands there without its text, for all but its author and moderators.
        let comment = if may_see { comment } else { Comment { mine: comment.mine.clone(), ..comment.tombstone() } };
        Ok((key, comment))
    }

    /// One comment, as the asker sees it.
    pub async fn comment(&self, asker: &Asker, id: &str) -> Result<Comment, Code> {
        let (key, comment) = self.seen_comment(asker, id).await?;
        let rules = self.site_rules(&key.site)?;
        Ok(self.as_seen(asker, &rules, comment))
    }

    pub(super) fn as_seen(&self, asker: &Asker, rules: &SiteRules, mut comment: Comment) -> Comment {
        let state = comment.state;
        comment.state = if asker.who.is_moderator() { state.as_moderators_see_it() } else { state.as_its_author_sees_it() };
        if !matches!(asker.who, Who::Nobody) {
            let member = asker.who.member().map(|member| &member.id);
            comment.mine = Some(self.mine(&comment, member, asker.who.is_moderator(), rules));
        }
        comment
    }

    /// Who is told that a text is gone may rely on it: the answer waits until the ring here has lost it too.
    pub(super) async fn withdrawn(&self, key: &Key, at: Option<&Position>) {
        let (Some(channel), Some(at)) = (self.hub.find(key), at) else { return };
        if tokio::time::timeout(WITHDRAWN_WITHIN, channel.reaches(at)).await.is_err() {
            tracing::warn!("a withdrawn text is slow to leave the ring");
        }
    }

    /// A page of a channel's comments. Whose eyes look is filled in here.
    pub async fn comments(&self, asker: &Asker, key: &Key, query: Query) -> Result<CommentPage, Code> {
        self.permit(Act::Read, asker, key)?;
        let key = &self.home(key).await?;
        let rules = self.site_rules(&key.site)?;
        let query = Query {
            limit: query.limit.clamp(1, COMMENTS_MAX),
            member: asker.who.member().map(|member| member.id.to_string()),
            moderator: asker.who.is_moderator(),
            ..query
        };
        let mut page = self.backend.store.comments(key, query).await.map_err(told)?;
        page.comments = page.comments.into_iter().map(|comment| self.as_seen(asker, &rules, comment)).collect();
        if let Some(thread) = &mut page.thread {
            thread.closed |= rules.has_aged_out(&key.channel, thread.made_ms, self.clock.now_ms());
        }
        Ok(page)
    }

    /// What of a comment is for this member alone; the names of their reactions are those that the store found.
    pub(super) fn mine(&self, comment: &Comment, member: Option<&MemberId>, moderator: bool, rules: &SiteRules) -> Mine {
        let own = member.is_some() && comment.author.as_ref().map(|author| &author.id) == member;
        let there = comment.state != State::Deleted;
        let may_edit = own && there && rules.limits.may_edit(comment.created.0, self.clock.now_ms());
        Mine {
            reactions: comment.mine.as_ref().map(|mine| mine.reactions.clone()).unwrap_or_default(),
            editable_until: may_edit.then_some(Time(comment.created.0.saturating_add(rules.limits.edit_ms))),
            deletable: there && (own || moderator),
        }
    }

    /// What a text would look like.
    pub fn preview(&self, asker: &Asker, body: &str) -> Result<String, Code> {
        let rules = self.site_rules(&asker.site)?;
        let body = checked_body(body, &rules.limits, Sort::Page).map_err(draft_code)?;
        Ok(render::render(&body))
    }

    /// A thread's title or state, by a moderator.
    pub async fn set_thread(&self, asker: &Asker, key: &Key, closed: Option<bool>, title: Option<String>) -> Result<(), Code> {
        if !asker.who.is_moderator() {
            return Err(refused(asker));
        }
        self.permit(Act::Read, asker, key)?;
        self.site_rules(&key.site)?.writable()?;
        let key = &self.home(key).await?;
        let title = title.map(|title| render::plain_name(&title));
        let longest = self.site_rules(&key.site)?.limits.page.title_chars_max;
        if title.as_ref().is_some_and(|title| title.chars().nth(longest).is_some()) {
            return Err(Code::PageInvalid);
        }
        let before = self.backend.store.thread(key).await.map_err(told)?.unwrap_or_default();
        let undo = Undo { threads: vec![(key.channel.clone(), before.closed, before.title)], ..Undo::default() };
        let change = Append::Thread { closed, title, time_ms: self.clock.now_ms() };
        self.backend.log.append(key, change).await.map_err(told)?;
        let act = match closed {
            Some(true) => "close",
            Some(false) => "open",
            None => "title",
        };
        self.noted(asker, act, key.channel.to_string(), undo).await.map(drop)
    }

    /// Comments, viewers and views of many channels at once; what the asker may not read is zeros, like what is unknown.
    pub async fn counts(&self, asker: &Asker, channels: Vec<ChannelName>) -> Result<Vec<(Counts, u64)>, Code> {
        let keys: Vec<Key> = channels.into_iter().map(|channel| Key::new(asker.site.clone(), channel)).collect();
        let counts = self.backend.store.counts(&keys).await.map_err(told)?;
        let viewers = self.viewers(&keys).await?;
        let mut answers = Vec::with_capacity(keys.len());
        for ((key, counts), viewers) in keys.iter().zip(counts).zip(viewers) {
            let may = self.is_allowed(Act::Read, asker, key)?;
            answers.push(if may { (counts, viewers) } else { (Counts::default(), 0) });
        }
        Ok(answers)
    }
}

/// How long an answer waits for a ring that is behind.
const WITHDRAWN_WITHIN: Duration = Duration::from_secs(2);

/// Comments of one page at most.
pub const COMMENTS_MAX: usize = HEADS_MAX;

fn author_of(token: &Token, typed: String) -> Author {
    let member = &token.member;
    let name = if member.verified { member.name.clone() } else { typed };
    Author { id: member.id.clone(), name, avatar: None, role: member.role, verified: member.verified }
}

pub(super) fn is_own(asker: &Asker, comment: &Comment) -> bool {
    let author = comment.author.as_ref().map(|author| &author.id);
    asker.who.member().is_some_and(|member| Some(&member.id) == author)
}

pub(super) fn refused(asker: &Asker) -> Code {
    if matches!(asker.who, Who::Nobody) { Code::Unauthorized } else { Code::Forbidden }
}

pub(super) fn draft_code(fault: DraftFault) -> Code {
    match fault {
        DraftFault::BodyEmpty => Code::BodyEmpty,
        DraftFault::BodyTooLong { .. } => Code::BodyTooLong,
        DraftFault::ParentInvalid => Code::ParentNotFound,
        DraftFault::NameTooLong { .. } => Code::NameInvalid,
        DraftFault::EmailHashInvalid => Code::EmailHashInvalid,
        DraftFault::NonceInvalid => Code::NonceInvalid,
    }
}
