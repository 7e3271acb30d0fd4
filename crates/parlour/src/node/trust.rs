//! Whom moderators trust: what they write does not wait for being new, for links or for a spam service. A record on the shelf for each,
//! under the member's id; a guest is trusted as that guest alone.

use std::collections::HashSet;

use futures_util::future::try_join_all;
use parlour_wire::code::Code;
use serde::{Deserialize, Serialize};

use super::{Asker, Node, ROWS_MAX, told};
use crate::backend::desk::Whom;
use crate::backend::{After, Swap};
use crate::channel::SiteName;
use crate::comment::{Author, MemberId};

/// Trust in somebody, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    /// Since when, in Unix milliseconds.
    pub since_ms: i64,
    /// The name as moderators knew it.
    pub name: String,
}

impl Node {
    /// Those whom moderators trust, in the order of their ids, after this one; at most [`ROWS_MAX`].
    pub async fn trusted(&self, asker: &Asker, after: Option<&MemberId>) -> Result<Vec<(MemberId, Trust)>, Code> {
        self.moderator(asker)?;
        let all = trust_record(&asker.site, "");
        let after = after.map(|id| trust_record(&asker.site, id.as_str())).unwrap_or_default();
        let kept = self.backend.shelf.list(&all, &after, ROWS_MAX, self.clock.now_ms()).await.map_err(told)?;
        let read = |(name, record): (String, String)| {
            Some((MemberId::parse(name.strip_prefix(&all)?).ok()?, serde_json::from_str(&record).ok()?))
        };
        Ok(kept.into_iter().filter_map(read).collect())
    }

    /// Those of these authors whom moderators trust.
    pub async fn trusted_among(&self, asker: &Asker, authors: HashSet<MemberId>) -> Result<HashSet<MemberId>, Code> {
        self.moderator(asker)?;
        let asked = authors.into_iter().map(|id| async { Ok(self.trust_in(&asker.site, &id).await?.map(|_| id)) });
        Ok(try_join_all(asked).await?.into_iter().flatten().collect())
    }

    /// Whether moderators trust whoever asks.
    pub(super) async fn is_trusted(&self, asker: &Asker) -> Result<bool, Code> {
        match asker.who.member() {
            Some(member) => Ok(self.trust_in(&asker.site, &member.id).await?.is_some()),
            None => Ok(false),
        }
    }

    /// The trust in a member.
    pub(super) async fn trust_in(&self, site: &SiteName, id: &MemberId) -> Result<Option<Trust>, Code> {
        let record = self.backend.shelf.record(&trust_record(site, id.as_str()), self.clock.now_ms()).await.map_err(told)?;
        Ok(record.and_then(|record| serde_json::from_str(&record).ok()))
    }

    /// Trusts the author of a comment from now on; what was before, if that is another.
    pub(super) async fn trust(&self, site: &SiteName, author: &Author) -> Result<Option<(MemberId, Option<Trust>)>, Code> {
        if self.trust_in(site, &author.id).await?.is_some() {
            return Ok(None);
        }
        let trust = Trust { since_ms: self.clock.now_ms(), name: author.name.clone() };
        self.set_trust(site, &author.id, Some(&trust)).await?;
        Ok(Some((author.id.clone(), None)))
    }

    /// Trusts a member like this, or no more; what was before.
    pub(super) async fn set_trust(&self, site: &SiteName, id: &MemberId, trust: Option<&Trust>) -> Result<Option<Trust>, Code> {
        let before = self.trust_in(site, id).await?;
        if before.as_ref() == trust {
            return Ok(before);
        }
        let after = match trust {
            Some(trust) => After::Kept(serde_json::to_string(trust).map_err(|_| Code::Internal)?),
            None => After::Nothing,
        };
        let swap = Swap::put(trust_record(site, id.as_str()), after);
        self.backend.shelf.swap(vec![swap], self.clock.now_ms()).await.map_err(told)?;
        Ok(before)
    }

    /// Trusts somebody no more; the trust that was.
    ///
    /// # Errors
    /// [`Code::BadRequest`] for whoever was not trusted.
    pub(super) async fn untrust(&self, site: &SiteName, whom: &str) -> Result<(MemberId, Trust), Code> {
        let Some(Whom::Member(id)) = Whom::parse(whom) else { return Err(Code::BadRequest) };
        let before = self.set_trust(site, &id, None).await?.ok_or(Code::BadRequest)?;
        Ok((id, before))
    }
}

/// The name of the record of trust in a member.
fn trust_record(site: &SiteName, id: &str) -> String {
    format!("trusted/{site}/{id}")
}
