//! The fuzz targets of `fuzz/`, for `cargo xtask long fuzz`: ten minutes each, all at once, with cargo-fuzz. Starts from the kept corpus
//! and changes nothing in it: what is new stays in the folder of what is built, and what crashes a target in `fuzz/artifacts`.
//! cargo-fuzz is not installed: it builds with options that only a nightly compiler has, or any one that is told to offer them.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::ran;

const TARGETS: [&str; 5] = ["engineio", "socketio", "frame", "json", "render"];

const RUN_S: u32 = 600;

/// Inputs of the fuzzer's own making.
const INPUT_BYTES_MAX: u32 = 4096;

/// Whether cargo-fuzz is there.
pub fn is_installed(cargo: &str) -> bool {
    let asked = Command::new(cargo).args(["fuzz", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

/// Runs every target; the table of what came of it, and whether all went well. `Err` when they could not be run.
pub fn run(cargo: &str, root: &Path) -> io::Result<(String, bool)> {
    if !ran(fuzz(cargo, root).arg("build")) {
        return Err(io::Error::other("the fuzz targets could not be built"));
    }
    let directory = directory(root);
    let running = TARGETS.map(|target| (target, start(cargo, root, &directory, target)));
    let mut table = format!("{RUN_S} seconds each, all at once, from the kept corpus; coverage is counted in edges.\n\n");
    table.push_str(
        "| target | runs | coverage | inputs kept while running | seconds | outcome |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    let mut went_well = true;
    for (target, child) in running {
        let status = child?.wait()?;
        let log = fs::read_to_string(log(&directory, target))?;
        went_well &= status.success();
        if !status.success() {
            let last: Vec<&str> = log.lines().rev().take(40).collect();
            eprintln!("xtask: {target} ended with {status}:");
            last.iter().rev().for_each(|line| eprintln!("{line}"));
        }
        let _ = writeln!(table, "{}", row(target, &log, status.success()));
    }
    Ok((table, went_well))
}

fn fuzz(cargo: &str, root: &Path) -> Command {
    let mut command = Command::new(cargo);
    command.arg("fuzz").env("RUSTC_BOOTSTRAP", "1").current_dir(root);
    command
}

/// One target. Of two folders the fuzzer writes into the first.
fn start(cargo: &str, root: &Path, directory: &Path, target: &str) -> io::Result<Child> {
    let found = directory.join(target);
    fs::create_dir_all(&found)?;
    let log = File::create(log(directory, target))?;
    let mut command = fuzz(cargo, root);
    command.args(["run", target]).arg(found).arg(root.join("fuzz/corpus").join(target)).arg("--");
    command.arg(format!("-max_total_time={RUN_S}")).arg(format!("-max_len={INPUT_BYTES_MAX}")).arg("-print_final_stats=1");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()
}

/// A line of the table, out of what the fuzzer said: `#9 DONE cov: 1 ft: 2 corp: 3/4b …` and `Done 9 runs in 5 second(s)`.
fn row(target: &str, log: &str, is_well: bool) -> String {
    let status = log.lines().rev().find(|line| line.starts_with('#') && line.contains(" cov: ")).unwrap_or_default();
    let done: Vec<&str> = log.lines().rev().find(|line| line.starts_with("Done ")).unwrap_or_default().split(' ').collect();
    let after = |name: &str| status.split_whitespace().skip_while(|word| *word != name).nth(1).unwrap_or("?");
    let inputs = after("corp:").split('/').next().unwrap_or("?");
    let outcome = if is_well { "no fault" } else { "FAULT" };
    let (runs, seconds) = (done.get(1).unwrap_or(&"?"), done.get(4).unwrap_or(&"?"));
    format!("| {target} | {runs} | {} | {inputs} | {seconds} | {outcome} |", after("cov:"))
}

fn log(directory: &Path, target: &str) -> PathBuf {
    directory.join(format!("{target}.log"))
}

/// What the fuzzers find and say.
fn directory(root: &Path) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |target| root.join(target));
    target.join("fuzz-found")
}

#[cfg(test)]
mod tests {
    use super::row;

    #[test]
    fn a_row_says_what_the_fuzzer_said() {
        let log = "#2\tINITED cov: 5 ft: 6 corp: 1/1b\n#90\tDONE   cov: 17 ft: 40 corp: 12/3456b lim: 9\nDone 90 runs in 601 second(s)\n";
        assert_eq!(row("json", log, true), "| json | 90 | 17 | 12 | 601 | no fault |");
        assert_eq!(row("json", "panicked", false), "| json | ? | ? | ? | ? | FAULT |");
    }
}
