//! Clients from npm, and curl, against the real server: that the protocols are those which others speak.

use std::process::{Command, Stdio};

use crate::script::{Stage, can_run, clients, missing};
use crate::server::Server;

fn run(script: &str) {
    if can_run() {
        Stage::new(Server::demo()).run(&clients().join(script), &[]);
    }
}

#[test]
fn the_centrifuge_client_talks_and_recovers_and_is_told_when_it_cannot() {
    run("centrifuge.mjs");
}

#[test]
fn the_eventsource_client_and_curl_resume_with_nothing_lost_or_doubled() {
    let curl = Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    if curl || missing("curl") {
        run("streams.mjs");
    }
}

#[test]
fn a_reader_that_changes_doors_with_its_position_sees_one_unbroken_sequence() {
    run("doors.mjs");
}

#[test]
fn a_page_of_2011_polls_its_list_and_ten_waiters_and_a_restart_lose_nothing() {
    run("msgs.mjs");
}
