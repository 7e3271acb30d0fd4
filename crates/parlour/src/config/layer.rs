//! Where values come from: flags, variables, the file. A layer is one source's values by option; the first that has a value wins.
//!
//! Secrets may be named by a file of their own: `NAME-file` as flag and key, `PARLOUR_NAME_FILE` as variable.

use std::collections::BTreeMap;
use std::path::Path;

use super::ConfigFault;
use super::kind::Raw;
use super::table::{self, Opt, Scope};
use crate::channel::SiteName;

/// The most that the configuration file may weigh, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The values of one source, by the option's name.
#[derive(Clone, Debug, Default)]
pub struct Layer(BTreeMap<String, Raw>);

impl Layer {
    /// What was given for a row.
    pub fn get(&self, row: &Opt) -> Option<Raw> {
        self.0.get(&row.name()).cloned()
    }

    /// Notes a value.
    pub fn set(&mut self, name: String, raw: Raw) {
        self.0.insert(name, raw);
    }

    /// What flags gave; `get` answers the values of a flag by its name.
    ///
    /// # Errors
    /// A secret's file that cannot be read.
    pub fn from_flags(get: &dyn Fn(&str) -> Option<Vec<String>>) -> Result<Layer, ConfigFault> {
        let mut layer = Layer::default();
        for row in table::all() {
            let name = row.name();
            if row.is_secret()
                && let Some(path) = get(&format!("{name}-file")).and_then(|values| values.into_iter().next_back())
            {
                layer.set(name.clone(), secret_from(&format!("--{name}-file"), &path)?);
            }
            if let Some(mut values) = get(&name) {
                let raw = match (row.is_list() && values.len() > 1, values.pop()) {
                    (false, Some(value)) => Raw::Text(value),
                    // A repeated flag: every occurrence may have commas of its own.
                    (_, last) => {
                        Raw::List(values.iter().chain(&last).flat_map(|value| value.split(',')).map(str::to_owned).collect())
                    }
                };
                layer.set(name, raw);
            }
        }
        Ok(layer)
    }

    /// What variables gave. Second: variables that look like options and are none.
    ///
    /// # Errors
    /// A secret's file that cannot be read.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Result<(Layer, Vec<String>), ConfigFault> {
        let given: BTreeMap<String, String> = variables.into_iter().filter(|(name, _)| name.starts_with("PARLOUR_")).collect();
        let mut layer = Layer::default();
        let mut known = Vec::new();
        for row in table::all() {
            let variable = row.variable();
            let from_file = format!("{variable}_FILE");
            if row.is_secret()
                && let Some(path) = given.get(&from_file)
            {
                layer.set(row.name(), secret_from(&from_file, path)?);
            }
            if let Some(value) = given.get(&variable) {
                layer.set(row.name(), Raw::Text(value.clone()));
            }
            known.extend([variable, from_file]);
        }
        let unknown = given.into_keys().filter(|name| !known.contains(name) && name != TOKEN_VARIABLE).collect();
        Ok((layer, unknown))
    }
}

/// The variable that `parlour tail` reads a token from; no option of the server.
pub const TOKEN_VARIABLE: &str = "PARLOUR_TOKEN";

/// What the file gave: for the process and the site `default`, and for each site with a table of its own.
#[derive(Clone, Debug, Default)]
pub struct FileLayers {
    /// Keys outside tables.
    pub top: Layer,
    /// `[site.NAME]`.
    pub sites: BTreeMap<SiteName, Layer>,
}

