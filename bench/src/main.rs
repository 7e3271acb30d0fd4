//! `parlour-bench`: measures Parlour and its peers side by side. This file reads the command line and runs peers interleaved and repeated; what
//! is measured is in `scenario`, how in `load` and `server`, what is made of it in `report`.

mod bare;
mod fault;
mod figure;
mod load;
mod machine;
mod option;
mod peer;
mod picture;
mod report;
mod scenario;
mod server;
mod stamp;
mod wire;

use fault::{Fault, Outcome};
use option::{Options, USAGE};
use report::Results;

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match command(&arguments) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("parlour-bench: {fault}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn command(arguments: &[String]) -> Outcome<()> {
    match arguments {
        [name, rest @ ..] if name == "run" => run(&Options::read(rest)?),
        [name, rest @ ..] if name == "all" => all(Options::read(rest)?),
        [name, port_flag, port, rest @ ..] if name == "bare" && port_flag == "--port" => {
            let port = port.parse().map_err(|_| Fault(format!("{port} is no port")))?;
            bare::serve(port, rest.iter().any(|flag| flag == "--merging"))
        }
        [help] if help == "--help" => {
            println!("{USAGE}");
            Ok(())
        }
        _ => Err(Fault(USAGE.into())),
    }
}

/// The scenarios and servers that were named.
fn run(options: &Options) -> Outcome<()> {
    if options.scenarios.is_empty() || options.peers.is_empty() {
        return Err(Fault(format!("which --scenario, and which --peers?\n\n{USAGE}")));
    }
    measure(options, |_, _| true)
}

/// Every scenario, unless some were named, with every server that is installed.
fn all(mut options: Options) -> Outcome<()> {
    if options.scenarios.is_empty() {
        options.scenarios = scenario::names().map(str::to_owned).collect();
    }
    if options.peers.is_empty() {
        options.peers = peer::NAMES.iter().map(|name| (*name).to_owned()).collect();
    }
    if options.results.as_os_str().is_empty() {
        options.results = options.rivals.with_file_name("results");
    }
    let scratch = server::Scratch::new()?;
    let place = peer::Place { port: 1, scratch: &scratch.0, rivals: &options.rivals, parlour: &options.parlour };
    let mut installed = Vec::new();
    for name in &options.peers {
        match peer::find(name)?.command(&place) {
            Ok(_) => installed.push(name.clone()),
            Err(fault) => eprintln!("{name} is left out: {fault}"),
        }
    }
    options.peers = installed;
    measure(&options, scenario::compares)
}

/// Every peer in turn, all of that again for each repetition: what the machine does meanwhile hits all alike.
fn measure(options: &Options, compares: impl Fn(&str, &str) -> bool) -> Outcome<()> {
    let peers = options.peers.iter().map(|name| peer::find(name)).collect::<Outcome<Vec<_>>>()?;
    let mut results = Results::new(options, &peers);
    for scenario in &options.scenarios {
        let compared: Vec<_> = peers.iter().filter(|peer| compares(scenario, peer.name())).collect();
        for repetition in 0..options.repeat {
            for turn in 0..compared.len() {
                // Each round begins with another peer, so that none always follows the same one.
                let peer = compared[(turn + repetition) % compared.len()].as_ref();
                match scenario::run(scenario, peer, options) {
                    Ok(figures) => results.add(scenario, peer.name(), figures),
                    Err(fault) => results.fail(scenario, peer.name(), &fault),
                }
            }
        }
        println!("{}", results.table(scenario));
        if !options.results.as_os_str().is_empty() {
            // After each scenario, so that an interrupted run has not been for nothing.
            results.write(options)?;
        }
    }
    results.outcome()
}
