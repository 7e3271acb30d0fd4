//! Chores of the repository: `cargo xtask test` runs every test there is, `cargo xtask docs` writes what is generated from
//! the server's tables, `cargo xtask web` builds the page's scripts, `cargo xtask long` runs the large tests. Has no
//! dependencies, so that it builds at once; what it does, other programs do.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

mod autobahn;
mod fuzz;
mod long;
mod needs;
mod pip;
mod test;
mod web;

fn main() -> ExitCode {
    let task = std::env::args().nth(1);
    let done = match task.as_deref() {
        Some("docs") => ran(Command::new(cargo()).args(["run", "--quiet", "--package", "parlour", "--", "docs"]).arg(root())),
        Some("test") => test::everything(),
        Some("web") => web::install(&root().join("web")) && web::build(),
        Some("long") => long::run(&cargo(), &root(), std::env::args().nth(2).as_deref()),
        _ => {
            eprintln!("usage: cargo xtask docs|test|web|long [NAME]");
            return ExitCode::from(2);
        }
    };
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs it with our own input and output; says why if it was not well.
fn ran(command: &mut Command) -> bool {
    match command.status() {
        Ok(status) if status.success() => true,
        Ok(status) => {
            eprintln!("xtask: {command:?} ended with {status}");
            false
        }
        Err(error) => {
            eprintln!("xtask: {command:?} could not be started: {error}");
            false
        }
    }
}

fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// The repository.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
