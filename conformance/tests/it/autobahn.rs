//! Autobahn's fuzzing client, the suite for WebSocket that everyone runs, against `/echo`. It wants Python 2.7 and is installed by
//! `cargo xtask long autobahn`, never from here; where it is missing, the small test is skipped aloud. Offers of
//! compression that ask for a smaller window of ours (some of 13) are declined, which the suite calls unimplemented.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::fixture::Fixture;

/// What a case may end with. `NON-STRICT` is correct and later than it could be, `INFORMATIONAL` has no right or wrong.
const GOOD: [&str; 3] = ["OK", "NON-STRICT", "INFORMATIONAL"];

/// What a case about compression may end with besides: the offer was declined, and nothing was compressed.
const DECLINED: &str = "UNIMPLEMENTED";

/// How long all cases may take; a slow processor needs ten minutes, most of it for compression.
const PATIENCE: Duration = Duration::from_secs(2_400);

/// What the fuzzing client found: by case, how the server behaved and how the connection was closed.
struct Findings {
    /// Cases that it said it would run.
    announced: usize,
    cases: BTreeMap<String, (String, String)>,
}

/// The suite as it is installed.
struct Suite {
    program: PathBuf,
    /// Where its packages lie, unless Python knows by itself.
    packages: Option<PathBuf>,
    /// As it states them.
    versions: String,
}

impl Suite {
    /// `None` where it is not installed, or does not start.
    fn find() -> Option<Suite> {
        let packages = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("autobahn-suite");
        let program = packages.join("bin/wstest");
        let mut suite = match program.is_file() {
            true => Suite { program, packages: Some(packages), versions: String::new() },
            false => Suite { program: "wstest".into(), packages: None, versions: String::new() },
        };
        let output = suite.command().arg("-a").output().ok().filter(|output| output.status.success())?;
        suite.versions = String::from_utf8_lossy(&output.stdout).trim().replace('\n', ", ");
        Some(suite)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(packages) = &self.packages {
            // For this process only: Python 3 cannot load what lies there.
            command.env("PYTHONPATH", packages);
        }
        command
    }
}

/// Runs the cases against a server of its own; the reports of the single cases stay in `directory`, under the build's folder.
fn run(suite: &Suite, directory: &str, cases: &[&str], excluded: &[&str]) -> Findings {
    let fixture = Fixture::start();
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(directory);
    // Nothing of an earlier run may count.
    if directory.exists() {
        std::fs::remove_dir_all(&directory).unwrap();
    }
    std::fs::create_dir_all(&directory).unwrap();
    let specification = json!({
        "outdir": directory.join("reports"),
        "servers": [{"agent": "parlour", "url": format!("ws://{}/echo", fixture.address)}],
        "cases": cases,
        "exclude-cases": excluded,
        "exclude-agent-cases": {},
    });
    let path = directory.join("specification.json");
    std::fs::write(&path, specification.to_string()).unwrap();
    let mut command = suite.command();
    command.args([OsStr::new("--mode"), OsStr::new("fuzzingclient"), OsStr::new("--spec"), path.as_os_str()]);
    let child = command.current_dir(&directory).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (done, finished) = mpsc::channel();
    std::thread::spawn(move || done.send(child.wait_with_output()));
    // When this gives up, the server goes, and then the client ends by itself.
    let output = finished.recv_timeout(PATIENCE).expect("the fuzzing client does not end").unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    let announced =
        printed.split("will run ").nth(1).and_then(|rest| rest.split(' ').next()).and_then(|count| count.parse().ok());
    let index: Value = serde_json::from_slice(&std::fs::read(directory.join("reports/index.json")).unwrap()).unwrap();
    let text = |case: &Value, key: &str| case[key].as_str().unwrap_or("missing").to_owned();
    let cases = index["parlour"].as_object().into_iter().flatten();
    Findings {
        announced: announced.unwrap_or_else(|| panic!("{printed}")),
        cases: cases.map(|(id, case)| (id.clone(), (text(case, "behavior"), text(case, "behaviorClose")))).collect(),
    }
}

impl Findings {
    /// Every case that was announced was run, and nothing is wrong with any. The client's own exit code says neither.
    fn check(&self, cases_min: usize) {
        assert!(self.announced >= cases_min, "only {} cases were chosen", self.announced);
        assert_eq!(self.cases.len(), self.announced, "some cases were not run");
        let is_good = |id: &str, outcome: &str| GOOD.contains(&outcome) || (id.starts_with("13.") && outcome == DECLINED);
        let bad: Vec<_> =
            self.cases.iter().filter(|(id, (during, at_end))| !is_good(id, during) || !is_good(id, at_end)).collect();
        assert!(bad.is_empty(), "case, behaviour, closing: {bad:#?}");
    }

    /// How often each outcome came, and which cases were not plainly well.
    fn table(&self) -> String {
        let mut text = "| outcome | behaviour | closing | cases |\n| --- | --- | --- | --- |\n".to_owned();
        for outcome in GOOD.into_iter().chain([DECLINED]) {
            let during: Vec<&str> = self.cases.iter().filter(|case| case.1.0 == outcome).map(|case| case.0.as_str()).collect();
            let at_end = self.cases.values().filter(|case| case.1 == outcome).count();
            let named = if outcome == "OK" { "all others".to_owned() } else { during.join(", ") };
            text.push_str(&format!("| {outcome} | {} | {at_end} | {named} |\n", during.len()));
        }
        text
    }
}

#[test]
fn the_fuzzing_client_finds_nothing_in_frames_pings_fragments_text_and_closing() {
    let Some(suite) = Suite::find() else {
        eprintln!("SKIPPED: Autobahn's fuzzing client is not installed; `cargo xtask long autobahn` does it, with Python 2.7");
        return;
    };
    run(&suite, "autobahn-small", &["1.*", "2.*", "5.1", "6.1.*", "7.1.*", "12.1.1", "13.1.1"], &[]).check(39);
}

#[test]
#[ignore = "large; `cargo xtask long autobahn` runs it"]
fn long_the_whole_fuzzing_client_finds_nothing() {
    let suite = Suite::find().expect("`cargo xtask long autobahn` installs the fuzzing client");
    let findings = run(&suite, "autobahn-whole", &["*"], &[]);
    findings.check(517);
    println!("\n{}, against `/echo` of the fixture server:", suite.versions);
    println!("{} cases.\n", findings.cases.len());
    println!("{}", findings.table());
}
