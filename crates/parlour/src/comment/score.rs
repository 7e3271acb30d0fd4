//! How the best comments are told from the others: the lower bound of Wilson's interval, which is fair to those that few have
//! judged so far (E. B. Wilson, 1927). Relies on nothing; which list it sorts is the backends' business.

use std::collections::BTreeMap;

/// The one name of a reaction that speaks against a comment; all others speak for it.
pub const AGAINST: &str = "down";

/// The bound is kept as a whole number, so that cursors are exact and every backend sorts alike.
const STEPS: f64 = 1_000_000_000.0;
/// The quantile of 95 %.
const Z: f64 = 1.96;

/// What a comment is sorted by in `sort=best`: 0 for one that nobody or nobody else than its critics judged, below [`STEPS`].
#[must_use]
pub fn score(reactions: &BTreeMap<String, u64>) -> i64 {
    let all: u64 = reactions.values().sum();
    let against = reactions.get(AGAINST).copied().unwrap_or(0);
    if all == 0 {
        return 0;
    }
    let (n, part) = (all as f64, all.saturating_sub(against) as f64 / all as f64);
    let spread = Z * ((part * (1.0 - part) + Z * Z / (4.0 * n)) / n).sqrt();
    let bound = (part + Z * Z / (2.0 * n) - spread) / (1.0 + Z * Z / n);
    (bound.clamp(0.0, 1.0) * STEPS).floor() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(up: u64, down: u64) -> i64 {
        score(&BTreeMap::from([("up".to_owned(), up), (AGAINST.to_owned(), down)]))
    }

    #[test]
    fn many_who_agree_beat_few_and_few_beat_a_quarrel() {
        assert_eq!((score(&BTreeMap::new()), of(0, 0)), (0, 0));
        assert!(of(100, 0) > of(10, 0) && of(10, 0) > of(1, 0) && of(1, 0) > 0);
        assert!(of(10, 0) > of(60, 40) && of(60, 40) > of(6, 4));
        assert!(of(0, 9) <= of(1, 9));
        // Wilson's bound of 10 out of 10 is 0.7225.
        assert!((of(10, 0) - 722_467_299).abs() < 1_000_000, "{}", of(10, 0));
    }

    #[test]
    fn other_names_speak_for_a_comment() {
        assert_eq!(score(&BTreeMap::from([("heart".to_owned(), 3), ("up".to_owned(), 4)])), of(7, 0));
    }
}
