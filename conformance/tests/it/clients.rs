//! The client libraries of Socket.IO from npm against the fixture server: bytes both ways, over every transport.

use std::path::Path;
use std::process::Command;

use crate::fixture::Fixture;

#[test]
fn clients_of_every_version_send_and_hear_bytes_over_every_transport() {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/parlour/tests/clients-socketio");
    let has_node = Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success());
    if !has_node || !scripts.join("node_modules/socket.io-client-4").exists() {
        let strict = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
        assert!(!strict, "there is no Node, or `npm ci --ignore-scripts` was not run in {}", scripts.display());
        eprintln!("SKIPPED: there is no Node, or its packages are missing");
        return;
    }
    let fixture = Fixture::start();
    let address = format!("http://{}", fixture.address);
    let output = Command::new("node").arg(scripts.join("binary.cjs")).args([&address, &address]).output().unwrap();
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}
