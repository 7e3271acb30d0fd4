//! What decides whether a comment is shown at once: a site's policy, what is known of its author, and what it says.
//!
//! No IO, no clock, no store: `node` asks the backend who somebody is, hands everything in, and does what comes out. Trust belongs
//! to a member's id, never to a name, an address or the hash of a mail address. An author is known when a comment of theirs was
//! approved, and trusted when a moderator said so.

mod policy;
mod proof;
mod words;

use serde::{Deserialize, Serialize};

pub use policy::{Hold, Policy, PolicyOptions, PolicySetting};
pub use proof::{Challenge, ProofFault, SOLUTION_BYTES_MAX};
pub use words::{WORD_CHARS_MAX, WORDS_MAX, Words, WordsFault};

/// Why a comment waits, as moderators are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// The site looks at everything.
    All,
    /// Its author has no approved comment yet.
    First,
    /// It has more links than the policy lets pass.
    Links,
    /// It has one of the policy's words.
    Word,
    /// New pages came faster than the limits allow.
    Rate,
    /// A field was filled that people do not see.
    Trap,
    /// Readers reported it.
    Reported,
    /// The spam service said so.
    Service,
    /// A moderator put it back.
    Moderator,
}

impl Reason {
    /// The word that is stored and told.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Reason::All => "all",
            Reason::First => "first",
            Reason::Links => "links",
            Reason::Word => "word",
            Reason::Rate => "rate",
            Reason::Trap => "trap",
            Reason::Reported => "reported",
            Reason::Service => "service",
            Reason::Moderator => "moderator",
        }
    }

    /// Reads [`Reason::word`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Reason> {
        let all = [
            Reason::All,
            Reason::First,
            Reason::Links,
            Reason::Word,
            Reason::Rate,
            Reason::Trap,
            Reason::Reported,
            Reason::Service,
            Reason::Moderator,
        ];
        all.into_iter().find(|reason| reason.word() == word)
    }

    /// Whether somebody whom moderators trust is not held for this: it speaks against people of whom little is known. A word is one that the
    /// site wants to look at whoever says it, pages that come too fast are a matter of the store, and no person fills the trap.
    #[must_use]
    pub const fn yields_to_trust(self) -> bool {
        matches!(self, Reason::All | Reason::First | Reason::Links | Reason::Service)
    }

    /// Whether somebody who was held for this may be asked for a proof of work first. Whoever fell into the trap is told nothing,
    /// and what is known only after it was stored asks for nothing any more.
    #[must_use]
    pub const fn asks_for_proof(self) -> bool {
        matches!(self, Reason::All | Reason::First | Reason::Links | Reason::Word | Reason::Rate)
    }
}

/// What a verdict looks at.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The source as written.
    pub body: &'a str,
    /// The author's name as it will be shown.
    pub name: &'a str,
    /// What may be shown of the body: its links are counted.
    pub html: &'a str,
    /// Whether it is a line of a chat: there only words hold.
    pub is_chat: bool,
    /// Whether its author has an approved comment on this site.
    pub is_known: bool,
    /// Whether moderators trust its author.
    pub is_trusted: bool,
    /// Whether a field was filled that people do not see.
    pub is_trapped: bool,
    /// Whether new pages come faster than the limits allow.
    pub is_over: bool,
}

impl Policy {
    /// Why a comment waits; `None` if it is shown at once. The reason that says most to a moderator comes first.
    #[must_use]
    pub fn verdict(&self, case: &Case<'_>) -> Option<Reason> {
        if case.is_trapped {
            return Some(Reason::Trap);
        }
        if self.words.finds(case.body) || self.words.finds(case.name) {
            return Some(Reason::Word);
        }
        if case.is_chat {
            return None;
        }
        if links(case.html) > self.links_max && !case.is_trusted {
            return Some(Reason::Links);
        }
        if case.is_over {
            return Some(Reason::Rate);
        }
        match self.hold {
            _ if case.is_trusted => None,
            Hold::All => Some(Reason::All),
            Hold::First if !case.is_known => Some(Reason::First),
            Hold::First | Hold::Nothing => None,
        }
    }
}

