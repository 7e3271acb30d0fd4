//! `cargo xtask long`: the large tests, in the size that is promised, one after the other on an otherwise idle machine. What they
//! print goes into `bench/results/long-*.md`, with the machine and the commit. Takes what `--release` builds: figures of another
//! build say little.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crate::{autobahn, fuzz};

struct Large {
    /// Of the file.
    name: &'static str,
    heading: &'static str,
    /// Of these integration tests …
    package: &'static str,
    /// … this one.
    test: &'static str,
}

const AUTOBAHN: &str = "autobahn";

/// No test of a package; its own program runs it.
const FUZZ: &str = "fuzz";

const TESTS: [Large; 15] = [
    Large {
        name: "model",
        heading: "Readers against a server that changes, trims and dies under them",
        package: "parlour",
        test: "model::long_whatever_happens_nobody_is_left_with_a_silent_hole",
    },
    Large {
        name: "model-redis",
        heading: "Readers over two nodes that die, on a Redis that dies and loses its end",
        package: "parlour",
        test: "model::nodes::long_two_nodes_and_their_redis_die_at_random",
    },
    Large {
        name: "slow-readers",
        heading: "2,000 readers, 100 of whom stop reading",
        package: "parlour",
        test: "crowd::long_two_thousand_readers_of_whom_a_hundred_stop_reading",
    },
    Large {
        name: "herd",
        heading: "Readers who are cut at once and come back",
        package: "parlour",
        test: "crowd::long_ten_thousand_readers_come_back_after_a_restart",
    },
    Large {
        name: "waiters",
        heading: "What those who wait over HTTP cost",
        package: "parlour",
        test: "crowd::waiters::long_four_thousand_wait_on_streams_and_in_polls",
    },
    Large {
        name: "pages",
        heading: "Invented pages",
        package: "parlour",
        test: "pages::long_ten_thousand_invented_addresses_and_a_hundred_thousand_reads",
    },
    Large {
        name: "documents",
        heading: "A thread of 100,000 comments as documents",
        package: "parlour",
        test: "paper::long_a_hundred_thousand_comments_are_documents_of_a_bounded_size",
    },
    Large {
        name: "viewers",
        heading: "3,000 viewers over three nodes on Redis, one of which dies",
        package: "parlour",
        test: "nodes::viewers::long_three_thousand_viewers_over_three_nodes_of_which_one_dies",
    },
    Large {
        name: "redis-frozen",
        heading: "Two nodes under load on a Redis that stands still",
        package: "parlour",
        test: "redis::failures::long_a_redis_that_is_frozen_for_a_minute",
    },
    Large {
        name: "redis-failover",
        heading: "Two nodes under load whose Redis master dies",
        package: "parlour",
        test: "redis::failures::long_masters_die_under_load",
    },
    Large {
        name: "threads",
        heading: "Threads of a hundred thousand and a million comments",
        package: "parlour",
        test: "threads::long::long_a_million_comments_cost_their_readers_no_more_than_a_thousand",
    },
    Large {
        name: "floods",
        heading: "A thousand posts a second, and whoever writes honestly beside them",
        package: "parlour",
        test: "moderation::floods::long_a_thousand_posts_a_second_from_one_address_and_from_ten_thousand",
    },
    Large {
        name: "queue",
        heading: "Ten thousand comments that wait for a moderator",
        package: "parlour",
        test: "browser::long_an_owners_day_with_ten_thousand_comments_that_wait",
    },
    Large {
        name: "offline",
        heading: "A minute offline, and a minute without a server",
        package: "parlour",
        test: "browser::long_two_comments_are_written_in_a_minute_without_a_server",
    },
    Large {
        name: AUTOBAHN,
        heading: "Autobahn's fuzzing client",
        package: "parlour-conformance",
        test: "autobahn::long_the_whole_fuzzing_client_finds_nothing",
    },
];

/// Runs those whose names begin with `only`, or all; whether all went well.
pub fn run(cargo: &str, root: &Path, only: Option<&str>) -> bool {
    let chosen = TESTS.iter().filter(|large| only.is_none_or(|only| large.name.starts_with(only)));
    let mut went_well = true;
    for large in chosen {
        if large.name == AUTOBAHN {
            match autobahn::python() {
                Some(python) if autobahn::install(&python, root) => {}
                Some(_) => {
                    went_well = false;
                    continue;
                }
                None => {
                    eprintln!("xtask: SKIPPED {}: there is no Python 2.7", large.heading);
                    continue;
                }
            }
        }
        went_well &= run_one(cargo, root, large);
    }
    if only.is_none_or(|only| FUZZ.starts_with(only)) {
        went_well &= run_fuzz(cargo, root);
    }
    went_well
}

fn run_fuzz(cargo: &str, root: &Path) -> bool {
    if !fuzz::is_installed(cargo) {
        eprintln!("xtask: SKIPPED the fuzz targets: there is no cargo-fuzz (cargo install cargo-fuzz)");
        return true;
    }
    match fuzz::run(cargo, root) {
        Ok((table, went_well)) => keep(root, FUZZ, "Fuzz targets of the decoders", &table) && went_well,
        Err(error) => {
            eprintln!("xtask: fuzzing: {error}");
            false
        }
    }
}

fn run_one(cargo: &str, root: &Path, large: &Large) -> bool {
    let mut command = Command::new(cargo);
    command.args(["test", "--release", "--package", large.package, "--test", "it"]);
    command.args(["--", "--ignored", "--exact", "--nocapture", large.test]);
    match command.current_dir(root).output() {
        Ok(output) if output.status.success() => keep(root, large.name, large.heading, &String::from_utf8_lossy(&output.stdout)),
        Ok(output) => {
            let (printed, complaints) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            eprintln!("{} failed:\n{printed}\n{complaints}", large.test);
            false
        }
        Err(error) => {
            eprintln!("{command:?} could not be started: {error}");
            false
        }
    }
}

/// Prints the report and writes it into its file; whether it could be written.
fn keep(root: &Path, name: &str, heading: &str, printed: &str) -> bool {
    let path = root.join("bench/results").join(format!("long-{name}.md"));
    let text = report(root, heading, printed);
    println!("{text}");
    let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text));
    if let Err(error) = &written {
        eprintln!("{}: {error}", path.display());
    }
    written.is_ok()
}

/// What the test said, without what its harness and the server said around it.
fn report(root: &Path, heading: &str, printed: &str) -> String {
    let commit = said(Command::new("git").args(["rev-parse", "--short", "HEAD"]).current_dir(root));
    let date = said(Command::new("date").args(["-u", "+%F"]));
    let kernel = said(Command::new("uname").args(["-sr"]));
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut text = format!("# {heading}\n\n");
    let _ = writeln!(
        text,
        "Written by `cargo xtask long` at commit {commit} on {date}: {cores} cores, {}, {kernel}.\n",
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
