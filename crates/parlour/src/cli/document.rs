//! What is generated from the tables of options and codes: documents, and the constants of the TypeScript client.
//! `cargo xtask docs` writes it; a test fails when what is in the repository is stale.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use clap::ArgMatches;
use parlour_wire::code::{Close, Code, UNSUBSCRIBE_INSUFFICIENT};

use super::say;
use crate::comment::Limits;
use crate::config::document::{configuration, sample};

/// Every generated file by its path in the repository, with its text.
pub fn files() -> Vec<(&'static str, String)> {
    vec![
        ("docs/configuration.md", configuration()),
        ("docs/parlour.sample.toml", sample()),
        ("docs/codes.md", codes()),
        ("web/src/client/codes.ts", constants()),
    ]
}

/// `parlour docs DIRECTORY`: writes all of it below a checkout of the repository.
pub fn write(matches: &ArgMatches) -> anyhow::Result<()> {
    let directory = matches.get_one::<String>("directory").context("a directory is needed")?;
    for (path, text) in files() {
        let path = Path::new(directory).join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        }
        if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
        say(&format!("wrote {}", path.display()))?;
    }
    Ok(())
}

const CODES_HEAD: &str = "\
<!-- Written by `cargo xtask docs` from crates/wire/src/code.rs. -->

# Codes

Why a request was refused. Over HTTP the answer is `application/problem+json` with the status and the `type` below; over the
WebSocket and Socket.IO it is an error with the number. *Again* says whether the same request may succeed later.

| number | type | status | again | meaning |
| --- | --- | --- | --- | --- |
";

/// `docs/codes.md`.
fn codes() -> String {
    let mut text = CODES_HEAD.to_owned();
    for code in Code::ALL {
        let again = if code.retry() { "yes" } else { "no" };
        let _ = writeln!(text, "| {} | `{}` | {} | {again} | {} |", code.number(), code.name(), code.status(), code.text());
    }
    text.push_str(
        "\n# Closes\n\nWhy the server closed a WebSocket. *Reconnect* says whether a client should come back by itself.\n\n",
    );
    text.push_str("| code | reconnect | reason |\n| --- | --- | --- |\n");
    for close in Close::ALL {
        let reconnect = if close.reconnect() { "yes" } else { "no" };
        let _ = writeln!(text, "| {} | {reconnect} | {} |", close.code, close.reason);
    }
    text.push_str("\n# Ended subscriptions\n\nThe push `unsubscribe` of the server; clients subscribe again.\n\n| code | reason |\n| --- | --- |\n");
    let _ = writeln!(text, "| {} | {} |", UNSUBSCRIBE_INSUFFICIENT.0, UNSUBSCRIBE_INSUFFICIENT.1);
    text
}

/// `web/src/client/codes.ts`.
fn constants() -> String {
    let mut text =
        "/** Codes and limits. Written by `cargo xtask docs` from the tables of the server; not to be edited. */\n\n".to_owned();
    text.push_str(
        "/** Why a request was refused: the number over the WebSocket, by the `type` of HTTP. */\nexport const CODES = {\n",
    );
    for code in Code::ALL {
        let _ = writeln!(text, "  \"{}\": {},", code.name(), code.number());
    }
    text.push_str("} as const;\n\n/** The names of refusals. */\nexport type CodeName = keyof typeof CODES;\n\n");
    text.push_str(
        "/** Refusals after which the same request may succeed later. */\nexport const RETRIED: readonly CodeName[] = [\n",
    );
    for code in Code::ALL.iter().filter(|code| code.retry()) {
        let _ = writeln!(text, "  \"{}\",", code.name());
    }
    text.push_str("];\n\n/** Why the server closed a connection; from 3500 on a client does not come back by itself. */\nexport const CLOSES = {\n");
    for close in Close::ALL {
        let name = close.reason.replace(' ', "-").to_ascii_lowercase();
        let _ = writeln!(text, "  \"{}\": {},", if name.is_empty() { "normal" } else { &name }, close.code);
    }
    let _ = write!(
        text,
        "}} as const;\n\n/** The first close code after which a client does not come back by itself. */\nexport const CLOSE_FINAL = 3500;\n\n/** The reader fell off its channel and subscribes again. */\nexport const UNSUBSCRIBE_INSUFFICIENT = {};\n",
        UNSUBSCRIBE_INSUFFICIENT.0
    );
    let limits = Limits::default();
    text.push_str("\n/** Limits as they are by default; the server's own word is final. */\nexport const LIMITS = {\n");
    for (name, value) in [
        ("bodyCharacters", limits.body_chars_max),
        ("chatCharacters", limits.chat_chars_max),
        ("nameCharacters", limits.name_chars_max),
        ("titleCharacters", limits.page.title_chars_max),
        ("urlCharacters", limits.page.url_chars_max),
        ("subscriptions", limits.subscriptions_max),
        ("messageBytes", limits.message_bytes_max),
    ] {
        let _ = writeln!(text, "  {name}: {value},");
    }
    text.push_str("} as const;\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_generated_is_up_to_date() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for (path, text) in files() {
            let there = std::fs::read_to_string(root.join(path)).unwrap_or_default();
            assert!(there == text, "{path} is stale: run cargo xtask docs");
        }
    }
}
