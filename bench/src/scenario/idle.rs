//! Waiting: what a subscribed, silent connection costs in memory, in CPU while nothing happens, and to accept.

use std::time::{Duration, Instant};

use super::{Bench, Figure, targets};
use crate::fault::Outcome;
use crate::load::Load;

/// Clients of one channel.
const MEMBERS: usize = 100;
/// The first part, after which memory is read once: what comes later shows whether the cost is flat.
const FIRST: usize = 5_000;
/// Until collectors and allocators have come to rest.
const SETTLE: Duration = Duration::from_secs(4);

/// Connects `clients`, in channels of 100, and lets them wait for the seconds of the options.
pub fn run(bench: &mut Bench, clients: usize) -> Outcome<Vec<Figure>> {
    let mut load = bench.load(clients)?;
    let channels = targets(clients, clients.div_ceil(MEMBERS)).channels;
    let mut members = (0..clients).map(|index| channels[index / MEMBERS].0.clone());
    // One client first: what a server sets up once is no cost of the others.
    load.subscribe_all(members.by_ref().take(1))?;
    let alone = bench.server.resident()?;
    let start = Instant::now();
    let first = FIRST.min(clients / 2);
    let (cpu, at_first) = bench.costing(|| {
        load.subscribe_all(members.by_ref().take(first))?;
        let at_first = bench.server.resident()?;
        load.subscribe_all(members)?;
        Ok(at_first)
    })?;
    let connecting = start.elapsed().as_secs_f64();
    wait(&mut load, SETTLE)?;
    let resident = bench.server.resident()?;
    let (idle, ()) = bench.costing(|| wait(&mut load, bench.lasting()))?;
    let others = (clients - 1) as f64;
    let grown = |to: u64, from: u64| to as f64 - from as f64;
    Ok(vec![
        ("bytes_per_connection", grown(resident, alone) / others),
        ("bytes_per_connection_beyond_first", grown(resident, at_first) / (others - first as f64)),
        ("resident_alone_mib", alone as f64 / 1_048_576.0),
        ("idle_cpu_percent", idle.total() / bench.options.seconds * 100.0),
        ("connect_cpu_us", cpu.total() * 1e6 / others),
        ("connects_per_s", others / connecting),
        ("closed", load.tally.closed as f64),
    ])
}

/// Answers pings and lets time pass.
fn wait(load: &mut Load, lasting: Duration) -> Outcome<()> {
    let until = Instant::now() + lasting;
    while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        load.wait(left)?;
    }
    Ok(())
}
