//! What is kept about whoever asks, given out and forgotten.
//!
//! Guests and those for whom their site vouches ask with the token that they have. Somebody with an account of Parlour's own must
//! come from Parlour's own pages for the whole of it: what a page keeps, a script of that page could use.

use std::collections::HashSet;

use parlour_wire::code::Code;
use serde_json::{Value, json};

use super::{Asker, Node, told};
use crate::backend::desk::{Filing, Record, Search};
use crate::backend::kept::Published;
use crate::backend::{After, Append, Swap};
use crate::channel::{Key, SiteName};
use crate::comment::{CommentId, MemberId, State, Time};
use crate::identity::{Account, Person, likeness};
use crate::mail::Mailbag;
use crate::moderation::Reason;

/// Comments that are read at once.
const PAGE: usize = 100;
/// Comments, and of each other kind, that are given out with one answer; whoever has more asks their site.
const GIVEN_MAX: usize = 10_000;

impl Node {
    /// `GET /v1/me`.
    ///
    /// # Errors
    /// [`Code::Unauthorized`] for nobody and for keys; the store cannot be read.
    pub async fn me(&self, asker: &Asker) -> Result<Value, Code> {
        let token = asker.who.token().ok_or(Code::Unauthorized)?;
        let (site, member) = (&token.site, &token.member);
        let person = self.person(site, &member.id).await?;
        let shown = json!({ "id": member.id, "name": member.name, "role": member.role, "verified": member.verified });
        if token.kept_by_page && person.as_ref().is_some_and(|person| person.account.is_some()) {
            return Ok(json!({ "member": shown, "complete": false }));
        }
        let account = match person.as_ref().and_then(|person| person.account.clone()) {
            Some(id) => self.account(&id).await?,
            None => None,
        };
        let all = json!({
            "member": shown,
            "complete": true,
            "site": site,
            "person": person,
            "account": account.as_ref().map(told_of),
            "address": token.email,
        });
        self.with_kept(all, site, &member.id, person.as_ref()).await
    }

