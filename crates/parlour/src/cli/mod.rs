//! The command line: which commands there are, what each does, and how the process ends.

mod arguments;
mod document;
mod log;

use std::process::ExitCode;

use clap::ArgMatches;

use crate::config::ConfigFault;

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

/// The command was not understood, or the configuration is wrong.
const USAGE: u8 = 2;
/// The command failed.
const FAILED: u8 = 1;

fn dispatch(matches: &ArgMatches) -> anyhow::Result<()> {
    match matches.subcommand() {
        Some(("docs", matches)) => document::write(matches),
        _ => Ok(()),
    }
}
