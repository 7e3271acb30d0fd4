//! A point in time as the store counts it and as JSON shows it. Nobody here asks what time it is.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds since 1970-01-01T00:00:00Z; in JSON RFC 3339 in UTC with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Time(pub i64);

impl fmt::Display for Time {
    /// What lies beyond the years that RFC 3339 can write is shown as the last of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const YEAR_0_MS: i64 = -62_167_219_200_000;
        const YEAR_9999_END_MS: i64 = 253_402_207_200_000 - 1;
        let shown_ms = self.0.clamp(YEAR_0_MS, YEAR_9999_END_MS);
        let timestamp = Timestamp::from_millisecond(shown_ms).map_err(|_| fmt::Error)?;
        write!(f, "{timestamp:.3}")
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let timestamp: Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        Ok(Self(timestamp.as_millisecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_rfc_3339_in_utc_with_milliseconds() {
        assert_eq!(Time(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Time(1_700_000_000_123).to_string(), "2023-11-14T22:13:20.123Z");
        assert_eq!(Time(1_700_000_000_120).to_string(), "2023-11-14T22:13:20.120Z");
        assert_eq!(Time(-1).to_string(), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn times_beyond_the_calendar_are_shown_as_its_ends() {
        assert!(Time(i64::MAX).to_string().starts_with("9999-"));
        assert_eq!(Time(i64::MIN).to_string(), "0000-01-01T00:00:00.000Z");
    }

    #[test]
    fn what_is_no_time_is_not_read() {
        assert!(serde_json::from_str::<Time>("\"yesterday\"").is_err());
        assert!(serde_json::from_str::<Time>("5").is_err());
    }

    proptest! {
        #[test]
        fn a_time_is_read_as_it_was_written(ms in -62_000_000_000_000_i64..253_000_000_000_000) {
            let text = serde_json::to_string(&Time(ms)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Time>(&text).unwrap(), Time(ms));
        }
    }
}
