//! What really happened in a channel, as those who made it happen know it. Shared by the writer and all readers of one run.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;

use super::reader::Position;

/// Numbers that look random and are the same for the same seed.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d);
        dice.below(2);
        dice
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Something that was acknowledged, and when: who asks the truth knows whether it may have been lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Act {
    /// How much was acknowledged before.
    at: usize,
    /// How often the store had lost its end when it was asked for.
    era: usize,
}

/// A text that is gone.
struct Withdrawn {
    text: String,
    /// The offset of the change, where it is known.
    offset: Option<u64>,
    /// The node that acknowledged it.
    node: usize,
    act: Act,
}

/// Who tells a text to a reader, and as what.
#[derive(Clone, Copy, Debug)]
pub struct Teller {
    /// The node whose ring it is, where it is not the store: what another node acknowledged may still be on its way there.
    pub ring_of: Option<usize>,
    /// The offset of the event, where it is one.
    pub offset: Option<u64>,
}

#[derive(Default)]
struct Known {
    /// What was acknowledged as published.
    published: BTreeMap<Position, (u64, Act)>,
    /// Numbers whose fate nobody knows: the server was killed before it answered.
    unsure: BTreeSet<u64>,
    /// In the order in which they were acknowledged as gone.
    withdrawn: Vec<Withdrawn>,
    acknowledged: usize,
    /// So much had been acknowledged when the store kept all it had.
    kept: usize,
    /// For each time the store lost its end: what was acknowledged before it kept all it had is not lost.
    losses: Vec<usize>,
}

impl Known {
    fn act(&mut self, era: usize) -> Act {
        self.acknowledged += 1;
        Act { at: self.acknowledged, era }
    }

    fn may_be_lost(&self, act: Act) -> bool {
        self.losses[act.era..].iter().any(|kept| act.at > *kept)
    }
}

/// What really happened.
#[derive(Default)]
pub struct Truth(Mutex<Known>);

impl Truth {
    /// To be asked before something is done that may be acknowledged.
    pub fn era(&self) -> usize {
        self.0.lock().losses.len()
    }

    /// What was acknowledged until now is kept whatever happens.
    pub fn keep(&self) {
        let mut known = self.0.lock();
        known.kept = known.acknowledged;
    }

    /// Some or all of what was acknowledged since [`Truth::keep`] is lost.
    pub fn lose(&self) {
        let mut known = self.0.lock();
        let kept = known.kept;
        known.losses.push(kept);
    }

    /// Whether something that was acknowledged may have been lost.
    pub fn may_be_lost(&self, act: Act) -> bool {
        self.0.lock().may_be_lost(act)
    }

    pub fn acknowledged(&self, era: usize) -> Act {
        self.0.lock().act(era)
    }

    pub fn published(&self, at: Position, number: u64, era: usize) {
        let mut known = self.0.lock();
        let act = known.act(era);
        let before = known.published.insert(at.clone(), (number, act));
        assert_eq!(before, None, "two publications have the position {at}");
    }

    pub fn unsure(&self, number: u64) {
        self.0.lock().unsure.insert(number);
    }

    pub fn withdrawn(&self, text: String, offset: Option<u64>, node: usize, era: usize) {
        let mut known = self.0.lock();
        let act = known.act(era);
        known.withdrawn.push(Withdrawn { text, offset, node, act });
    }

    /// How many texts are gone by now: whoever asks from now on must not see any of these.
    pub fn moment(&self) -> usize {
        self.0.lock().withdrawn.len()
    }

    /// Whether a text may be told to one who asked at this moment; why not.
    pub fn check_text(&self, text: &str, teller: Teller, moment: usize) -> Result<(), String> {
        let known = self.0.lock();
        let is_meant = |gone: &&Withdrawn| gone.text == text && !known.may_be_lost(gone.act);
        let Some(gone) = known.withdrawn.iter().find(is_meant) else { return Ok(()) };
        let was_asked_late = known.withdrawn[..moment].iter().any(|earlier| earlier.text == text);
        if was_asked_late && teller.ring_of.is_none_or(|node| node == gone.node) {
            return Err(format!("{text:?} was gone (at {:?}) before it was asked for, and came from {teller:?}", gone.offset));
        }
        match (teller.offset, gone.offset) {
            (Some(offset), Some(gone_at)) if offset >= gone_at => {
                Err(format!("{text:?} was gone at {gone_at} and came at {offset}"))
            }
            _ => Ok(()),
        }
    }

    /// Whether this number may stand here.
    pub fn check_publication(&self, at: &Position, number: u64) -> Result<(), String> {
        match self.0.lock().published.get(at) {
            Some((truly, _)) if *truly != number => Err(format!("{number} came at {at}, where {truly} was published")),
            // Where nothing is known, its answer may still be on its way.
            _ => Ok(()),
        }
    }

    /// Everything that was acknowledged as published, by offset.
    pub fn all(&self) -> BTreeMap<u64, u64> {
        self.0.lock().published.iter().map(|(at, (number, _))| (at.offset, *number)).collect()
    }

    /// Whether what is stored is what was acknowledged, but for what may have been lost: of each epoch the end alone.
    pub fn check_stored(&self, stored: &BTreeMap<u64, u64>) -> Result<(), String> {
        let known = self.0.lock();
        for (at, (number, act)) in &known.published {
            let is_there = stored.get(&at.offset) == Some(number);
            if !is_there && !known.may_be_lost(*act) {
                return Err(format!("{number} was acknowledged at {at} and is not stored"));
            }
            let is_behind_a_loss = |(earlier, (number, _)): &(&Position, &(u64, Act))| {
                earlier.epoch == at.epoch && earlier.offset < at.offset && stored.get(&earlier.offset) != Some(number)
            };
            if is_there && let Some((earlier, _)) = known.published.iter().find(is_behind_a_loss) {
                return Err(format!("{at} is stored and {earlier} is not"));
            }
        }
        Ok(())
    }

    /// Where an epoch ends in what is stored: the last acknowledged offset of it that is still there.
    pub fn end_of(&self, epoch: &str, stored: &BTreeMap<u64, u64>) -> u64 {
        let known = self.0.lock();
        let kept = known.published.iter().filter(|(at, (number, _))| at.epoch == epoch && stored.get(&at.offset) == Some(number));
        kept.map(|(at, _)| at.offset).max().unwrap_or(0)
    }

    /// Whether a number was published, or may have been.
    pub fn is_known(&self, number: u64) -> bool {
        let known = self.0.lock();
        known.unsure.contains(&number) || known.published.values().any(|(other, _)| *other == number)
    }
}
