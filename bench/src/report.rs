//! What the repetitions add up to: tables of medians with their spread and ratios to the first server, as Markdown; the raw numbers as JSON;
//! a picture. All with the machine, the commit and the versions they hold for.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, json};

use crate::fault::{Fault, Outcome};
use crate::figure::{Spread, heading, number, ratio};
use crate::machine;
use crate::option::Options;
use crate::peer::{Peer, Place};
use crate::picture::{Panel, svg};
use crate::scenario::{self, Figure};

/// Figures that are kept in the raw numbers and left out of the tables unless they say that something is wrong.
const QUIET: &[&str] = &["deliveries", "lost", "lost_awake", "closed", "missing", "generator_late_ms_max"];

/// A figure's name and its value in each repetition.
type Series = Vec<(&'static str, Vec<f64>)>;

/// All runs so far.
pub struct Results {
    peers: Vec<String>,
    versions: Vec<String>,
    machine: Vec<(&'static str, String)>,
    load_before: String,
    /// By scenario and peer.
    runs: BTreeMap<(String, String), Series>,
    failures: Vec<String>,
}

impl Results {
    pub fn new(options: &Options, peers: &[Box<dyn Peer>]) -> Self {
        let nowhere = std::path::Path::new("");
        let place = Place { port: 0, scratch: nowhere, rivals: &options.rivals, parlour: &options.parlour };
        Self {
            peers: peers.iter().map(|peer| peer.name().to_owned()).collect(),
            versions: peers.iter().map(|peer| peer.version(&place)).collect(),
            machine: machine::description(),
            load_before: machine::load_average(),
            runs: BTreeMap::new(),
            failures: Vec::new(),
        }
    }

    pub fn add(&mut self, scenario: &str, peer: &str, figures: Vec<Figure>) {
        let shown: Vec<String> = figures.iter().map(|(name, value)| format!("{name} {}", number(*value))).collect();
        eprintln!("{scenario:14} {peer:18} {}", shown.join("  "));
        let kept = self.runs.entry((scenario.to_owned(), peer.to_owned())).or_default();
        for (name, value) in figures {
            match kept.iter_mut().find(|(known, _)| *known == name) {
                Some((_, values)) => values.push(value),
                None => kept.push((name, vec![value])),
            }
        }
    }

    pub fn fail(&mut self, scenario: &str, peer: &str, fault: &Fault) {
        eprintln!("{scenario:14} {peer:18} FAILED: {fault}");
        self.failures.push(format!("{scenario} with {peer}: {fault}"));
    }

    /// An error if anything failed: the exit status must tell.
    pub fn outcome(&self) -> Outcome<()> {
        if self.failures.is_empty() { Ok(()) } else { Err(Fault(format!("{} runs failed", self.failures.len()))) }
    }

    /// Those that have runs of the scenario, in their order.
    fn rows(&self, scenario: &str) -> Vec<(&str, &Series)> {
        let of = |peer: &String| self.runs.get(&(scenario.to_owned(), peer.clone()));
        self.peers.iter().filter_map(|peer| Some((peer.as_str(), of(peer)?))).collect()
    }

    /// A scenario's table in Markdown. The first column is what the scenario is about, and the ratio is of that.
    pub fn table(&self, scenario: &str) -> String {
        let rows = self.rows(scenario);
        let Some((first, figures)) = rows.first() else { return format!("### {scenario}\n\nNo run succeeded.\n") };
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in rows.iter().flat_map(|(_, figures)| figures.iter()) {
            // Not every server has every figure.
            if !QUIET.contains(name) && !names.contains(name) {
                names.push(name);
            }
        }
        let headings: Vec<String> = names.iter().map(|name| heading(name)).collect();
        let title = scenario::sentence(scenario);
        let mut text = format!(
            "### {scenario}\n\n{title}\n\n| server | {} | × {first} |\n|{}\n",
            headings.join(" | "),
            " --- |".repeat(names.len() + 2)
        );
        let reference = spread(figures, names.first().copied().unwrap_or_default());
        for (peer, figures) in &rows {
            let cells: Vec<String> = names.iter().map(|name| spread(figures, name).map_or("–".into(), Spread::text)).collect();
            let own = spread(figures, names.first().copied().unwrap_or_default());
            let _ = writeln!(text, "| {peer} | {} | {} |", cells.join(" | "), ratio(own, reference));
        }
        for (peer, figures) in &rows {
            for name in ["lost", "lost_awake", "closed", "missing"] {
                if let Some(wrong) = spread(figures, name).filter(|spread| spread.least != 0.0 || spread.greatest != 0.0) {
                    let _ = writeln!(text, "\n{peer}: {name} {}.", wrong.text());
                }
            }
        }
        text
    }

    /// Writes tables, raw numbers and picture into the directory of results.
    pub fn write(&self, options: &Options) -> Outcome<()> {
        std::fs::create_dir_all(&options.results)?;
        let stem = format!("{}{}{}", machine::date(), if options.name.is_empty() { "" } else { "-" }, options.name);
        let file = |ending: &str| options.results.join(format!("{stem}.{ending}"));
        let raw = serde_json::to_string(&self.raw(options)).map_err(|error| Fault(error.to_string()))?;
        std::fs::write(file("json"), raw + "\n")?;
        std::fs::write(file("svg"), self.picture(options))?;
        std::fs::write(file("md"), self.document(options, &stem))?;
        println!("written: {}", file("md").display());
        Ok(())
    }

    fn document(&self, options: &Options, stem: &str) -> String {
        let mut text = format!("# Measured on {}\n\n", machine::date());
        for (what, which) in &self.machine {
            let _ = writeln!(text, "- {what}: {which}");
        }
        for (peer, version) in self.peers.iter().zip(&self.versions) {
            let _ = writeln!(text, "- `{peer}`: {version}");
        }
        let _ = writeln!(
            text,
            "\nThe server on core {:?}, the generator on core {}; {} interleaved repetitions of {} s each; payloads of {} bytes. Load average before: {}.\n\
             Cells are medians, the least and the greatest run in brackets. Ratios are of the first column; where the spreads overlap it is a tie.\n\n![{stem}]({stem}.svg)\n",
            options.server_cores, options.own_core, options.repeat, options.seconds, options.bytes, self.load_before
        );
        if let Some(clients) = options.clients {
            let _ = writeln!(text, "With {clients} clients in place of the scenario's own number.\n");
        }
        if let Some(rate) = options.rate {
            let _ = writeln!(text, "With {rate} publications a second in place of the scenario's own rate.\n");
        }
        for scenario in &options.scenarios {
            let _ = writeln!(text, "{}", self.table(scenario));
        }
        for failure in &self.failures {
            let _ = writeln!(text, "Failed: {failure}\n");
        }
        text
    }

    fn picture(&self, options: &Options) -> String {
        let panels = options.scenarios.iter().filter_map(|scenario| {
            let rows = self.rows(scenario);
            let leading = rows.first()?.1.first()?.0;
            let bars = rows.iter().filter_map(|(peer, figures)| Some(((*peer).to_owned(), spread(figures, leading)?))).collect();
            Some(Panel { title: format!("{scenario}: {}", heading(leading)), bars })
        });
        let caption: Vec<&str> = self.machine.iter().map(|(_, which)| which.as_str()).collect();
        svg(&panels.collect::<Vec<_>>(), &format!("{}; {}", machine::date(), caption.join("; ")))
    }

    fn raw(&self, options: &Options) -> serde_json::Value {
        let series =
            |figures: &Series| figures.iter().map(|(name, values)| ((*name).to_owned(), json!(values))).collect::<Map<_, _>>();
        let runs: Vec<_> = self
            .runs
            .iter()
            .map(|((scenario, peer), figures)| json!({"scenario": scenario, "peer": peer, "figures": series(figures)}))
            .collect();
        let machine: Map<_, _> = self.machine.iter().map(|(what, which)| ((*what).to_owned(), json!(which))).collect();
        let versions: Map<_, _> = self.peers.iter().cloned().zip(self.versions.iter().map(|version| json!(version))).collect();
        json!({
            "date": machine::date(), "machine": machine, "versions": versions, "seconds": options.seconds, "bytes": options.bytes,
            "server_cores": options.server_cores, "runs": runs, "failures": self.failures
        })
    }
}

fn spread(figures: &Series, name: &str) -> Option<Spread> {
    figures.iter().find(|(known, _)| *known == name).and_then(|(_, values)| Spread::of(values))
}
