//! The command line: `--name value` pairs over defaults. Small on purpose; a load generator needs no parser library.

use std::path::PathBuf;

use crate::fault::{Fault, Outcome};

/// What a run may be told. Scenario defaults hold where a field is `None`.
#[derive(Clone, Debug)]
pub struct Options {
    pub scenarios: Vec<String>,
    pub peers: Vec<String>,
    pub clients: Option<usize>,
    pub rate: Option<f64>,
    pub in_flight: Option<u64>,
    pub bytes: usize,
    /// Of the long thread.
    pub comments: usize,
    pub seconds: f64,
    pub repeat: usize,
    /// How long to wait before each run until the machine is quiet.
    pub patience_s: f64,
    pub server_cores: Vec<usize>,
    pub own_core: usize,
    pub parlour: PathBuf,
    pub rivals: PathBuf,
    pub results: PathBuf,
    /// Part of the names of result files, after the date.
    pub name: String,
}

pub const USAGE: &str = "\
parlour-bench run --scenario fan-out[,busy…] --peers parlour,bare,bun [options]
parlour-bench all [options]        every scenario with every peer that is installed; writes bench/results/
parlour-bench bare --port PORT [--merging]

  --scenario NAMES      fan-out fan-out-full busy channels channels-full echo
                        idle herd neighbour posting reading
  --peers NAMES         see bench/README.md
  --clients N           instead of the scenario's own number (at most 18000)
  --rate N              publications a second over all channels
  --in-flight N         publications under way at full speed
  --bytes N             of a publication, at least 64 [128]
  --comments N          of the long thread that is read [100000]
  --seconds N           of each measurement [10]
  --repeat N            interleaved repetitions [5]
  --patience N          seconds to wait at most before each run until the machine is quiet [0]
  --server-core LIST    cores of the server, as 1 or 0,1 [1]
  --own-core N          core of the generator [0]
  --parlour PATH        the server's binary [beside this one]
  --rivals DIR          [bench/rivals]
  --results DIR         where `all` writes, and `run` if given
  --name NAME           part of the result files' names";

impl Options {
    fn new() -> Outcome<Self> {
        let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let beside = std::env::current_exe()?.with_file_name("parlour");
        Ok(Self {
            scenarios: Vec::new(),
            peers: Vec::new(),
            clients: None,
            rate: None,
            in_flight: None,
            bytes: 128,
            comments: 100_000,
            seconds: 10.0,
            repeat: 5,
            patience_s: 0.0,
            server_cores: vec![1],
            own_core: 0,
            parlour: beside,
            rivals: here.join("rivals"),
            results: PathBuf::new(),
            name: String::new(),
        })
    }

    /// Reads what follows the subcommand.
    pub fn read(arguments: &[String]) -> Outcome<Self> {
        let mut options = Self::new()?;
        let mut pairs = arguments.chunks_exact(2);
        for pair in &mut pairs {
            options.set(&pair[0], &pair[1])?;
        }
        if let [alone] = pairs.remainder() {
            return Err(Fault(format!("{alone} wants a value\n\n{USAGE}")));
        }
        if options.clients.is_some_and(|clients| clients > crate::scenario::CLIENTS_MAX) {
            return Err(Fault(format!("at most {} clients", crate::scenario::CLIENTS_MAX)));
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Outcome<()> {
        let list = || value.split(',').map(str::to_owned).collect::<Vec<_>>();
        match name {
            "--scenario" => self.scenarios = list(),
            "--peers" => self.peers = list(),
            "--clients" => self.clients = Some(number(name, value)?),
            "--rate" => self.rate = Some(number(name, value)?),
            "--in-flight" => self.in_flight = Some(number(name, value)?),
            "--bytes" => self.bytes = number::<usize>(name, value)?.max(crate::stamp::BYTES_MIN),
            "--comments" => self.comments = number::<usize>(name, value)?.max(1_000),
            "--seconds" => self.seconds = number(name, value)?,
            "--repeat" => self.repeat = number(name, value)?,
            "--patience" => self.patience_s = number(name, value)?,
            "--server-core" => self.server_cores = list().iter().map(|core| number(name, core)).collect::<Outcome<_>>()?,
            "--own-core" => self.own_core = number(name, value)?,
            "--parlour" => self.parlour = std::path::absolute(value)?,
            "--rivals" => self.rivals = std::path::absolute(value)?,
            "--results" => self.results = std::path::absolute(value)?,
            "--name" => self.name = value.into(),
            _ => return Err(Fault(format!("there is no option {name}\n\n{USAGE}"))),
        }
        Ok(())
    }
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Outcome<T> {
    value.parse().map_err(|_| Fault(format!("{name} wants a number, not {value}")))
}
