//! Every cell of the table of rights, against everyone who may stand before it.

use super::*;
use crate::channel::{ChannelName, Patterns, SiteName};
use crate::identity::{Member, MemberId, Named, Role, Token};

const ACTS: [Act; 4] = [Act::Read, Act::Names, Act::Comment, Act::Publish];

fn site(text: &str) -> SiteName {
    SiteName::parse(text).unwrap()
}

fn key(channel: &str) -> Key {
    Key::new(site("home"), ChannelName::parse(channel).unwrap())
}

fn token(role: Option<Role>, channels: &[&str], publish: &[&str]) -> Who {
    let member = Member { id: MemberId::parse("alice").unwrap(), name: String::new(), role, verified: role.is_some() };
    Who::Token(Box::new(Token {
        member,
        site: site("home"),
        named: Some(Box::new(Named { channels: Patterns::parse(channels).unwrap(), publish: Patterns::parse(publish).unwrap() })),
        email: None,
        guest: role.is_none(),
        kept_by_page: true,
        iat_s: None,
        exp_s: 0,
    }))
}

/// Everyone who may stand before a cell, in the order of a row's columns: nobody, guest, member, moderator, admin, a token that names
/// every channel in `channels`, one that does so in `publish`, a key.
fn everyone() -> [Who; 8] {
    let all = ["*", "$*"];
    [
        Who::Nobody,
        token(None, &[], &[]),
        token(Some(Role::Member), &[], &[]),
        token(Some(Role::Moderator), &[], &[]),
        token(Some(Role::Admin), &[], &[]),
        token(Some(Role::Member), &all, &[]),
        token(Some(Role::Member), &[], &all),
        Who::Key { site: site("home") },
    ]
}

fn sort_of(channel: &str) -> Sort {
    key(channel).channel.sort(&Patterns::parse(&["lobby"]).unwrap())
}

fn may(act: Act, channel: &str, who: &Who, demo: bool) -> bool {
    allowed(act, &key(channel), sort_of(channel), who, None, demo)
}

/// One cell: `expected` has a `+` or `-` for each of [`everyone`].
fn assert_cell(act: Act, channel: &str, expected: &str, demo: bool) {
    let found: String = everyone().iter().map(|who| if may(act, channel, who, demo) { '+' } else { '-' }).collect();
    assert_eq!(found, expected, "{act:?} in {channel}, demo: {demo}");
}

macro_rules! cells {
    ($($name:ident: $act:ident in $channel:literal is $expected:literal;)*) => {
        $(#[test]
        fn $name() {
            assert_cell(Act::$act, $channel, $expected, false);
        })*
    };
}

cells! {
    // Columns:                                                    nobody guest member moderator admin channels publish key
    a_page_is_read_by_everyone: Read in "page:0" is "++++++++";
    a_page_shows_names_to_moderators_and_keys: Names in "page:0" is "---++--+";
    a_page_is_commented_by_everyone: Comment in "page:0" is "++++++++";
    a_page_is_published_to_by_keys: Publish in "page:0" is "-------+";
    a_chat_is_read_by_everyone: Read in "lobby" is "++++++++";
    a_chat_shows_names_to_everyone: Names in "lobby" is "++++++++";
    a_chat_is_written_in_by_everyone: Comment in "lobby" is "++++++++";
    a_chat_is_published_to_by_keys: Publish in "lobby" is "-------+";
    any_other_is_read_by_everyone: Read in "news" is "++++++++";
    any_other_shows_names_to_keys_and_tokens_that_name_it: Names in "news" is "-----+-+";
    any_other_is_commented_by_keys_and_tokens_that_name_it: Comment in "news" is "-----+-+";
    any_other_is_published_to_by_keys_and_tokens_that_say_so: Publish in "news" is "------++";
    a_post_is_any_other: Comment in "post:42" is "-----+-+";
    a_private_one_is_read_by_keys_and_tokens_that_name_it: Read in "$den" is "-----+-+";
    a_private_one_shows_names_to_the_same: Names in "$den" is "-----+-+";
    a_private_one_is_commented_by_the_same: Comment in "$den" is "-----+-+";
    a_private_one_is_published_to_by_keys_and_tokens_that_say_so: Publish in "$den" is "------++";
    moderation_is_read_by_moderators: Read in "$parlour:moderation" is "---++--+";
    moderation_shows_no_names: Names in "$parlour:moderation" is "--------";
    moderation_is_commented_by_nobody: Comment in "$parlour:moderation" is "--------";
    moderation_is_published_to_by_nobody: Publish in "$parlour:moderation" is "--------";
    the_servers_other_channels_are_read_by_nobody: Read in "$parlour:else" is "--------";
    the_servers_other_channels_show_no_names: Names in "$parlour:else" is "--------";
    the_servers_other_channels_are_commented_by_nobody: Comment in "$parlour:else" is "--------";
    the_servers_other_channels_are_published_to_by_nobody: Publish in "$parlour:else" is "--------";
}

