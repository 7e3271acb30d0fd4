//! Where a Redis is: what `--store` says of it, taken apart. User and password are in it, and in nothing that it prints.

use std::fmt;

use percent_encoding::percent_decode_str;

/// The port of a server that names none.
const PORT: u16 = 6379;
/// The port of a Sentinel that names none.
const SENTINEL_PORT: u16 = 26_379;
/// Servers that one address may name.
const HOSTS_MAX: usize = 64;

/// How the servers belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One server.
    Alone,
    /// The hosts are Sentinels, which know where the master of this name is.
    Sentinel(String),
    /// The hosts are some of a cluster's servers.
    Cluster,
}

/// A host and its port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// A name or an address, IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, right) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{left}{}{right}:{}", self.host, self.port)
    }
}

/// A store's address, read.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    /// How the servers belong together.
    pub mode: Mode,
    /// The hosts that were named, at least one.
    pub hosts: Vec<Address>,
    /// The number of the database; 0 in a cluster.
    pub database: u16,
    /// Whether connections are encrypted.
    pub tls: bool,
    pub(super) login: Login,
    pub(super) sentinel_login: Login,
}

/// As whom to speak to a server: its default user where none is named.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
}

/// Why a store's address was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceFault {
    /// Not one of the schemes.
    #[error("redis://, rediss://, redis+sentinel://H1,H2/NAME or redis+cluster://H1,H2 is expected")]
    Scheme,
    /// No host, too many, or a port that is none.
    #[error("a host or several with commas between are expected, each with a port or without")]
    Hosts,
    /// A Sentinel's address without the name of the master.
    #[error("after the Sentinels the name of their master is expected: /NAME")]
    Master,
    /// Not a number, or a number in a cluster, which has one database.
    #[error("after the host the number of a database is expected, or nothing")]
    Database,
    /// Something behind a `?` that is none of these, or where no Sentinel is asked.
    #[error("behind ? only sentinel-user and sentinel-password are expected, and only with Sentinels")]
    Parameter,
    /// User or password are not UTF-8 behind their percent signs.
    #[error("user and password are expected as in a URL, with %40 for an @")]
    Credentials,
}

impl Place {
    /// Reads the address: `SCHEME://[USER[:PASSWORD]@]HOSTS[/NAME][/DATABASE][?PARAMETERS]`. `rediss` encrypts, in each mode. The
    /// parameters `sentinel-user` and `sentinel-password` are for the Sentinels, which have users of their own.
    ///
    /// # Errors
    /// [`PlaceFault`]; none of them repeats what was written.
    pub fn parse(text: &str) -> Result<Place, PlaceFault> {
        let (scheme, rest) = text.split_once("://").ok_or(PlaceFault::Scheme)?;
        let (family, mode) = scheme.split_once('+').unwrap_or((scheme, ""));
        let tls = match family {
            "redis" => false,
            "rediss" => true,
            _ => return Err(PlaceFault::Scheme),
        };
        let (credentials, rest) = rest.rsplit_once('@').map_or((None, rest), |(before, after)| (Some(before), after));
        let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (mode, database, port) = match mode {
            "" => (Mode::Alone, path, PORT),
            "cluster" if path.is_empty() || path == "0" => (Mode::Cluster, "", PORT),
            "cluster" => return Err(PlaceFault::Database),
            "sentinel" => {
                let (name, database) = path.split_once('/').unwrap_or((path, ""));
                if name.is_empty() {
                    return Err(PlaceFault::Master);
                }
                (Mode::Sentinel(name.to_owned()), database, SENTINEL_PORT)
            }
            _ => return Err(PlaceFault::Scheme),
        };
        let database = if database.is_empty() { 0 } else { database.parse().map_err(|_| PlaceFault::Database)? };
        let hosts: Vec<Address> =
            hosts.split(',').map(|host| address(host, port)).collect::<Option<_>>().ok_or(PlaceFault::Hosts)?;
        if hosts.len() > HOSTS_MAX || (mode == Mode::Alone && hosts.len() > 1) {
            return Err(PlaceFault::Hosts);
        }
        let (user, password) = credentials.map_or(("", ""), |text| text.split_once(':').unwrap_or((text, "")));
        let login = Login { user: decoded(user)?, password: decoded(password)? };
        let sentinel_login = sentinel_login(parameters)?;
        if sentinel_login != Login::default() && !matches!(mode, Mode::Sentinel(_)) {
            return Err(PlaceFault::Parameter);
        }
        Ok(Place { mode, hosts, database, tls, login, sentinel_login })
    }

