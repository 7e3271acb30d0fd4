//! `examples/cluster`, as somebody starts it: one script, from Debian's packages.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::redis::{can_run_sentinel, has, until};
use crate::script::missing;
use crate::server::binary;

/// The script; told to stop when dropped.
struct Example {
    child: Child,
    port: u16,
    key: String,
    nodes: Vec<String>,
}

impl Example {
    fn start(mode: &str, directory: &Path) -> Example {
        let port = free_ports();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/cluster/start.sh");
        let mut child = Command::new("bash")
            .arg(script)
            .arg(mode)
            .env("PARLOUR", binary())
            .env("PORT", port.to_string())
            .env("DIRECTORY", directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
            said.push_str(&line);
            said.push('\n');
            if line.contains("Ctrl-C") {
                break;
            }
        }
        let word = |beginning: &str| said.split([' ', '\'', '\n']).find(|word| word.starts_with(beginning)).map(str::to_owned);
        let key = word("pk_").unwrap_or_else(|| panic!("the script does not come up: {said}"));
        let nodes = said.split([' ', ',']).filter(|word| word.starts_with("127.0.0.1:")).map(str::to_owned).collect();
        Example { child, port, key, nodes }
    }

    fn signal(&self) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

/// The first of as many ports as the script takes, below those that connections are given.
fn free_ports() -> u16 {
    let first = 20_000 + (std::process::id() % 400) as u16 * PORTS;
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let blocks = (first..32_000).step_by(usize::from(PORTS));
    // Two tests of this process start examples, and neither waits for the other.
    let mut taken = TAKEN.lock().unwrap();
    let base = blocks.into_iter().find(|base| !taken.contains(base) && (*base..base + PORTS).all(is_free)).expect("free ports");
    taken.push(base);
    base
}

/// Ports that the script may take: its own, and those after it.
const PORTS: u16 = 20;

static TAKEN: Mutex<Vec<u16>> = Mutex::new(Vec::new());

impl Drop for Example {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
            let _ = self.child.wait();
        }
    }
}

async fn starts_serves_and_stops(mode: &str) {
    if !can_run_sentinel() || !(has("nginx") || missing("nginx")) || !(has("curl") || missing("curl")) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut example = Example::start(mode, directory.path());
    assert_eq!(example.nodes.len(), 3, "{:?}", example.nodes);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let base = format!("http://127.0.0.1:{}/v1/channels/prices", example.port);
    for number in 0..6 {
        let answer = http.post(format!("{base}/publications")).bearer_auth(&example.key).json(&json!({ "data": number }));
        assert_eq!(answer.send().await.unwrap().status(), 200);
    }
    for node in &example.nodes {
        let address = format!("http://{node}/v1/channels/prices/history?limit=10");
        let answer: Value = http.get(address).send().await.unwrap().json().await.unwrap();
        let kept: Vec<&Value> = answer["publications"].as_array().unwrap().iter().map(|one| &one["data"]).collect();
        assert_eq!(kept, [0, 1, 2, 3, 4, 5]);
    }
    example.signal();
    until("the script ends", || example.child.try_wait().unwrap().is_some_and(|status| status.success()));
    for port in [example.port, example.port + 1, example.port + 12] {
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err(), "something still listens on {port}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_starts_serves_through_its_balancer_and_leaves_nothing_behind() {
    starts_serves_and_stops("one").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_with_sentinels_starts_and_serves_too() {
    starts_serves_and_stops("sentinel").await;
}
