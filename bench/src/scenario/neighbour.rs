//! A loud channel and a quiet one on the same server: what the quiet one's readers notice. Meant for a server that may use both cores
//! (`--server-core 0,1`); the loud channel is published to so often that the server uses 80 % of one.

use std::time::Duration;

use super::{Bench, Figure, fan_out, latencies};
use crate::fault::Outcome;
use crate::load::pace::Targets;

/// Readers of the quiet channel.
const QUIET_READERS: usize = 50;
/// Publications to the loud channel for each to the quiet one.
const LOUD_EACH: usize = 5;
/// What the loud channel is to cost, share of a core.
const SHARE: f64 = 0.8;
/// Publications a second to begin with.
const RATE_FIRST: f64 = 60.0;
/// How often the rate is corrected, and how long it is tried each time: the more come, the less one costs, so that each correction falls
/// short of what it aims at.
const CORRECTIONS: usize = 8;
const TRIAL: Duration = Duration::from_secs(2);

/// `clients` read the loud channel.
pub fn run(bench: &Bench, clients: usize) -> Outcome<Vec<Figure>> {
    let mut load = bench.load(clients)?;
    load.sample_every(usize::MAX);
    load.subscribe_all(std::iter::repeat_n("bench-aloud".to_owned(), clients))?;
    load.sample_every(1);
    load.subscribe_all(std::iter::repeat_n("bench-quiet".to_owned(), QUIET_READERS))?;
    let mut channels = vec![("bench-aloud".to_owned(), clients as u64); LOUD_EACH];
    channels.push(("bench-quiet".to_owned(), QUIET_READERS as u64));
    // As many publishers as turns: the quiet channel's never waits behind the loud one's.
    load.add_publishers(channels.len())?;
    let targets = Targets { channels };
    let mut rate = RATE_FIRST;
    for _ in 0..CORRECTIONS {
        let (cpu, _) = bench.costing(|| load.at_rate(&targets, rate, TRIAL, false))?;
        rate *= (SHARE * TRIAL.as_secs_f64() / cpu.total().max(0.01)).clamp(0.2, 5.0);
    }
    load.reset();
    let (cpu, paced) = bench.costing(|| load.at_rate(&targets, rate, bench.lasting(), false))?;
    let mut figures = vec![];
    let [p50, p99, p999] = latencies(&mut load);
    figures.extend([p99, p50, p999]);
    figures.push(("cpu_percent", cpu.total() / paced.elapsed.as_secs_f64() * 100.0));
    figures.push(("publications_per_s", rate));
    figures.push(("lost", paced.expected as f64 - load.tally.deliveries as f64));
    fan_out::alive(&load)?;
    Ok(figures)
}
