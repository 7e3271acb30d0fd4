//! The kinds of values that options have: how each is written, read and shown.
//!
//! Relies on nothing but the standard library and the words of `rule`; where a value comes from is the business of `layer`.

use std::fmt;
use std::time::Duration;

use crate::limit::Rate;
use crate::rule::Secret;

/// A value as a flag, a variable or the file gave it, before its kind is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Raw {
    /// One text: a flag, a variable, or any scalar of the file.
    Text(String),
    /// Several: a repeated flag, or an array of the file.
    List(Vec<String>),
}

/// One kind of value.
pub trait Kind {
    /// What it is read into.
    type Value: Clone + fmt::Debug;
    /// How `--help` writes a value of this kind.
    const HINT: &'static str;

    /// Reads a text.
    ///
    /// # Errors
    /// A sentence for people, without the option's name.
    fn parse(text: &str) -> Result<Self::Value, String>;

    /// Reads whatever was given; only lists take several.
    ///
    /// # Errors
    /// As [`Kind::parse`].
    fn read(raw: &Raw) -> Result<Self::Value, String> {
        match raw {
            Raw::Text(text) => Self::parse(text),
            Raw::List(_) => Err("one value is expected, not a list".to_owned()),
        }
    }
}

/// Any text; empty stands for "not set".
pub struct Text;
/// A whole number.
pub struct Count;
/// A whole number, or empty for "not set".
pub struct Chosen;
/// A time: `5ms`, `10s`, `15m`, `1h`, `7d`, or `0`.
pub struct Time;
/// A size: `512`, `64KiB`, `4MiB`, `1GiB`.
pub struct Size;
/// `true` or `false`; a flag alone is `true`.
pub struct Switch;
/// Several texts, separated by commas or given as an array.
pub struct List;
/// `BURST/TIME`: so many at once, then one in each TIME.
pub struct Pace;
/// A text that is shown nowhere.
pub struct Hidden;

impl Kind for Text {
    type Value = String;
    const HINT: &'static str = "TEXT";

    fn parse(text: &str) -> Result<String, String> {
        Ok(text.trim().to_owned())
    }
}

impl Kind for Count {
    type Value = u64;
    const HINT: &'static str = "NUMBER";

    fn parse(text: &str) -> Result<u64, String> {
        let digits: String = text.trim().chars().filter(|character| *character != '_').collect();
        digits.parse().map_err(|_| "a whole number is expected, such as 128".to_owned())
    }
}

impl Kind for Chosen {
    type Value = Option<u64>;
    const HINT: &'static str = "NUMBER";

    fn parse(text: &str) -> Result<Option<u64>, String> {
        if text.trim().is_empty() { Ok(None) } else { Count::parse(text).map(Some) }
    }
}

impl Kind for Time {
    type Value = Duration;
    const HINT: &'static str = "TIME";

    fn parse(text: &str) -> Result<Duration, String> {
        duration(text.trim()).ok_or_else(|| "a time is expected, such as 5ms, 10s, 15m, 1h or 7d".to_owned())
    }
}

impl Kind for Size {
    type Value = usize;
    const HINT: &'static str = "SIZE";

    fn parse(text: &str) -> Result<usize, String> {
        size(text.trim()).ok_or_else(|| "a size is expected, such as 512, 64KiB or 4MiB".to_owned())
    }
}

impl Kind for Switch {
    type Value = bool;
    const HINT: &'static str = "true|false";

    fn parse(text: &str) -> Result<bool, String> {
        match text.trim() {
            "true" | "yes" | "on" | "1" => Ok(true),
            "false" | "no" | "off" | "0" => Ok(false),
            _ => Err("true or false is expected".to_owned()),
        }
    }
}

impl Kind for List {
    type Value = Vec<String>;
    const HINT: &'static str = "LIST";

