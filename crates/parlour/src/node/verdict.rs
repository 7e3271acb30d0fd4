//! Whether somebody may write, and whether what they wrote is shown at once: standing, the site's policy, proofs of work. The rules
//! themselves are `moderation`'s; here they get what they ask for.

use std::sync::Arc;

use parlour_wire::code::Code;

use super::{Asker, Node, random, told};
use crate::akismet::{self, Question};
use crate::channel::{Key, SiteName, Sort};
use crate::comment::State;
use crate::identity::{Who, keyed_hash};
use crate::limit::{Rate, address_key};
use crate::moderation::{Case, Challenge, Policy, PolicySetting, Reason};
use crate::rule::SiteRules;

/// What was set in the admin page is read again after so long: the time in which it reaches every node, in milliseconds.
const POLICY_MS: i64 = 1_000;
/// The setting's name.
pub(super) const POLICY: &str = "policy";

/// A site's policy as it was read, of these rules.
pub(super) struct ReadPolicy {
    read_ms: i64,
    rules: Arc<SiteRules>,
    policy: Arc<Policy>,
}

/// Somebody's comment, as far as a verdict looks at it.
pub(super) struct Writing<'a> {
    pub(super) body: &'a str,
    pub(super) name: &'a str,
    pub(super) html: &'a str,
    /// The page's address, if it is known.
    pub(super) page: &'a str,
    /// A field was filled that people do not see.
    pub(super) is_trapped: bool,
    /// New pages come faster than the limits allow.
    pub(super) is_over: bool,
    /// A solution of a challenge.
    pub(super) proof: Option<&'a str>,
    /// Whether it answers another.
    pub(super) is_reply: bool,
}

impl Writing<'_> {
    fn case(&self, sort: Sort, is_known: bool, is_trusted: bool) -> Case<'_> {
        Case {
            body: self.body,
            name: self.name,
            html: self.html,
            is_chat: sort == Sort::Chat,
            is_known,
            is_trusted,
            is_trapped: self.is_trapped,
            is_over: self.is_over,
        }
    }
}

impl Node {
    /// The policy in force on a site.
    pub(super) async fn policy(&self, site: &SiteName) -> Result<Arc<Policy>, Code> {
        let rules = self.site_rules(site)?;
        let now_ms = self.clock.now_ms();
        if let Some(read) = self.policies.lock().get(site)
            && Arc::ptr_eq(&read.rules, &rules)
            && (read.read_ms..read.read_ms + POLICY_MS).contains(&now_ms)
        {
            return Ok(read.policy.clone());
        }
        let policy = Arc::new(rules.policy.with(&self.policy_setting(site).await?));
        // As many entries as there are sites, which the configuration bounds.
        self.policies.lock().insert(site.clone(), ReadPolicy { read_ms: now_ms, rules, policy: policy.clone() });
        Ok(policy)
    }

    /// What was set in the admin page; what no version wrote counts as nothing set.
    pub(super) async fn policy_setting(&self, site: &SiteName) -> Result<PolicySetting, Code> {
        let text = self.backend.desk.setting(site, POLICY).await.map_err(told)?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }

    /// Refuses who is blocked; whether the others are known. Keys and moderators always are.
    pub(super) async fn standing(&self, asker: &Asker) -> Result<bool, Code> {
        let address = self.address_of(asker);
        if asker.who.is_moderator() {
            return Ok(true);
        }
        let member = asker.who.member().map(|member| &member.id);
        if member.is_none() && address.is_none() {
            return Ok(false);
        }
        let now_ms = self.clock.now_ms();
        let standing = self.backend.desk.standing(&asker.site, member, address.as_deref(), now_ms).await.map_err(told)?;
        if standing.blocked.is_some() { Err(Code::Blocked) } else { Ok(standing.is_known) }
    }

    /// The asker's address as it is stored: keyed, IPv6 by its /64.
    pub(super) fn address_of(&self, asker: &Asker) -> Option<String> {
        asker.address.map(|address| keyed_hash(&self.secret, &address_key(address).to_string()))
    }

    /// Whether it is shown at once, and if not why. Who would be held proves some work first.
    pub(super) async fn verdict(
        &self,
        asker: &Asker,
        key: &Key,
        sort: Sort,
        writing: &Writing<'_>,
    ) -> Result<(State, Option<Reason>), Code> {
        if self.is_beyond_rules(asker, key)? {
            return Ok((State::Approved, None));
        }
        let is_known = self.standing(asker).await?;
        let policy = self.policy(&key.site).await?;
        if sort == Sort::Chat {
            self.slow_down(asker, key, &policy)?;
        }
        let Some(reason) = self.reason(asker, sort, &policy, writing, is_known).await? else {
            let is_spam = self.is_spam(asker, key, sort, writing, false).await?;
            return Ok(if is_spam { (State::Pending, Some(Reason::Service)) } else { (State::Approved, None) });
        };
        if reason.asks_for_proof() && policy.proof_bits > 0 {
            self.check_proof(asker, key, writing.proof).await?;
        }
        Ok((State::Pending, Some(reason)))
    }

