//! The events of the Markdown parser, made into fewer kinds: what is not known here does not get to be HTML.
//!
//! Headings become bold paragraphs, images links, raw HTML text, a line break a line break; bare addresses become links; a
//! link whose scheme is not allowed loses its address, and nesting beyond a depth its tags, but nothing loses its text.

use linkify::{LinkFinder, LinkKind};
use pulldown_cmark::{CodeBlockKind, CowStr, Event, LinkType, Options, Parser, Tag, TagEnd};
use url::Url;

use super::{SCHEMES, is_language};

/// How deep quotes, lists and emphasis may stand in one another, counted together; an item counts besides its list.
const DEPTH_MAX: usize = 20;
const LINK_BYTES_MAX: usize = 2_048;

/// The events of `source` that may become HTML. Starts and ends are balanced, and at most [`DEPTH_MAX`] and the leaves deep.
pub(super) fn events(source: &str) -> Vec<Event<'_>> {
    let mut filter = Filter::new();
    for (event, range) in Parser::new_ext(source, Options::ENABLE_STRIKETHROUGH).into_offset_iter() {
        filter.take(event, source.get(range).unwrap_or_default());
    }
    filter.flush_text();
    filter.out
}

/// What became of a tag that was started.
enum Opened {
    Kept(TagEnd),
    /// A heading: a paragraph and bold letters.
    Heading,
    /// An image made a link to this address, and where what it shows begins in `out`.
    Image(String, usize),
    /// An item of a list that was left out: a line.
    Line,
    LeftOut,
}

struct Filter<'a> {
    out: Vec<Event<'a>>,
    open: Vec<Opened>,
    /// Text that was not put out yet: addresses are looked for in it as a whole, however the parser cut it.
    text: String,
    finder: LinkFinder,
    depth: usize,
    is_in_link: bool,
    is_in_code: bool,
}

impl<'a> Filter<'a> {
    fn new() -> Self {
        let mut finder = LinkFinder::new();
        finder.kinds(&[LinkKind::Url, LinkKind::Email]);
        Self { out: Vec::new(), open: Vec::new(), text: String::new(), finder, depth: 0, is_in_link: false, is_in_code: false }
    }

    fn take(&mut self, event: Event<'a>, source: &'a str) {
        match event {
            Event::Text(text) if self.is_in_code => self.out.push(Event::Text(text)),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text.push_str(&text),
            Event::Start(tag) => {
                self.flush_text();
                let opened = self.start(tag);
                self.open.push(opened);
            }
            Event::End(end) => {
                if end == TagEnd::HtmlBlock {
                    self.text.truncate(self.text.trim_end().len());
                }
                self.flush_text();
                self.end();
            }
            Event::Code(code) => {
                self.flush_text();
                self.out.push(Event::Code(code));
            }
            Event::SoftBreak | Event::HardBreak => {
                self.flush_text();
                self.out.push(Event::HardBreak);
            }
            Event::Rule => {
                self.flush_text();
                self.out.push(Event::Start(Tag::Paragraph));
                self.out.push(Event::Text(source.trim().into()));
                self.out.push(Event::End(TagEnd::Paragraph));
            }
            // None of these is switched on; were it, its source would be shown.
            Event::InlineMath(_) | Event::DisplayMath(_) | Event::FootnoteReference(_) | Event::TaskListMarker(_) => {
                self.text.push_str(source)
            }
        }
    }

