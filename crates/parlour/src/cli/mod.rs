//! The command line: which commands there are, what each does, and how the process ends.
//! Exit codes: 0 done, 1 failed, 2 not understood or wrongly configured.

mod arguments;
mod document;
mod log;
mod tail;

use std::process::ExitCode;

use anyhow::Context;
use clap::ArgMatches;

use crate::config::{Config, ConfigFault};

/// The command failed.
const FAILED: u8 = 1;
/// The command was not understood, or the configuration is wrong.
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
            ExitCode::from(if error.is::<ConfigFault>() { USAGE } else { FAILED })
        }
    }
}

fn dispatch(matches: &ArgMatches) -> anyhow::Result<()> {
    match matches.subcommand() {
        Some(("docs", below)) => document::write(below),
        Some(("tail", below)) => runtime()?.block_on(tail::run(below)),
        Some(("check", below)) => check(&configured(&[matches, below])?),
        Some((_, below)) => configured(&[matches, below]).map(|_| ()),
        None => configured(&[matches]).map(|_| ()),
    }
}

/// Reads the configuration, begins to log, and says what was probably meant otherwise.
fn configured(matches: &[&ArgMatches]) -> anyhow::Result<Config> {
    let config = arguments::sources(matches)?.read()?;
    log::begin(&config.process.log)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    Ok(config)
}

/// `parlour check`: a line for each thing that is in order; the first that is not is the error.
fn check(config: &Config) -> anyhow::Result<()> {
    let rules = config.rules()?;
    let listen = config.listen()?;
    config.metrics_listen()?;
    match &config.file {
        Some(path) => println!("file      {}", path.display()),
        None => println!("file      none"),
    }
    println!("listen    {listen}");
    for (site, rules) in &rules.sites {
        let origins = if rules.origins.is_empty() { "no origins" } else { "origins named" };
        let tokens = if rules.token_key.is_some() { "tokens of its own" } else { "no tokens of its own" };
        println!("site      {site}: {origins}, {tokens}");
    }
    Ok(())
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime could not be started")
}
