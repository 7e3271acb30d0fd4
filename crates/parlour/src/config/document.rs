//! Documents about the options, written from the table: `docs/configuration.md` and `docs/parlour.sample.toml`.

use std::fmt::Write as _;

use super::kind::Hidden;
use super::kind::Kind as _;
use super::table::{self, Group, Opt, Scope};

const INTRODUCTION: &str = "\
<!-- Written by `cargo xtask docs` from crates/parlour/src/config/table.rs. -->

# Configuration

Every option has a flag, a key in `parlour.toml` and a variable. A flag beats a variable, a variable beats the file, the file
beats the default. An unknown key in the file is an error that names it. `parlour check` reads everything and says what is
wrong; `kill -HUP` makes a running server read the file again: what can change then takes effect, and a bad file changes nothing.

Times are written `5ms`, `10s`, `15m`, `1h`, `7d`; sizes `512`, `64KiB`, `4MiB`; a pace `5/10s` means five at once, then one
in 10 s. Lists are arrays in the file and have commas elsewhere. A secret may also be named by a file that holds it:
`--token-secret-file`, the key `token-secret-file`, or `PARLOUR_TOKEN_SECRET_FILE`.

Options of a site, marked *site*, are those of the site `default` when they stand outside a table. Other sites have tables of
their own; what a table does not say is as it stands outside, by flag, variable or file, but for who may ask (origins, chats, and
all that tokens are signed with), which each site says for itself:

```toml
origins = [\"https://example.org\"]

[site.shop]
origins = [\"https://shop.example\"]
```
";

/// `docs/configuration.md`.
pub fn configuration() -> String {
    let mut text = INTRODUCTION.to_owned();
    for group in Group::ALL {
        let _ =
            write!(text, "\n## {}\n\n| option | variable | default | what it does |\n| --- | --- | --- | --- |\n", group.title());
        for row in table::all().filter(|row| row.group == group) {
            let site = if row.scope == Scope::Site { " *(site)*" } else { "" };
            let default = if row.default.is_empty() { "none".to_owned() } else { format!("`{}`", row.default) };
            let hint = row.hint.replace('|', "\\|");
            let _ = writeln!(text, "| `{}` {hint}{site} | `{}` | {default} | {} |", row.name(), row.variable(), row.text);
        }
    }
    text
}

const SAMPLE_HEAD: &str = "\
# parlour.toml: every option with its default. Written by `cargo xtask docs`; copy what you change.
# A flag (--listen) beats a variable (PARLOUR_LISTEN), a variable beats this file.
";

/// `docs/parlour.sample.toml`.
pub fn sample() -> String {
    let mut text = SAMPLE_HEAD.to_owned();
    for group in Group::ALL {
        let _ = write!(text, "\n# -- {} --\n", group.title());
        for row in table::all().filter(|row| row.group == group && row.field != "config") {
            let _ = write!(text, "\n# {}\n# {} = {}\n", row.text, row.name(), sample_value(row));
        }
    }
    text.push_str(
        "\n# Other sites have tables of their own, and inherit all but who may ask.\n# [site.shop]\n# origins = [\"https://shop.example\"]\n",
    );
    text
}

fn sample_value(row: &Opt) -> String {
    let is_bare = row.default.parse::<u64>().is_ok() || matches!(row.default, "true" | "false");
    match row.default {
        default if row.is_list() => {
            let items: Vec<String> =
                default.split(',').filter(|item| !item.is_empty()).map(|item| format!("\"{item}\"")).collect();
            format!("[{}]", items.join(", "))
        }
        default if is_bare && row.hint != Hidden::HINT => default.to_owned(),
        default => format!("\"{default}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::layer::FileLayers;

    #[test]
    fn the_sample_with_every_line_uncommented_is_the_default_configuration() {
        let uncommented: String = sample()
            .lines()
            .filter_map(|line| line.strip_prefix("# "))
            .filter(|line| line.contains(" = ") && !line.contains("shop"))
            .map(|line| format!("{line}\n"))
            .collect();
        let layers = FileLayers::from_text(&uncommented).unwrap();
        let given = table::all().filter(|row| layers.top.get(row).is_some()).count();
        assert_eq!(given, table::all().count() - 1);
        let sources = crate::config::Sources::default();
        let read = sources.read_with(layers, None).unwrap();
        let plain = sources.read_with(FileLayers::default(), None).unwrap();
        assert_eq!(format!("{:?}", read.process), format!("{:?}", plain.process));
        assert_eq!(format!("{:?}", read.sites), format!("{:?}", plain.sites));
    }
}
