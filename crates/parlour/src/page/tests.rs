//! The shared file of cases, and what hostile addresses do: nothing.

use proptest::prelude::*;

use super::*;

const CASES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../cases/pages.json"));

/// One entry of `cases/pages.json`.
#[derive(Debug, Deserialize)]
struct Case {
    url: String,
    id: Option<String>,
    key: Option<String>,
    channel: Option<String>,
    #[serde(default)]
    error: bool,
}

fn channel(url: &str) -> Result<String, PageFault> {
    channel_of(Some(url), None, &PageLimits::default()).map(|channel| channel.to_string())
}

fn key(url: &str) -> String {
    url_key(&Url::parse(url).unwrap()).unwrap()
}

#[test]
fn every_case_of_the_shared_file_holds() {
    let cases: Vec<Case> = serde_json::from_str(CASES).unwrap();
    assert!(cases.len() >= 60);
    for case in cases {
        let found = channel_of(Some(&case.url), case.id.as_deref(), &PageLimits::default());
        assert_eq!(found.is_err(), case.error, "{case:?}: {found:?}");
        assert_eq!(found.ok().map(|found| found.to_string()), case.channel, "{case:?}");
        assert_eq!(case.error, case.key.is_none(), "{case:?}");
        match (case.id.filter(|id| !id.is_empty()), case.key) {
            (Some(id), Some(expected)) => assert_eq!(format!("id:{id}"), expected),
            (None, Some(expected)) => assert_eq!(key(&case.url), expected),
            (_, None) => {}
        }
    }
}

#[test]
fn a_page_without_a_name_has_no_channel() {
    let limits = PageLimits::default();
    assert_eq!(channel_of(None, None, &limits), Err(PageFault::Unnamed));
    assert_eq!(channel_of(None, Some(""), &limits), Err(PageFault::Unnamed));
    assert!(channel_of(None, Some("post-1"), &limits).is_ok());
}

#[test]
fn lengths_are_counted_in_characters() {
    let at_limit = format!("https://a.example/{}", "ä".repeat(2_030));
    assert!(channel(&at_limit).is_ok());
    assert_eq!(channel(&format!("{at_limit}ä")), Err(PageFault::UrlTooLong { max: 2_048 }));
    let id = |length| channel_of(None, Some(&"ä".repeat(length)), &PageLimits::default());
    assert!(id(2_048).is_ok());
    assert_eq!(id(2_049), Err(PageFault::IdTooLong { max: 2_048 }));
}

fn page(url: &str, id: Option<&str>, title: &str) -> Result<PageRef, PageFault> {
    let page = Page { url: url.into(), id: id.map(Into::into), title: Some(title.into()) };
    page.checked(&PageLimits::default())
}

#[test]
fn a_checked_page_has_a_clean_title_and_an_address_without_user_and_fragment() {
    let page = page("https://u:p@www.Example.org/a?utm_source=x&b=1#c", None, " A\u{202e} \n title ").unwrap();
    assert_eq!(page.url, "https://www.example.org/a?utm_source=x&b=1");
    assert_eq!(page.title, "A title");
    assert_eq!(page.origin.to_string(), "https://www.example.org");
    assert_eq!(page.channel.as_str(), channel("https://example.org/a?b=1").unwrap());
}

#[test]
fn a_page_with_an_id_needs_a_good_address_all_the_same() {
    let one = page("https://a.example/1", Some("post"), "").unwrap();
    let other = page("https://a.example/2", Some("post"), "").unwrap();
    assert_eq!(one.channel, other.channel);
    assert_eq!(page("javascript:alert(1)", Some("post"), ""), Err(PageFault::UrlInvalid));
}

#[test]
fn a_title_has_a_limit() {
    assert!(page("https://a.example/", None, &"ä".repeat(300)).is_ok());
    let too_long = PageFault::TitleTooLong { max: 300 };
    assert_eq!(page("https://a.example/", None, &"ä".repeat(301)), Err(too_long));
}

#[test]
fn a_page_is_read_from_a_request() {
    let page: Page = serde_json::from_str(r#"{"url": "https://a.example/"}"#).unwrap();
    assert_eq!((page.id, page.title), (None, None));
    assert!(serde_json::from_str::<Page>("{}").is_err());
}

proptest! {
    #[test]
    fn no_address_makes_it_panic(url in "\\PC{0,60}|https?://[ -~]{0,60}", id in any::<Option<String>>()) {
        let _ = page(&url, id.as_deref(), "");
        if let Ok(channel) = channel(&url) {
            prop_assert!(channel.starts_with("page:") && channel.len() == 37);
        }
    }

    #[test]
    fn the_normal_form_is_its_own(text in "[ -~]{0,40}") {
        let normal = percent_normal(&text, b"/?");
        prop_assert_eq!(percent_normal(&normal, b"/?"), normal);
    }

    #[test]
    fn what_does_not_name_the_page_does_not_matter(path in "(/[a-z0-9.~%-]{0,5}){0,4}", query in "([a-c]=[0-9]&){0,3}") {
        let plain = format!("https://example.org{path}?{query}");
        let dressed = format!("http://user@WWW.example.org:80{path}?utm_source=a&{query}&ref=b&fbclid#top");
        prop_assert_eq!(channel(&plain), channel(&dressed));
    }

    #[test]
    fn the_order_of_parameters_does_not_matter(mut names in proptest::collection::hash_set("[a-z]{1,3}", 1..5)) {
        names.remove("ref");
        let forward: Vec<_> = names.iter().cloned().collect();
        let backward: Vec<_> = forward.iter().rev().cloned().collect();
        let of = |names: Vec<String>| channel(&format!("https://a.example/?{}", names.join("&")));
        prop_assert_eq!(of(forward), of(backward));
    }
}
