//! Trimming by age: every so often records of the shelf that are over their time are let go of, and all partitions are asked for
//! channels whose oldest publication is due, and for comments that moderators took for spam or took back so long ago that nothing of them
//! is to be kept. By count a channel is trimmed as one appends. Every node does it; what one has let go of the others do not find.

use std::sync::Weak;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{MissedTickBehavior, interval};

use super::answer::Parts;
use super::log::{DELETE, script};
use super::tag::PARTITIONS;
use super::{Call, Ledger, Script, keys};
use crate::backend::Fault;

static SWEEP: Script = script!(writing, "sweep", "trim", "sweep");
static WITHDRAWN: Script = script!(reading, "withdrawn", "withdrawn");

/// Comments that one pass takes away.
const PURGED_A_PASS: usize = 64;
/// Passes over one partition in a row.
const PASSES_MAX: usize = 64;

/// Sweeps until the ledger is gone.
pub(super) async fn keep_sweeping(ledger: Weak<Ledger>, every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(ledger) = ledger.upgrade() else { return };
        // Whoever is away is swept when it is back: that is said by those who need it.
        if let Err(fault) = ledger.sweep().await {
            tracing::debug!(%fault, "old publications could not be trimmed");
        }
    }
}

impl Ledger {
    async fn sweep(&self) -> Result<(), Fault> {
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        let oldest_ms = now_ms.saturating_sub(self.keep.for_ms);
        for partition in 0..PARTITIONS {
            let call = Call::new(&SWEEP).key(self.at(partition)).arg(oldest_ms);
            for _ in 0..PASSES_MAX {
                if self.script(partition, &call).await? != redis::Value::Int(1) {
                    break;
                }
            }
        }
        for partition in 0..PARTITIONS {
            self.purge(partition, now_ms).await?;
        }
        for _ in 0..PASSES_MAX {
            if !self.sweep_shelf(now_ms).await? {
                break;
            }
        }
        Ok(())
    }
    /// Takes away what has been out of sight for long enough. Readers were told then: no log grows.
    async fn purge(&self, partition: u16, now_ms: i64) -> Result<(), Fault> {
        let before_ms = now_ms.saturating_sub(self.keep.purge_ms);
        let call = Call::new(&WITHDRAWN).key(self.at(partition)).arg(before_ms).arg(PURGED_A_PASS);
        for _ in 0..PASSES_MAX {
            let found = Parts::of(self.script(partition, &call).await?)?.texts()?;
            for comment in found.chunks_exact(2) {
                let Some(key) = keys::named(&comment[1]) else { continue };
                let delete = self.call(&DELETE, &key).arg(self.link.verb()).arg(&comment[0]).arg(now_ms).arg(before_ms);
                match self.about(&key, &delete).await {
                    // It is on its way into another channel, and due there as well.
                    Err(Fault::Moved(_)) => {}
                    done => drop(done?),
                }
            }
            if found.len() < PURGED_A_PASS * 2 {
                break;
            }
        }
        Ok(())
    }
}
