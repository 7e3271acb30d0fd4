//! Which pages may ask: a site's list of allowed origins, asked with what a browser sends.

use std::fmt;

use crate::page::{Origin, OriginPattern};

/// A list of allowed origins. An empty list allows none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<OriginPattern>);

/// Which text of a list is no origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginsFault(String);

impl fmt::Display for OriginsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not an origin such as https://example.org or https://*.example.org", self.0)
    }
}

impl std::error::Error for OriginsFault {}

impl Origins {
    /// Reads a list.
    ///
    /// # Errors
    /// The first text that is neither an origin of the web nor a pattern of one.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Origins, OriginsFault> {
        let read = |text: &T| {
            let text = text.as_ref().trim();
            let is_web = text.starts_with("http://") || text.starts_with("https://");
            OriginPattern::parse(text).ok().filter(|_| is_web).ok_or_else(|| OriginsFault(text.to_owned()))
        };
        texts.iter().map(read).collect::<Result<_, _>>().map(Origins)
    }

    /// Whether this origin, as a browser sends it, is one of the list. `null` never is.
    pub fn allows(&self, origin: &str) -> bool {
        Origin::parse(origin).is_ok_and(|origin| self.0.iter().any(|pattern| pattern.matches(&origin)))
    }

    /// Whether nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether an origin, as a browser sends it, is of a page of this machine, on whatever port.
pub fn is_local_origin(origin: &str) -> bool {
    let is_web = |origin: &Origin| matches!(origin.scheme(), "http" | "https");
    Origin::parse(origin).is_ok_and(|origin| is_web(&origin) && origin.is_local())
}

/// Whether the value of a `Host` header, with or without a port, names this machine.
pub fn is_local_host(host: &str) -> bool {
    is_local_origin(&format!("http://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_allows_what_one_of_its_origins_allows() {
        let origins = Origins::parse(&["https://example.org", " https://*.example.net"]).unwrap();
        for good in ["https://example.org", "https://a.example.net", "https://example.org:443"] {
            assert!(origins.allows(good), "{good}");
        }
        for bad in ["null", "", "http://example.org", "https://example.net", "https://evilexample.net", "https://example.org/"] {
            assert!(!origins.allows(bad), "{bad}");
        }
        assert!(Origins::default().is_empty() && !Origins::default().allows("https://example.org"));
    }

    #[test]
    fn what_is_no_origin_is_refused_in_the_list() {
        for bad in
            ["null", "*", "example.org", "https://*", "https://example.org/", "https://a.*.example.org", "ftp://example.org"]
        {
            assert!(Origins::parse(&[bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn this_machine_has_four_names() {
        for good in ["localhost", "localhost:5173", "a.localhost", "127.0.0.1:1", "[::1]:8080", "LOCALHOST:80"] {
            assert!(is_local_host(good), "{good}");
        }
        for bad in [
            "localhost.evil.example",
            "127.0.0.2",
            "xlocalhost",
            "[::2]",
            "evil.example",
            "",
            "::1",
            "localhost:80:80",
            "a@localhost",
            "localhost/x",
        ] {
            assert!(!is_local_host(bad), "{bad}");
        }
        assert!(!is_local_origin("null") && !is_local_origin("ftp://localhost"));
    }
}
