//! What is measured: each scenario starts one server, connects clients, lets it work, and gives named figures. Relies on `server` for what the
//! server cost and on `load` for what arrived; how often and in which order is `main`'s matter, what the figures add up to `report`'s.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::fault::{Fault, Outcome};
use crate::load::Load;
use crate::load::pace::{Paced, Targets};
use crate::machine;
use crate::option::Options;
use crate::peer::{Peer, Place};
use crate::server::{self, Cpu, Scratch, Server};

mod comments;
mod fan_out;
mod herd;
mod idle;
mod neighbour;

/// More connections than this do not fit beside the rest into the usual 20,000 open files.
pub const CLIENTS_MAX: usize = 18_000;

/// Every channel's name has this length, so that deliveries can be counted by bytes.
pub const CHANNEL_BYTES: usize = "bench-00000".len();

/// A named number; the unit is the name's end.
pub type Figure = (&'static str, f64);

/// Name, what it is in a sentence, and the servers that `all` compares in it besides [`EVERYONE`].
const SCENARIOS: &[(&str, &str, &[&str])] = &[
    ("fan-out", "One channel of 1,000 clients, 50 publications a second.", &["parlour-linger-0", "parlour-socketio"]),
    (
        "fan-out-full",
        "One channel of 1,000 clients at full speed, 16 publications in flight.",
        &["bare-merging", "parlour-linger-0"],
    ),
    ("busy", "One channel of 200 clients, 400 publications a second.", &["parlour-linger-0"]),
    ("channels", "2,000 channels of 5 clients, 5,000 publications a second over all.", &["parlour-keep-0"]),
    ("channels-full", "2,000 channels of 5 clients at full speed, 400 publications in flight.", &["parlour-keep-0"]),
    ("echo", "50 clients that each hear themselves, 4 publications each in flight.", &["parlour-keep-0"]),
    ("idle", "10,000 silent subscribers in channels of 100 (or as many as `--clients` says).", &["parlour-events"]),
    ("herd", "1,000 clients of a channel cut at once and back, five times; with recovery where the server knows one.", &[]),
    (
        "neighbour",
        "What 50 clients of a quiet channel notice while another, of 1,000, takes 80 % of a core; for a server on both cores.",
        &[],
    ),
    ("posting", "Durable comments over HTTP by 64, 8 and 1 writers who wait for their answers.", COMMENTERS),
    (
        "reading",
        "Pages of 50 comments of a long thread (100,000, no page twice) and of a short one (100), by 16 readers.",
        COMMENTERS,
    ),
];

/// Compared wherever channels are measured.
const EVERYONE: &[&str] = &["parlour", "bare", "bun", "ws", "nchan", "nats", "socketioxide", "socketio", "socketio-redis"];
/// Compared where comments are.
const COMMENTERS: &[&str] = &["parlour", "parlour-unsynced", "isso"];

/// The names of the scenarios, in the order of the report.
pub fn names() -> impl Iterator<Item = &'static str> {
    SCENARIOS.iter().map(|(name, ..)| *name)
}

/// What a scenario is.
pub fn sentence(name: &str) -> &'static str {
    SCENARIOS.iter().find(|(known, ..)| *known == name).map_or("", |(_, sentence, _)| sentence)
}

/// Whether `all` compares this server in this scenario.
pub fn compares(name: &str, peer: &str) -> bool {
    let besides = SCENARIOS.iter().find(|(known, ..)| *known == name).map_or(&[][..], |(.., besides)| besides);
    besides.contains(&peer) || (!about_comments(name) && EVERYONE.contains(&peer) && !(name == "echo" && peer == "nchan"))
}

fn about_comments(name: &str) -> bool {
    matches!(name, "posting" | "reading")
}

/// Runs one scenario once against a fresh server.
pub fn run(name: &str, peer: &dyn Peer, options: &Options) -> Outcome<Vec<Figure>> {
    if !about_comments(name) && !peer.pushes() {
        return Err(Fault(format!("{} has no channels", peer.name())));
    }
    machine::await_quiet(Duration::from_secs_f64(options.patience_s));
    let mut bench = Bench::start(peer, options)?;
    let mut figures = measure(name, &mut bench)?;
    figures.push(("others_cpu_percent", bench.others_percent.get()));
    Ok(figures)
}

