//! `cargo xtask long`: the large tests, in the size that is promised, one after the other on an otherwise idle machine. What they
//! print goes into `bench/results/long-*.md`, with the machine and the commit. Takes what `--release` builds: figures of another
//! build say little.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// Name of the file, heading, test.
const TESTS: [(&str, &str, &str); 3] = [
    (
        "model",
        "Readers against a server that changes, trims and dies under them",
        "model::long_whatever_happens_nobody_is_left_with_a_silent_hole",
    ),
    (
        "slow-readers",
        "2,000 readers, 100 of whom stop reading",
        "crowd::long_two_thousand_readers_of_whom_a_hundred_stop_reading",
    ),
    ("herd", "Readers who are cut at once and come back", "crowd::long_ten_thousand_readers_come_back_after_a_restart"),
];

/// Runs those whose names begin with `only`, or all; whether all went well.
pub fn run(cargo: &str, root: &Path, only: Option<&str>) -> bool {
    let chosen = TESTS.iter().filter(|(name, ..)| only.is_none_or(|only| name.starts_with(only)));
    let mut went_well = true;
    for (name, heading, test) in chosen {
        let mut command = Command::new(cargo);
        command.args([
            "test",
            "--release",
            "--package",
            "parlour",
            "--test",
            "it",
            "--",
            "--ignored",
            "--exact",
            "--nocapture",
            test,
        ]);
        match command.current_dir(root).output() {
            Ok(output) if output.status.success() => {
                let path = root.join("bench/results").join(format!("long-{name}.md"));
                let text = report(root, heading, &String::from_utf8_lossy(&output.stdout));
                println!("{text}");
                let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text));
                if let Err(error) = written {
                    eprintln!("{}: {error}", path.display());
                    went_well = false;
                }
            }
            Ok(output) => {
                eprintln!(
                    "{test} failed:\n{}\n{}",
                    String::from_utf8_lossy(&output.stdout),
                    String::from_utf8_lossy(&output.stderr)
                );
                went_well = false;
            }
            Err(error) => {
                eprintln!("{command:?} could not be started: {error}");
                went_well = false;
            }
        }
    }
    went_well
}

/// What the test said, without what its harness and the server said around it.
fn report(root: &Path, heading: &str, printed: &str) -> String {
    let commit = said(Command::new("git").args(["rev-parse", "--short", "HEAD"]).current_dir(root));
    let kernel = said(Command::new("uname").args(["-sr"]));
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut text = format!("# {heading}\n\n");
    let _ = writeln!(
        text,
        "Written by `cargo xtask long` at commit {commit}: {cores} cores, {}, {kernel}.\n",
        processor.trim_matches([' ', '\t', ':'])
    );
    let is_harness = |line: &&str| {
        ["running ", "test ", "ok", "Demo mode", "Moderate at", "Parlour listens"].iter().any(|begin| line.starts_with(begin))
            || line.contains(" INFO ")
    };
    let lines: Vec<&str> = printed.lines().filter(|line| !is_harness(line)).collect();
    text.push_str(lines.join("\n").trim());
    text.push('\n');
    text
}

fn said(command: &mut Command) -> String {
    command.output().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
