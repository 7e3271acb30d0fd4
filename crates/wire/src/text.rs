//! JSON as text: what is done to a document without reading its meaning, so that what an application published arrives as it was
//! written. Relies on nothing. Whether a text is JSON at all is for a parser to say; these functions are linear in any text, never
//! recurse and never panic.

use std::borrow::Cow;

/// How deep published JSON may be nested; deeper data is refused on every door. It is serde_json's own limit too.
pub const DEPTH_MAX: usize = 128;

/// Whether arrays and objects are nested at most `depth_max` deep. A scalar has depth 0, `[]` depth 1.
pub fn depth_within(text: &str, depth_max: usize) -> bool {
    let mut depth = 0usize;
    for (_, byte) in outside_strings(text.as_bytes()) {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                if depth > depth_max {
                    return false;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

/// The same JSON without white space between tokens. Numbers, escapes, the order of keys and repeated keys stay as they are.
pub fn compact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut kept_from = 0;
    for (at, byte) in outside_strings(text.as_bytes()) {
        if is_white_space(byte) {
            // White space is ASCII, so both cuts lie between characters.
            out.push_str(&text[kept_from..at]);
            kept_from = at + 1;
        }
    }
    out.push_str(&text[kept_from..]);
    out
}

/// The JSON on one line: as it is when it has no line break, else compacted. A line is a message on several wires.
pub(crate) fn on_one_line(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte == b'\n' || byte == b'\r') { Cow::Owned(compact(text)) } else { Cow::Borrowed(text) }
}

/// Appends `text` as a JSON string, quotes included.
pub fn push_string(out: &mut String, text: &str) {
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}

/// The same JSON in ASCII alone: every other character becomes an escape of its UTF-16 units. For clients that misread UTF-8.
pub fn to_ascii(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() * 2);
    for character in text.chars() {
        if character.is_ascii() {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.push_str("\\u");
                for shift in [12, 8, 4, 0] {
                    out.push(char::from(b"0123456789abcdef"[usize::from(*unit >> shift & 15)]));
                }
            }
        }
    }
    Cow::Owned(out)
}

const fn is_white_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The bytes that are not part of a string, the closing quotes among them, with their places.
fn outside_strings(bytes: &[u8]) -> impl Iterator<Item = (usize, u8)> + '_ {
    let mut in_string = false;
    let mut escaped = false;
    bytes.iter().copied().enumerate().filter(move |&(_, byte)| {
        if !in_string {
            in_string = byte == b'"';
            return true;
        }
        if escaped {
            escaped = false;
        } else if byte == b'\\' {
            escaped = true;
        } else if byte == b'"' {
            in_string = false;
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn compacting_removes_white_space_between_tokens_and_nothing_else() {
        let text = " { \"a b\" : [ 1.0e+2 ,\t-0 , 10000000000000000000000 ],\r\n\"a b\":\"\\ud800 \\\" x\\\\\" , \"ü\" : null } ";
        assert_eq!(compact(text), "{\"a b\":[1.0e+2,-0,10000000000000000000000],\"a b\":\"\\ud800 \\\" x\\\\\",\"ü\":null}");
    }

    #[test]
    fn depth_counts_brackets_outside_strings() {
        assert!(depth_within("1", 0));
        assert!(!depth_within("[]", 0));
        assert!(depth_within("[[],{\"[[[\\\"[\":[]}]", 3));
        assert!(!depth_within("[[],{\"[[[\\\"[\":[]}]", 2));
        assert!(depth_within(&("[".repeat(128) + &"]".repeat(128)), 128));
        assert!(!depth_within(&"[".repeat(129), 128));
        assert!(depth_within(&"[]".repeat(1000), 1));
    }

    #[test]
    fn strings_are_quoted() {
        let mut out = String::new();
        push_string(&mut out, "plain ü");
        push_string(&mut out, "\"\\\n\u{0}\u{1f}");
        assert_eq!(out, r#""plain ü""\"\\\n\u0000\u001f""#);
    }

    #[test]
    fn ascii_keeps_the_meaning() {
        assert_eq!(to_ascii("[\"é😀\\u0041\"]"), "[\"\\u00e9\\ud83d\\ude00\\u0041\"]");
    }

    proptest! {
        #[test]
        fn compacted_json_means_the_same(strings in proptest::collection::vec(any::<String>(), 0..5)) {
            let value = serde_json::json!({ "a": strings.clone(), "b": [[], {}, 1.5, null] });
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(compact(&pretty), value.to_string());
            let back: serde_json::Value = serde_json::from_str(&to_ascii(&pretty)).unwrap();
            prop_assert_eq!(back, value);
        }

        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            prop_assert!(compact(&text).len() <= text.len());
            depth_within(&text, 3);
        }
    }
}
