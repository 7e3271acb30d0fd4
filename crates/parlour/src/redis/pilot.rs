//! Knows where the servers are: makes the chart, and makes it anew when it no longer holds.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::chart::{Chart, Shard};
use super::dial::Dial;
use super::line::{Line, told_error};
use super::place::{Address, Mode};

/// Whoever knows the way.
pub(super) struct Pilot {
    chart: watch::Sender<Arc<Chart>>,
}

impl Pilot {
    /// Finds the servers.
    pub(super) async fn start(dial: Dial) -> Result<Pilot, Arc<str>> {
        let (Mode::Alone, Some(address)) = (&dial.place().mode, dial.place().hosts.first().cloned()) else {
            return Err("Sentinels and clusters are not followed yet".into());
        };
        dial.server(&address, |_| {}).await.map_err(|error| told_error(&address, &error))?;
        let chart = Chart::of_one(Arc::new(shard(&dial, address)));
        Ok(Pilot { chart: watch::Sender::new(Arc::new(chart)) })
    }

    pub(super) fn chart(&self) -> Arc<Chart> {
        self.chart.borrow().clone()
    }

    /// The chart did not hold: returns when there is another one, or not in time.
    pub(super) async fn look_again(&self, until: Instant) {
        sleep_until(until).await;
    }
}

fn shard(dial: &Dial, address: Address) -> Shard {
    let line = || Line::start(dial.clone(), address.clone(), || {});
    Shard { reads: line(), writes: line() }
}
