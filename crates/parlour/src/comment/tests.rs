//! What a comment looks like on the wire, and which drafts become one.

use super::*;
use crate::channel::Sort;
use proptest::prelude::*;

fn comment() -> Comment {
    Comment {
        id: CommentId::parse("c1").unwrap(),
        channel: ChannelName::parse("page:0123").unwrap(),
        offset: None,
        parent: None,
        root: CommentId::parse("c1").unwrap(),
        depth: 0,
        author: Some(Author {
            id: MemberId::parse("alice").unwrap(),
            name: "Alice".into(),
            avatar: None,
            role: Some(Role::Moderator),
            verified: true,
        }),
        body: "*hi*".into(),
        format: Format::Markdown,
        html: "<p><em>hi</em></p>".into(),
        created: Time(1_700_000_000_123),
        edited: None,
        state: State::Approved,
        pinned: false,
        reactions: BTreeMap::from([("up".into(), 2), ("heart".into(), 1)]),
        replies: 3,
        mine: None,
    }
}

fn draft(body: &str) -> Draft {
    Draft { body: body.into(), ..Draft::default() }
}

fn signed(name: &str, email_hash: Option<&str>) -> Draft {
    let author = DraftAuthor { name: name.into(), email_hash: email_hash.map(Into::into) };
    Draft { author: Some(author), ..draft("x") }
}

fn page(draft: Draft) -> Result<CheckedDraft, DraftFault> {
    draft.checked(&Limits::default(), Sort::Page)
}

#[test]
fn a_comment_is_the_json_of_the_contract_in_its_order() {
    let expected = concat!(
        r#"{"id":"c1","channel":"page:0123","offset":null,"parent":null,"root":"c1","depth":0,"#,
        r#""author":{"id":"alice","name":"Alice","avatar":null,"role":"moderator","verified":true},"#,
        r#""body":"*hi*","format":"markdown","html":"<p><em>hi</em></p>","#,
        r#""created":"2023-11-14T22:13:20.123Z","edited":null,"state":"approved","pinned":false,"#,
        r#""reactions":{"heart":1,"up":2},"replies":3}"#
    );
    let text = serde_json::to_string(&comment()).unwrap();
    assert_eq!(text, expected);
    assert_eq!(serde_json::from_str::<Comment>(&text).unwrap(), comment());
}

#[test]
fn what_is_mine_comes_last_and_only_when_known() {
    let mine = Mine { reactions: vec!["up".into()], editable_until: Some(Time(0)), deletable: true };
    let comment = Comment { mine: Some(mine), ..comment() };
    let text = serde_json::to_string(&comment).unwrap();
    let expected = r#""mine":{"reactions":["up"],"editable_until":"1970-01-01T00:00:00.000Z","deletable":true}}"#;
    assert!(text.ends_with(expected), "{text}");
    assert_eq!(serde_json::from_str::<Comment>(&text).unwrap(), comment);
}

#[test]
fn a_tombstone_keeps_the_place_and_nothing_that_was_said() {
    let edited = Comment { edited: Some(Time(5)), pinned: true, offset: Some(9), ..comment() };
    let tombstone = edited.tombstone();
    let value = serde_json::to_value(&tombstone).unwrap();
    assert_eq!(value["state"], "deleted");
    assert!(value["author"].is_null() && value["edited"].is_null());
    assert_eq!((&value["body"], &value["html"]), (&"".into(), &"".into()));
    assert_eq!((&value["reactions"], &value["pinned"]), (&serde_json::json!({}), &false.into()));
    assert_eq!((tombstone.offset, tombstone.replies, tombstone.created), (Some(9), 3, comment().created));
}

#[test]
fn an_author_does_not_learn_of_spam() {
    assert_eq!(State::Spam.as_its_author_sees_it(), State::Pending);
    for state in [State::Approved, State::Pending, State::Deleted] {
        assert_eq!(state.as_its_author_sees_it(), state);
    }
}

#[test]
fn ids_are_a_letter_and_letters_and_digits() {
    for good in ["c", "c0", "x9y", &"a".repeat(40)] {
        assert!(CommentId::parse(good).is_ok(), "{good}");
    }
    for bad in ["", "0c", "C1", "c-1", "cä", "c 1", &"a".repeat(41)] {
        assert_eq!(CommentId::parse(bad), Err(CommentFault::IdInvalid), "{bad}");
    }
}

#[test]
fn a_members_id_has_no_control_characters_and_at_most_200_bytes() {
    for good in ["a", "Ada Lovelace", "auth0|5f7", &"x".repeat(200)] {
        assert!(MemberId::parse(good).is_ok(), "{good}");
    }
    for bad in ["", "a\nb", "a\u{0}", &"x".repeat(201)] {
        assert_eq!(MemberId::parse(bad), Err(CommentFault::MemberInvalid), "{bad:?}");
    }
}

