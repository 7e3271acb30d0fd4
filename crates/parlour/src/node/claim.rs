//! What a guest wrote becomes that of whoever signed in in the same browser, if they say that it is theirs.

use parlour_wire::code::Code;

use super::{Asker, Node};
use crate::backend::Append;
use crate::channel::Key;
use crate::comment::{Author, MemberId};
use crate::identity::{Person, Token, Who};

/// Comments that are taken over at once; whoever wrote more is asked again.
const CLAIMED_MAX: usize = 1_000;
/// Guests that a member may have been.
const GUESTS_MAX: usize = 64;

impl Node {
    /// How many comments the bearer of this guest's token left on the asker's site; with `take` they are the asker's afterwards, and
    /// the guest's token is worth nothing.
    ///
    /// # Errors
    /// [`Code::Unauthorized`] for whoever is not signed in; [`Code::Forbidden`] for what is no guest's token of this site; the store
    /// cannot be used: what was taken over by then stays so, and it can be asked again.
    pub async fn claim(&self, asker: &Asker, guest: &str, take: bool) -> Result<usize, Code> {
        let token = asker.who.token().filter(|token| !token.guest).ok_or(Code::Unauthorized)?;
        let guest = match self.bearer(guest, Some(&token.site)).await {
            Ok(Who::Token(guest)) if guest.guest && guest.site == token.site => guest.member.id.clone(),
            Ok(_) | Err(Code::Unauthorized | Code::TokenExpired | Code::SiteMismatch) => return Err(Code::Forbidden),
            Err(code) => return Err(code),
        };
        let written = self.written_by(&token.site, &guest, CLAIMED_MAX).await?;
        let count = written.len();
        if !take || count == 0 {
            return Ok(count);
        }
        self.site_rules(&token.site)?.writable()?;
        // First, so that whoever asks to be forgotten is, as the guest too, whatever fails from here on.
        self.note_claim(token, &guest).await?;
        let member = &token.member;
        let (name, role) = (member.name.clone(), member.role);
        let author = Author { id: member.id.clone(), name, avatar: None, role, verified: member.verified };
        for comment in written.into_iter().map(|filing| filing.comment) {
            let key = Key::new(token.site.clone(), comment.channel);
            let time_ms = self.clock.now_ms();
            let claim = Append::Claim { id: comment.id, from: guest.clone(), author: Box::new(author.clone()), time_ms };
            match self.decide(&key, claim).await {
                // Deleted meanwhile.
                Ok(_) | Err(Code::UnknownComment) => {}
                Err(code) => return Err(code),
            }
        }
        // Whoever else has the guest's token writes as nobody; one that goes on writing would be taken for them.
        if count < CLAIMED_MAX {
            self.revoke(&token.site, &guest).await?;
        }
        Ok(count)
    }

    async fn note_claim(&self, token: &Token, guest: &MemberId) -> Result<(), Code> {
        self.remember(token).await?;
        let before = self.person(&token.site, &token.member.id).await?.unwrap_or_default();
        if before.guests.contains(guest) {
            return Ok(());
        }
        if before.guests.len() >= GUESTS_MAX {
            return Err(Code::LimitExceeded);
        }
        let guests = before.guests.iter().chain([guest]).cloned().collect();
        let after = Person { guests, ..before.clone() };
        self.put_person(&token.site, &token.member.id, Some(&before), &after).await
    }
}