/// Links of a rendered comment. The renderer writes every link one way and escapes every other `<`.
fn links(html: &str) -> u32 {
    u32::try_from(html.matches("<a ").count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render;

    fn policy() -> Policy {
        Policy {
            hold: Hold::Nothing,
            links_max: 2,
            words: Words::new(&["casino", "cheap pills", "crypt*"]).unwrap(),
            slow_ms: 0,
            proof_bits: 0,
        }
    }

    fn verdict_of(policy: &Policy, body: &str, change: impl FnOnce(&mut Case<'_>)) -> Option<Reason> {
        let html = render::render(body);
        let mut case = Case {
            body,
            name: "Ana",
            html: &html,
            is_chat: false,
            is_known: true,
            is_trusted: false,
            is_trapped: false,
            is_over: false,
        };
        change(&mut case);
        policy.verdict(&case)
    }

    #[test]
    fn trust_lifts_exactly_the_reasons_that_yield_to_it() {
        let all = Policy { hold: Hold::All, ..policy() };
        let first = Policy { hold: Hold::First, ..policy() };
        let links = "https://a.example https://b.example https://c.example";
        type Change = fn(&mut Case<'_>);
        let cases: [(&Policy, &str, Change); 6] = [
            (&all, "hello", |_| ()),
            (&first, "hello", |case| case.is_known = false),
            (&first, links, |_| ()),
            (&first, "casino", |_| ()),
            (&first, "hello", |case| case.is_over = true),
            (&first, "hello", |case| case.is_trapped = true),
        ];
        for (policy, body, change) in cases {
            let reason = verdict_of(policy, body, change).unwrap();
            let trusted = verdict_of(policy, body, |case| {
                change(case);
                case.is_trusted = true;
            });
            assert_eq!(trusted, (!reason.yields_to_trust()).then_some(reason), "{reason:?}");
        }
        // What yields hides nothing that does not.
        let over = |case: &mut Case<'_>| (case.is_over, case.is_trusted) = (true, true);
        assert_eq!(verdict_of(&all, links, over), Some(Reason::Rate));
    }

    #[test]
    fn two_links_pass_and_a_third_waits() {
        let two = "See https://a.example and [this](https://b.example).";
        assert_eq!(verdict_of(&policy(), two, |_| ()), None);
        assert_eq!(verdict_of(&policy(), &format!("{two} https://c.example"), |_| ()), Some(Reason::Links));
        // An address that is shown as text is no link.
        assert_eq!(verdict_of(&policy(), "`<a href=x> <a href=y> <a href=z>`", |_| ()), None);
    }

    #[test]
    fn a_word_waits_whole_and_a_near_one_passes() {
        assert_eq!(verdict_of(&policy(), "Best CASINO in town", |_| ()), Some(Reason::Word));
        assert_eq!(verdict_of(&policy(), "Casinos of the past", |_| ()), None);
        assert_eq!(verdict_of(&policy(), "fine", |case| case.name = "Cheap Pills"), Some(Reason::Word));
        assert_eq!(verdict_of(&policy(), "fine", |case| case.name = "Cheapest Pills"), None);
    }

    #[test]
    fn hold_says_whose_comments_wait() {
        let first = Policy { hold: Hold::First, ..policy() };
        assert_eq!(verdict_of(&first, "hello", |case| case.is_known = false), Some(Reason::First));
        assert_eq!(verdict_of(&first, "hello", |_| ()), None);
        let all = Policy { hold: Hold::All, ..policy() };
        assert_eq!(verdict_of(&all, "hello", |_| ()), Some(Reason::All));
        assert_eq!(verdict_of(&policy(), "hello", |case| case.is_known = false), None);
    }

    #[test]
    fn a_chat_is_held_for_its_words_alone() {
        let all = Policy { hold: Hold::All, ..policy() };
        let links = "https://a.example https://b.example https://c.example";
        assert_eq!(verdict_of(&all, links, |case| case.is_chat = true), None);
        assert_eq!(verdict_of(&all, "casino", |case| case.is_chat = true), Some(Reason::Word));
    }

    #[test]
    fn the_trap_and_too_many_pages_hold() {
        assert_eq!(verdict_of(&policy(), "hello", |case| case.is_trapped = true), Some(Reason::Trap));
        assert_eq!(verdict_of(&policy(), "hello", |case| case.is_over = true), Some(Reason::Rate));
        assert!(!Reason::Trap.asks_for_proof());
    }

    #[test]
    fn a_reason_is_read_back_from_its_word() {
        for reason in [Reason::All, Reason::First, Reason::Links, Reason::Word, Reason::Rate, Reason::Trap, Reason::Reported] {
            assert_eq!(Reason::parse(reason.word()), Some(reason));
        }
        assert_eq!(Reason::parse("mood"), None);
    }
}
