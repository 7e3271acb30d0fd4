//! Reactions: who may, which names, how often, and telling the counts when they are due. What counts is the backend's to say.

use std::sync::atomic::Ordering;
use std::time::Duration;

use parlour_wire::code::Code;

use super::{Asker, Node, told};
use crate::backend::{Append, Fault, Reaction};
use crate::channel::Key;
use crate::comment::{Comment, CommentId, MemberId, State};
use crate::identity::{Act, Who, keyed_hash};
use crate::limit::Rate;
use crate::rule::SiteRules;

/// What came of a reaction.
#[derive(Debug)]
pub struct Reacted {
    /// The comment, with `mine`.
    pub comment: Comment,
    /// A new guest's token, where the asker had none.
    pub token: Option<String>,
}

/// Whose reaction it is.
struct Reactor {
    member: MemberId,
    token: Option<String>,
    is_guest: bool,
}

impl Node {
    /// A reaction of this name is there from now on, or is there no longer. What is so already, and what an address has no more
    /// votes for, changes nothing and is answered with the comment as it is.
    pub async fn react(&self, asker: &Asker, id: &str, name: &str, there: bool) -> Result<Reacted, Code> {
        let (key, comment) = self.seen_comment(asker, id).await?;
        self.permit(Act::Comment, asker, &key)?;
        let rules = self.site_rules(&key.site)?;
        rules.writable()?;
        if !rules.reactions.iter().any(|known| known == name) {
            return Err(Code::UnknownReaction);
        }
        if comment.state != State::Approved {
            return Err(Code::UnknownComment);
        }
        self.open_thread(&key, &rules).await?;
        self.limit_reactions(asker, &rules)?;
        if !there && matches!(asker.who, Who::Nobody) {
            // Somebody unknown has nothing to take away.
            return Ok(Reacted { comment: self.as_seen(asker, &rules, comment), token: None });
        }
        let reactor = self.reactor(asker)?;
        let address = asker.address.filter(|_| reactor.is_guest);
        let reaction = Reaction {
            id: comment.id,
            member: reactor.member.clone(),
            name: name.to_owned(),
            there,
            address_key: address.map(|address| keyed_hash(&self.secret, &format!("reaction {address}"))),
            address_max: rules.limits.address_reactions_max,
            time_ms: self.clock.now_ms(),
        };
        let appended = self.backend.log.append(&key, Append::Reaction(Box::new(reaction))).await.map_err(told)?;
        let mut comment = appended.comment.ok_or(Code::Internal)?;
        if let Some(at_ms) = appended.tell_at_ms {
            self.tell_reactions_at(key, comment.id.clone(), at_ms);
        }
        if !appended.repeated {
            self.stats.reactions.fetch_add(1, Ordering::Relaxed);
        }
        comment.mine = Some(self.mine(&comment, Some(&reactor.member), asker.who.is_moderator(), &rules));
        Ok(Reacted { comment, token: reactor.token })
    }

    fn reactor(&self, asker: &Asker) -> Result<Reactor, Code> {
        match &asker.who {
            Who::Token(token) => Ok(Reactor { member: token.member.id.clone(), token: None, is_guest: token.guest }),
            Who::Key { .. } => {
                let member = MemberId::parse("key").map_err(|_| Code::Internal)?;
                Ok(Reactor { member, token: None, is_guest: false })
            }
            Who::Nobody => {
                let (text, token) = self.new_guest(&asker.site)?;
                Ok(Reactor { member: token.member.id, token: Some(text), is_guest: true })
            }
        }
    }

    fn limit_reactions(&self, asker: &Asker, rules: &SiteRules) -> Result<(), Code> {
        let Some(address) = asker.address.filter(|_| !asker.who.is_key()) else { return Ok(()) };
        let rate = Rate { burst: rules.limits.address_reactions_burst, per_ms: rules.limits.address_reaction_every_ms };
        self.limiter.take(("react", &asker.site, address), rate, self.clock.now_ms()).map_err(|_| Code::TooManyRequests)
    }

    /// Tells the counts when they are due, though nobody reacts any more. One of these waits for a comment, and not for long.
    fn tell_reactions_at(&self, key: Key, id: CommentId, at_ms: i64) {
        let Some(node) = self.this.upgrade() else { return };
        let wait = Duration::from_millis(u64::try_from(at_ms - self.clock.now_ms()).unwrap_or(0));
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            let due = Append::Reactions { id, time_ms: node.clock.now_ms().max(at_ms) };
            match node.backend.log.append(&key, due).await {
                // Deleted meanwhile: there is nothing to tell.
                Ok(_) | Err(Fault::UnknownComment) => {}
                Err(fault) => tracing::warn!(%fault, "reactions will be told with the comment's next change"),
            }
        });
    }
}
