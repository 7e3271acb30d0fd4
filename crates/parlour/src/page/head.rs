//! What a page says of itself in its first kilobytes of HTML: title and canonical address. A reader of a few tags, not a parser of
//! documents: what it does not understand it passes over, and what it finds is text that nobody trusts with more.

/// Attributes of one tag that are looked at.
const ATTRIBUTES_MAX: usize = 32;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The text of `<title>`, white space as it is.
    pub title: String,
    /// The `href` of the first `<link rel="canonical">`, as written.
    pub canonical: Option<String>,
}

/// Reads the beginning of a page.
#[must_use]
pub fn head_of(html: &str) -> Head {
    let mut head = Head::default();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        let (attributes, after) = attributes(&rest[name.len()..]);
        match name.as_str() {
            "title" if head.title.is_empty() => {
                let (text, after) = until_end(after, "title");
                head.title = decoded(text);
                rest = after;
            }
            "script" | "style" | "template" | "svg" | "noscript" => rest = until_end(after, &name).1,
            "link" => {
                let value = |wanted: &str| attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
                let is_canonical =
                    value("rel").is_some_and(|rel| rel.split_whitespace().any(|one| one.eq_ignore_ascii_case("canonical")));
                if head.canonical.is_none() && is_canonical {
                    head.canonical = value("href").map(|href| decoded(href.trim()));
                }
                rest = after;
            }
            "body" => break,
            "" => {}
            _ => rest = after,
        }
    }
    head
}

/// The attributes up to the tag's end, and what follows it.
fn attributes(tag: &str) -> (Vec<(String, String)>, &str) {
    let mut found = Vec::new();
    let mut rest = tag;
    while found.len() < ATTRIBUTES_MAX {
        rest = rest.trim_start_matches(|character: char| character.is_ascii_whitespace() || character == '/');
        if rest.is_empty() || rest.starts_with('>') {
            break;
        }
        let end = rest.find(|character: char| character.is_ascii_whitespace() || "=>/".contains(character)).unwrap_or(rest.len());
        // A stray character is stepped over.
        let end = if end == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { end };
        let name = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let mut value = "";
        if let Some(given) = rest.strip_prefix('=') {
            let given = given.trim_start();
            (value, rest) = match given.chars().next() {
                Some(quote @ ('"' | '\'')) => given[1..].split_once(quote).unwrap_or((&given[1..], "")),
                _ => given.split_at(
                    given.find(|character: char| character.is_ascii_whitespace() || character == '>').unwrap_or(given.len()),
                ),
            };
        }
        found.push((name, value.to_owned()));
    }
    (found, rest.split_once('>').map_or("", |(_, after)| after))
}

/// The text up to the end of this element, and what follows its end tag's name.
fn until_end<'a>(text: &'a str, name: &str) -> (&'a str, &'a str) {
    let mut from = 0;
    while let Some(at) = text[from..].find("</").map(|at| from + at) {
        let after = &text[at + 2..];
        if after.get(..name.len()).is_some_and(|end| end.eq_ignore_ascii_case(name)) {
            return (&text[..at], &after[name.len()..]);
        }
        from = at + 2;
    }
    (text, "")
}

/// Character references of titles as they are written; unknown ones stay as they are.
fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let reference = rest[1..].split_once(';').filter(|(name, _)| name.len() <= 10);
        match reference.and_then(|(name, after)| Some((character(name)?, after))) {
            Some((character, after)) => {
                out.push(character);
                rest = after;
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn character(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code).filter(|character| *character != '\0');
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "laquo" => '«',
        "raquo" => '»',
        "middot" => '·',
        "copy" => '©',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn title(html: &str) -> String {
        head_of(html).title
    }

    #[test]
    fn title_and_canonical_are_found_where_they_stand() {
        let html = "<!doctype html><html lang=en><head><!-- <title>no</title> --><script>var a = '<title>no</title>'</script>\
            <meta charset=utf-8><LINK HREF='https://a.example/x?a=1&amp;b=2' rel=\"shortlink Canonical\"><title lang=en>A &amp; B &#8211; \
            caf&#xe9; &unknown; &</TITLE></head><body><title>no</title><link rel=canonical href=/no>";
        let head = head_of(html);
        assert_eq!(head.title, "A & B – café &unknown; &");
        assert_eq!(head.canonical.as_deref(), Some("https://a.example/x?a=1&b=2"));
    }

    #[test]
    fn what_is_broken_ends_and_is_not_believed() {
        assert_eq!(title("<title>never closed"), "never closed");
        assert_eq!(title("<svg><title>drawing</title></svg><title>page</title>"), "page");
        assert_eq!(title("<title><b>x</b></title>"), "<b>x</b>", "text, whatever it looks like");
        assert_eq!(head_of("<link rel=canonical>").canonical, None);
        assert_eq!(head_of(""), Head::default());
    }

    proptest! {
        #[test]
        fn nothing_makes_it_fail(html in r#"(<|>|/|=|"|'|&|#|x|;|title|link|script|!--|-->| |ü){0,60}"#) {
            let head = head_of(&html);
            prop_assert!(head.title.len() <= html.len());
        }
    }
}
