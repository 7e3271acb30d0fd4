//! Event-stream framing (WHATWG HTML §9.2): what is written between one blank line and the next. Relies on nothing; what goes
//! into `data:` is `stream`'s matter.
//!
//! JSON text has no raw line breaks, so it is one `data:` line and arrives to the letter. Other text arrives with each of `\r`,
//! `\r\n` and `\n` as `\n`, as the format has it.

/// One event. `name` and `id` are left out where they hold a line break, an id also where it holds NUL: the format cannot say them.
pub fn event(name: &str, id: Option<&str>, data: &str) -> String {
    let mut out = String::with_capacity(name.len() + data.len() + 64);
    if !name.is_empty() && !has_line_break(name) {
        push_line(&mut out, "event: ", name);
    }
    if let Some(id) = id.filter(|id| !has_line_break(id) && !id.contains('\0')) {
        push_line(&mut out, "id: ", id);
    }
    if has_line_break(data) {
        for line in data.replace("\r\n", "\n").split(['\r', '\n']) {
            push_line(&mut out, "data: ", line);
        }
    } else {
        push_line(&mut out, "data: ", data);
    }
    out.push('\n');
    out
}

/// How long a client waits before it comes back.
pub fn retry(wait_ms: u64) -> String {
    format!("retry: {wait_ms}\n\n")
}

/// A line that says nothing, so that whatever lies between does not take the stream for dead.
pub const fn comment() -> &'static str {
    ":\n\n"
}

fn push_line(out: &mut String, field: &str, value: &str) {
    // The space after the colon is dropped by readers, so a value that begins with one keeps it.
    out.push_str(field);
    out.push_str(value);
    out.push('\n');
}

fn has_line_break(text: &str) -> bool {
    text.bytes().any(|byte| byte == b'\r' || byte == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a reader makes of a stream, by the letter of the standard: (name, last id, data), and the last `retry`.
    fn parse(stream: &str) -> (Vec<(String, String, String)>, Option<u64>) {
        let stream = stream.strip_prefix('\u{feff}').unwrap_or(stream).replace("\r\n", "\n").replace('\r', "\n");
        let (mut events, mut retry) = (Vec::new(), None);
        let (mut name, mut id, mut data) = (String::new(), String::new(), String::new());
        for line in stream.split('\n') {
            if line.is_empty() {
                if let Some(data) = data.strip_suffix('\n') {
                    events.push((std::mem::take(&mut name), id.clone(), data.to_owned()));
                }
                name.clear();
                data.clear();
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => name = value.to_owned(),
                "data" => data += &format!("{value}\n"),
                "id" if !value.contains('\0') => id = value.to_owned(),
                "retry" => retry = value.parse().ok(),
                _ => {}
            }
        }
        (events, retry)
    }

    #[test]
    fn an_event_has_its_bytes() {
        assert_eq!(event("position", Some("e:1"), "e:1"), "event: position\nid: e:1\ndata: e:1\n\n");
        assert_eq!(event("viewers", None, "{}"), "event: viewers\ndata: {}\n\n");
        assert_eq!(event("x", Some("a\nb"), "a\r\nb\rc\nd"), "event: x\ndata: a\ndata: b\ndata: c\ndata: d\n\n");
        assert_eq!((retry(5).as_str(), comment()), ("retry: 5\n\n", ":\n\n"));
    }

    #[test]
    fn ids_never_hold_nul() {
        assert_eq!(event("x", Some("a\0b"), ""), "event: x\ndata: \n\n");
    }

    #[test]
    fn json_with_every_awkward_character_arrives_to_the_letter() {
        for text in ["\r", "\n", "\r\n", "\0", "\u{feff}", "\u{2028}", " leading", "a:b", ""] {
            let json = serde_json::to_string(&[text]).unwrap();
            let (events, _) = parse(&event("publication", Some("e:1"), &json));
            assert_eq!(events, [("publication".to_owned(), "e:1".to_owned(), json)]);
        }
        let lone = r#"["\ud800","\r\n\u0000"]"#;
        assert_eq!(parse(&event("publication", None, lone)).0[0].2, lone);
    }

    proptest! {
        #[test]
        fn a_stream_is_read_as_it_was_written(texts in proptest::collection::vec(any::<String>(), 1..5)) {
            let mut stream = retry(17) + comment();
            for text in &texts {
                stream += &event("publication", Some("e:9"), &serde_json::to_string(text).unwrap());
                stream += &event("plain", None, text);
            }
            let (events, retry) = parse(&stream);
            prop_assert_eq!(retry, Some(17));
            prop_assert_eq!(events.len(), texts.len() * 2);
            for (pair, text) in events.chunks(2).zip(&texts) {
                prop_assert_eq!(&pair[0].2, &serde_json::to_string(text).unwrap());
                prop_assert_eq!(&pair[1].2, &text.replace("\r\n", "\n").replace('\r', "\n"));
            }
        }
    }
}
