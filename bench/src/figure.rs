//! Numbers as people read them: medians with their spread, and names of figures as headings.

/// Median, least and greatest of repeated measurements.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub greatest: f64,
}

impl Spread {
    /// `None` without a single number.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let (least, greatest) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median =
            if sorted.len().is_multiple_of(2) { f64::midpoint(sorted[middle - 1], sorted[middle]) } else { sorted[middle] };
        Some(Self { median, least, greatest })
    }

    /// Whether the two cannot be told apart: their medians differ by no more than either varied.
    pub fn ties(self, other: Self) -> bool {
        self.least <= other.greatest && other.least <= self.greatest
    }

    /// `6.80 (6.51–7.20)`.
    pub fn text(self) -> String {
        if self.least == self.greatest {
            return number(self.median);
        }
        format!("{} ({}–{})", number(self.median), number(self.least), number(self.greatest))
    }
}

/// The ratio of medians; a tie if the two spreads overlap.
pub fn ratio(own: Option<Spread>, reference: Option<Spread>) -> String {
    let (Some(own), Some(reference)) = (own, reference) else { return "–".into() };
    if reference.median == 0.0 {
        return "–".into();
    }
    let tie = own != reference && own.ties(reference);
    format!("{:.2}{}", own.median / reference.median, if tie { " (tie)" } else { "" })
}

/// Three significant digits, thousands set apart.
pub fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if !value.is_finite() {
        return "–".into();
    }
    if value.abs() < 1_000.0 {
        let digits = (2 - value.abs().log10().floor() as i32).clamp(0, 3);
        return format!("{value:.*}", digits as usize);
    }
    let digits = format!("{:.0}", value.abs());
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    format!("{}{}", if value < 0.0 { "-" } else { "" }, groups.join(","))
}

/// `cpu_us_per_delivery` as `CPU µs per delivery`.
pub fn heading(name: &str) -> String {
    let words = name.split('_').map(|word| match word {
        "cpu" => "CPU",
        "us" => "µs",
        "mib" => "MiB",
        "percent" => "%",
        "s" => "second",
        other => other,
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_hold_for_odd_and_even_numbers_of_runs() {
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, least: 1.0, greatest: 3.0 }));
        assert_eq!(Spread::of(&[4.0, 1.0]).map(|spread| spread.median), Some(2.5));
        assert_eq!(Spread::of(&[f64::NAN]), None);
    }

    #[test]
    fn overlapping_spreads_are_called_a_tie() {
        let (low, middle, high) = (Spread::of(&[6.0, 7.0]), Spread::of(&[6.8, 7.5]), Spread::of(&[10.0, 11.0]));
        assert!(ratio(middle, low).ends_with("(tie)"));
        assert_eq!(ratio(high, low), "1.62");
        assert_eq!(ratio(low, low), "1.00");
        assert_eq!(ratio(low, None), "–");
    }

    #[test]
    fn numbers_keep_three_digits_and_set_thousands_apart() {
        assert_eq!(
            [0.0, 6.849, 0.4712, 98.76, 1_834_567.0, -12.0].map(number),
            ["0", "6.85", "0.471", "98.8", "1,834,567", "-12.0"]
        );
    }
}
