//! The command line: which commands there are, what each does, and how the process ends.
//! Exit codes: 0 done, 1 failed or wrongly configured, 2 not understood.

mod arguments;
mod document;
mod log;
mod pages;
mod serve;
mod tail;
mod token;

use std::process::ExitCode;

use anyhow::Context;
use clap::ArgMatches;

use crate::config::{Config, Sources};
use crate::server::Place;

/// The command failed, or the configuration is wrong.
const FAILED: u8 = 1;
/// The command was not understood.
const USAGE: u8 = 2;

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    let matches = match arguments::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            // Help and version are no errors, and go to the standard output.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match dispatch(&matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("parlour: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

fn dispatch(matches: &ArgMatches) -> anyhow::Result<()> {
    match matches.subcommand() {
        Some(("docs", below)) => document::write(below),
        Some(("tail", below)) => runtime()?.block_on(tail::run(below)),
        Some(("pages", below)) => runtime()?.block_on(pages::run(below)),
        Some(("check", below)) => runtime()?.block_on(check(&configured(&[matches, below])?.1)),
        Some(("token", below)) => runtime()?.block_on(token::token(&configured(&[matches, below])?.1, below)),
        Some(("key", below)) => {
            let last = below.subcommand().map_or(below, |(_, last)| last);
            runtime()?.block_on(token::key(&configured(&[matches, last])?.1, below))
        }
        Some((_, below)) => serve(&[matches, below]),
        None => serve(&[matches]),
    }
}

fn serve(matches: &[&ArgMatches]) -> anyhow::Result<()> {
    let (sources, config) = configured(matches)?;
    runtime()?.block_on(serve::run(sources, config))
}

/// Reads the configuration, begins to log, and says what was probably meant otherwise.
fn configured(matches: &[&ArgMatches]) -> anyhow::Result<(Sources, Config)> {
    let sources = arguments::sources(matches)?;
    let config = sources.read()?;
    log::begin(&config.process.log)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    Ok((sources, config))
}

/// `parlour check`: a line for each thing that is in order; the first that is not is the error.
async fn check(config: &Config) -> anyhow::Result<()> {
    let rules = config.rules()?;
    let listen = config.listen()?;
    config.metrics_listen()?;
    match &config.file {
        Some(path) => say(&format!("file      {}", path.display()))?,
        None => say("file      none")?,
    }
    say(&format!("listen    {listen}"))?;
    for (site, rules) in &rules.sites {
        let origins = if rules.origins.is_empty() { "no origins" } else { "origins named" };
        let tokens = if rules.tokens.is_empty() { "no tokens of its own" } else { "tokens of its own" };
        say(&format!("site      {site}: {origins}, {tokens}"))?;
    }
    let place = Place::parse(&config.process.store)?;
    let name = place.to_string();
    let store = place.beside(config).await?;
    let keys = store.keys().await.context("the store cannot be read")?;
    say(&format!("store     {name}: {} keys", keys.len()))?;
    if let Some(durability) = store.durability() {
        say(&format!("kept      {durability}"))?;
    }
    Ok(())
}

/// Prints a line; whoever was to read it may be gone.
fn say(line: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{line}").map_err(|error| Unheard(error).into())
}

/// The standard output is closed.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads what is printed: {0}")]
struct Unheard(std::io::Error);

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime could not be started")
}
