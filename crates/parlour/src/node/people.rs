//! The people of a site: their names, which nobody else may use or imitate, their roles, and guests who come back.

use std::collections::HashMap;

use parking_lot::Mutex;
use parlour_wire::code::Code;

use super::{Node, told};
use crate::backend::{After, Before, Swap};
use crate::channel::SiteName;
use crate::comment::MemberId;
use crate::identity::{GUEST_LIFE_S, Person, Token, is_reserved, keyed_hash, likeness};
use crate::rule::SiteRules;

/// A guest's token is renewed by use, but not more often than this, in seconds.
const RENEWED_EVERY_S: i64 = 24 * 60 * 60;
/// Members whose record is known to be right; beyond it all are forgotten and read again.
const NOTED_MAX: usize = 10_000;

/// Under which name the record of a member is known to be right.
pub(super) type Noted = Mutex<HashMap<(SiteName, MemberId), String>>;

impl Node {
    /// Refuses a name that somebody typed if it is, or looks like, that of a member who is signed in, or of the staff.
    pub(super) async fn guard_name(&self, rules: &SiteRules, typed: &str) -> Result<(), Code> {
        let like = likeness(typed);
        if like.is_empty() {
            return Ok(());
        }
        if is_reserved(&like, &rules.reserved_names) {
            return Err(Code::NameReserved);
        }
        match self.name_owner(&rules.site, &like).await? {
            Some(_) => Err(Code::NameReserved),
            None => Ok(()),
        }
    }

    /// Whose name looks like this.
    pub(super) async fn name_owner(&self, site: &SiteName, like: &str) -> Result<Option<MemberId>, Code> {
        let owner = self.backend.shelf.record(&self.name_record(site, like), self.clock.now_ms()).await.map_err(told)?;
        Ok(owner.and_then(|id| MemberId::parse(&id).ok()))
    }

    /// The record of a name is found by a keyed hash: a likeness may be long, and need not be read by anyone.
    pub(super) fn name_record(&self, site: &SiteName, like: &str) -> String {
        format!("name/{site}/{}", keyed_hash(&self.secret, like))
    }

    /// Remembers somebody who is signed in, and keeps their name for them. Most of the time they are known already.
    pub(super) async fn remember(&self, token: &Token) -> Result<(), Code> {
        let whose = (token.site.clone(), token.member.id.clone());
        let name = &token.member.name;
        if token.guest || self.noted.lock().get(&whose) == Some(name) {
            return Ok(());
        }
        let before = self.person(&token.site, &token.member.id).await?;
        if before.as_ref().is_none_or(|before| before.name != *name) {
            let after = Person {
                name: name.clone(),
                ..before.clone().unwrap_or(Person { since_ms: self.clock.now_ms(), ..Person::default() })
            };
            self.put_person(&token.site, &token.member.id, before.as_ref(), &after).await?;
        }
        let mut noted = self.noted.lock();
        if noted.len() >= NOTED_MAX {
            noted.clear();
        }
        noted.insert(whose, name.clone());
        Ok(())
    }

    /// What is known of a member.
    pub async fn person(&self, site: &SiteName, id: &MemberId) -> Result<Option<Person>, Code> {
        let record = self.backend.shelf.record(&person_record(site, id), self.clock.now_ms()).await.map_err(told)?;
        Ok(record.and_then(|record| serde_json::from_str(&record).ok()))
    }

    /// Another record of a member, whose name is theirs from now on unless it was somebody's; the one before is free again.
    pub(super) async fn put_person(
        &self,
        site: &SiteName,
        id: &MemberId,
        before: Option<&Person>,
        after: &Person,
    ) -> Result<(), Code> {
        let now_ms = self.clock.now_ms();
        let record = serde_json::to_string(after).map_err(|_| Code::Internal)?;
        let (old, new) = (before.map(|before| likeness(&before.name)).unwrap_or_default(), likeness(&after.name));
        let mut swaps = vec![Swap::put(person_record(site, id), After::Kept(record))];
        if !old.is_empty() && old != new && self.name_owner(site, &old).await?.as_ref() == Some(id) {
            swaps.push(Swap::put(self.name_record(site, &old), After::Nothing));
        }
        self.backend.shelf.swap(swaps, now_ms).await.map_err(told)?;
        if !new.is_empty() {
            let name = Swap { name: self.name_record(site, &new), before: Before::Nothing, after: After::Kept(id.to_string()) };
            // Two members may have one name: their site vouches for both. The first keeps the record.
            self.backend.shelf.swap(vec![name], now_ms).await.map_err(told)?;
        }
        Ok(())
    }

    /// A fresh token for a guest whose one has been about for a day or more.
    pub fn renewed_guest(&self, token: &Token) -> Option<String> {
        let now_s = self.clock.now_s();
        if !token.guest || token.exp_s > now_s.saturating_add(GUEST_LIFE_S - RENEWED_EVERY_S) {
            return None;
        }
        // Not one that signing out everywhere a moment ago would take along.
        let made_s = now_s.max(self.revoked.earliest_s(&token.site, &token.member.id));
        match self.signer.renewed(token, made_s) {
            Ok(text) => Some(text),
            Err(error) => {
                tracing::error!(%error, "a guest's token could not be signed");
                None
            }
        }
    }
}

/// The name of a member's record.
pub(super) fn person_record(site: &SiteName, id: &MemberId) -> String {
    format!("person/{site}/{id}")
}
