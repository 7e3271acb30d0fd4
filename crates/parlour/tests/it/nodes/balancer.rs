//! Behind nginx, with the configuration of `examples/cluster`: each request goes to the next node. The client libraries of Socket.IO
//! poll through it and notice nothing.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::engine::Engine;
use crate::redis::{Nodes, Redis, can_run, has, until};
use crate::script::{Stage, missing};
use crate::server::Server;

/// nginx before some nodes; stopped when dropped.
pub struct Balancer {
    child: Child,
    pub address: SocketAddr,
    _directory: TempDir,
}

impl Balancer {
    pub fn before(nodes: &[Server]) -> Balancer {
        let directory = tempfile::tempdir().unwrap();
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/cluster/balancer.conf.template");
        let mut text = std::fs::read_to_string(template).unwrap().replace("${LISTEN}", &address.to_string());
        for (number, node) in nodes.iter().enumerate() {
            text = text.replace(&format!("${{NODE_{}}}", number + 1), &node.address.to_string());
        }
        let place = directory.path().display();
        let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let paths: String = kinds.iter().map(|kind| format!("{kind}_temp_path {place}/{kind};\n")).collect();
        let file = format!("pid {place}/pid;\ndaemon off;\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{text}}}\n");
        std::fs::write(directory.path().join("nginx.conf"), file).unwrap();
        let child = Command::new("nginx")
            .env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap()))
            .args(["-p", &place.to_string(), "-c", "nginx.conf", "-e", "stderr"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        until("nginx listens", || std::net::TcpStream::connect(address).is_ok());
        Balancer { child, address, _directory: directory }
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        // Told, so that it takes its workers with it.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

fn can_balance() -> bool {
    can_run() && (has("nginx") || missing("nginx"))
}

/// Three nodes, not in demo mode, which refuses what came through a proxy.
fn nodes(redis: &Redis) -> Nodes {
    Nodes::with(3, &redis.url(), &["--origins", "http://localhost:8080", "--trusted-proxy", "127.0.0.1/32"], "")
}

fn run(script: &str, more: &[&str]) {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients-socketio");
    let installed = scripts.join("node_modules/socket.io-client-4").exists()
        || missing("what `npm ci --ignore-scripts` installs in crates/parlour/tests/clients-socketio");
    if !can_balance() || !installed {
        return;
    }
    let redis = Redis::start();
    let mut nodes = nodes(&redis);
    let balancer = Balancer::before(&nodes);
    let key = nodes[0].key("default");
    let address = format!("http://{}", balancer.address);
    Stage::new(nodes.remove(0)).run(&scripts.join(script), &[&[address.as_str(), key.as_str()], more].concat());
}

#[test]
fn clients_of_4_8_poll_through_a_round_robin_balancer_and_hear_everything() {
    run("nodes.cjs", &["4"]);
}

#[test]
fn clients_of_2_5_poll_through_a_round_robin_balancer_and_hear_everything() {
    run("nodes.cjs", &["2"]);
}

#[test]
fn a_client_that_hears_nothing_for_longer_than_a_heartbeat_keeps_its_session() {
    run("quiet.cjs", &["4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_node_was_killed_is_unknown_everywhere_and_its_poll_does_not_hang() {
    if !can_run() {
        return;
    }
    let redis = Redis::start();
    let mut nodes = Nodes::start(3, &redis.url());
    let addresses: Vec<SocketAddr> = nodes.iter().map(|server| server.address).collect();
    // The first request makes the session, on the second node.
    let mut engine = Engine::connect(addresses.clone()).await;
    engine.subscribe("a").await;
    let sid = engine.sid().to_owned();
    let others = [addresses[0], addresses[2]];
    let ask = |address: SocketAddr, sid: &str| {
        let address = format!("http://{address}/socket.io/?EIO=4&transport=polling&sid={sid}");
        async move {
            let answer = reqwest::Client::new().get(address).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        }
    };
    let unknown = (400, r#"{"code":1,"message":"Session ID unknown"}"#.to_owned());
    assert_eq!(ask(addresses[0], "no").await, unknown);
    assert_eq!(
        ask(addresses[0], &format!("{}{}", &sid[..8], "AAAAAAAAAAAAAAAAAAAA")).await,
        unknown,
        "its node does not know it"
    );
    assert_eq!(ask(addresses[0], &format!("AAAAAAAA{}", &sid[8..])).await, unknown, "there is no such node");
    let waiting = tokio::spawn(ask(others[0], &sid));
    nodes[1].kill();
    assert_eq!(waiting.await.unwrap(), unknown);
    assert_eq!(ask(others[1], &sid).await, unknown);
}
