//! Documents and feeds as text: sizes, nesting, escaping, what is left out.

use std::collections::BTreeMap;

use super::*;
use crate::backend::{CommentPage, Thread};
use crate::channel::ChannelName;
use crate::comment::{Author, CommentId, Format, MemberId, State, Time};

fn comment(id: &str, parent: Option<&str>, depth: u32, html: &str) -> Comment {
    let id = CommentId::parse(id).unwrap();
    Comment {
        channel: ChannelName::parse("page:1").unwrap(),
        offset: Some(1),
        parent: parent.map(|parent| CommentId::parse(parent).unwrap()),
        root: id.clone(),
        depth,
        author: Some(Author {
            id: MemberId::parse("m'\"<1>").unwrap(),
            name: "<b>Ada</b>".into(),
            avatar: None,
            role: None,
            verified: false,
        }),
        body: "body".into(),
        format: Format::Markdown,
        html: html.into(),
        created: Time(1_000),
        edited: None,
        state: State::Approved,
        pinned: false,
        reactions: BTreeMap::new(),
        replies: 0,
        mine: None,
        id,
    }
}

fn page(comments: Vec<Comment>) -> CommentPage {
    CommentPage {
        comments,
        next: None,
        more: BTreeMap::new(),
        total: 3,
        position: "e:7".parse().unwrap(),
        thread: Some(Thread { url: "https://a.example/?a=\"&b".into(), title: "</title><script>".into(), ..Thread::default() }),
    }
}

fn document<'a>(page: &'a CommentPage, channel: &'a ChannelName) -> Document<'a> {
    Document { channel, site: None, base: "", sort: "newest", parent: None, page }
}

#[test]
fn answers_stand_in_lists_within_what_they_answer() {
    let comments = vec![
        comment("a", None, 0, "<p>a</p>"),
        comment("b", Some("a"), 1, "<p>b</p>"),
        comment("c", Some("b"), 2, "<p>c</p>"),
        comment("d", Some("a"), 1, "<p>d</p>"),
        comment("e", None, 0, "<p>e</p>"),
    ];
    let (page, channel) = (page(comments), ChannelName::parse("page:1").unwrap());
    let made = written(&document(&page, &channel));
    let mut shape = String::new();
    for line in made.html.split(['\n', '>']) {
        match line.trim() {
            "<ol" => shape.push('('),
            "</ol" => shape.push(')'),
            text if text.starts_with("<article id=\"parlour-") => shape.push_str(&text[21..22]),
            _ => {}
        }
    }
    assert_eq!((shape.as_str(), made.heads, made.given), ("(a(b(c)d)e)", 2, 2));
    assert_eq!(made.html.matches("<li>").count(), made.html.matches("</li>").count());
    assert!(made.html.contains("data-parlour-position=\"e:7\"") && made.html.contains("&lt;b&gt;Ada&lt;/b&gt;"));
    let whole = document(&page, &channel).whole(&made.html, Some("x y"));
    assert!(whole.contains("<link rel=\"canonical\" href=\"https://a.example/?a=&quot;&amp;b\">"), "{whole}");
    assert!(
        whole.contains("rel=\"next\" href=\"/v1/channels/page%3A1/comments.html?before=x%20y\"") && !whole.contains("<script")
    );
}

#[test]
fn no_document_is_larger_than_its_limit() {
    let channel = ChannelName::parse("page:1").unwrap();
    let long = format!("<p>{}</p>", "x".repeat(20_000));
    let mut comments = Vec::new();
    for root in 0..100 {
        let root = format!("r{root}");
        comments.push(comment(&root, None, 0, &long));
        comments.extend((0..2).map(|answer| comment(&format!("{root}a{answer}"), Some(&root), 1, &long)));
    }
    let many = page(comments);
    let made = written(&document(&many, &channel));
    assert!(made.heads < made.given && made.heads > 0);
    assert!(document(&many, &channel).whole(&made.html, None).len() <= DOCUMENT_BYTES_MAX);
    // One head with more than fits: what is left out is linked to.
    let huge = format!("<p>{}</p>", "&amp;".repeat(18_000));
    let mut comments = vec![comment("r", None, 0, &huge)];
    comments.extend((0..10).map(|answer| comment(&format!("a{answer}"), Some("r"), 1, &huge)));
    let one = page(comments);
    let made = written(&document(&one, &channel));
    assert!(document(&one, &channel).whole(&made.html, None).len() <= DOCUMENT_BYTES_MAX);
    assert_eq!((made.heads, made.html.contains("comments.html?parent=r\">More answers")), (1, true));
    let endless = comment("r", None, 0, &"<p>x</p>".repeat(20_000));
    assert!(text_of(&endless).len() < 1_000, "its source instead");
}

#[test]
fn a_feed_holds_what_everyone_sees_and_nothing_that_breaks_it() {
    let mut gone = comment("g", None, 0, "secret");
    gone.state = State::Deleted;
    let mut held = comment("h", None, 0, "secret");
    held.state = State::Pending;
    let shown = comment("s", Some("r"), 1, "<p>]]>\u{1}&amp;\u{fffe}</p>");
    let channel = Channel { url: "https://a.example/p#x".into(), title: "T & <t>".into() };
    let entries = [&gone, &held, &shown].map(|comment| Written { comment, channel: &channel }).into();
    let feed = Feed { id: "default:page:1", title: "T", page: "javascript:alert(1)", own: "", entries };
    let xml = feed.written();
    assert!(
        !xml.contains("secret") && !xml.contains("javascript") && !xml.contains('\u{1}') && !xml.contains('\u{fffe}'),
        "{xml}"
    );
    assert!(xml.contains("<content type=\"html\">&lt;p&gt;]]&gt;&amp;amp;&lt;/p&gt;</content>"), "{xml}");
    assert!(xml.contains("href=\"https://a.example/p#parlour-s\"") && xml.contains("ref=\"urn:parlour:r\""), "{xml}");
}