    /// Whether `text` means a Redis, well written or not.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with("redis:") || text.starts_with("rediss:") || text.starts_with("redis+") || text.starts_with("rediss+")
    }
}

/// `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`.
fn address(text: &str, port: u16) -> Option<Address> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']')?,
        None => text.split_once(':').map_or((text, ""), |(host, _)| (host, &text[host.len()..])),
    };
    let port = if rest.is_empty() { port } else { rest.strip_prefix(':')?.parse().ok()? };
    let is_name = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control() || "[]/?#@".contains(c));
    is_name.then(|| Address { host: host.to_owned(), port })
}

fn sentinel_login(parameters: &str) -> Result<Login, PlaceFault> {
    let mut login = Login::default();
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("sentinel-user", user)) => login.user = decoded(user)?,
            Some(("sentinel-password", password)) => login.password = decoded(password)?,
            _ => return Err(PlaceFault::Parameter),
        }
    }
    Ok(login)
}

fn decoded(text: &str) -> Result<Option<String>, PlaceFault> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| PlaceFault::Credentials)?;
    Ok((!text.is_empty()).then(|| text.into_owned()))
}

/// As it was written, without user and password.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match self.mode {
            Mode::Alone => "",
            Mode::Sentinel(_) => "+sentinel",
            Mode::Cluster => "+cluster",
        };
        write!(f, "{}{mode}://", if self.tls { "rediss" } else { "redis" })?;
        for (index, host) in self.hosts.iter().enumerate() {
            write!(f, "{}{host}", if index == 0 { "" } else { "," })?;
        }
        if let Mode::Sentinel(name) = &self.mode {
            write!(f, "/{name}")?;
        }
        if self.database == 0 { Ok(()) } else { write!(f, "/{}", self.database) }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> String {
        Place::parse(text).map_or_else(|fault| format!("{fault:?}"), |place| place.to_string())
    }

    #[test]
    fn every_mode_is_read_and_printed_without_credentials() {
        for (text, shown) in [
            ("redis://localhost", "redis://localhost:6379"),
            ("rediss://u:p%40ss@example.org:7000/2", "rediss://example.org:7000/2"),
            ("redis://:secret@[::1]:6380", "redis://[::1]:6380"),
            ("redis+sentinel://u:p@a,b:1,c/main", "redis+sentinel://a:26379,b:1,c:26379/main"),
            ("redis+sentinel://u:p@a/main?sentinel-user=s&sentinel-password=x%26", "redis+sentinel://a:26379/main"),
            ("redis+sentinel://a/main/3", "redis+sentinel://a:26379/main/3"),
            ("redis+cluster://u:p@a:7000,b:7001", "redis+cluster://a:7000,b:7001"),
            ("rediss+cluster://a", "rediss+cluster://a:6379"),
        ] {
            assert_eq!(printed(text), shown);
        }
    }

    #[test]
    fn user_and_password_are_decoded() {
        let place = Place::parse("redis://al:p%40s:s@h").expect("a place");
        assert_eq!((place.login.user.as_deref(), place.login.password.as_deref()), (Some("al"), Some("p@s:s")));
        assert!(!format!("{place:?}").contains("p@s"));
        let place = Place::parse("redis+sentinel://h/n?sentinel-password=p%26q").expect("a place");
        assert_eq!((place.sentinel_login.user, place.sentinel_login.password.as_deref()), (None, Some("p&q")));
        assert!(place.login == Login::default());
    }

    #[test]
    fn what_is_no_place_is_refused_without_repeating_it() {
        for (text, fault) in [
            ("http://x", "Scheme"),
            ("redis:x", "Scheme"),
            ("redis+what://x", "Scheme"),
            ("redis://", "Hosts"),
            ("redis://a,b", "Hosts"),
            ("redis://a:x", "Hosts"),
            ("redis://[::1", "Hosts"),
            ("redis://h/x", "Database"),
            ("redis://h/70000", "Database"),
            ("redis+cluster://a/1", "Database"),
            ("redis+sentinel://a,b", "Master"),
            ("redis://%ff@h", "Credentials"),
            ("redis://h?sentinel-password=x", "Parameter"),
            ("redis+sentinel://h/n?password=x", "Parameter"),
            ("redis+sentinel://h/n?sentinel-password=%ff", "Credentials"),
        ] {
            assert_eq!(printed(text), fault, "{text}");
        }
    }
}
