//! Where a page or a browser is: scheme, host and port, compared whole, never by the end of a text.

use std::fmt;

use url::{Host, Url};

/// Why an origin, or a pattern of origins, was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OriginFault {
    /// Not `scheme://host` or `scheme://host:port`.
    #[error("an origin is scheme://host or scheme://host:port, and null is none")]
    OriginInvalid,
    /// A `*` elsewhere than as the first label of a host with a name.
    #[error("a * stands for the first labels of a host: https://*.example.org")]
    PatternInvalid,
}

/// An origin (RFC 6454). `null` is none and equals nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origin {
    /// Reads the text of an `Origin` header or of a configuration: scheme, `://`, host, and a port if it is not the scheme's.
    ///
    /// # Errors
    /// [`OriginFault::OriginInvalid`], for `null` and for anything that has a path, a user or white space too.
    pub fn parse(text: &str) -> Result<Self, OriginFault> {
        let (scheme, authority) = text.split_once("://").ok_or(OriginFault::OriginInvalid)?;
        let is_odd = |character: char| character.is_whitespace() || character.is_control() || "/\\?#@%*,".contains(character);
        if authority.is_empty() || authority.contains(is_odd) || scheme.contains(is_odd) {
            return Err(OriginFault::OriginInvalid);
        }
        let url = Url::parse(text).map_err(|_| OriginFault::OriginInvalid)?;
        Self::of(&url).ok_or(OriginFault::OriginInvalid)
    }

    /// The origin of an address, if it has a host.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        let host = url.host_str().filter(|host| !host.is_empty())?;
        Some(Self { scheme: url.scheme().to_owned(), host: host.to_ascii_lowercase(), port: url.port_or_known_default() })
    }

    /// The scheme, in lower case.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The host, in lower case and ASCII; an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, or the scheme's own; none if the scheme has none.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether the host can only be this machine: `localhost`, `*.localhost`, `127.0.0.1`, `[::1]`.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let is_name = self.host == "localhost" || self.host.ends_with(".localhost");
        is_name || self.host == "127.0.0.1" || self.host == "[::1]"
    }
}

impl fmt::Display for Origin {
    /// As a browser writes it: without the scheme's own port.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        match (self.scheme.as_str(), self.port) {
            (_, None) | ("http" | "ws", Some(80)) | ("https" | "wss", Some(443)) | ("ftp", Some(21)) => Ok(()),
            (_, Some(port)) => write!(f, ":{port}"),
        }
    }
}

/// An origin that a site allows: one, or with `*` all whose host has further labels in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginPattern {
    /// Scheme and port, and the host or what it ends with.
    origin: Origin,
    below: bool,
}

impl OriginPattern {
    /// Reads `https://example.org` or `https://*.example.org`; the latter does not include the former.
    ///
    /// # Errors
    /// [`OriginFault`].
    pub fn parse(text: &str) -> Result<Self, OriginFault> {
        let Some((scheme, rest)) = text.split_once("://*.") else {
            let fault = if text.contains('*') { OriginFault::PatternInvalid } else { OriginFault::OriginInvalid };
            let origin = Origin::parse(text).map_err(|_| fault)?;
            return Ok(Self { origin, below: false });
        };
        let origin = Origin::parse(&format!("{scheme}://{rest}")).map_err(|_| OriginFault::PatternInvalid)?;
        // Numbers have no labels: `*.0.0.1` would mean machines that have nothing to do with one another.
        match Host::parse(&origin.host) {
            Ok(Host::Domain(_)) if !origin.host.starts_with('.') => Ok(Self { origin, below: true }),
            _ => Err(OriginFault::PatternInvalid),
        }
    }

    /// Whether `origin` is allowed.
    #[must_use]
    pub fn matches(&self, origin: &Origin) -> bool {
        if !self.below {
            return self.origin == *origin;
        }
        let labels_in_front = origin.host.strip_suffix(&self.origin.host).and_then(|front| front.strip_suffix('.'));
        self.origin.scheme == origin.scheme
            && self.origin.port == origin.port
            && labels_in_front.is_some_and(|front| front.split('.').all(|label| !label.is_empty()))
    }
}

