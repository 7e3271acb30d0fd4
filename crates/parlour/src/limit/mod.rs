//! How often someone may: a count per key that refills with time (GCRA), in a map that does not grow beyond its limit.
//!
//! The keys are hashes of whatever is counted (site and member, site and address) under a random state of the process, so that nobody
//! can choose what they are counted with, and no address is kept. `address` says which address that is.

mod address;

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};

use parking_lot::Mutex;

pub use address::{Cidr, CidrFault, address_key, client_address};

const SHARDS: usize = 16;
/// How many entries are looked at to find one that a full shard can best do without.
const SAMPLE: usize = 16;

/// So many at once, and after these one per `per_ms` milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many may come at once; 0 lets nothing pass.
    pub burst: u32,
    /// How long it takes until one more may come, in milliseconds; 0 never limits.
    pub per_ms: u64,
}

/// For how long nothing more may come, in milliseconds; at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too often; again in {0} ms")]
pub struct RetryAfterMs(pub u64);

/// Counts many keys, each by the rate that it is asked with (always the same one for a key).
///
/// When its map is full, what has expired goes; if all is in use, an entry that would expire soon goes, so that a flood of keys
/// costs the others little of their restraint and the node none of its memory.
pub struct Limiter {
    state: RandomState,
    shards: Box<[Mutex<Shard>]>,
    shard_entries_max: usize,
}

/// For each key the time at which all that it took is refilled, in milliseconds.
#[derive(Default)]
struct Shard {
    refilled_ms: HashMap<u64, u64>,
    swept_ms: u64,
}

impl Limiter {
    /// Counts at most `entries_max` keys at a time (rounded up to a few).
    #[must_use]
    pub fn new(entries_max: usize) -> Self {
        Self {
            state: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            shard_entries_max: entries_max.div_ceil(SHARDS).max(1),
        }
    }

    /// Takes one of what is counted, such as `(&site, &member)`, at the time `now_ms`.
    ///
    /// # Errors
    /// [`RetryAfterMs`] if there is none to take; nothing was taken then.
    pub fn take(&self, counted: impl Hash, rate: Rate, now_ms: i64) -> Result<(), RetryAfterMs> {
        let Rate { burst, per_ms } = rate;
        let now_ms = u64::try_from(now_ms).unwrap_or(0);
        if per_ms == 0 {
            return Ok(());
        }
        // Where a limit is 0, no waiting helps.
        let Some(spare) = burst.checked_sub(1) else {
            return Err(RetryAfterMs(per_ms));
        };
        let tolerance_ms = u64::from(spare).saturating_mul(per_ms);

        let key = self.state.hash_one(counted);
        let mut shard = self.shards[key as usize % SHARDS].lock();
        let refilled_ms = shard.refilled_ms.get(&key).copied().unwrap_or(0).max(now_ms);
        let ahead_ms = refilled_ms - now_ms;
        if ahead_ms > tolerance_ms {
            return Err(RetryAfterMs(ahead_ms - tolerance_ms));
        }
        if !shard.refilled_ms.contains_key(&key) {
            shard.make_room(self.shard_entries_max, now_ms, per_ms);
        }
        shard.refilled_ms.insert(key, refilled_ms.saturating_add(per_ms));
        Ok(())
    }

