//! Who may what: the table of CONTRACT §1 as data, and the one function that reads it. Every door asks here.
//!
//! Whether a token is still good is not asked here: who keeps a `Who` for long looks at its `exp_s`. Nor are a site's own
//! rules (closed threads, guests forbidden); they only take away from what is allowed here.

use super::{Subscribe, Who};
use crate::channel::{Key, Sort};

/// What one may do in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// Read, subscribe, history.
    Read,
    /// See the names of those present, hear of joins and leaves.
    Names,
    /// Comment, react, be seen typing.
    Comment,
    /// Publish as an application does.
    Publish,
}

/// Whom a cell of the table lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Everyone,
    /// Moderators, admins and keys.
    Moderators,
    Keys,
    /// Keys, tokens that name the channel in `channels`.
    Channels,
    /// The same, and who brings a subscribe token.
    ChannelsOrSubscribe,
    /// Keys, tokens that name the channel in `publish`.
    Publish,
    Nobody,
}

const fn need(sort: Sort, act: Act) -> Need {
    match (sort, act) {
        (Sort::Page, Act::Read | Act::Comment) => Need::Everyone,
        (Sort::Page, Act::Names) => Need::Moderators,
        (Sort::Page, Act::Publish) => Need::Keys,

        (Sort::Chat, Act::Read | Act::Names | Act::Comment) => Need::Everyone,
        (Sort::Chat, Act::Publish) => Need::Keys,

        (Sort::Other, Act::Read) => Need::Everyone,
        (Sort::Other, Act::Names | Act::Comment) => Need::Channels,
        (Sort::Other, Act::Publish) => Need::Publish,

        (Sort::Private, Act::Read | Act::Names | Act::Comment) => Need::ChannelsOrSubscribe,
        (Sort::Private, Act::Publish) => Need::Publish,

        (Sort::Own, Act::Read) => Need::Moderators,
        (Sort::Own, Act::Names | Act::Comment | Act::Publish) => Need::Nobody,
    }
}

/// Whether `who` may `act` in the channel `at`, which is of that `sort` ([`crate::channel::ChannelName::sort`]).
///
/// `subscribe` is the good subscribe token that the request brought besides; `demo` is demo mode, where everyone may do all but
/// what is private. A key or token of another site may nothing, not even read.
#[must_use]
pub fn allowed(act: Act, at: &Key, sort: Sort, who: &Who, subscribe: Option<&Subscribe>, demo: bool) -> bool {
    if who.site().is_some_and(|site| *site != at.site) {
        return false;
    }
    if demo && !matches!(sort, Sort::Private | Sort::Own) {
        return true;
    }
    // Of the server's own channels only this one is anybody's.
    if sort == Sort::Own && at.channel.as_str() != "$parlour:moderation" {
        return false;
    }
    match need(sort, act) {
        Need::Everyone => true,
        Need::Moderators => who.is_moderator(),
        Need::Keys => who.is_key(),
        Need::Channels => who.is_key() || who.names_channel(&at.channel),
        Need::ChannelsOrSubscribe => {
            who.is_key() || who.names_channel(&at.channel) || subscribe.is_some_and(|subscribe| opens(subscribe, at, who))
        }
        Need::Publish => who.is_key() || who.names_publish(&at.channel),
        Need::Nobody => false,
    }
}

/// Whether a subscribe token opens this channel for this asker. Someone signed in must be the member it was made for; guests and
/// those without a token have no name that the site could have put into it.
fn opens(subscribe: &Subscribe, at: &Key, who: &Who) -> bool {
    let is_theirs = match who {
        Who::Token(token) => token.guest || token.member.id == subscribe.member,
        Who::Nobody | Who::Key { .. } => true,
    };
    subscribe.key == *at && is_theirs
}

#[cfg(test)]
mod tests;
