//! Who lives: what the beats of the nodes say about them. A node that was silent for almost a lease is in doubt; one that is still
//! silent a beat later is gone, so that ten seconds after its end nobody counts it. While Redis does not answer, nobody is judged: nobody
//! could beat. No clock and no IO of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::backend::NodeId;

/// Between two beats.
pub(super) const BEAT: Duration = Duration::from_secs(2);
/// What a node notes of its readers expires as a whole so long after its last beat.
pub(super) const LEASE_MS: u64 = 8_000;
/// A node that was silent for so long misses beats: what it noted is not asked for, because it may be gone any moment.
const DOUBT: Duration = Duration::from_millis(5_000);
/// One that was silent for so long has probably ended. Less than a lease by the time that finding out takes.
const SILENT: Duration = Duration::from_millis(7_000);
/// Nodes that are known at once; of more, the first by id.
const NODES_MAX: usize = 1_000;

/// The other nodes.
#[derive(Debug, Default)]
pub(super) struct Register {
    nodes: Vec<Known>,
    /// Since when Redis answers without a break.
    answers_since: Option<Instant>,
}

#[derive(Debug)]
struct Known {
    node: NodeId,
    /// When it beat last, by this node's clock.
    beat: Instant,
    is_in_doubt: bool,
}

impl Register {
    /// Redis did not answer.
    pub(super) fn away(&mut self) {
        self.answers_since = None;
    }

    /// What Redis says at `now`: the other nodes, and how long ago each beat last. One that it does not know any more has been silent
    /// since it was last heard of.
    pub(super) fn look(&mut self, now: Instant, beats: &[(NodeId, Duration)]) {
        let answers_since = *self.answers_since.get_or_insert(now);
        for (node, ago) in beats {
            let beat = now.checked_sub(*ago).unwrap_or(now);
            match self.nodes.iter().position(|known| known.node == *node) {
                Some(index) => self.nodes[index].beat = beat,
                // What ended before this node began never lived for it.
                None if *ago < SILENT && self.nodes.len() < NODES_MAX => {
                    self.nodes.push(Known { node: node.clone(), beat, is_in_doubt: false });
                }
                None => {}
            }
        }
        self.nodes.retain_mut(|known| {
            let silent = now.saturating_duration_since(known.beat);
            known.is_in_doubt = silent >= DOUBT || !beats.iter().any(|(node, _)| *node == known.node);
            // It had a beat's time to be heard of again since Redis answers.
            silent < SILENT + BEAT || now.saturating_duration_since(answers_since) < BEAT
        });
        self.nodes.sort_by(|one, other| one.node.cmp(&other.node));
    }

    /// Those that live, by id.
    pub(super) fn living(&self) -> Arc<[NodeId]> {
        self.nodes.iter().map(|known| known.node.clone()).collect()
    }

    /// Those of whom what they noted can be asked for.
    pub(super) fn certain(&self) -> Vec<NodeId> {
        self.nodes.iter().filter(|known| !known.is_in_doubt).map(|known| known.node.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: u8) -> NodeId {
        NodeId::new([number; 6])
    }

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// A node that beat at the start and never again.
    #[test]
    fn a_node_that_ended_is_in_doubt_first_and_gone_before_ten_seconds_are_over() {
        let (mut register, start) = (Register::default(), Instant::now());
        let mut seen = Vec::new();
        for quarter in 0..48 {
            let passed = seconds(f64::from(quarter) / 4.0);
            register.look(start + passed, &[(node(1), passed), (node(2), seconds(0.5))]);
            seen.push((register.certain().len(), register.living().len()));
        }
        assert!(seen[..20].iter().all(|seen| *seen == (2, 2)), "{seen:?}");
        assert!(seen[20..36].iter().all(|seen| *seen == (1, 2)), "{seen:?}");
        assert!(seen[36..].iter().all(|seen| *seen == (1, 1)), "{seen:?}");
        assert_eq!(*register.living(), [node(2)]);
    }

    #[test]
    fn nobody_is_judged_by_the_time_in_which_redis_was_away() {
        let (mut register, start) = (Register::default(), Instant::now());
        register.look(start, &[(node(1), seconds(1.0)), (node(2), seconds(1.0))]);
        register.away();
        let back = start + seconds(60.0);
        register.look(back, &[(node(1), seconds(61.0)), (node(2), seconds(0.1))]);
        assert_eq!((register.living().len(), register.certain()), (2, vec![node(2)]));
        register.look(back + seconds(1.5), &[(node(1), seconds(0.2)), (node(2), seconds(1.6))]);
        assert_eq!(register.certain().len(), 2);
    }

    #[test]
    fn whoever_redis_forgot_has_a_beat_to_be_heard_of_again() {
        let (mut register, start) = (Register::default(), Instant::now());
        register.look(start, &[(node(1), seconds(0.0)), (node(2), seconds(0.0))]);
        register.look(start + seconds(1.0), &[(node(2), seconds(0.0))]);
        assert_eq!((register.living().len(), register.certain()), (2, vec![node(2)]));
        register.look(start + seconds(2.0), &[(node(1), seconds(0.0)), (node(2), seconds(0.0))]);
        assert_eq!(register.certain().len(), 2);
    }

    #[test]
    fn what_ended_before_this_node_began_never_lived() {
        let mut register = Register::default();
        register.look(Instant::now(), &[(node(1), seconds(30.0))]);
        assert!(register.living().is_empty());
    }
}
