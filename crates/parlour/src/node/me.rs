//! What is kept about whoever asks, given out and forgotten.
//!
//! Guests and those for whom their site vouches ask with the token that they have. Somebody with an account of Parlour's own must
//! come from Parlour's own pages for the whole of it: what a page keeps, a script of that page could use.

use parlour_wire::code::Code;
use serde_json::{Value, json};

use super::{Asker, Node, told};
use crate::backend::desk::Search;
use crate::backend::{After, Append, Swap};
use crate::channel::{Key, SiteName};
use crate::comment::{Comment, MemberId, State};
use crate::identity::{Account, likeness};

/// Comments that are read at once.
const PAGE: usize = 100;
/// Comments that are given out with one answer; whoever wrote more asks their site.
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
        let comments = self.written_by(site, &member.id, GIVEN_MAX).await?;
        Ok(json!({
            "member": shown,
            "complete": true,
            "site": site,
            "person": person,
            "account": account.as_ref().map(told_of),
            "address": token.email,
            "comments": comments,
        }))
    }

    /// Everything that is kept about an account, on every site.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn all_of_account(&self, account: &Account) -> Result<Value, Code> {
        let mut sites = Vec::new();
        for (site, member) in self.memberships(&account.id).await? {
            let person = self.person(&site, &member).await?;
            let comments = self.written_by(&site, &member, GIVEN_MAX).await?;
            sites.push(json!({ "site": site, "id": member, "person": person, "comments": comments }));
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
        loop {
            let page = self.written_by(site, member, PAGE).await?;
            if page.is_empty() {
                break;
            }
            for comment in page {
                let key = Key::new(site.clone(), comment.channel);
                let delete = Append::Delete { id: comment.id, time_ms: self.clock.now_ms() };
                self.decide(&key, delete).await?;
            }
        }
        if let Some(person) = self.person(site, member).await? {
            let like = likeness(&person.name);
            let mut names = vec![super::people::person_record(site, member)];
            if self.name_owner(site, &like).await?.as_ref() == Some(member) {
                names.push(self.name_record(site, &like));
            }
            self.take_away(names).await?;
            for guest in &person.guests {
                self.backend.store.forget(site, guest).await.map_err(told)?;
            }
        }
        self.noted.lock().remove(&(site.clone(), member.clone()));
        self.backend.store.forget(site, member).await.map_err(told)
    }

    async fn take_away(&self, names: Vec<String>) -> Result<(), Code> {
        let swaps = names.into_iter().map(|name| Swap::put(name, After::Nothing)).collect();
        self.backend.shelf.swap(swaps, self.clock.now_ms()).await.map_err(told).map(drop)
    }

    /// What a member wrote and did not take away, newest first.
    pub(super) async fn written_by(&self, site: &SiteName, member: &MemberId, most: usize) -> Result<Vec<Comment>, Code> {
        let mut comments = Vec::new();
        let mut before = None;
        while comments.len() < most {
            let search = Search { author: Some(member.clone()), before, limit: PAGE, ..Search::default() };
            let page = self.backend.desk.search(site, search).await.map_err(told)?;
            comments
                .extend(page.filings.into_iter().map(|filing| filing.comment).filter(|comment| comment.state != State::Deleted));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        comments.truncate(most);
        Ok(comments)
    }
}

/// What a person is told of their account: all but the key under which it is found.
fn told_of(account: &Account) -> Value {
    json!({ "provider": account.provider, "name": account.name, "email": account.email, "since_ms": account.since_ms })
}