fn measure(name: &str, bench: &mut Bench) -> Outcome<Vec<Figure>> {
    let options = bench.options;
    match name {
        "fan-out" => fan_out::paced(bench, options.clients.unwrap_or(1_000), 1, options.rate.unwrap_or(50.0)),
        "busy" => fan_out::paced(bench, options.clients.unwrap_or(200), 1, options.rate.unwrap_or(400.0)),
        "channels" => fan_out::paced(bench, options.clients.unwrap_or(10_000), 5, options.rate.unwrap_or(5_000.0)),
        "fan-out-full" => fan_out::full(bench, options.clients.unwrap_or(1_000), 1, options.in_flight.unwrap_or(16)),
        "channels-full" => fan_out::full(bench, options.clients.unwrap_or(10_000), 5, options.in_flight.unwrap_or(400)),
        "echo" => fan_out::echo(bench, options.clients.unwrap_or(50), options.in_flight.unwrap_or(4)),
        "herd" => herd::run(bench, options.clients.unwrap_or(1_000)),
        "neighbour" => neighbour::run(bench, options.clients.unwrap_or(1_000)),
        "posting" => comments::posting(bench),
        "reading" => comments::reading(bench, options.comments),
        "idle" => idle::run(bench, options.clients.unwrap_or(10_000)),
        _ => Err(Fault(format!("no scenario is called {name}; there are {}", names().collect::<Vec<_>>().join(", ")))),
    }
}

/// A running server and what is to be done to it.
pub struct Bench<'a> {
    pub peer: &'a dyn Peer,
    pub options: &'a Options,
    pub server: Server,
    /// What other programs took of the machine while the server was measured, percent of a core; the most of all measurements of the run.
    others_percent: Cell<f64>,
    /// Dropped after the server, whose files it holds.
    scratch: Scratch,
}

impl<'a> Bench<'a> {
    fn start(peer: &'a dyn Peer, options: &'a Options) -> Outcome<Self> {
        let scratch = Scratch::new()?;
        let port = server::free_port()?;
        let place = Place { port, scratch: &scratch.0, rivals: &options.rivals, parlour: &options.parlour };
        let command = peer.command(&place)?;
        let server = Server::start(command, port, &options.server_cores, options.own_core, &scratch.0)?;
        Ok(Self { peer, options, server, others_percent: Cell::new(0.0), scratch })
    }

    fn place(&self) -> Place<'_> {
        let (rivals, parlour) = (&self.options.rivals, &self.options.parlour);
        Place { port: self.server.address.port(), scratch: &self.scratch.0, rivals, parlour }
    }

    fn lasting(&self) -> Duration {
        Duration::from_secs_f64(self.options.seconds)
    }

    /// A generator without connections that samples some 64 of `clients`.
    fn load(&self, clients: usize) -> Outcome<Load<'a>> {
        Load::new(self.peer, self.server.address, self.options.bytes, clients / 64)
    }

    /// The CPU that the server used during `work`, and what came out of it.
    fn costing<T>(&self, work: impl FnOnce() -> Outcome<T>) -> Outcome<(Cpu, T)> {
        let (start, busy, own) = (Instant::now(), machine::busy_s(), server::own_cpu()?);
        let before = self.server.cpu()?;
        let done = work()?;
        let cpu = self.server.cpu()?.since(before);
        let others = machine::busy_s() - busy - cpu.total() - server::own_cpu()?.since(own).total();
        self.others_percent.set(self.others_percent.get().max(others / start.elapsed().as_secs_f64() * 100.0));
        Ok((cpu, done))
    }
}

/// `clients` spread evenly over channels.
fn targets(clients: usize, channels: usize) -> Targets {
    let readers = (clients / channels) as u64;
    Targets { channels: (0..channels).map(|index| (format!("bench-{index:05}"), readers)).collect() }
}

/// CPU per delivery, what is microseconds each and seconds a million.
fn cost(cpu: Cpu, deliveries: u64) -> [Figure; 2] {
    let each = 1e6 / deliveries.max(1) as f64;
    [("cpu_us_per_delivery", cpu.total() * each), ("user_us_per_delivery", cpu.user * each)]
}

fn deliveries(load: &Load, paced: Paced) -> [Figure; 2] {
    [("deliveries", load.tally.deliveries as f64), ("lost", paced.expected as f64 - load.tally.deliveries as f64)]
}

/// Percentiles of the latencies sampled.
fn latencies(load: &mut Load) -> [Figure; 3] {
    let sampled = &mut load.tally.latencies_ns;
    [
        ("p50_ms", percentile_ms(sampled, 0.5)),
        ("p99_ms", percentile_ms(sampled, 0.99)),
        ("p999_ms", percentile_ms(sampled, 0.999)),
    ]
}

/// The latency that this share does not exceed, milliseconds; sorts what it is given.
fn percentile_ms(sampled_ns: &mut [u64], share: f64) -> f64 {
    sampled_ns.sort_unstable();
    let index = ((sampled_ns.len() as f64 * share) as usize).min(sampled_ns.len().saturating_sub(1));
    sampled_ns.get(index).map_or(f64::NAN, |ns| *ns as f64 / 1e6)
}