    fn start(&mut self, tag: Tag<'a>) -> Opened {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.keep(Tag::Paragraph),
            Tag::Heading { .. } => {
                self.out.push(Event::Start(Tag::Paragraph));
                self.out.push(Event::Start(Tag::Strong));
                Opened::Heading
            }
            Tag::CodeBlock(kind) => {
                self.is_in_code = true;
                self.keep(Tag::CodeBlock(named_or_plain(kind)))
            }
            Tag::BlockQuote(_) => self.nest(Tag::BlockQuote(None)),
            Tag::List(_) | Tag::Emphasis | Tag::Strong | Tag::Strikethrough => self.nest(tag),
            Tag::Item if matches!(self.open.last(), Some(Opened::Kept(TagEnd::List(_)))) => {
                self.depth += 1;
                self.keep(Tag::Item)
            }
            Tag::Item => Opened::Line,
            Tag::Link { link_type, dest_url, .. } => match self.link(link_type, &dest_url) {
                Some(_) => Opened::Kept(TagEnd::Link),
                None => Opened::LeftOut,
            },
            Tag::Image { link_type, dest_url, .. } => match self.link(link_type, &dest_url) {
                Some(address) => Opened::Image(address, self.out.len()),
                None => Opened::LeftOut,
            },
            _ => Opened::LeftOut,
        }
    }

    fn end(&mut self) {
        match self.open.pop() {
            Some(Opened::Kept(end)) => {
                match end {
                    TagEnd::Link => self.is_in_link = false,
                    TagEnd::CodeBlock => self.is_in_code = false,
                    TagEnd::Paragraph => {}
                    _ => self.depth -= 1,
                }
                self.out.push(Event::End(end));
            }
            Some(Opened::Heading) => {
                self.out.push(Event::End(TagEnd::Strong));
                self.out.push(Event::End(TagEnd::Paragraph));
            }
            Some(Opened::Image(address, began)) => {
                if self.out.len() == began {
                    self.out.push(Event::Text(address.into()));
                }
                self.is_in_link = false;
                self.out.push(Event::End(TagEnd::Link));
            }
            Some(Opened::Line) if !matches!(self.out.last(), Some(Event::HardBreak)) => {
                self.out.push(Event::HardBreak);
            }
            Some(Opened::Line | Opened::LeftOut) | None => {}
        }
    }

    fn keep(&mut self, tag: Tag<'a>) -> Opened {
        let end = tag.to_end();
        self.out.push(Event::Start(tag));
        Opened::Kept(end)
    }

    /// Keeps a tag that may stand in its like, unless that is too deep.
    fn nest(&mut self, tag: Tag<'a>) -> Opened {
        if self.depth >= DEPTH_MAX {
            return Opened::LeftOut;
        }
        self.depth += 1;
        self.keep(tag)
    }

    /// Starts a link and answers its address, if there may be one: links do not stand in links.
    fn link(&mut self, link_type: LinkType, address: &str) -> Option<String> {
        let address = match link_type {
            LinkType::Email => allowed_address(&format!("mailto:{address}")),
            _ => allowed_address(address),
        };
        let address = address.filter(|_| !self.is_in_link)?;
        self.is_in_link = true;
        self.out.push(Event::Start(link_to(address.clone())));
        Some(address)
    }

    /// Puts out the text that was gathered: its addresses as links, its line ends (there are some in raw HTML) as line breaks.
    fn flush_text(&mut self) {
        let text = std::mem::take(&mut self.text);
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.out.push(Event::HardBreak);
            }
            if self.is_in_link {
                push_text(&mut self.out, line);
                continue;
            }
            for span in self.finder.spans(line) {
                let address = match span.kind() {
                    Some(LinkKind::Url) => allowed_address(span.as_str()),
                    Some(LinkKind::Email) => allowed_address(&format!("mailto:{}", span.as_str())),
                    _ => None,
                };
                match address {
                    Some(address) => {
                        self.out.push(Event::Start(link_to(address)));
                        push_text(&mut self.out, span.as_str());
                        self.out.push(Event::End(TagEnd::Link));
                    }
                    None => push_text(&mut self.out, span.as_str()),
                }
            }
        }
    }
}

fn push_text(out: &mut Vec<Event<'_>>, text: &str) {
    if !text.is_empty() {
        out.push(Event::Text(CowStr::from(text.to_owned())));
    }
}

fn link_to<'a>(address: String) -> Tag<'a> {
    Tag::Link { link_type: LinkType::Inline, dest_url: address.into(), title: CowStr::Borrowed(""), id: CowStr::Borrowed("") }
}

/// An address as the URL standard reads it, if it is absolute and its scheme is allowed: what a browser would make of
/// `java\nscript:` is seen here as well.
fn allowed_address(text: &str) -> Option<String> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= LINK_BYTES_MAX)?;
    SCHEMES.contains(&url.scheme()).then(|| url.into())
}

/// A code block with the language that its fence names in its first word, if it is one.
fn named_or_plain(kind: CodeBlockKind<'_>) -> CodeBlockKind<'_> {
    let language = match &kind {
        CodeBlockKind::Fenced(info) => info.split_whitespace().next().unwrap_or_default().to_ascii_lowercase(),
        CodeBlockKind::Indented => String::new(),
    };
    if is_language(&language) { CodeBlockKind::Fenced(language.into()) } else { CodeBlockKind::Indented }
}
