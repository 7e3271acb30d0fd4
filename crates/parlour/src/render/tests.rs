//! What is shown for what is typed, and that nothing typed becomes active.
//!
//! The scanner knows nothing of HTML parsers: it accepts the few tags that may be there, letter by letter, and nothing else.

mod hostile;

use proptest::prelude::*;

use super::*;
use hostile::HOSTILE;

/// Every tag of `html`, or what it was that may not be there. Nesting is checked, too.
fn scan(html: &str) -> Result<Vec<&str>, String> {
    let mut tags = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find(['<', '>']) {
        let after = rest[at..].strip_prefix('<').ok_or("a > outside a tag")?;
        let (tag, next) = after.split_once('>').ok_or("a tag without an end")?;
        tags.push(tag);
        rest = next;
        if let Some(name) = tag.strip_prefix('/') {
            let opened = open.pop();
            if opened != Some(name) {
                return Err(format!("{name} ends where {opened:?} is open"));
            }
        } else if tag != "br" {
            open.push(allowed_name(tag).ok_or_else(|| format!("<{tag}>"))?);
        }
        if open.len() > 30 {
            return Err("too deep".into());
        }
    }
    if open.is_empty() { Ok(tags) } else { Err(format!("left open: {open:?}")) }
}

fn allowed_name(tag: &str) -> Option<&str> {
    const PLAIN: [&str; 11] = ["p", "em", "strong", "del", "code", "pre", "blockquote", "ul", "ol", "li", "a"];
    if PLAIN.contains(&tag) {
        return Some(tag);
    }
    // A link that lost its address; the filter leaves none, the gate alone may.
    if tag == "a rel=\"nofollow ugc noopener\"" {
        return Some("a");
    }
    if let Some(language) = tag.strip_prefix("code class=\"language-").and_then(|rest| rest.strip_suffix('"')) {
        return language
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+#-".contains(&byte))
            .then_some("code");
    }
    let href = tag.strip_prefix("a href=\"")?.strip_suffix("\" rel=\"nofollow ugc noopener\"")?;
    let scheme_is_good = ["http://", "https://", "mailto:"].iter().any(|scheme| href.starts_with(scheme));
    (scheme_is_good && !href.contains(['"', '<', ' ', '\n'])).then_some("a")
}

#[test]
fn the_scanner_sees_what_may_not_be_there() {
    for bad in [
        "<script>",
        "<p onclick=x></p>",
        "<a href=\"javascript:x\" rel=\"nofollow ugc noopener\"></a>",
        "<a href=\"http://x\"></a>",
        "<p>",
        "</p>",
        "<p></em>",
        "a>b",
        "<p",
        "<img>",
        "<code class=\"x\"></code>",
        "<P></P>",
    ] {
        assert!(scan(bad).is_err(), "{bad}");
    }
    assert_eq!(scan("<p>a<br></p>"), Ok(vec!["p", "br", "/p"]));
}

fn assert_renders(cases: &[(&str, &str)]) {
    for (source, expected) in cases {
        assert_eq!(render(source).replace(" rel=\"nofollow ugc noopener\"", ""), *expected, "{source:?}");
    }
}