impl fmt::Display for OriginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.origin.to_string();
        if self.below { f.write_str(&text.replacen("://", "://*.", 1)) } else { f.write_str(&text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn origin(text: &str) -> Origin {
        Origin::parse(text).unwrap()
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let cases = [
            ("https://example.org", "https://example.org"),
            ("https://example.org:443", "https://example.org"),
            ("http://example.org:443", "http://example.org:443"),
            ("HTTPS://Example.ORG", "https://example.org"),
            ("https://müller.example", "https://xn--mller-kva.example"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("capacitor://localhost", "capacitor://localhost"),
        ];
        for (text, shown) in cases {
            assert_eq!(origin(text).to_string(), shown, "{text}");
        }
        assert_eq!((origin("https://a.example").port(), origin("app://a").port()), (Some(443), None));
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        let bad = [
            "null",
            "",
            "*",
            "example.org",
            "https:",
            "https://",
            "https:///example.org",
            "https:example.org",
            "https://example.org/",
            "https://example.org/x",
            "https://example.org?x",
            "https://example.org#x",
            "https://user@example.org",
            "https://a.example,https://b.example",
            " https://example.org",
            "https://example.org ",
            "https://exa\nmple.org",
            "https://example.org\\x",
            "https://*.example.org",
            "https://example.org:99999",
            "file:///x",
            "data:text/html,x",
            "https://ex%61mple.org",
            "about:blank",
        ];
        for bad in bad {
            assert_eq!(Origin::parse(bad), Err(OriginFault::OriginInvalid), "{bad:?}");
        }
    }

    #[test]
    fn a_pattern_compares_whole() {
        let pattern = OriginPattern::parse("https://example.org").unwrap();
        assert!(pattern.matches(&origin("https://example.org:443")));
        for other in [
            "http://example.org",
            "https://example.org:444",
            "https://www.example.org",
            "https://attacker-example.org",
            "https://example.org.",
            "https://example.org.attacker.example",
        ] {
            assert!(!pattern.matches(&origin(other)), "{other}");
        }
    }

    #[test]
    fn a_star_stands_for_labels() {
        let pattern = OriginPattern::parse("https://*.example.org").unwrap();
        for good in ["https://a.example.org", "https://a.b.example.org", "https://A.EXAMPLE.org"] {
            assert!(pattern.matches(&origin(good)), "{good}");
        }
        for bad in [
            "https://example.org",
            "https://attacker-example.org",
            "http://a.example.org",
            "https://a.example.org:8443",
            "https://a.example.org.attacker.example",
            "https://a..example.org",
            "https://.example.org",
        ] {
            assert!(!Origin::parse(bad).is_ok_and(|bad| pattern.matches(&bad)), "{bad}");
        }
        assert_eq!(pattern.to_string(), "https://*.example.org");
        let with_port = OriginPattern::parse("http://*.localhost:3000").unwrap();
        assert!(with_port.matches(&origin("http://a.localhost:3000")));
        assert!(!with_port.matches(&origin("http://a.localhost")));
    }

    #[test]
    fn a_star_elsewhere_is_refused() {
        for bad in [
            "*",
            "https://*",
            "https://a*.example.org",
            "https://a.*.org",
            "https://*.*.org",
            "https://*.0.0.1",
            "https://*.[::1]",
            "https://*..org",
            "https://*.example.org/",
            "*://example.org",
            "https://*.example.*",
        ] {
            assert_eq!(OriginPattern::parse(bad), Err(OriginFault::PatternInvalid), "{bad}");
        }
        assert_eq!(OriginPattern::parse("null"), Err(OriginFault::OriginInvalid));
    }

    #[test]
    fn this_machine_is_recognised() {
        for local in ["http://localhost:3000", "https://a.localhost", "http://127.0.0.1:8080", "http://[::1]"] {
            assert!(origin(local).is_local(), "{local}");
        }
        for other in ["http://localhost.example", "http://notlocalhost", "http://127.0.0.2", "http://10.0.0.1"] {
            assert!(!origin(other).is_local(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn an_origin_is_read_as_it_is_shown(text in "(https?|app)://[a-zA-Z0-9.*-]{1,20}(:[0-9]{1,5})?|\\PC{0,30}") {
            if let Ok(origin) = Origin::parse(&text) {
                prop_assert_eq!(Origin::parse(&origin.to_string()), Ok(origin));
            }
            if let Ok(pattern) = OriginPattern::parse(&text) {
                prop_assert_eq!(OriginPattern::parse(&pattern.to_string()), Ok(pattern));
            }
        }
    }
}
