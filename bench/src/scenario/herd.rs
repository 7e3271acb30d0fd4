//! The herd: all clients of a channel are cut at once and come back with the position they had, as after a restart of a proxy.

use std::time::{Duration, Instant};

use super::{Bench, Figure, targets};
use crate::fault::{Fault, Outcome};

/// Publications that everyone missed.
const MISSED: u64 = 10;
/// How often the herd comes back in one run.
const RETURNS: usize = 5;

/// `clients` return five times; a server that knows no recovery is measured on accepting them alone.
pub fn run(bench: &mut Bench, clients: usize) -> Outcome<Vec<Figure>> {
    let targets = targets(clients, 1);
    let everyone = || std::iter::repeat_n(targets.channels[0].0.clone(), clients);
    let mut load = bench.load(clients)?;
    load.positions = Some(Vec::new());
    load.subscribe_all(everyone())?;
    let position = load.positions.take().unwrap_or_default().into_iter().next().map(|(_, position)| position);
    let recovers = bench.peer.recovers();
    if recovers && position.is_none() {
        return Err(Fault("subscribing gave no position".into()));
    }
    let mut publisher = bench.load(clients)?;
    publisher.add_publishers(1)?;
    for sequence in 0..MISSED {
        publisher.publish(&targets.channels[0].0, sequence)?;
    }
    let until = Instant::now() + Duration::from_secs(5);
    while load.tally.deliveries < MISSED * clients as u64 && Instant::now() < until {
        load.wait(Duration::from_millis(20))?;
        publisher.wait(Duration::ZERO)?;
    }
    load.return_position = position;
    load.reset();
    let start = Instant::now();
    let (cpu, ()) = bench.costing(|| {
        (0..RETURNS).try_for_each(|_| {
            load.cut_all();
            load.subscribe_all(everyone())
        })
    })?;
    let returns = (clients * RETURNS) as f64;
    let mut figures =
        vec![("return_cpu_us", cpu.total() * 1e6 / returns), ("returns_per_s", returns / start.elapsed().as_secs_f64())];
    if recovers {
        figures.push(("recovered_each", load.tally.deliveries as f64 / returns));
        figures.push(("missing", returns * MISSED as f64 - load.tally.deliveries as f64));
    }
    Ok(figures)
}
