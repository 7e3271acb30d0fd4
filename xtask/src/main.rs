//! Chores of the repository: `cargo xtask docs` writes what is generated from the server's tables, `cargo xtask web` builds the
//! page's scripts, `cargo xtask long` runs the large tests. Has no dependencies, so that it builds at once; what it does, other programs do.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

mod long;

fn main() -> ExitCode {
    let task = std::env::args().nth(1);
    match task.as_deref() {
        Some("docs") => ran(Command::new(cargo()).args(["run", "--quiet", "--package", "parlour", "--", "docs"]).arg(root())),
        Some("web") => web(),
        Some("long") => long::run(&cargo(), &root(), std::env::args().nth(2).as_deref()),
        _ => {
            eprintln!("usage: cargo xtask docs|web|long [NAME]");
            ExitCode::from(2)
        }
    }
}

/// Installs what the build needs, exactly as locked, if it is not there; then builds.
fn web() -> ExitCode {
    let web = root().join("web");
    if !web.join("node_modules").exists() {
        let installed = ran(Command::new("npm").arg("ci").current_dir(&web));
        if installed != ExitCode::SUCCESS {
            return installed;
        }
    }
    ran(Command::new("npm").args(["run", "build"]).current_dir(&web))
}

fn ran(command: &mut Command) -> ExitCode {
    match command.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => {
            eprintln!("{command:?} ended with {status}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{command:?} could not be started: {error}");
            ExitCode::FAILURE
        }
    }
}

fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