    /// Why it is held by the site's policy. Whom moderators trust is looked up only where that may make a difference.
    async fn reason(
        &self,
        asker: &Asker,
        sort: Sort,
        policy: &Policy,
        writing: &Writing<'_>,
        is_known: bool,
    ) -> Result<Option<Reason>, Code> {
        match policy.verdict(&writing.case(sort, is_known, false)) {
            Some(reason) if reason.yields_to_trust() && self.is_trusted(asker).await? => {
                Ok(policy.verdict(&writing.case(sort, is_known, true)))
            }
            reason => Ok(reason),
        }
    }

    /// The least time between two lines of one member; of one address, where nobody is known.
    fn slow_down(&self, asker: &Asker, key: &Key, policy: &Policy) -> Result<(), Code> {
        if policy.slow_ms == 0 {
            return Ok(());
        }
        let rate = Rate { burst: 1, per_ms: policy.slow_ms };
        let whom = match asker.who {
            Who::Nobody => self.address_of(asker).unwrap_or_default(),
            _ => asker.user().to_string(),
        };
        self.limiter.take(("slow", key, whom), rate, self.clock.now_ms()).map_err(|_| Code::TooManyRequests)
    }

    /// What the site's rules say of a line that is no comment and cannot wait: whoever is blocked or too fast is refused, and so is a
    /// line with one of the words.
    pub(super) async fn may_say(&self, asker: &Asker, key: &Key, line: &str) -> Result<(), Code> {
        if self.is_beyond_rules(asker, key)? {
            return Ok(());
        }
        self.standing(asker).await?;
        let policy = self.policy(&key.site).await?;
        if policy.words.finds(line) {
            return Err(Code::Forbidden);
        }
        self.slow_down(asker, key, &policy)
    }

    /// Why another text for a comment that is shown is held. Its author had it shown, so nothing speaks against them but the text.
    pub(super) async fn verdict_again(
        &self,
        asker: &Asker,
        key: &Key,
        sort: Sort,
        writing: &Writing<'_>,
    ) -> Result<Option<Reason>, Code> {
        if self.is_beyond_rules(asker, key)? {
            return Ok(None);
        }
        self.standing(asker).await?;
        let policy = self.policy(&key.site).await?;
        if let Some(reason) = self.reason(asker, sort, &policy, writing, true).await? {
            return Ok(Some(reason));
        }
        Ok(self.is_spam(asker, key, sort, writing, true).await?.then_some(Reason::Service))
    }

    /// Whether the site's spam service takes it for spam. One that does not answer in time has no opinion; a line of a chat does not
    /// wait for one, and of whom moderators trust it is not asked.
    async fn is_spam(&self, asker: &Asker, key: &Key, sort: Sort, writing: &Writing<'_>, is_edit: bool) -> Result<bool, Code> {
        let rules = self.site_rules(&key.site)?;
        let (Some(akismet), Some(address)) = (&rules.akismet, asker.address) else { return Ok(false) };
        if sort == Sort::Chat || self.is_trusted(asker).await? {
            return Ok(false);
        }
        let (name, body, is_reply) = (writing.name, writing.body, writing.is_reply);
        let question = Question { address, page: writing.page, name, body, is_reply, is_edit };
        Ok(akismet::is_spam(&self.client, akismet, &question).await.unwrap_or_else(|fault| {
            tracing::warn!(site = %key.site, %fault, "the spam service did not say what it thinks");
            false
        }))
    }

    fn is_beyond_rules(&self, asker: &Asker, key: &Key) -> Result<bool, Code> {
        Ok(self.site_rules(&key.site)?.demo || asker.who.is_moderator())
    }

    /// Work that was done for this member in this channel, and spent nowhere else.
    async fn check_proof(&self, asker: &Asker, key: &Key, proof: Option<&str>) -> Result<(), Code> {
        let (Some(proof), now_ms) = (proof, self.clock.now_ms()) else { return Err(Code::ProofRequired) };
        let challenge =
            Challenge::solved(proof, &self.proof_key(), key, &asker.user(), now_ms).map_err(|_| Code::ProofRequired)?;
        let what = format!("proof:{}", challenge.salt);
        let is_first = self.backend.desk.spend(&what, challenge.expires_ms, now_ms).await.map_err(told)?;
        if is_first { Ok(()) } else { Err(Code::ProofRequired) }
    }

    /// A challenge for the asker in this channel.
    pub async fn challenge(&self, asker: &Asker, key: &Key) -> Result<String, Code> {
        self.permit(crate::identity::Act::Comment, asker, key)?;
        let policy = self.policy(&key.site).await?;
        let challenge = Challenge::new(policy.proof_bits, random(), self.clock.now_ms());
        Ok(challenge.sealed(&self.proof_key(), key, &asker.user()))
    }

    fn proof_key(&self) -> [u8; 32] {
        self.secret.derived("parlour proof of work")
    }
}
