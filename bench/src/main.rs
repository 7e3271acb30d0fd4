//! `parlour-bench`: measures Parlour and its peers side by side. This file reads the command line and runs peers interleaved and repeated; what
//! is measured is in `scenario`, how in `load` and `server`, what is made of it in `report`.

mod bare;
mod fault;
mod load;
mod option;
mod peer;
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
        [name, rest @ ..] if name == "run" => run(Options::read(rest)?),
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

/// Every peer in turn, all of that again for each repetition: what the machine does meanwhile hits all alike.
fn run(options: Options) -> Outcome<()> {
    if options.scenarios.is_empty() || options.peers.is_empty() {
        return Err(Fault(format!("which --scenario, and which --peers?\n\n{USAGE}")));
    }
    let peers = options.peers.iter().map(|name| peer::find(name)).collect::<Outcome<Vec<_>>>()?;
    let mut results = Results::new(&options, &peers);
    for scenario in &options.scenarios {
        for repetition in 0..options.repeat {
            for turn in 0..peers.len() {
                // Each round begins with another peer, so that none always follows the same one.
                let peer = peers[(turn + repetition) % peers.len()].as_ref();
                match scenario::run(scenario, peer, &options) {
                    Ok(figures) => results.add(scenario, peer.name(), figures),
                    Err(fault) => results.fail(scenario, peer.name(), &fault),
                }
            }
        }
        println!("{}", results.table(scenario));
    }
    if !options.results.as_os_str().is_empty() {
        results.write(&options)?;
    }
    results.outcome()
}
