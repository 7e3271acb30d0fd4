//! Answers that are the same for all, compressed: once for each worker, and kept by their tag, so that a page of comments that many read is
//! not compressed for each. What is for one bearer never comes here: it is asked for once, and a secret beside a stranger's words must not
//! show in a length.

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

/// The text compressed by gzip, where the asker takes that and it pays. `tag` names the text.
pub(super) fn gzipped(asked: &HeaderMap, tag: &str, text: &[u8]) -> Option<Bytes> {
    if text.len() < BYTES_MIN || !takes_gzip(asked) {
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

/// Whether `Accept-Encoding` has gzip, with a weight other than 0 (RFC 9110 §12.5.3).
fn takes_gzip(asked: &HeaderMap) -> bool {
    let values = asked.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let weight = parts.find_map(|part| part.strip_prefix("q=")).and_then(|weight| weight.parse::<f32>().ok());
        is_gzip && weight.is_none_or(|weight| weight > 0.0)
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
}
