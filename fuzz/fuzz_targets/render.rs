//! Any text as a comment: what the renderer and its sanitiser make of it is parsed again as a browser parses it, and may be nothing
//! but a few elements with the few attributes that they may have, and text. A second parse must see the same as the first.

#![no_main]

use html5ever::serialize::{SerializeOpts, serialize};
use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, QualName, local_name, ns, parse_fragment};
use libfuzzer_sys::fuzz_target;
use markup5ever_rcdom::{Handle, NodeData, RcDom, SerializableHandle};
use parlour::render::{HTML_BYTES_MAX, plain_name, render};

const PLAIN: [&str; 11] = ["p", "br", "em", "strong", "del", "pre", "blockquote", "ul", "ol", "li", "code"];
const REL: &str = "nofollow ugc noopener";
/// Quotes, lists, emphasis, and the paragraph, link and text within.
const DEPTH_MAX: usize = 40;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let html = render(text);
    assert!(html.len() <= HTML_BYTES_MAX);
    let dom = parse(&html);
    for node in children_of_fragment(&dom) {
        check(&node, 0);
    }
    let again = written(&dom);
    assert_eq!(written(&parse(&again)), again, "what was parsed is written and parsed the same");
    let name = plain_name(text);
    assert!(name.len() <= text.len() && !name.contains(char::is_control));
    assert_eq!(plain_name(&name), name);
});

fn parse(html: &str) -> RcDom {
    let context = QualName::new(None, ns!(html), local_name!("div"));
    parse_fragment(RcDom::default(), ParseOpts::default(), context, Vec::new(), false).one(html)
}

/// A fragment's nodes stand in an `html` element of the parser's own.
fn children_of_fragment(dom: &RcDom) -> Vec<Handle> {
    let root = dom.document.children.borrow();
    root.iter().flat_map(|root| root.children.borrow().clone()).collect()
}

fn written(dom: &RcDom) -> String {
    let mut bytes = Vec::new();
    for node in children_of_fragment(dom) {
        let options = SerializeOpts { traversal_scope: html5ever::serialize::TraversalScope::IncludeNode, ..Default::default() };
        serialize(&mut bytes, &SerializableHandle::from(node), options).expect("memory takes everything");
    }
    String::from_utf8(bytes).expect("HTML is text")
}

fn check(node: &Handle, depth: usize) {
    assert!(depth < DEPTH_MAX, "too deep");
    match &node.data {
        NodeData::Text { .. } => {}
        NodeData::Element { name, attrs, .. } => {
            assert_eq!(name.ns, ns!(html), "{name:?}");
            let attributes: Vec<(String, String)> =
                attrs.borrow().iter().map(|attribute| (attribute.name.local.to_string(), attribute.value.to_string())).collect();
            element(&name.local, &attributes);
            for child in node.children.borrow().iter() {
                check(child, depth + 1);
            }
        }
        _ => panic!("neither text nor an element"),
    }
}

fn element(name: &str, attributes: &[(String, String)]) {
    match name {
        "a" => {
            for (attribute, value) in attributes {
                match attribute.as_str() {
                    "href" => assert!(["http://", "https://", "mailto:"].iter().any(|scheme| value.starts_with(scheme)), "{value}"),
                    "rel" => assert_eq!(value, REL),
                    other => panic!("a link with {other}"),
                }
            }
            assert!(attributes.iter().any(|(attribute, _)| attribute == "rel"), "a link without rel");
        }
        "code" if !attributes.is_empty() => {
            let [(attribute, value)] = attributes else { panic!("{attributes:?}") };
            let is_language = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'#' | b'-');
            assert!(attribute == "class" && value.strip_prefix("language-").is_some_and(|rest| rest.bytes().all(is_language)));
        }
        _ => assert!(PLAIN.contains(&name) && attributes.is_empty(), "<{name}> {attributes:?}"),
    }
}
