//! Which pages may ask: origins, compared whole, and origins by labels (`https://*.example.org`).

use std::fmt;

use url::{Host, Url};

/// A list of allowed origins. An empty list allows none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    /// Exactly this origin, in its normal form.
    Whole(String),
    /// `SCHEME://*.SUFFIX[:PORT]`: hosts with at least one more label before the suffix.
    Labels { scheme: String, suffix: String, port: Option<u16> },
}

/// Why a text is not an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginFault(String);

impl fmt::Display for OriginFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not an origin such as https://example.org or https://*.example.org", self.0)
    }
}

impl std::error::Error for OriginFault {}

impl Origins {
    /// Reads a list.
    ///
    /// # Errors
    /// The first text that is neither an origin nor a pattern of one.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Origins, OriginFault> {
        texts.iter().map(|text| pattern(text.as_ref()).ok_or_else(|| OriginFault(text.as_ref().to_owned()))).collect::<Result<_, _>>().map(Origins)
    }

    /// Whether this origin, as a browser sends it, is one of the list. `null` never is.
    pub fn allows(&self, origin: &str) -> bool {
        let Some(url) = parsed(origin) else { return false };
        let whole = url.origin().ascii_serialization();
        self.0.iter().any(|pattern| match pattern {
            Pattern::Whole(allowed) => *allowed == whole,
            Pattern::Labels { scheme, suffix, port } => {
                url.scheme() == scheme
                    && url.port() == *port
                    && matches!(url.host(), Some(Host::Domain(host)) if host.strip_suffix(suffix.as_str()).is_some_and(|label| label.len() > 1 && label.ends_with('.')))
            }
        })
    }

    /// Whether nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn pattern(text: &str) -> Option<Pattern> {
    let text = text.trim();
    let Some((scheme, rest)) = text.split_once("://*.") else {
        return Some(Pattern::Whole(parsed(text)?.origin().ascii_serialization()));
    };
    // Read as the origin of its own suffix, which thereby takes its normal form.
    let url = parsed(&format!("{scheme}://{rest}"))?;
    match url.host()? {
        Host::Domain(suffix) if !suffix.contains('*') => {
            Some(Pattern::Labels { scheme: url.scheme().to_owned(), suffix: suffix.to_owned(), port: url.port() })
        }
        _ => None,
    }
}

/// An origin and nothing more: http or https, no user, no path, no query.
fn parsed(text: &str) -> Option<Url> {
    let after_scheme = text.split_once("://")?.1;
    if after_scheme.contains(['/', '?', '#', '@', '\\', '*']) {
        return None;
    }
    let url = Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.host().is_some()).then_some(url)
}

/// Whether a host is this machine's by name: `localhost`, `*.localhost`, `127.0.0.1`, `[::1]`. Without a port.
pub fn is_local_host(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host == "localhost" || host.strip_suffix(".localhost").is_some_and(|label| !label.is_empty()) || host == "127.0.0.1" || host == "[::1]"
}

/// Whether an origin is of a page of this machine, on whatever port.
pub fn is_local_origin(origin: &str) -> bool {
    parsed(origin).and_then(|url| url.host_str().map(is_local_host)).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_compared_whole() {
        let origins = Origins::parse(&["https://example.org", "http://localhost:3000", "https://Shop.example:443"]).unwrap();
        for good in ["https://example.org", "http://localhost:3000", "https://shop.example", "https://EXAMPLE.org"] {
            assert!(origins.allows(good), "{good}");
        }
        let bad = [
            "http://example.org", "https://example.org:444", "https://example.org.evil.example", "https://evilexample.org",
            "null", "", "https://user@example.org", "https://example.org/", "https://example.org#", "https://example.org\\", "file://",
            "https://www.example.org", "https://example.org evil",
        ];
        for bad in bad {
            assert!(!origins.allows(bad), "{bad}");
        }
    }

    #[test]
    fn a_star_stands_for_whole_labels() {
        let origins = Origins::parse(&["https://*.example.org", "http://*.dev.example:8080"]).unwrap();
        for good in ["https://a.example.org", "https://a.b.example.org", "http://x.dev.example:8080"] {
            assert!(origins.allows(good), "{good}");
        }
        for bad in ["https://example.org", "https://evilexample.org", "http://a.example.org", "https://a.example.org:1", "http://x.dev.example", "https://.example.org"] {
            assert!(!origins.allows(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused_in_the_list() {
        for bad in ["null", "*", "example.org", "https://*", "https://example.org/", "https://a.*.example.org", "ftp://example.org", "https://*.*.org", "https://*.127.0.0.1"] {
            assert!(Origins::parse(&[bad]).is_err(), "{bad}");
        }
        assert!(!Origins::default().allows("https://example.org"));
    }

    #[test]
    fn this_machine_has_four_names() {
        for good in ["http://localhost", "http://localhost:5173", "https://a.localhost", "http://127.0.0.1:1", "http://[::1]:8080"] {
            assert!(is_local_origin(good), "{good}");
        }
        for bad in ["null", "http://localhost.evil.example", "http://127.0.0.2", "http://xlocalhost", "http://.localhost", "http://[::2]", "http://evil.example"] {
            assert!(!is_local_origin(bad), "{bad}");
        }
    }
}
