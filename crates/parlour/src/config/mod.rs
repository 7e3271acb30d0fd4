//! The configuration: every option is declared once (`table`), has a kind (`kind`), and comes from a flag, a variable, the
//! file or its default, in this order (`layer`). From the options the rules are made that everything else asks (`build`);
//! documents about them are written by `document`. Reads files, but neither listens nor opens a store.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::channel::SiteName;

mod build;
pub mod document;
mod hook;
pub mod kind;
pub mod layer;
mod policy;
mod signin;
pub mod table;
#[cfg(test)]
mod tests;
mod tokens;

pub use table::{ProcessOptions, SiteOptions};

use layer::{FileLayers, Layer};

/// What the file is called when no option names one.
pub const FILE_DEFAULT: &str = "parlour.toml";

/// Why a configuration was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigFault {
    /// The file cannot be read.
    #[error("{path}: {error}")]
    File { path: String, error: String },
    /// Something in the file is wrong.
    #[error("{path}: {fault}")]
    InFile { path: String, fault: Box<ConfigFault> },
    /// Not TOML.
    #[error("not TOML: {0}")]
    Toml(String),
    /// A key that no option has.
    #[error("unknown key `{key}`{}", .nearest.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default())]
    UnknownKey { key: String, nearest: Option<String> },
    /// A value that its option cannot have.
    #[error("`{key}`: {fault}")]
    Value { key: String, fault: String },
}

/// A whole configuration, each value of its kind. What the values mean together is checked by [`Config::rules`].
#[derive(Clone, Debug)]
pub struct Config {
    /// The process's options.
    pub process: ProcessOptions,
    /// The options of each site; `default` is always there.
    pub sites: BTreeMap<SiteName, SiteOptions>,
    /// The file that was read, if there was one.
    pub file: Option<PathBuf>,
    /// What was probably meant otherwise, a sentence each.
    pub warnings: Vec<String>,
}

/// What the configuration is read from: kept, so that it can be read again.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// What flags gave.
    pub flags: Layer,
    /// What variables gave.
    pub variables: Layer,
    /// Variables that look like options and are none.
    pub unknown_variables: Vec<String>,
}

impl Sources {
    /// Reads the configuration, the file included.
    ///
    /// # Errors
    /// [`ConfigFault`], which names the file, the key or the option.
    pub fn read(&self) -> Result<Config, ConfigFault> {
        let file = self.file()?;
        let layers = match &file {
            Some(path) => FileLayers::from_path(path)?,
            None => FileLayers::default(),
        };
        self.read_with(layers, file)
    }

    /// Reads the configuration with these values of a file.
    ///
    /// # Errors
    /// [`ConfigFault`], which names the key or the option.
    pub fn read_with(&self, layers: FileLayers, file: Option<PathBuf>) -> Result<Config, ConfigFault> {
        let fault = |prefix: String| {
            move |(row, fault): (&table::Opt, String)| ConfigFault::Value { key: format!("{prefix}{}", row.name()), fault }
        };
        let first = |row: &table::Opt| self.flags.get(row).or_else(|| self.variables.get(row));
        let process = ProcessOptions::read(&|row| first(row).or_else(|| layers.top.get(row))).map_err(fault(String::new()))?;
        let mut sites = BTreeMap::new();
        let default = SiteName::default();
        let own = layers.sites.get(&default);
        let of_default =
            |row: &table::Opt| first(row).or_else(|| own.and_then(|layer| layer.get(row))).or_else(|| layers.top.get(row));
        sites.insert(default, SiteOptions::read(&of_default).map_err(fault(String::new()))?);
        for (name, layer) in layers.sites.iter().filter(|(name, _)| **name != SiteName::default()) {
            // What stands outside tables is meant for all sites that do not say otherwise.
            let general = |row: &table::Opt| first(row).or_else(|| layers.top.get(row)).filter(|_| row.is_inherited());
            let of_site = |row: &table::Opt| layer.get(row).or_else(|| general(row));
            sites.insert(name.clone(), SiteOptions::read(&of_site).map_err(fault(format!("site.{name}.")))?);
        }
        let warnings =
            self.unknown_variables.iter().map(|name| format!("the variable {name} is no option's and changes nothing")).collect();
        Ok(Config { process, sites, file, warnings })
    }

    /// The file to read: the one that was named, else the usual one if it is there.
    fn file(&self) -> Result<Option<PathBuf>, ConfigFault> {
        let row = table::find("config").and_then(|row| self.flags.get(row).or_else(|| self.variables.get(row)));
        match row {
            Some(kind::Raw::Text(path)) if !path.is_empty() => Ok(Some(PathBuf::from(path))),
            Some(kind::Raw::List(_)) => {
                Err(ConfigFault::Value { key: "config".to_owned(), fault: "one file is expected".to_owned() })
            }
            _ => Ok(Path::new(FILE_DEFAULT).exists().then(|| PathBuf::from(FILE_DEFAULT))),
        }
    }
}

impl Config {
    /// The address to listen on.
    ///
    /// # Errors
    /// Not an address with a port; in demo mode also any other than loopback.
    pub fn listen(&self) -> Result<SocketAddr, ConfigFault> {
        let listen = address("listen", &self.process.listen)?;
        if self.process.demo && !listen.ip().is_loopback() {
            let fault = format!(
                "demo mode listens on this machine alone, not on {listen}; use 127.0.0.1, or start without --demo and name the site's origins"
            );
            return Err(ConfigFault::Value { key: "listen".to_owned(), fault });
        }
        Ok(listen)
    }

    /// How long after it was withdrawn text may still lie in the store, in milliseconds.
    pub fn purge_ms(&self) -> i64 {
        build::purge_ms(&self.process)
    }

    /// The address to serve metrics on, if there is one.
    ///
    /// # Errors
    /// Not an address with a port.
    pub fn metrics_listen(&self) -> Result<Option<SocketAddr>, ConfigFault> {
        let text = &self.process.metrics_listen;
        if text.is_empty() { Ok(None) } else { address("metrics-listen", text).map(Some) }
    }
}

fn address(key: &str, text: &str) -> Result<SocketAddr, ConfigFault> {
    let text = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    text.parse().map_err(|_| ConfigFault::Value {
        key: key.to_owned(),
        fault: "an address and a port are expected, such as 127.0.0.1:8080 or [::]:80".to_owned(),
    })
}
