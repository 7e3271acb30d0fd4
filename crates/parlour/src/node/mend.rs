//! Mending: a ring that missed something, or may have, is brought up to its log. Where a backend's deliveries can be lost without a
//! word, each channel that is read is compared with its log now and then, so that even the last of a burst is not missing for long.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;

use super::Node;
use crate::backend::Fault;
use crate::hub::Channel;

/// Each channel that is read is compared once in so many seconds.
const COMPARE_EVERY_S: u64 = 40;
/// Channels compared at the same time.
const COMPARED_AT_ONCE: usize = 32;
/// The pause before a log that could not be read is tried again.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// The longest such pause.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Brings a ring up to its log, whose deliveries wait meanwhile; tries until the log can be read or the channel was let go of.
pub(super) async fn repair(node: Arc<Node>, channel: Arc<Channel>) {
    let mut pause = PAUSE_MIN;
    while let Err(fault) = node.settle(&channel).await {
        if let Fault::Moved(home) = &fault {
            // What would have said so was missed.
            return node.reset(&channel.key, home);
        }
        tracing::warn!(%fault, "a channel's log cannot be read; trying again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
        if !node.hub.find(&channel.key).is_some_and(|here| Arc::ptr_eq(&here, &channel)) {
            break;
        }
    }
    node.flush(&channel);
}

impl Node {
    /// Most often nothing was missed: then the top alone is read, and the log is not.
    async fn settle(&self, channel: &Arc<Channel>) -> Result<(), Fault> {
        let stood = channel.position();
        let top = self.backend.log.top(&channel.key).await?;
        if channel.stands_at(&top, &stood) && channel.let_in() {
            return Ok(());
        }
        self.fill(channel).await
    }

    /// Compares those channels whose turn it is with their logs, where a loss might not have been told.
    pub(super) fn compare_tops(self: Arc<Self>, second: u64) {
        if !self.backend.log.may_lose() {
            return;
        }
        let mut channels = Vec::new();
        let mut number = 0;
        self.hub.each_shard(|shard| {
            if number % COMPARE_EVERY_S == second % COMPARE_EVERY_S {
                channels.extend(shard.iter().filter(|channel| channel.opened.get().is_some()).cloned());
            }
            number += 1;
        });
        // The store may take its time; pings may not.
        tokio::spawn(async move {
            stream::iter(channels).for_each_concurrent(COMPARED_AT_ONCE, |channel| self.compare_top(channel)).await;
        });
    }

    async fn compare_top(&self, channel: Arc<Channel>) {
        let stood = channel.position();
        match self.backend.log.top(&channel.key).await {
            Err(Fault::Moved(home)) => self.reset(&channel.key, &home),
            Ok(top) if channel.stands_at(&top, &stood) => {}
            // It may only be on its way: then it is here a moment earlier.
            Ok(_) => match self.fill(&channel).await {
                Ok(()) => self.flush(&channel),
                Err(fault) => tracing::debug!(%fault, "a channel's log cannot be read; it is compared again later"),
            },
            Err(fault) => tracing::debug!(%fault, "a channel's log cannot be compared; it is compared again later"),
        }
    }
}