    /// How many keys are kept now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().refilled_ms.len()).sum()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Shard {
    /// Makes room for one more. A sweep looks at every entry, so it comes at most once in the time in which one is refilled.
    fn make_room(&mut self, entries_max: usize, now_ms: u64, per_ms: u64) {
        if self.refilled_ms.len() < entries_max {
            return;
        }
        if self.swept_ms == 0 || now_ms >= self.swept_ms.saturating_add(per_ms) {
            self.swept_ms = now_ms;
            self.refilled_ms.retain(|_, refilled_ms| *refilled_ms > now_ms);
        }
        if self.refilled_ms.len() < entries_max {
            return;
        }
        // The order of a map is as random as its keys, so the first few are a sample.
        let sample = self.refilled_ms.iter().take(SAMPLE);
        let soonest = sample.min_by_key(|(_, refilled_ms)| **refilled_ms).map(|(key, _)| *key);
        if let Some(key) = soonest {
            self.refilled_ms.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A limiter that counts by one rate.
    struct Counter {
        limiter: Limiter,
        rate: Rate,
    }

    impl Counter {
        fn new(rate: Rate, entries_max: usize) -> Self {
            Self { limiter: Limiter::new(entries_max), rate }
        }

        fn take(&self, counted: impl Hash, now_ms: u64) -> Result<(), RetryAfterMs> {
            self.limiter.take(counted, self.rate, i64::try_from(now_ms).unwrap_or(i64::MAX))
        }

        fn len(&self) -> usize {
            self.limiter.len()
        }

        fn is_empty(&self) -> bool {
            self.limiter.is_empty()
        }
    }

    const POSTS: Rate = Rate { burst: 5, per_ms: 10_000 };

    #[test]
    fn five_at_once_then_one_in_ten_seconds() {
        let limiter = Counter::new(POSTS, 100);
        let key = ("default", "alice");
        let start_ms = 1_700_000_000_000;
        for _ in 0..5 {
            assert_eq!(limiter.take(key, start_ms), Ok(()));
        }
        assert_eq!(limiter.take(key, start_ms), Err(RetryAfterMs(10_000)));
        assert_eq!(limiter.take(key, start_ms + 9_999), Err(RetryAfterMs(1)));
        assert_eq!(limiter.take(key, start_ms + 10_000), Ok(()));
        assert_eq!(limiter.take(key, start_ms + 10_000), Err(RetryAfterMs(10_000)));
        for _ in 0..5 {
            assert_eq!(limiter.take(key, start_ms + 60_000), Ok(()));
        }
        assert!(limiter.take(key, start_ms + 60_000).is_err());
    }

    #[test]
    fn one_does_not_pay_for_another() {
        let limiter = Counter::new(Rate { burst: 1, per_ms: 1_000 }, 100);
        assert!(limiter.take(("a", "alice"), 0).is_ok());
        assert!(limiter.take(("a", "alice"), 0).is_err());
        assert!(limiter.take(("a", "bob"), 0).is_ok());
        assert!(limiter.take(("b", "alice"), 0).is_ok());
    }

    #[test]
    fn the_rates_at_the_edges_do_what_they_say() {
        let never = Counter::new(Rate { burst: 0, per_ms: 1_000 }, 100);
        assert_eq!(never.take(1, 5), Err(RetryAfterMs(1_000)));
        let always = Counter::new(Rate { burst: 1, per_ms: 0 }, 100);
        assert!((0..100).all(|_| always.take(1, 5).is_ok()) && always.is_empty());
        let slow = Counter::new(Rate { burst: u32::MAX, per_ms: u64::MAX }, 100);
        assert!((0..3).all(|_| slow.take(1, u64::MAX).is_ok()));
    }

    #[test]
    fn a_clock_that_steps_back_locks_nobody_out_for_longer_than_the_step() {
        let limiter = Counter::new(Rate { burst: 1, per_ms: 1_000 }, 100);
        let key = 1;
        assert!(limiter.take(key, 10_000).is_ok());
        assert_eq!(limiter.take(key, 9_000), Err(RetryAfterMs(2_000)));
    }

    #[test]
    fn what_has_expired_makes_room() {
        let limiter = Counter::new(POSTS, 160);
        for member in 0..10_000 {
            assert!(limiter.take(member, 1_000).is_ok());
        }
        assert!(limiter.len() <= 160, "{}", limiter.len());
        for member in 10_000..20_000 {
            assert!(limiter.take(member, 1_000_000).is_ok());
        }
        assert!(limiter.len() <= 160, "{}", limiter.len());
    }

    #[test]
    fn a_flood_of_others_does_not_free_who_took_too_much() {
        let limiter = Counter::new(POSTS, 1_600);
        let greedy = "greedy";
        for _ in 0..5 {
            assert!(limiter.take(greedy, 1_000).is_ok());
        }
        for other in 0..10_000 {
            assert!(limiter.take(other, 1_000).is_ok());
        }
        assert!(limiter.take(greedy, 1_000).is_err());
    }

    proptest! {
        #[test]
        fn never_more_than_the_rate_allows(burst in 1_u32..6, per_ms in 1_u64..50, steps in proptest::collection::vec(0_u64..40, 1..80)) {
            let limiter = Counter::new(Rate { burst, per_ms }, 16);
            let key = "one";
            let mut now_ms = 1_000;
            let mut taken_ms: Vec<u64> = Vec::new();
            for step in steps {
                now_ms += step;
                match limiter.take(key, now_ms) {
                    Ok(()) => taken_ms.push(now_ms),
                    // Whoever waits as long as was said gets one.
                    Err(RetryAfterMs(wait_ms)) => {
                        prop_assert!(wait_ms >= 1 && limiter.take(key, now_ms + wait_ms - 1).is_err());
                    }
                }
            }
            for (index, from_ms) in taken_ms.iter().enumerate() {
                for (count, until_ms) in taken_ms[index..].iter().enumerate() {
                    prop_assert!(count as u64 <= u64::from(burst) - 1 + (until_ms - from_ms) / per_ms + 1);
                }
            }
        }

        #[test]
        fn the_map_never_outgrows_its_limit(keys in proptest::collection::vec((any::<u16>(), 0_u64..5_000), 0..300)) {
            let limiter = Counter::new(Rate { burst: 2, per_ms: 100 }, 32);
            for (key, now_ms) in keys {
                let _ = limiter.take(key, now_ms);
                prop_assert!(limiter.len() <= 32);
            }
        }
    }
}
