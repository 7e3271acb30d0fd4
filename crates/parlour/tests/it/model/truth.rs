//! What really happened in a channel, as those who made it happen know it. Shared by the writer and all readers of one run.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;

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

#[derive(Default)]
struct Known {
    /// What was acknowledged as published, by offset.
    published: BTreeMap<u64, u64>,
    /// Numbers whose fate nobody knows: the server was killed before it answered.
    unsure: BTreeSet<u64>,
    /// Texts that were acknowledged as gone, in that order, with the offset of the change where it is known.
    withdrawn: Vec<(String, Option<u64>)>,
}

/// What really happened.
#[derive(Default)]
pub struct Truth(Mutex<Known>);

impl Truth {
    pub fn published(&self, offset: u64, number: u64) {
        assert_eq!(self.0.lock().published.insert(offset, number), None, "two publications have the offset {offset}");
    }

    pub fn unsure(&self, number: u64) {
        self.0.lock().unsure.insert(number);
    }

    pub fn withdrawn(&self, text: String, offset: Option<u64>) {
        self.0.lock().withdrawn.push((text, offset));
    }

    /// How many texts are gone by now: whoever asks from now on must not see any of these.
    pub fn moment(&self) -> usize {
        self.0.lock().withdrawn.len()
    }

    /// Whether a text may be told at this offset to one who asked at this moment; why not.
    pub fn check_text(&self, text: &str, offset: Option<u64>, moment: usize) -> Result<(), String> {
        let known = self.0.lock();
        let Some(index) = known.withdrawn.iter().position(|(gone, _)| gone == text) else { return Ok(()) };
        let gone_at = known.withdrawn[index].1;
        if index < moment {
            return Err(format!("{text:?} was gone (at {gone_at:?}) before it was asked for, and came at {offset:?}"));
        }
        match (offset, gone_at) {
            (Some(offset), Some(gone_at)) if offset >= gone_at => {
                Err(format!("{text:?} was gone at {gone_at} and came at {offset}"))
            }
            _ => Ok(()),
        }
    }

    /// Whether this number may have this offset.
    pub fn check_publication(&self, offset: u64, number: u64) -> Result<(), String> {
        let known = self.0.lock();
        match known.published.get(&offset) {
            Some(truly) if *truly == number => Ok(()),
            Some(truly) => Err(format!("{number} came at {offset}, where {truly} was published")),
            // Its answer may still be on its way.
            None => Ok(()),
        }
    }

    /// What was published between two offsets, the first excluded.
    pub fn between(&self, from: u64, to: u64) -> Vec<(u64, u64)> {
        self.0.lock().published.range(from + 1..=to).map(|(offset, number)| (*offset, *number)).collect()
    }

    /// Every number that was published, or may have been, by offset where that is known.
    pub fn is_known(&self, number: u64) -> bool {
        let known = self.0.lock();
        known.unsure.contains(&number) || known.published.values().any(|other| *other == number)
    }
}