#[test]
fn words_are_set_as_they_are_meant() {
    assert_renders(&[
        ("", ""),
        ("Hi", "<p>Hi</p>"),
        ("a\n\nb", "<p>a</p>\n<p>b</p>"),
        ("*a* **b** ~~c~~ `d < e`", "<p><em>a</em> <strong>b</strong> <del>c</del> <code>d &lt; e</code></p>"),
        ("1 < 2 && 3 > 2", "<p>1 &lt; 2 &amp;&amp; 3 &gt; 2</p>"),
        ("&lt;b&gt; &copy;", "<p>&lt;b&gt; ©</p>"),
        ("> q", "<blockquote>\n<p>q</p>\n</blockquote>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("1. a\n2. b", "<ol>\n<li>a</li>\n<li>b</li>\n</ol>"),
    ]);
}

#[test]
fn a_line_break_is_a_line_break() {
    assert_renders(&[("a\nb", "<p>a<br>\nb</p>"), ("a  \nb", "<p>a<br>\nb</p>"), ("a\\\nb", "<p>a<br>\nb</p>")]);
}

#[test]
fn headings_become_bold_and_rules_stay_as_typed() {
    assert_renders(&[
        ("# A *b*", "<p><strong>A <em>b</em></strong></p>"),
        ("A\n===", "<p><strong>A</strong></p>"),
        ("a\n\n---\n\nb", "<p>a</p>\n<p>---</p>\n<p>b</p>"),
    ]);
}

#[test]
fn images_become_links() {
    assert_renders(&[
        ("![a *b*](https://i.example/x.png \"t\")", "<p><a href=\"https://i.example/x.png\">a <em>b</em></a></p>"),
        ("![](https://i.example/x.png)", "<p><a href=\"https://i.example/x.png\">https://i.example/x.png</a></p>"),
        ("[![a](https://i.example/x)](https://a.example/)", "<p><a href=\"https://a.example/\">a</a></p>"),
        ("![a](data:image/png;base64,x)", "<p>a</p>"),
    ]);
}

#[test]
fn links_and_bare_addresses_are_links() {
    assert_renders(&[
        ("[a](https://a.example \"t\")", "<p><a href=\"https://a.example/\">a</a></p>"),
        ("[a][1]\n\n[1]: http://a.example/b", "<p><a href=\"http://a.example/b\">a</a></p>"),
        ("<a@b.example>", "<p><a href=\"mailto:a@b.example\">a@b.example</a></p>"),
        (
            "see https://a.example/x_y_z?a=1&b=2.",
            "<p>see <a href=\"https://a.example/x_y_z?a=1&amp;b=2\">https://a.example/x_y_z?a=1&amp;b=2</a>.</p>",
        ),
        ("(https://a.example/x)", "<p>(<a href=\"https://a.example/x\">https://a.example/x</a>)</p>"),
        ("ada@a.example", "<p><a href=\"mailto:ada@a.example\">ada@a.example</a></p>"),
        ("[https://a.example](https://b.example)", "<p><a href=\"https://b.example/\">https://a.example</a></p>"),
        ("`https://a.example`", "<p><code>https://a.example</code></p>"),
        ("    https://a.example", "<pre><code>https://a.example</code></pre>"),
        ("[a](/relative) [b](ftp://a.example)", "<p>a b</p>"),
        ("ftp://a.example", "<p>ftp://a.example</p>"),
    ]);
    assert!(render("https://a.example").contains(" rel=\"nofollow ugc noopener\">"));
}

#[test]
fn a_fence_names_its_language_or_none() {
    assert_renders(&[
        ("```rust ignore\na < b\n```", "<pre><code class=\"language-rust\">a &lt; b\n</code></pre>"),
        ("```C++\nx\n```", "<pre><code class=\"language-c++\">x\n</code></pre>"),
        ("```\nx\n```", "<pre><code>x\n</code></pre>"),
        ("```a\"onload=\"x\nx\n```", "<pre><code>x\n</code></pre>"),
        ("```a&quot;b\nx\n```", "<pre><code>x\n</code></pre>"),
    ]);
    assert!(!render(&format!("```{}\nx\n```", "a".repeat(31))).contains("class"));
}

#[test]
fn raw_html_is_shown_as_text() {
    assert_renders(&[
        ("a <b>c</b>", "<p>a &lt;b&gt;c&lt;/b&gt;</p>"),
        ("<div>\nx\n</div>", "<p>&lt;div&gt;<br>\nx<br>\n&lt;/div&gt;</p>"),
        ("<!-- x -->", "<p>&lt;!-- x --&gt;</p>"),
    ]);
}

#[test]
fn hostile_texts_yield_nothing_active() {
    assert!(HOSTILE.len() >= 200);
    for source in HOSTILE.iter() {
        let html = render(source);
        assert!(scan(&html).is_ok(), "{source:?}: {html}: {:?}", scan(&html));
    }
    for (index, one) in HOSTILE.iter().enumerate() {
        let other = &HOSTILE[HOSTILE.len() - 1 - index];
        let html = render(&format!("- {one}\n\n{other}\n> {one}{other}"));
        assert!(scan(&html).is_ok(), "{one:?} {other:?}: {html}: {:?}", scan(&html));
    }
}

#[test]
fn the_gate_alone_lets_nothing_active_through() {
    for source in HOSTILE.iter() {
        let html = GATE.clean(source).to_string();
        assert!(scan(&html).is_ok(), "{source:?}: {html}: {:?}", scan(&html));
    }
}

#[test]
fn bombs_of_nesting_are_flat_and_keep_their_text() {
    let bombs = [
        ">".repeat(20_000) + "end",
        "> ".repeat(20_000) + "end",
        "- ".repeat(20_000) + "end",
        "1. ".repeat(10_000) + "end",
        "*a **b ".repeat(5_000) + "end" + &"** *".repeat(5_000),
        "[".repeat(30_000) + "end",
        "![".repeat(10_000) + "end" + &"](http://a.example)".repeat(2_000),
        "[a](".repeat(10_000) + "end",
        "`".repeat(30_000) + "end",
        "<a ".repeat(10_000) + "end",
        "~~a *b ".repeat(5_000) + "end" + &"* ~~".repeat(5_000),
        "* _ ".repeat(10_000) + "end",
        "http://".repeat(9_000) + "end",
        "a@".repeat(30_000) + "end",
        // As long as a body may be; the gate looks through the rest of a text at each `&`.
        "&".repeat(9_997) + "end",
        "\"<".repeat(30_000) + "end",
        (0..80).map(|depth| format!("{}- x\n", "  ".repeat(depth))).collect::<String>() + "end",
    ];
    for bomb in bombs {
        let html = render(&bomb);
        let start: String = bomb.chars().take(20).collect();
        assert!(scan(&html).is_ok(), "{start}: {:?}", scan(&html));
        assert!(html.contains("end"), "{start}");
        assert!(html.len() <= HTML_BYTES_MAX, "{start}");
    }
}

#[test]
fn what_would_grow_too_long_is_shown_as_text() {
    let source = format!("[a]: http://a.example/{}\n\n{}", "x".repeat(1_900), "[a] ".repeat(14_000));
    let html = render(&source);
    assert!(scan(&html).is_ok() && html.len() <= HTML_BYTES_MAX);
    // Short links that grow tenfold, with the `rel` that the gate adds.
    let html = render(&"<b@c.d>".repeat(9_000));
    assert!(scan(&html).is_ok() && html.len() <= HTML_BYTES_MAX);
    assert!(html.starts_with("<p>&lt;b@c.d&gt;"), "it is shown as it was typed");
    let escaped = plain(&"&\n".repeat(SOURCE_BYTES_MAX / 2));
    assert!(scan(&escaped).is_ok() && escaped.len() <= HTML_BYTES_MAX);
    assert_eq!(plain("a < b\n\0"), "<p>a &lt; b<br>\u{fffd}</p>");
}

#[test]
fn a_source_beyond_the_limit_is_cut_between_characters() {
    let html = render(&"ä".repeat(SOURCE_BYTES_MAX));
    assert_eq!(html.len(), "<p></p>".len() + SOURCE_BYTES_MAX);
}

#[test]
fn stray_bits_of_markdown_do_not_glue_words() {
    assert_renders(&[("snake_case_name and 2*3*4", "<p>snake_case_name and 2<em>3</em>4</p>")]);
}

/// Texts made of what means something to a parser.
fn marked_up() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ a-z\\n]{0,4}",
        proptest::sample::select(
            &[
                "*",
                "**",
                "_",
                "~~",
                "`",
                "```",
                "> ",
                "- ",
                "1. ",
                "# ",
                "[",
                "]",
                "(",
                ")",
                "![",
                "<",
                ">",
                "</",
                "<a ",
                "<script>",
                "<!--",
                "-->",
                "&",
                "&#x3c;",
                "\"",
                "'",
                "\\",
                "\n",
                "\n\n",
                "    ",
                "\t",
                "http://a.example/",
                "a@b.example",
                "javascript:",
                "data:",
                "](",
                "]: ",
                "---",
                "===",
                "<div>",
                "\0",
                "\u{202e}",
                "onload=",
            ][..]
        )
        .prop_map(str::to_owned),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn whatever_is_marked_up_is_harmless(source in marked_up()) {
        let html = render(&source);
        prop_assert!(scan(&html).is_ok(), "{}: {:?}", html, scan(&html));
    }

    #[test]
    fn whatever_is_typed_is_harmless(source in any::<String>()) {
        prop_assert!(scan(&render(&source)).is_ok());
    }

    #[test]
    fn hostile_texts_mixed_are_harmless(picks in proptest::collection::vec(0..HOSTILE.len(), 1..5), glue in "[ \\n>*_`-]{0,3}") {
        let source = picks.iter().map(|pick| HOSTILE[*pick].as_str()).collect::<Vec<_>>().join(&glue);
        let html = render(&source);
        prop_assert!(scan(&html).is_ok(), "{}: {:?}", html, scan(&html));
    }

    #[test]
    fn plain_words_come_out_as_they_went_in(words in "[a-z]{1,8}( [a-z]{1,8}){0,5}") {
        prop_assert_eq!(render(&words), format!("<p>{words}</p>"));
    }
}