    /// Everything that is kept about an account, on every site.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn all_of_account(&self, account: &Account) -> Result<Value, Code> {
        let mut sites = Vec::new();
        for (site, member) in self.memberships(&account.id).await? {
            let person = self.person(&site, &member).await?;
            let all = json!({ "site": site, "id": member, "person": person });
            sites.push(self.with_kept(all, &site, &member, person.as_ref()).await?);
        }
        let browsers = self.listed(&format!("browsers/{}/", account.id)).await?.len();
        Ok(json!({ "account": told_of(account), "browsers": browsers, "sites": sites }))
    }

    /// `DELETE /v1/me`: afterwards nothing of them is in the store, here; with an account, on any site.
    ///
    /// # Errors
    /// [`Code::Unauthorized`]; [`Code::OwnOriginNeeded`] for an account's token that a page keeps; the store cannot be written.
    pub async fn forget_me(&self, asker: &Asker) -> Result<(), Code> {
        let token = asker.who.token().ok_or(Code::Unauthorized)?;
        let person = self.person(&token.site, &token.member.id).await?;
        match person.and_then(|person| person.account) {
            Some(_) if token.kept_by_page => Err(Code::OwnOriginNeeded),
            Some(account) => match self.account(&account).await? {
                Some(account) => self.forget_account(&account).await,
                None => self.forget_member(&token.site, &token.member.id).await,
            },
            None => self.forget_member(&token.site, &token.member.id).await,
        }
    }

    /// Nothing is kept of this account, on any site.
    ///
    /// # Errors
    /// The store cannot be written; what was forgotten by then stays so, and it can be asked again.
    pub async fn forget_account(&self, account: &Account) -> Result<(), Code> {
        self.sign_out_account(&account.id).await?;
        self.withdraw_letters(account.email.as_deref(), &HashSet::new()).await?;
        for (site, member) in self.memberships(&account.id).await? {
            self.forget_member(&site, &member).await?;
            self.take_away(vec![format!("members/{}/{site}", account.id)]).await?;
        }
        self.take_away(vec![format!("login/{}", account.subject_key), format!("account/{}", account.id)]).await?;
        // Last, so that what was taken away just now is overwritten too; nothing names anybody by this.
        let account_id = MemberId::parse(&account.id).map_err(|_| Code::Internal)?;
        self.backend.store.forget(&SiteName::default(), &account_id).await.map_err(told)
    }

    /// What they wrote is taken away as by themselves, then everything else that names them; their tokens are worth nothing.
    async fn forget_member(&self, site: &SiteName, member: &MemberId) -> Result<(), Code> {
        self.revoke(site, member).await?;
        let mut taken_away = HashSet::new();
        loop {
            let page = self.written_by(site, member, PAGE).await?;
            if page.is_empty() {
                break;
            }
            for comment in page.into_iter().map(|filing| filing.comment) {
                let key = Key::new(site.clone(), comment.channel);
                let delete = Append::Delete { id: comment.id.clone(), time_ms: self.clock.now_ms() };
                self.decide(&key, delete).await?;
                taken_away.insert(comment.id);
            }
        }
        // Nor is anyone written to about them; of what else waits there is another letter.
        if self.withdraw_letters(None, &taken_away).await? {
            self.owe_letter(site).await.map_err(told)?;
        }
        if let Some(person) = self.person(site, member).await? {
            let like = likeness(&person.name);
            let mut names = vec![super::people::person_record(site, member)];
            if self.name_owner(site, &like).await?.as_ref() == Some(member) {
                names.push(self.name_record(site, &like));
            }
            self.take_away(names).await?;
            for guest in &person.guests {
                self.set_trust(site, guest, None).await?;
                self.backend.store.forget(site, guest).await.map_err(told)?;
            }
        }
        self.set_trust(site, member, None).await?;
        self.noted.lock().remove(&(site.clone(), member.clone()));
        self.backend.store.forget(site, member).await.map_err(told)
    }

    /// Letters that wait, to this address or about these comments, are not sent; whether there were any.
    async fn withdraw_letters(&self, to: Option<&str>, about: &HashSet<CommentId>) -> Result<bool, Code> {
        if to.is_none() && about.is_empty() {
            return Ok(false);
        }
        // The bag is the shelf's; how many letters it may hold is the business of those who put them in.
        let bag = Mailbag::new(self.backend.shelf.clone(), 0);
        bag.withdraw(to, about, self.clock.now_ms()).await.map_err(told)
    }

    async fn take_away(&self, names: Vec<String>) -> Result<(), Code> {
        let swaps = names.into_iter().map(|name| Swap::put(name, After::Nothing)).collect();
        self.backend.shelf.swap(swaps, self.clock.now_ms()).await.map_err(told).map(drop)
    }

    /// Puts beside what is known of a member what they wrote and what else stands under their name, or that of a guest they were.
    async fn with_kept(
        &self,
        mut all: Value,
        site: &SiteName,
        member: &MemberId,
        person: Option<&Person>,
    ) -> Result<Value, Code> {
        let mut comments = Vec::new();
        for filing in self.written_by(site, member, GIVEN_MAX).await? {
            comments.push(self.told_comment(site, filing).await?);
        }
        let mut kept = self.backend.store.kept_of(site, member, GIVEN_MAX).await.map_err(told)?;
        let mut trust = self.trust_in(site, member).await?;
        for guest in person.iter().flat_map(|person| &person.guests) {
            trust = trust.or(self.trust_in(site, guest).await?);
            let as_guest = self.backend.store.kept_of(site, guest, GIVEN_MAX).await.map_err(told)?;
            kept.reactions.extend(as_guest.reactions);
            kept.reports.extend(as_guest.reports);
            kept.publications.extend(as_guest.publications);
            kept.block = kept.block.or(as_guest.block);
            kept.acts.extend(as_guest.acts);
        }
        let signed_out_s = self.revoked.earliest_s(site, member);
        all["signed_out"] = json!((signed_out_s > 0).then_some(Time(signed_out_s * 1_000)));
        all["comments"] = json!(comments);
        all["reactions"] = kept.reactions.iter().map(|(comment, name)| json!({ "comment": comment, "name": name })).collect();
        all["reports"] = json!(kept.reports);
        all["publications"] = kept.publications.iter().map(told_publication).collect();
        all["block"] = json!(kept.block.map(|block| json!({ "since": Time(block.since_ms), "until": block.until_ms.map(Time) })));
        all["trusted"] = json!(trust.map(|trust| json!({ "since": Time(trust.since_ms) })));
        all["acts"] = kept.acts.iter().map(|act| told_act(act, member)).collect();
        Ok(all)
    }

    /// A comment as its author is told it, with what is kept beside it: where it came from, keyed, why it was held, and what it said before
    /// a moderator edited it.
    async fn told_comment(&self, site: &SiteName, filing: Filing) -> Result<Value, Code> {
        let mut comment = filing.comment;
        comment.state = comment.state.as_its_author_sees_it();
        let earlier = match comment.edited {
            Some(_) => self.kept_texts(site, &comment.id).await?,
            None => Vec::new(),
        };
        // One that is shown to its author alone is not known to have been held.
        let reason = filing.reason.filter(|_| comment.state == State::Pending).map(Reason::word);
        let mut all = json!(comment);
        all["address"] = json!(filing.address);
        all["reason"] = json!(reason);
        all["earlier"] = json!(earlier);
        Ok(all)
    }

    /// What a member wrote and did not take away, newest first.
    pub(super) async fn written_by(&self, site: &SiteName, member: &MemberId, most: usize) -> Result<Vec<Filing>, Code> {
        let mut filings = Vec::new();
        let mut before = None;
        while filings.len() < most {
            let search = Search { author: Some(member.clone()), before, limit: PAGE, ..Search::default() };
            let page = self.backend.desk.search(site, search).await.map_err(told)?;
            filings.extend(page.filings.into_iter().filter(|filing| filing.comment.state != State::Deleted));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        filings.truncate(most);
        Ok(filings)
    }
}

fn told_publication(published: &Published) -> Value {
    let data: Value = serde_json::from_str(&published.data).unwrap_or_default();
    json!({ "channel": published.channel, "offset": published.offset, "time": Time(published.time_ms), "data": data })
}

/// Who else did it is theirs.
fn told_act(act: &Record, member: &MemberId) -> Value {
    let record = &act.record;
    json!({ "act": record.act, "target": record.target, "time": Time(record.time_ms), "own": record.by == member.as_str() })
}

/// What a person is told of their account: all but the key under which it is found.
fn told_of(account: &Account) -> Value {
    json!({ "provider": account.provider, "name": account.name, "email": account.email, "since_ms": account.since_ms })
}
