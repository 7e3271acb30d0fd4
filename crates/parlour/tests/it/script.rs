//! Runs a client that is not ours: a script of `tests/clients` under Node. What it prints is shown when it fails; a line
//! `! ORDER` asks the test for something that only it can do (cut the line, kill the server), and waits for a line back.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::relay::Relay;
use crate::server::Server;

/// How long a script may take.
const SCRIPT_PATIENCE: Duration = Duration::from_secs(300);

/// Where the scripts and their packages are.
pub fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// Whether the scripts can run. If not: says so, and fails where `CI` is set.
pub fn can_run() -> bool {
    let node = Command::new("node").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    if !node {
        return missing("Node");
    }
    let installed = clients().join("node_modules/ws").exists();
    installed || missing("what `npm ci --ignore-scripts` installs in crates/parlour/tests/clients")
}

/// Skips aloud; fails where `CI` is set.
pub fn missing(what: &str) -> bool {
    let strict = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
    assert!(!strict, "there is no {what}");
    eprintln!("SKIPPED: there is no {what}");
    false
}

/// A server, a line to it that can be cut, and a script that is told both addresses.
pub struct Stage {
    pub server: Server,
    pub relay: Relay,
}

impl Stage {
    pub fn new(server: Server) -> Stage {
        let relay = Relay::to(server.address);
        Stage { server, relay }
    }

    /// `node SCRIPT http://SERVER http://RELAY MORE…`, obeying what it asks; panics unless it ends well.
    pub fn run(&mut self, script: &Path, more: &[&str]) {
        let addresses = [self.server.url(""), format!("http://{}", self.relay.address)];
        let mut child = Command::new("node")
            .arg(script)
            .args(addresses)
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut answers = child.stdin.take().unwrap();
        let mut said = String::new();
        let (sender, lines) = mpsc::channel();
        hear(child.stdout.take().unwrap(), sender.clone());
        hear(child.stderr.take().unwrap(), sender);
        let until = Instant::now() + SCRIPT_PATIENCE;
        loop {
            match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    said.push_str(&line);
                    said.push('\n');
                    if let Some(order) = line.strip_prefix("! ") {
                        self.obey(order, &mut answers);
                    }
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    end(&mut child);
                    panic!("{} does not end:\n{said}", script.display());
                }
            }
        }
        let status = child.wait().unwrap();
        assert!(status.success(), "{} ended with {status}:\n{said}", script.display());
        // What it measured, as rows of a table.
        said.lines().filter(|line| line.starts_with("| ")).for_each(|row| println!("{row}"));
    }

    fn obey(&mut self, order: &str, answers: &mut ChildStdin) {
        match order {
            "cut" => self.relay.cut(),
            "down" => self.relay.down(),
            "up" => self.relay.up(),
            "kill" => self.server.kill(),
            "start" => self.server.start_again(),
            "forget" => self.server.forget(),
            other => panic!("a script asks for {other:?}"),
        }
        // A script that has ended does not read.
        let _ = writeln!(answers, "done");
    }
}

fn hear(stream: impl std::io::Read + Send + 'static, sender: Sender<String>) {
    thread::spawn(move || BufReader::new(stream).lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}
