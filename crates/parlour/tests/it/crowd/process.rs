//! What the kernel says of the server's process and its sockets.

use std::collections::HashMap;

use crate::server::Server;

/// A field of `/proc/PID/status` in KiB: `VmRSS`, `VmHWM`.
pub fn memory_kib(server: &Server, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Bytes that the server's kernel holds for each client, by the client's port: sent and not acknowledged, or not yet sent.
pub fn unsent_by_port(server: &Server) -> HashMap<u16, u64> {
    let own = format!(":{:04X}", server.address.port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let mut unsent = HashMap::new();
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        if fields[1].ends_with(&own) {
            let port = u16::from_str_radix(fields[2].split_once(':').unwrap().1, 16).unwrap();
            unsent.insert(port, u64::from_str_radix(fields[4].split_once(':').unwrap().0, 16).unwrap());
        }
    }
    unsent
}
