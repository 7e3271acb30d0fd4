//! Answers that are the same for all, compressed: by brotli where the build has done that, else by gzip, once for each worker, and kept by
//! their tag, so that a page of comments that many read is not compressed for each. What is for one bearer never comes here: it is asked
//! for once, and a secret beside a stranger's words must not show in a length.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// Shorter answers fit into a packet or two as they are.
const BYTES_MIN: usize = 1_024;
/// Bytes kept for each worker; when there are more, all go.
const KEPT_BYTES_MAX: usize = 4 * 1024 * 1024;

#[derive(Default)]
struct Kept {
    answers: HashMap<String, Bytes>,
    bytes: usize,
}

thread_local! {
    static KEPT: RefCell<Kept> = RefCell::default();
}

/// What an answer says.
pub struct Text {
    /// As it is.
    pub plain: Bytes,
    /// The same compressed by brotli (RFC 7932), if anybody has done that beforehand.
    pub brotli: Option<Bytes>,
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        Text { plain: text.into(), brotli: None }
    }
}

/// The text compressed, with the name of its coding, where the asker takes one and it pays. `tag` names the text.
pub(super) fn squeezed(asked: &HeaderMap, tag: &str, text: &Text) -> Option<(&'static str, Bytes)> {
    match &text.brotli {
        Some(brotli) if takes(asked, "br") => Some(("br", brotli.clone())),
        _ => gzipped(asked, tag, &text.plain).map(|short| ("gzip", short)),
    }
}

fn gzipped(asked: &HeaderMap, tag: &str, text: &[u8]) -> Option<Bytes> {
    if text.len() < BYTES_MIN || !takes(asked, "gzip") {
        return None;
    }
    KEPT.with_borrow_mut(|kept| {
        if let Some(answer) = kept.answers.get(tag) {
            return Some(answer.clone());
        }
        let answer = compress(text)?;
        if kept.bytes + answer.len() > KEPT_BYTES_MAX {
            *kept = Kept::default();
        }
        kept.bytes += answer.len();
        kept.answers.insert(tag.to_owned(), answer.clone());
        Some(answer)
    })
}

fn compress(text: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 2), Compression::default());
    encoder.write_all(text).ok()?;
    encoder.finish().ok().filter(|short| short.len() < text.len()).map(Bytes::from)
}

/// Whether `Accept-Encoding` has this coding, with a weight other than 0 (RFC 9110 §12.5.3).
fn takes(asked: &HeaderMap, wanted: &str) -> bool {
    let values = asked.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_it = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
        let weight = parts.find_map(|part| part.strip_prefix("q=")).and_then(|weight| weight.parse::<f32>().ok());
        is_it && weight.is_none_or(|weight| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use http::HeaderValue;

    use super::*;

    fn asking(encoding: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(encoding))])
    }

    #[test]
    fn whoever_takes_it_gets_it_and_the_second_time_the_same_bytes() {
        let text = "a comment ".repeat(500);
        let once = gzipped(&asking("br, gzip;q=0.5"), "t", text.as_bytes()).unwrap();
        let again = gzipped(&asking("GZIP"), "t", text.as_bytes()).unwrap();
        assert_eq!(once.as_ptr(), again.as_ptr());
        let mut back = String::new();
        flate2::read::GzDecoder::new(&once[..]).read_to_string(&mut back).unwrap();
        assert_eq!(back, text);
    }

    #[test]
    fn who_does_not_take_it_and_what_is_short_stay_plain() {
        let text = "a comment ".repeat(500);
        for encoding in ["", "br", "gzip;q=0", "gzipped"] {
            assert!(gzipped(&asking(encoding), "t", text.as_bytes()).is_none(), "{encoding}");
        }
        assert!(gzipped(&asking("gzip"), "s", b"short").is_none());
    }

    #[test]
    fn what_was_compressed_by_brotli_beforehand_goes_to_whoever_takes_it() {
        let text = Text { plain: "a comment ".repeat(500).into(), brotli: Some(Bytes::from_static(b"short")) };
        let coding = |encoding| squeezed(&asking(encoding), "b", &text).map(|(coding, _)| coding);
        assert_eq!(coding("gzip, deflate, br"), Some("br"));
        assert_eq!(coding("gzip, br;q=0"), Some("gzip"));
        assert_eq!(coding("identity"), None);
        assert!(squeezed(&asking("br"), "c", &"a comment ".repeat(500).into()).is_none(), "nobody has done it");
    }
}
