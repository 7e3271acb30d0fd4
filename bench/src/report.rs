//! What the repetitions add up to: medians with their spread, ratios to the first peer, as Markdown, raw numbers and a picture, with the machine,
//! the commit and the versions they hold for. Differences within the spread are ties, and the table says so.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::json;

use crate::fault::{Fault, Outcome};
use crate::option::Options;
use crate::peer::{Peer, Place};
use crate::scenario::Figure;

/// All runs so far.
pub struct Results {
    peers: Vec<String>,
    versions: Vec<String>,
    machine: Vec<(&'static str, String)>,
    /// By scenario and peer: each figure's name and its values.
    runs: BTreeMap<(String, String), Vec<(&'static str, Vec<f64>)>>,
    failures: Vec<String>,
}

/// Median, least and greatest of repeated measurements.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub greatest: f64,
}

impl Spread {
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let (least, greatest) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) { f64::midpoint(sorted[middle - 1], sorted[middle]) } else { sorted[middle] };
        Some(Self { median, least, greatest })
    }
}

impl Results {
    pub fn new(options: &Options, peers: &[Box<dyn Peer>]) -> Self {
        let nowhere = std::path::Path::new("");
        let place = Place { port: 0, scratch: nowhere, rivals: &options.rivals, parlour: &options.parlour };
        Self {
            peers: peers.iter().map(|peer| peer.name().to_owned()).collect(),
            versions: peers.iter().map(|peer| peer.version(&place)).collect(),
            machine: machine(),
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

    /// A scenario's table in Markdown; ratios are to the first peer.
    pub fn table(&self, scenario: &str) -> String {
        let rows: Vec<_> = self.peers.iter().filter_map(|peer| Some((peer, self.runs.get(&(scenario.to_owned(), peer.clone()))?))).collect();
        let Some((first, figures)) = rows.first() else { return format!("### {scenario}\n\nNo run succeeded.\n") };
        let names: Vec<_> = figures.iter().map(|(name, _)| *name).collect();
        let mut text = format!("### {scenario}\n\n| server | {} | × {first} |\n|{}\n", names.join(" | "), " --- |".repeat(names.len() + 2));
        let reference = Spread::of(&figures[0].1);
        for (peer, figures) in &rows {
            let cells: Vec<_> = names.iter().map(|name| cell(figures, name)).collect();
            let own = figures.first().and_then(|(_, values)| Spread::of(values));
            let _ = writeln!(text, "| {peer} | {} | {} |", cells.join(" | "), ratio(own, reference));
        }
        text
    }

    /// Writes the tables and the raw numbers into the directory of results.
    pub fn write(&self, options: &Options) -> Outcome<()> {
        std::fs::create_dir_all(&options.results)?;
        let stem = format!("{}{}{}", date(), if options.name.is_empty() { "" } else { "-" }, options.name);
        let file = |ending: &str| options.results.join(format!("{stem}.{ending}"));
        std::fs::write(file("md"), self.document(options))?;
        std::fs::write(file("json"), serde_json::to_string_pretty(&self.raw()).map_err(|error| Fault(error.to_string()))?)?;
        println!("written: {}", file("md").display());
        Ok(())
    }

    fn document(&self, options: &Options) -> String {
        let mut text = format!("# Measured on {}\n\n", date());
        for (what, which) in &self.machine {
            let _ = writeln!(text, "- {what}: {which}");
        }
        for (peer, version) in self.peers.iter().zip(&self.versions) {
            let _ = writeln!(text, "- `{peer}`: {version}");
        }
        let _ = writeln!(
            text,
            "\nServer on core {:?}, generator on core {}; {} interleaved repetitions of {} s; medians, least to greatest in brackets.\n",
            options.server_cores, options.own_core, options.repeat, options.seconds
        );
        for scenario in &options.scenarios {
            let _ = writeln!(text, "{}", self.table(scenario));
        }
        for failure in &self.failures {
            let _ = writeln!(text, "Failed: {failure}\n");
        }
        text
    }

    fn raw(&self) -> serde_json::Value {
        let runs: Vec<_> = self
            .runs
            .iter()
            .map(|((scenario, peer), figures)| {
                let figures: serde_json::Map<_, _> = figures.iter().map(|(name, values)| ((*name).to_owned(), json!(values))).collect();
                json!({"scenario": scenario, "peer": peer, "figures": figures})
            })
            .collect();
        let machine: serde_json::Map<_, _> = self.machine.iter().map(|(what, which)| ((*what).to_owned(), json!(which))).collect();
        let versions: serde_json::Map<_, _> =
            self.peers.iter().cloned().zip(self.versions.iter().map(|version| json!(version))).collect();
        json!({"date": date(), "machine": machine, "versions": versions, "runs": runs, "failures": self.failures})
    }
}

fn cell(figures: &[(&'static str, Vec<f64>)], name: &str) -> String {
    let values = figures.iter().find(|(known, _)| *known == name).map(|(_, values)| values.as_slice()).unwrap_or_default();
    match Spread::of(values) {
        None => "–".into(),
        Some(spread) if values.len() == 1 || spread.least == spread.greatest => number(spread.median),
        Some(spread) => format!("{} ({}–{})", number(spread.median), number(spread.least), number(spread.greatest)),
    }
}

/// The ratio of medians; a tie if the two spreads overlap.
fn ratio(own: Option<Spread>, reference: Option<Spread>) -> String {
    let (Some(own), Some(reference)) = (own, reference) else { return "–".into() };
    let tie = own != reference && own.least <= reference.greatest && reference.least <= own.greatest;
    format!("{:.2}{}", own.median / reference.median, if tie { " (tie)" } else { "" })
}

/// Three significant digits, thousands set apart.
fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".into() } else { "–".into() };
    }
    if value.abs() < 1_000.0 {
        let digits = (2 - value.abs().log10().floor() as i32).clamp(0, 3);
        return format!("{value:.*}", digits as usize);
    }
    let digits = format!("{:.0}", value.abs());
    let grouped: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    format!("{}{}", if value < 0.0 { "-" } else { "" }, grouped.join(","))
}

/// Today in UTC, `YYYY-MM-DD` (Howard Hinnant's civil-from-days).
fn date() -> String {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let days = (seconds / 86_400) as i64 + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The machine and the commit, as far as they can be told.
fn machine() -> Vec<(&'static str, String)> {
    let line_of = |file: &str, field: &str| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        text.lines().find_map(|line| Some(line.strip_prefix(field)?.trim_start_matches([':', '\t', ' ']).trim().to_owned())).unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let commit = std::process::Command::new("git").args(["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty", "--abbrev=12"]).output();
    let commit = commit.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    vec![
        ("machine", format!("{cores} cores, {}", line_of("/proc/cpuinfo", "model name"))),
        ("memory", line_of("/proc/meminfo", "MemTotal")),
        ("system", format!("Linux {}", line_of("/proc/sys/kernel/osrelease", ""))),
        ("commit", if commit.is_empty() { "unknown".into() } else { commit }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_hold_for_odd_and_even_numbers_of_runs() {
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, least: 1.0, greatest: 3.0 }));
        assert_eq!(Spread::of(&[4.0, 1.0]).map(|spread| spread.median), Some(2.5));
        assert_eq!(Spread::of(&[f64::NAN]), None);
    }

    #[test]
    fn overlapping_spreads_are_called_a_tie() {
        let (low, middle, high) = (Spread::of(&[6.0, 7.0]), Spread::of(&[6.8, 7.5]), Spread::of(&[10.0, 11.0]));
        assert!(ratio(middle, low).ends_with("(tie)"));
        assert_eq!(ratio(high, low), "1.62");
        assert_eq!(ratio(low, low), "1.00");
    }

    #[test]
    fn numbers_keep_three_digits_and_set_thousands_apart() {
        assert_eq!([0.0, 6.849, 0.4712, 98.76, 1_834_567.0, -12.0].map(number), ["0", "6.85", "0.471", "98.8", "1,834,567", "-12.0"]);
    }
}
