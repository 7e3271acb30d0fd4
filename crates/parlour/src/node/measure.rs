//! What the node tells of itself to whoever watches the figures.

use std::sync::atomic::Ordering;

use super::Node;
use crate::metrics::Metrics;

impl Node {
    /// Writes the figures as they are now.
    pub fn measure(&self, metrics: &Metrics) {
        let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        metrics.publications.inner().store(read(&self.stats.published), Ordering::Relaxed);
        metrics.comments.inner().store(read(&self.stats.comments), Ordering::Relaxed);
        metrics.gaps.inner().store(read(&self.stats.fallen), Ordering::Relaxed);
        metrics.log_reads.inner().store(read(&self.stats.log_reads), Ordering::Relaxed);
        metrics.deliveries.inner().store(read(&self.hub.deliveries), Ordering::Relaxed);
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        metrics.sessions.set(gauge(self.clients.count()));
        metrics.subscriptions.set(read(&self.stats.subscriptions).try_into().unwrap_or(i64::MAX));
        metrics.channels.set(gauge(self.hub.channel_count()));
        let mut bytes = 0;
        self.hub.each(|channel| bytes += channel.ring.lock().bytes());
        metrics.rings_bytes.set(gauge(bytes));
    }
}
