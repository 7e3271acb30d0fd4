//! One publication to many: paced, at full speed, and to oneself. One channel of 1,000, a busy one of 200 and 2,000 channels of 5 are the same
//! work with other numbers.

use std::time::Duration;

use super::{Bench, Figure, cost, deliveries, latencies, targets};
use crate::fault::{Fault, Outcome};
use crate::load::Load;
use crate::load::pace::Targets;

/// Publications before anything is measured: caches, code compiled at run time, buffers grown.
const WARM_UP: Duration = Duration::from_millis(1_500);
/// Publishers of scenarios with many channels.
const PUBLISHERS_OF_MANY: usize = 8;

/// Publishing at a rate; once with the generator napping for the CPU figures, once reading at once for the latencies.
pub fn paced(bench: &mut Bench, clients: usize, members: usize, rate: f64) -> Outcome<Vec<Figure>> {
    let (mut load, targets) = connect(bench, clients, members)?;
    load.at_rate(&targets, rate, WARM_UP, true)?;
    load.reset();
    let (cpu, paced) = bench.costing(|| load.at_rate(&targets, rate, bench.lasting(), true))?;
    let mut figures = cost(cpu, load.tally.deliveries).to_vec();
    figures.extend(deliveries(&load, paced));
    load.at_rate(&targets, rate, WARM_UP / 3, false)?;
    load.reset();
    let paced = load.at_rate(&targets, rate, bench.lasting(), false)?;
    figures.extend(latencies(&mut load));
    figures.push(("lost_awake", paced.expected as f64 - load.tally.deliveries as f64));
    figures.push(("generator_late_ms_max", paced.late_max.as_secs_f64() * 1e3));
    alive(&load)?;
    Ok(figures)
}

/// Publishing as fast as deliveries arrive.
pub fn full(bench: &mut Bench, clients: usize, members: usize, in_flight: u64) -> Outcome<Vec<Figure>> {
    let (mut load, targets) = connect(bench, clients, members)?;
    load.at_full_speed(&targets, in_flight, WARM_UP)?;
    load.reset();
    let (cpu, paced) = bench.costing(|| load.at_full_speed(&targets, in_flight, bench.lasting()))?;
    let mut figures = vec![("deliveries_per_s", load.tally.deliveries as f64 / paced.elapsed.as_secs_f64())];
    figures.extend(cost(cpu, load.tally.deliveries));
    figures.extend(deliveries(&load, paced));
    figures.extend(latencies(&mut load));
    alive(&load)?;
    Ok(figures)
}

/// Everyone hears only oneself.
pub fn echo(bench: &mut Bench, clients: usize, in_flight: u64) -> Outcome<Vec<Figure>> {
    if !bench.peer.echoes() {
        return Err(Fault(format!("{} has no publishing over a subscriber's own connection", bench.peer.name())));
    }
    let mut load = bench.load(clients)?;
    load.subscribe_all(targets(clients, clients).channels.into_iter().map(|(channel, _)| channel))?;
    load.echoing(in_flight as usize, WARM_UP)?;
    load.reset();
    let (cpu, paced) = bench.costing(|| load.echoing(in_flight as usize, bench.lasting()))?;
    let mut figures = vec![("deliveries_per_s", load.tally.deliveries as f64 / paced.elapsed.as_secs_f64())];
    figures.extend(cost(cpu, load.tally.deliveries));
    figures.extend(deliveries(&load, paced));
    figures.extend(latencies(&mut load));
    alive(&load)?;
    Ok(figures)
}

/// `clients` in one channel, or in channels of `members` if that is more than 1.
fn connect<'a>(bench: &Bench<'a>, clients: usize, members: usize) -> Outcome<(Load<'a>, Targets)> {
    let targets = targets(clients, if members > 1 { clients / members } else { 1 });
    let mut load = bench.load(clients)?;
    load.subscribe_all(
        targets.channels.iter().flat_map(|(channel, readers)| std::iter::repeat_n(channel.clone(), *readers as usize)),
    )?;
    load.add_publishers(if targets.channels.len() > 1 { PUBLISHERS_OF_MANY } else { 1 })?;
    Ok((load, targets))
}

/// A run in which the server closed connections is none.
pub fn alive(load: &Load) -> Outcome<()> {
    if load.tally.closed > 0 { Err(Fault(format!("the server closed {} connections", load.tally.closed))) } else { Ok(()) }
}
