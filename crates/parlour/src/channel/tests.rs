//! Which names are good, and what they stand for.

use super::*;
use proptest::prelude::*;

fn name(text: &str) -> ChannelName {
    ChannelName::parse(text).unwrap()
}

#[test]
fn site_names_are_short_and_plain() {
    for good in ["default", "a", "my-blog_2", &"x".repeat(64)] {
        assert!(SiteName::parse(good).is_ok(), "{good}");
    }
    for bad in ["", "Blog", "a b", "a.b", "ä", "a/b", "a*", &"x".repeat(65)] {
        assert_eq!(SiteName::parse(bad), Err(ChannelFault::SiteInvalid), "{bad}");
    }
    assert_eq!(SiteName::default().as_str(), "default");
}

#[test]
fn channel_names_keep_to_the_contract() {
    for good in ["a", "...", "Zürich/北京", "post:42", "$private", "page:0", "a.b", "👍", &"ä".repeat(100)] {
        assert!(ChannelName::parse(good).is_ok(), "{good}");
    }
    let bad = [
        "",
        ".",
        "..",
        "a b",
        "a\tb",
        "a\nb",
        "a\u{0}",
        "a\u{7f}",
        "a\u{85}b",
        "a\u{a0}b",
        "a\u{2003}b",
        "a\u{2028}b",
        "a\u{3000}b",
        "{a}",
        "a}",
        "a{",
        "a*",
        "*",
    ];
    for bad in bad {
        assert_eq!(ChannelName::parse(bad), Err(ChannelFault::NameInvalid), "{bad:?}");
    }
    assert!(ChannelName::parse(&"x".repeat(200)).is_ok());
    assert!(ChannelName::parse(&"x".repeat(201)).is_err());
    // The limit counts bytes, not characters.
    assert!(ChannelName::parse(&"ä".repeat(101)).is_err());
}

#[test]
fn names_are_compared_byte_by_byte() {
    assert_ne!(name("A"), name("a"));
    assert_ne!(name("\u{e9}"), name("e\u{301}"));
}

#[test]
fn a_prefix_claims_its_channels_whatever_the_chats_say() {
    let chats = Patterns::parse(&["*", "$*", "page:*"]).unwrap();
    assert_eq!(name("page:0123").sort(&chats), Sort::Page);
    assert_eq!(name("$x").sort(&chats), Sort::Private);
    assert_eq!(name("$parlour").sort(&chats), Sort::Private);
    assert_eq!(name("$parlour:moderation").sort(&chats), Sort::Own);
    assert_eq!(name("x").sort(&chats), Sort::Chat);
    assert_eq!(name("x").sort(&Patterns::default()), Sort::Other);
    assert_eq!(name("pages").sort(&Patterns::default()), Sort::Other);
}

#[test]
fn patterns_match_names_and_beginnings() {
    let patterns = Patterns::parse(&["lobby", "team-*"]).unwrap();
    assert!(patterns.matches(&name("lobby")));
    assert!(!patterns.matches(&name("lobby2")));
    assert!(patterns.matches(&name("team-")));
    assert!(patterns.matches(&name("team-7")));
    assert!(!patterns.matches(&name("Team-7")));
    assert_eq!(patterns.texts().collect::<Vec<_>>(), ["lobby", "team-*"]);
    assert!(Patterns::default().is_empty() && !Patterns::default().matches(&name("x")));
}

#[test]
fn a_star_alone_does_not_open_what_is_private() {
    let every = Patterns::parse(&["*"]).unwrap();
    assert!(every.matches(&name("x")) && !every.matches(&name("$x")));
    assert!(Patterns::parse(&["$*"]).unwrap().matches(&name("$x")));
}

#[test]
fn bad_patterns_are_refused() {
    for bad in ["", "a*b", "**", "a b*", "{*", "..", "*a"] {
        assert_eq!(Patterns::parse(&[bad]), Err(ChannelFault::PatternInvalid), "{bad:?}");
    }
    assert_eq!(Patterns::parse(&vec!["a"; 1_001]), Err(ChannelFault::PatternsTooMany));
}

#[test]
fn names_are_json_strings_and_are_checked_when_read() {
    assert_eq!(serde_json::to_string(&name("post:1")).unwrap(), "\"post:1\"");
    assert_eq!(serde_json::from_str::<ChannelName>("\"post:1\"").unwrap(), name("post:1"));
    assert!(serde_json::from_str::<ChannelName>("\"a b\"").is_err());
    assert!(serde_json::from_str::<SiteName>("\"A\"").is_err());
}

proptest! {
    #[test]
    fn what_is_accepted_keeps_every_rule(text in "\\PC{0,80}|[ -~]{0,220}") {
        if let Ok(name) = ChannelName::parse(&text) {
            prop_assert_eq!(name.as_str(), &text);
            prop_assert!((1..=200).contains(&text.len()));
            prop_assert!(text.chars().all(may_be_in_a_name));
        }
    }

    #[test]
    fn a_beginning_matches_exactly_what_begins_so(prefix in "[a-c$]{1,3}", text in "[a-c$]{1,5}") {
        let patterns = Patterns::parse(&[format!("{prefix}*")]).unwrap();
        prop_assert_eq!(patterns.matches(&name(&text)), text.starts_with(&prefix));
    }
}