impl FileLayers {
    /// Reads the file.
    ///
    /// # Errors
    /// [`ConfigFault`] with the path in front: unreadable, not TOML, an unknown key.
    pub fn from_path(path: &Path) -> Result<FileLayers, ConfigFault> {
        let shown = path.display();
        let unreadable = |error: std::io::Error| ConfigFault::File { path: shown.to_string(), error: error.to_string() };
        if std::fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
            return Err(ConfigFault::File { path: shown.to_string(), error: "larger than 1 MiB".to_owned() });
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        FileLayers::from_text(&text).map_err(|fault| ConfigFault::InFile { path: shown.to_string(), fault: Box::new(fault) })
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// [`ConfigFault`]: not TOML, an unknown key, a value of the wrong shape, a bad site's name.
    pub fn from_text(text: &str) -> Result<FileLayers, ConfigFault> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| ConfigFault::Toml(error.to_string()))?;
        let mut layers = FileLayers::default();
        for (key, value) in &table {
            match (key.as_str(), value) {
                ("site", toml::Value::Table(sites)) => {
                    for (name, site) in sites {
                        let (name, layer) = site_layer(name, site)?;
                        layers.sites.insert(name, layer);
                    }
                }
                ("site", _) => {
                    return Err(ConfigFault::Value { key: key.clone(), fault: "sites are tables: [site.NAME]".to_owned() });
                }
                _ => put(&mut layers.top, key, value, "", None)?,
            }
        }
        Ok(layers)
    }
}

fn site_layer(name: &str, site: &toml::Value) -> Result<(SiteName, Layer), ConfigFault> {
    let site_name =
        SiteName::parse(name).map_err(|fault| ConfigFault::Value { key: format!("site.{name}"), fault: fault.to_string() })?;
    let prefix = format!("site.{name}.");
    let toml::Value::Table(table) = site else {
        return Err(ConfigFault::Value { key: format!("site.{name}"), fault: format!("a site is a table: [site.{name}]") });
    };
    let mut layer = Layer::default();
    for (key, value) in table {
        put(&mut layer, key, value, &prefix, Some(Scope::Site))?;
    }
    Ok((site_name, layer))
}

/// Puts one key of the file into its layer.
fn put(layer: &mut Layer, key: &str, value: &toml::Value, prefix: &str, scope: Option<Scope>) -> Result<(), ConfigFault> {
    let shown = format!("{prefix}{key}");
    let secret = key.strip_suffix("-file").and_then(table::find).filter(|row| row.is_secret());
    let row = table::find(key).or(secret).filter(|row| scope.is_none_or(|scope| row.scope == scope) && row.field != "config");
    let Some(row) = row else {
        return Err(ConfigFault::UnknownKey { nearest: nearest(key), key: shown });
    };
    let raw = raw(value).ok_or_else(|| ConfigFault::Value {
        key: shown.clone(),
        fault: "a text, a number, true or false, or an array of texts is expected".to_owned(),
    })?;
    let raw = match (secret, raw) {
        (Some(_), Raw::Text(path)) => secret_from(&shown, &path)?,
        (_, raw) => raw,
    };
    layer.set(row.name(), raw);
    Ok(())
}

fn raw(value: &toml::Value) -> Option<Raw> {
    match value {
        toml::Value::String(text) => Some(Raw::Text(text.clone())),
        toml::Value::Integer(number) => Some(Raw::Text(number.to_string())),
        toml::Value::Boolean(switch) => Some(Raw::Text(switch.to_string())),
        toml::Value::Array(items) => {
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>().map(Raw::List)
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

fn secret_from(named_by: &str, path: &str) -> Result<Raw, ConfigFault> {
    let read = std::fs::metadata(path).and_then(|metadata| {
        if metadata.len() > FILE_BYTES_MAX {
            Err(std::io::Error::other("larger than 1 MiB"))
        } else {
            std::fs::read_to_string(path)
        }
    });
    read.map(Raw::Text).map_err(|error| ConfigFault::Value { key: named_by.to_owned(), fault: format!("{path}: {error}") })
}

/// The option whose name is nearest to a mistyped one, if one is near.
fn nearest(key: &str) -> Option<String> {
    let plain = key.replace('_', "-").to_ascii_lowercase();
    table::all()
        .map(Opt::name)
        .map(|name| (distance(&plain, &name), name))
        .min()
        .filter(|(far, _)| *far <= 2)
        .map(|(_, name)| name)
}

/// How many letters must change, come or go to make one word the other. Both are short: one is an option's name.
fn distance(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=one.len()).collect();
    for (index, letter) in other.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for place in 0..one.len() {
            let changed = diagonal + usize::from(one[place] != letter);
            diagonal = row[place + 1];
            row[place + 1] = changed.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row[one.len()]
}
