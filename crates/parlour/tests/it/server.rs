//! A real server for a test: the built binary as a child process, on a port of its own, with a store of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

/// How long anything may take before the test fails: less than the 40 s after which a node compares what nobody told it of.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The file of a log that is kept.
const LOG: &str = "parlour.log";

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    directory: TempDir,
    /// What `--store` takes; `None`: a file of its own.
    shared: Option<String>,
    options: Vec<String>,
    /// Variables of its own, and whether what it logs goes into a file.
    environment: Vec<(String, String)>,
    keeps_log: bool,
}

impl Server {
    /// In demo mode: everyone may publish, limits per address are off.
    pub fn demo() -> Server {
        Server::start(&["--demo"], "")
    }

    /// With these options and this configuration file.
    pub fn start(options: &[&str], file: &str) -> Server {
        Server::open(None, options, file)
    }

    /// On a store that is not its own (what `--store` takes), which others may share.
    pub fn on(store: &str, options: &[&str], file: &str) -> Server {
        Server::open(Some(store.to_owned()), options, file)
    }

    /// The same in demo mode, with variables of its own; what it says can be read.
    pub fn on_with(store: &str, environment: &[(&str, &str)]) -> Server {
        let environment = environment.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        Server::begin(Some(store.to_owned()), &["--demo"], "", environment, true)
    }

    /// What it said on its standard error, where that is kept.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join(LOG)).unwrap()
    }

    fn open(shared: Option<String>, options: &[&str], file: &str) -> Server {
        Server::begin(shared, options, file, Vec::new(), false)
    }

    fn begin(
        shared: Option<String>,
        options: &[&str],
        file: &str,
        environment: Vec<(String, String)>,
        keeps_log: bool,
    ) -> Server {
        let directory = tempfile::tempdir().unwrap();
        let mut options: Vec<String> = options.iter().map(|option| option.to_string()).collect();
        if !file.is_empty() {
            std::fs::write(directory.path().join("parlour.toml"), file).unwrap();
            options.extend(["--config".into(), directory.path().join("parlour.toml").display().to_string()]);
        }
        // Most tests are not about moderation: nothing is held unless they say what is.
        let speaks_of_holding = file.contains("hold") || options.iter().any(|option| option == "--hold");
        if !speaks_of_holding {
            options.extend(["--hold".into(), "nothing".into()]);
        }
        let mut command = command(directory.path(), "127.0.0.1:0", shared.as_deref(), &options, &environment, keeps_log);
        let (child, address) = spawn(&mut command);
        Server { child, address, directory, shared, options, environment, keeps_log }
    }

    /// `http://127.0.0.1:PORT` and this path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The WebSocket's address.
    pub fn socket_url(&self) -> String {
        format!("ws://{}/connection/websocket", self.address)
    }

    pub fn store(&self) -> PathBuf {
        self.directory.path().join("parlour.db")
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether the process that was started still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// `kill -9`, and gone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends `SIGTERM` and does not wait.
    pub fn terminate(&self) {
        let status = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits until it has gone by itself; whether with exit code 0.
    pub fn wait(&mut self) -> bool {
        let until = std::time::Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            assert!(std::time::Instant::now() < until, "the server does not stop");
            std::thread::yield_now();
        }
    }

    /// Starts again knowing its own address, as the pages that it serves itself need it.
    pub fn knows_itself(mut self) -> Server {
        self.kill();
        self.options.extend(["--public-url".into(), self.url("")]);
        self.start_again();
        self
    }

    /// Starts again on the same port with the same store.
    pub fn start_again(&mut self) {
        let listen = self.address.to_string();
        let shared = self.shared.as_deref();
        let (child, address) =
            spawn(&mut command(self.directory.path(), &listen, shared, &self.options, &self.environment, self.keeps_log));
        self.child = child;
        self.address = address;
    }

    /// Throws a stopped server's store away: what it starts with again is another one.
    pub fn forget(&mut self) {
        for entry in std::fs::read_dir(self.directory.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("parlour.db")) {
                std::fs::remove_file(path).unwrap();
            }
        }
    }

    /// Another command of the same binary on the same store; what it printed.
    pub fn parlour(&self, arguments: &[&str]) -> String {
        let store = store_option(self.directory.path(), self.shared.as_deref());
        let output =
            Command::new(binary()).args(arguments).args(["--store", &store]).current_dir(self.directory.path()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A token of `parlour token` for a member.
    pub fn token(&self, user: &str, more: &[&str]) -> String {
        let arguments: Vec<&str> = ["token", "--user", user].into_iter().chain(more.iter().copied()).collect();
        self.parlour(&arguments).lines().last().unwrap().to_owned()
    }

    /// A new key of a site.
    pub fn key(&self, site: &str) -> String {
        let printed = self.parlour(&["key", "new", "--site", site]);
        printed.split_whitespace().find(|word| word.starts_with("pk_")).unwrap().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_parlour")
}

fn store_option(directory: &Path, shared: Option<&str>) -> String {
    shared.map_or_else(|| format!("sqlite:{}", directory.join("parlour.db").display()), str::to_owned)
}

fn command(
    directory: &Path,
    listen: &str,
    shared: Option<&str>,
    options: &[String],
    environment: &[(String, String)],
    keeps_log: bool,
) -> Command {
    let store = store_option(directory, shared);
    let mut command = Command::new(binary());
    command
        .args(["serve", "--listen", listen, "--store", &store])
        .args(options)
        .current_dir(directory)
        .env("PARLOUR_LOG", "warn");
    command.envs(environment.iter().map(|(name, value)| (name, value))).stdin(Stdio::null()).stdout(Stdio::piped());
    if keeps_log {
        command.stderr(std::fs::File::create(directory.join(LOG)).unwrap());
    }
    command
}

/// Starts a server and waits until it says where it listens.
fn spawn(command: &mut Command) -> (Child, SocketAddr) {
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (said, heard) = mpsc::channel();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if let Some(address) = line.split("http://").nth(1).filter(|_| line.contains("listens on")) {
                let _ = said.send(address.trim_end_matches('/').to_owned());
            }
        }
    });
    let address = heard.recv_timeout(PATIENCE).expect("the server does not say where it listens");
    (child, address.parse().unwrap())
}
