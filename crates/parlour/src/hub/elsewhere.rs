//! Who reads a channel on the other nodes, as far as this one knows: news come as they happen and may be lost, so what all nodes
//! say is compared now and then. Whichever was asked for before a piece of news arrived does not undo it.

use std::time::Instant;

use crate::backend::{Here, NodeId};

/// One channel's readers elsewhere.
#[derive(Debug, Default)]
pub struct Elsewhere(Vec<Other>);

#[derive(Debug)]
struct Other {
    node: NodeId,
    here: Here,
    /// When that was heard or asked for.
    at: Instant,
}

impl Elsewhere {
    /// What a node says now; whether it is news.
    pub fn hear(&mut self, node: &NodeId, here: Here, at: Instant) -> bool {
        match self.0.iter_mut().find(|other| other.node == *node) {
            Some(other) => {
                other.at = at;
                std::mem::replace(&mut other.here, here) != here
            }
            None => {
                self.0.push(Other { node: node.clone(), here, at });
                here != Here::default()
            }
        }
    }

    /// What a node said when it was asked at `asked_at`; whether that changes anything.
    pub fn compare(&mut self, node: &NodeId, here: Here, asked_at: Instant) -> bool {
        match self.0.iter().find(|other| other.node == *node) {
            Some(other) if other.at >= asked_at => false,
            None if here == Here::default() => false,
            _ => self.hear(node, here, asked_at),
        }
    }

    /// Forgets all nodes but these; whether anybody was there.
    pub fn keep(&mut self, living: &[NodeId]) -> bool {
        let before = self.sum();
        self.0.retain(|other| living.contains(&other.node));
        self.sum() != before
    }

    /// All of them together.
    pub fn sum(&self) -> Here {
        self.0.iter().fold(Here::default(), |sum, other| Here {
            readers: sum.readers.saturating_add(other.here.readers),
            viewers: sum.viewers.saturating_add(other.here.viewers),
        })
    }

    /// The nodes where somebody reads.
    pub fn readers(&self) -> Vec<NodeId> {
        self.0.iter().filter(|other| other.here.readers > 0).map(|other| other.node.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn here(viewers: u32) -> Here {
        Here { readers: viewers + 1, viewers }
    }

    #[test]
    fn news_are_not_undone_by_an_answer_that_was_asked_for_before_them() {
        let (a, b, start) = (NodeId::new([1; 6]), NodeId::new([2; 6]), Instant::now());
        let mut elsewhere = Elsewhere::default();
        assert!(elsewhere.hear(&a, here(3), start + Duration::from_secs(1)));
        assert!(!elsewhere.compare(&a, here(1), start));
        assert!(elsewhere.compare(&b, here(2), start));
        assert_eq!(elsewhere.sum(), Here { readers: 7, viewers: 5 });
        assert!(elsewhere.compare(&a, Here::default(), start + Duration::from_secs(2)));
        assert_eq!((elsewhere.sum(), elsewhere.readers()), (here(2), vec![b]));
    }

    #[test]
    fn what_a_node_said_goes_with_it() {
        let (a, b, now) = (NodeId::new([1; 6]), NodeId::new([2; 6]), Instant::now());
        let mut elsewhere = Elsewhere::default();
        assert!(elsewhere.hear(&a, here(3), now) && elsewhere.hear(&b, here(4), now) && !elsewhere.hear(&b, here(4), now));
        assert!(elsewhere.keep(&[a.clone(), NodeId::new([9; 6])]));
        assert!(!elsewhere.keep(&[a]));
        assert_eq!(elsewhere.sum(), here(3));
    }
}