#[test]
fn a_body_is_trimmed_and_counted_in_characters() {
    assert_eq!(page(draft(" \n hi \t ")).unwrap().body, "hi");
    assert_eq!(page(draft(" \n\u{a0} ")), Err(DraftFault::BodyEmpty));
    assert!(page(draft(&format!(" {} ", "ä".repeat(10_000)))).is_ok());
    let too_long = DraftFault::BodyTooLong { max: 10_000 };
    assert_eq!(page(draft(&"ä".repeat(10_001))), Err(too_long));
}

#[test]
fn a_chat_line_is_shorter_than_a_comment() {
    let limits = Limits::default();
    assert!(draft(&"x".repeat(1_000)).checked(&limits, Sort::Chat).is_ok());
    let too_long = DraftFault::BodyTooLong { max: 1_000 };
    assert_eq!(draft(&"x".repeat(1_001)).checked(&limits, Sort::Chat), Err(too_long));
    assert!(draft(&"x".repeat(1_001)).checked(&limits, Sort::Other).is_ok());
}

#[test]
fn a_name_is_cleaned_before_it_is_measured() {
    assert_eq!(page(signed(" A\u{202e}da\n", None)).unwrap().name.as_deref(), Some("Ada"));
    assert_eq!(page(signed("\u{200b}", None)).unwrap().name.as_deref(), Some(""));
    assert!(page(signed(&format!("{}\u{200b}", "x".repeat(60)), None)).is_ok());
    assert_eq!(page(signed(&"x".repeat(61), None)), Err(DraftFault::NameTooLong { max: 60 }));
    assert_eq!(page(draft("x")).unwrap().name, None);
}

#[test]
fn only_a_sha_256_is_an_email_hash() {
    assert!(page(signed("", Some(&"0a".repeat(32)))).is_ok());
    for bad in ["", "ada@example.org", &"0A".repeat(32), &"0".repeat(63), &"0".repeat(65)] {
        assert_eq!(page(signed("", Some(bad))), Err(DraftFault::EmailHashInvalid), "{bad}");
    }
}

#[test]
fn nonces_and_parents_are_checked() {
    let with_nonce = |nonce: &str| page(Draft { nonce: Some(nonce.into()), ..draft("x") });
    assert_eq!(with_nonce("aZ_-9").unwrap().nonce.as_deref(), Some("aZ_-9"));
    assert!(with_nonce(&"n".repeat(64)).is_ok());
    for bad in ["", "a b", "ä", "a=", &"n".repeat(65)] {
        assert_eq!(with_nonce(bad), Err(DraftFault::NonceInvalid), "{bad}");
    }
    let with_parent = |parent: &str| page(Draft { parent: Some(parent.into()), ..draft("x") });
    assert_eq!(with_parent("c7").unwrap().parent, Some(CommentId::parse("c7").unwrap()));
    assert_eq!(with_parent("7"), Err(DraftFault::ParentInvalid));
}

#[test]
fn a_draft_is_read_from_a_request_and_kept_out_of_logs() {
    let text = r#"{"body":"secret","author":{"name":"Ada"},"page":{"url":"https://a.example/"}}"#;
    let draft: Draft = serde_json::from_str(text).unwrap();
    assert_eq!(draft.author.as_ref().unwrap().name, "Ada");
    let checked = page(draft.clone()).unwrap();
    assert!(!format!("{draft:?}{checked:?}").contains("secret"));
}

proptest! {
    #[test]
    fn made_ids_are_ids(bytes in any::<[u8; ID_BYTES]>()) {
        let id = CommentId::from_random(bytes);
        prop_assert_eq!(id.as_str().len(), 21);
        prop_assert_eq!(CommentId::parse(id.as_str()), Ok(id));
    }

    #[test]
    fn every_used_bit_tells_ids_apart(bytes in any::<[u8; ID_BYTES]>(), bit in 0_usize..100) {
        let mut other = bytes;
        other[bit / 8] ^= 0x80 >> (bit % 8);
        prop_assert_ne!(CommentId::from_random(bytes), CommentId::from_random(other));
    }

    #[test]
    fn no_draft_makes_it_panic(body in any::<String>(), name in any::<String>(), nonce in any::<Option<String>>()) {
        let author = Some(DraftAuthor { name, email_hash: None });
        if let Ok(checked) = page(Draft { body, author, nonce, ..Draft::default() }) {
            prop_assert!(!checked.body.is_empty());
            prop_assert!(checked.name.unwrap().chars().count() <= 60);
        }
    }
}