#[test]
fn in_demo_mode_everyone_may_do_all_but_what_is_private() {
    for act in ACTS {
        for channel in ["page:0", "lobby", "news"] {
            assert_cell(act, channel, "++++++++", true);
        }
    }
    for act in [Act::Read, Act::Names, Act::Comment] {
        assert_cell(act, "$den", "-----+-+", true);
    }
    assert_cell(Act::Publish, "$den", "------++", true);
    assert_cell(Act::Read, "$parlour:moderation", "---++--+", true);
    assert_cell(Act::Publish, "$parlour:moderation", "--------", true);
}

#[test]
fn a_key_or_token_of_another_site_may_nothing() {
    for demo in [false, true] {
        for act in ACTS {
            for channel in ["page:0", "lobby", "news", "$den", "$parlour:moderation"] {
                for who in everyone().iter().filter(|who| who.site().is_some()) {
                    let elsewhere = Key::new(site("elsewhere"), key(channel).channel);
                    assert!(!allowed(act, &elsewhere, sort_of(channel), who, None, demo), "{who:?}");
                }
            }
        }
    }
}

#[test]
fn a_token_opens_only_the_channels_that_it_names() {
    let who = token(Some(Role::Member), &["news", "$team-*"], &["$den"]);
    assert!(may(Act::Comment, "news", &who, false));
    assert!(!may(Act::Comment, "news2", &who, false));
    assert!(may(Act::Read, "$team-1", &who, false));
    assert!(!may(Act::Read, "$den", &who, false));
    assert!(may(Act::Publish, "$den", &who, false));
    assert!(!may(Act::Publish, "$team-1", &who, false));
}

fn subscribe(member: &str, key: Key) -> Subscribe {
    Subscribe { member: MemberId::parse(member).unwrap(), key, exp_s: 0 }
}

#[test]
fn a_subscribe_token_lets_into_its_channel_and_does_not_publish() {
    let ticket = subscribe("alice", key("$den"));
    let may = |act, channel: &str, who: &Who| allowed(act, &key(channel), sort_of(channel), who, Some(&ticket), false);
    for who in &everyone()[..5] {
        for act in [Act::Read, Act::Names, Act::Comment] {
            assert!(may(act, "$den", who));
            assert!(!may(act, "$other", who));
        }
        assert!(!may(Act::Publish, "$den", who));
        assert!(!may(Act::Comment, "news", who));
    }
    assert!(!may(Act::Read, "$parlour:moderation", &Who::Nobody));
}

#[test]
fn a_subscribe_token_is_not_for_another_member_nor_another_site() {
    let read = |who: &Who, ticket: &Subscribe| allowed(Act::Read, &key("$den"), Sort::Private, who, Some(ticket), false);
    let member = token(Some(Role::Member), &[], &[]);
    assert!(!read(&member, &subscribe("bob", key("$den"))));
    let elsewhere = Key::new(site("elsewhere"), key("$den").channel);
    assert!(!read(&Who::Nobody, &subscribe("alice", elsewhere)));
}