    fn parse(text: &str) -> Result<Vec<String>, String> {
        Ok(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
    }

    fn read(raw: &Raw) -> Result<Vec<String>, String> {
        match raw {
            Raw::Text(text) => Self::parse(text),
            Raw::List(items) => Ok(items.iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()),
        }
    }
}

impl Kind for Pace {
    type Value = Rate;
    const HINT: &'static str = "BURST/TIME";

    fn parse(text: &str) -> Result<Rate, String> {
        let fault = || "a pace is expected, such as 5/10s: five at once, then one in 10 s".to_owned();
        let (burst, every) = text.trim().split_once('/').ok_or_else(fault)?;
        let burst: u32 = burst.trim().parse().map_err(|_| fault())?;
        let every = duration(every.trim()).ok_or_else(fault)?;
        if burst == 0 || every.is_zero() {
            return Err(fault());
        }
        Ok(Rate { burst, per_ms: u64::try_from(every.as_millis()).map_err(|_| fault())?.max(1) })
    }
}

impl Kind for Hidden {
    type Value = Option<Secret>;
    const HINT: &'static str = "SECRET";

    fn parse(text: &str) -> Result<Option<Secret>, String> {
        // A file that holds a secret usually ends with a line break.
        let text = text.trim_end_matches(['\r', '\n']);
        Ok((!text.is_empty()).then(|| Secret::new(text)))
    }
}

/// The longest time that is taken: ten years, so that no sum overflows.
const SECONDS_MAX: u64 = 10 * 365 * 86_400;

fn duration(text: &str) -> Option<Duration> {
    let split = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().ok()?;
    let milliseconds = match unit.trim_start() {
        "" if number == 0 => 0,
        "ms" => number,
        "s" => number.checked_mul(1_000)?,
        "m" => number.checked_mul(60_000)?,
        "h" => number.checked_mul(3_600_000)?,
        "d" => number.checked_mul(86_400_000)?,
        _ => return None,
    };
    (milliseconds <= SECONDS_MAX * 1_000).then(|| Duration::from_millis(milliseconds))
}

fn size(text: &str) -> Option<usize> {
    let split = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: usize = number.parse().ok()?;
    let factor = match unit.trim_start() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_numbers_with_a_unit() {
        for (text, ms) in
            [("5ms", 5), ("10s", 10_000), ("15m", 900_000), ("1h", 3_600_000), ("7d", 604_800_000), ("0", 0), ("2 s", 2_000)]
        {
            assert_eq!(Time::parse(text).unwrap().as_millis(), ms, "{text}");
        }
        for bad in ["", "5", "s", "-1s", "5 weeks", "99999999999999999999s", "9999999d", "1.5s"] {
            assert!(Time::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_are_numbers_with_or_without_a_unit() {
        for (text, bytes) in [("512", 512), ("64KiB", 65_536), ("4MiB", 4_194_304), ("1 GiB", 1 << 30)] {
            assert_eq!(Size::parse(text).unwrap(), bytes, "{text}");
        }
        for bad in ["", "KiB", "64kb", "64K", "99999999999999999999GiB", "18446744073709551615KiB"] {
            assert!(Size::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_list_comes_with_commas_or_as_an_array() {
        assert_eq!(List::parse("a, b,,c").unwrap(), ["a", "b", "c"]);
        assert_eq!(List::read(&Raw::List(vec!["a,b".into(), " c ".into(), String::new()])).unwrap(), ["a,b", "c"]);
        assert!(List::parse("").unwrap().is_empty());
        assert!(Text::read(&Raw::List(vec!["a".into()])).is_err());
    }

    #[test]
    fn a_pace_is_a_burst_and_a_time() {
        assert_eq!(Pace::parse("5/10s").unwrap(), Rate { burst: 5, per_ms: 10_000 });
        for bad in ["5", "0/1s", "5/0", "/1s", "5/", "5/10"] {
            assert!(Pace::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Hidden::parse("hunter2\n").unwrap().unwrap();
        assert_eq!(secret.reveal(), "hunter2");
        assert!(!format!("{secret:?}").contains("hunter2"));
        assert!(Hidden::parse("").unwrap().is_none());
    }
}
