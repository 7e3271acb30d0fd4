//! When to publish: at a rate, or with so many publications in flight. For CPU figures the generator naps between reads, so that no send of the
//! server's has to wake it; for latencies it waits in epoll and reads at once.

use std::time::{Duration, Instant};

use super::Load;
use crate::fault::Outcome;

/// The longest nap, so that receive buffers never fill.
const NAP_MAX: Duration = Duration::from_millis(20);
/// The shortest nap: faster rates publish in little bursts.
const NAP_MIN: Duration = Duration::from_millis(2);
/// How long to wait for stragglers after the last publication.
const STRAGGLERS_MAX: Duration = Duration::from_secs(5);
/// How long deliveries may stall at full speed before what is in flight counts as lost.
const STALL_MAX: Duration = Duration::from_secs(2);

/// Channels published to in turn, each with the number of its readers.
pub struct Targets {
    pub channels: Vec<(String, u64)>,
}

impl Targets {
    /// Deliveries that so many publications bring.
    fn deliveries(&self, published: u64) -> u64 {
        let (turns, begun) = (published / self.channels.len() as u64, published % self.channels.len() as u64);
        let of_turn: u64 = self.channels.iter().map(|(_, readers)| readers).sum();
        turns * of_turn + self.channels.iter().take(begun as usize).map(|(_, readers)| readers).sum::<u64>()
    }

    /// Where the publication of this number goes.
    fn channel(&self, number: u64) -> &str {
        &self.channels[number as usize % self.channels.len()].0
    }
}

/// How many deliveries were to arrive, and how long it took until the last delivery of it.
#[derive(Clone, Copy, Debug)]
pub struct Paced {
    pub expected: u64,
    pub elapsed: Duration,
    /// The most by which the generator was behind its plan.
    pub late_max: Duration,
}

impl Load<'_> {
    /// Publishes `rate` times a second for `lasting`.
    pub fn at_rate(&mut self, targets: &Targets, rate: f64, lasting: Duration, napping: bool) -> Outcome<Paced> {
        let (start, total) = (Instant::now(), (rate * lasting.as_secs_f64()).round() as u64);
        let already = self.tally.deliveries;
        let mut published = 0;
        let mut late_max = Duration::ZERO;
        while published < total {
            let due = start + Duration::from_secs_f64(published as f64 / rate);
            let now = Instant::now();
            if now >= due {
                late_max = late_max.max(now - due);
                self.publish(targets.channel(published), published)?;
                published += 1;
                continue;
            }
            self.flush_publishers()?;
            if napping {
                std::thread::sleep((due - now).clamp(NAP_MIN, NAP_MAX));
                self.drain()?;
            } else {
                self.wait(due - now)?;
            }
        }
        let expected = targets.deliveries(total);
        self.stragglers(already + expected, napping)?;
        Ok(Paced { expected, elapsed: start.elapsed(), late_max })
    }

    /// Publishes as fast as deliveries arrive, with `in_flight` publications not yet delivered to all.
    pub fn at_full_speed(&mut self, targets: &Targets, in_flight: u64, lasting: Duration) -> Outcome<Paced> {
        let start = Instant::now();
        let readers_each = (targets.deliveries(targets.channels.len() as u64) / targets.channels.len() as u64).max(1);
        let already = self.tally.deliveries;
        let mut published = 0;
        let mut given_up = 0;
        let mut progress = (0, start);
        while start.elapsed() < lasting {
            let delivered = self.tally.deliveries - already;
            if delivered > progress.0 {
                progress = (delivered, Instant::now());
            } else if progress.1.elapsed() > STALL_MAX {
                given_up = targets.deliveries(published).saturating_sub(delivered);
                progress.1 = Instant::now();
            }
            let complete = (delivered + given_up) / readers_each;
            while published < complete + in_flight {
                self.publish(targets.channel(published), published)?;
                published += 1;
            }
            self.flush_publishers()?;
            self.wait(Duration::from_millis(50))?;
        }
        let expected = targets.deliveries(published);
        self.stragglers(already + expected, false)?;
        Ok(Paced { expected, elapsed: start.elapsed(), late_max: Duration::ZERO })
    }

    /// Every subscriber publishes into its own channel and again whenever it hears itself, with `in_flight` under way each.
    pub fn echoing(&mut self, in_flight: usize, lasting: Duration) -> Outcome<Paced> {
        let start = Instant::now();
        let already = self.tally.deliveries;
        let mut published = 0;
        self.delivered = Some((0..self.subscribers()).flat_map(|index| std::iter::repeat_n(index, in_flight)).collect());
        while start.elapsed() < lasting {
            for index in self.delivered.replace(Vec::new()).unwrap_or_default() {
                self.echo(index, published)?;
                published += 1;
            }
            self.wait(Duration::from_millis(50))?;
        }
        self.stragglers(already + published, false)?;
        self.delivered = None;
        Ok(Paced { expected: published, elapsed: start.elapsed(), late_max: Duration::ZERO })
    }

    /// Waits until so many deliveries have arrived since the last reset, or no more come.
    fn stragglers(&mut self, expected: u64, napping: bool) -> Outcome<()> {
        let until = Instant::now() + STRAGGLERS_MAX;
        while self.tally.deliveries < expected && Instant::now() < until {
            self.flush_publishers()?;
            if napping {
                std::thread::sleep(NAP_MIN);
                self.drain()?;
            } else {
                self.wait(Duration::from_millis(20))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Targets;

    #[test]
    fn a_turn_that_is_not_finished_counts_what_it_reached() {
        let targets = Targets {
            channels: [("loud", 1_000), ("loud", 1_000), ("quiet", 50)].map(|(name, readers)| (name.into(), readers)).into(),
        };
        assert_eq!([0, 1, 2, 3, 4, 7].map(|published| targets.deliveries(published)), [0, 1_000, 2_000, 2_050, 3_050, 5_100]);
        assert_eq!((targets.channel(1), targets.channel(5)), ("loud", "quiet"));
    }
}
