//! Signing out everywhere: tokens of a member that were made before a time are no longer good, on any node.
//!
//! The shelf has a record for each such member, as long as a token could live, and a number that changes with them. Each node reads
//! the number every second and the records when it changed, so no request waits for the store; here it takes effect at once.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::RwLock;
use parlour_wire::code::{Close, Code};

use super::{Node, random_id, told};
use crate::backend::{After, Fault, LISTED_MAX, Swap};
use crate::channel::SiteName;
use crate::comment::MemberId;
use crate::identity::{GUEST_LIFE_S, Token};

/// How often the number is read.
const EVERY: Duration = Duration::from_secs(1);
/// How long a record is kept: longer than any token of Parlour's own lives.
const KEPT_S: i64 = GUEST_LIFE_S + 86_400;
/// Members that are remembered at once; each has signed out everywhere within half a year.
const MEMBERS_MAX: usize = 100_000;
const PREFIX: &str = "revoked/";
const NUMBER: &str = "revocations";

/// Whose tokens are good only from when on.
#[derive(Default)]
pub(super) struct Revoked(RwLock<Known>);

#[derive(Default)]
struct Known {
    /// The number that these belong to.
    number: Option<String>,
    not_before_s: HashMap<(SiteName, MemberId), i64>,
}

impl Revoked {
    /// Whether a token was made too early. One that does not say when it was made lives as long as it says.
    pub(super) fn refuses(&self, token: &Token) -> bool {
        let known = self.0.read();
        !known.not_before_s.is_empty()
            && known
                .not_before_s
                .get(&(token.site.clone(), token.member.id.clone()))
                .is_some_and(|not_before_s| token.iat_s.is_some_and(|iat_s| iat_s < *not_before_s))
    }

    /// The earliest time that a new token of this member may bear, in Unix seconds.
    pub(super) fn earliest_s(&self, site: &SiteName, member: &MemberId) -> i64 {
        self.0.read().not_before_s.get(&(site.clone(), member.clone())).copied().unwrap_or(0)
    }
}

impl Node {
    /// No token of this member that exists now is good any more, and no connection of theirs goes on.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn revoke(&self, site: &SiteName, member: &MemberId) -> Result<(), Code> {
        let now_s = self.clock.now_s();
        // A token of this very second may be one of those that are meant; who signs in now gets the next one's.
        let not_before_s = now_s + 1;
        let record = After::Until(not_before_s.to_string(), (now_s + KEPT_S) * 1_000);
        let number = After::Kept(random_id().to_string());
        let swaps = vec![Swap::put(format!("{PREFIX}{site}/{member}"), record), Swap::put(NUMBER, number)];
        self.backend.shelf.swap(swaps, now_s * 1_000).await.map_err(told)?;
        self.revoked.0.write().not_before_s.insert((site.clone(), member.clone()), not_before_s);
        self.end_connections(site, member);
        Ok(())
    }

    fn end_connections(&self, site: &SiteName, member: &MemberId) {
        let all = self.clients.all();
        let theirs = all.iter().filter(|client| client.site == *site && &*client.viewer.info.user == member.as_str());
        // They come back with what they have, which is then looked at.
        theirs.for_each(|client| client.close(Close::EXPIRED));
    }

    /// Reads the records if they changed.
    pub(super) async fn read_revocations(&self) -> Result<(), Fault> {
        let now_ms = self.clock.now_ms();
        let number = self.backend.shelf.record(NUMBER, now_ms).await?;
        if self.revoked.0.read().number == number {
            return Ok(());
        }
        let mut found = HashMap::new();
        let mut after = String::new();
        while found.len() < MEMBERS_MAX {
            let page = self.backend.shelf.list(PREFIX, &after, LISTED_MAX, now_ms).await?;
            let ended = page.len() < LISTED_MAX;
            after = page.last().map(|(name, _)| name.clone()).unwrap_or_default();
            found.extend(page.into_iter().filter_map(|(name, record)| read(&name, &record)));
            if ended {
                break;
            }
        }
        let news: Vec<(SiteName, MemberId)> = {
            let mut known = self.revoked.0.write();
            let is_news = |(whose, at): &(&(SiteName, MemberId), &i64)| known.not_before_s.get(*whose) != Some(*at);
            let news = found.iter().filter(is_news).map(|(whose, _)| whose.clone()).collect();
            *known = Known { number, not_before_s: found };
            news
        };
        news.iter().for_each(|(site, member)| self.end_connections(site, member));
        Ok(())
    }
}

fn read(name: &str, record: &str) -> Option<((SiteName, MemberId), i64)> {
    let (site, member) = name.strip_prefix(PREFIX)?.split_once('/')?;
    Some(((SiteName::parse(site).ok()?, MemberId::parse(member).ok()?), record.parse().ok()?))
}

/// Runs until the node is gone.
pub(super) async fn watch(node: Weak<Node>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut was_well = true;
    loop {
        ticks.tick().await;
        let Some(node): Option<Arc<Node>> = node.upgrade() else { return };
        let is_well = match node.read_revocations().await {
            Ok(()) => true,
            Err(fault) => {
                if was_well {
                    tracing::warn!(%fault, "who signed out everywhere cannot be read; those known stay refused");
                }
                false
            }
        };
        was_well = is_well;
    }
}
