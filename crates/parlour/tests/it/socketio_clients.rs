//! The client libraries of Socket.IO from npm, 1.7 to 4.8, over polls, WebSocket, and the way from one to the other.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::script::{Stage, missing};
use crate::server::Server;

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients-socketio")
}

fn can_run() -> bool {
    let node = Command::new("node").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    if !node {
        return missing("Node");
    }
    let installed = clients().join("node_modules/socket.io-client-4").exists();
    installed || missing("what `npm ci --ignore-scripts` installs in crates/parlour/tests/clients-socketio")
}

fn run(script: &str, options: &[&str], more: &[&str]) {
    if can_run() {
        let mut stage = Stage::new(Server::start(&[&["--demo"], options].concat(), ""));
        stage.run(&clients().join(script), more);
    }
}

fn tell_the_story(version: &str) {
    for way in ["websocket", "polling", "polling+websocket"] {
        run("story.cjs", &[], &[version, way]);
    }
}

#[test]
fn clients_of_1_7_connect_subscribe_publish_hear_and_come_back_over_every_transport() {
    tell_the_story("1");
}

#[test]
fn clients_of_2_5_connect_subscribe_publish_hear_and_come_back_over_every_transport() {
    tell_the_story("2");
}

#[test]
fn clients_of_3_1_connect_subscribe_publish_hear_and_come_back_over_every_transport() {
    tell_the_story("3");
}

#[test]
fn clients_of_4_8_connect_subscribe_publish_hear_and_recover_over_every_transport() {
    tell_the_story("4");
}

#[test]
fn a_hundred_clients_recover_when_the_server_is_killed_and_nothing_is_lost_or_doubled() {
    run("kill.cjs", &[], &[]);
}

#[test]
fn the_three_pages_of_old_are_spoken_to_as_they_speak() {
    run("dialects.cjs", &["--linger", "100ms"], &[]);
}
