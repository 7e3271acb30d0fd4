//! What results hold for: the machine, the commit, the day.

use std::process::Command;
use std::time::{Duration, Instant};

/// Work in a second, over all cores, that still counts as quiet.
const QUIET_S: f64 = 0.15;

/// Each a name and what it is; unknown ones are empty.
pub fn description() -> Vec<(&'static str, String)> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let git =
        Command::new("git").args(["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty", "--abbrev=12"]).output();
    let commit = git.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    vec![
        ("machine", format!("{cores} cores of {}", line_of("/proc/cpuinfo", "model name"))),
        ("memory", line_of("/proc/meminfo", "MemTotal")),
        ("system", format!("Linux {}, loopback", line_of("/proc/sys/kernel/osrelease", ""))),
        ("commit", commit),
    ]
}

/// What follows `field` in the first line that begins with it.
fn line_of(file: &str, field: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let rest = text.lines().find_map(|line| line.strip_prefix(field));
    rest.unwrap_or_default().trim_start_matches([':', '\t', ' ']).trim().to_owned()
}

/// Runnable processes over the last minute: a machine that was busy before the run measures badly.
pub fn load_average() -> String {
    line_of("/proc/loadavg", "").split(' ').next().unwrap_or_default().to_owned()
}

/// CPU time that the whole machine has spent working, seconds over all cores.
pub fn busy_s() -> f64 {
    let ticks: Vec<f64> = line_of("/proc/stat", "cpu ").split_whitespace().filter_map(|field| field.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal; guests are counted in user already.
    let working: f64 =
        ticks.iter().take(8).enumerate().filter(|(index, _)| !matches!(index, 3 | 4)).map(|(_, ticks)| ticks).sum();
    working / rustix::param::clock_ticks_per_second() as f64
}

/// Waits, at most so long, until the machine has been quiet for a second.
pub fn await_quiet(at_most: Duration) {
    let until = Instant::now() + at_most;
    while Instant::now() < until {
        let before = busy_s();
        std::thread::sleep(Duration::from_secs(1));
        if busy_s() - before < QUIET_S {
            return;
        }
    }
}

/// Today in UTC, `YYYY-MM-DD`.
pub fn date() -> String {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    civil(seconds / 86_400)
}

/// The date of a day counted from 1970-01-01, by counting off years and months.
fn civil(mut day: u64) -> String {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", day + 1)
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn days_become_dates_across_leap_years() {
        assert_eq!(
            [0, 59, 11_016, 20_514, 20_515].map(civil),
            ["1970-01-01", "1970-03-01", "2000-02-29", "2026-03-02", "2026-03-03"]
        );
    }
}
