//! The shape of an event where HTTP carries it: in an event stream's `data:` and in a long poll's `events`. Relies on `text`;
//! framing is `sse`'s matter, waiting the server's.

use std::fmt::Write;

use crate::push::Event;
use crate::text::push_string;

/// `{"event", "channel", "offset"?, "data", "author"?: {"user", "client"}, "time"}`, on one line.
pub fn event(event: &Event) -> String {
    let mut out = String::with_capacity(event.data.len() + event.channel.len() + 128);
    out.push_str("{\"event\":\"");
    out.push_str(event.kind.name());
    out.push_str("\",\"channel\":");
    push_string(&mut out, &event.channel);
    if let Some(offset) = event.offset {
        out.push_str(",\"offset\":");
        out.push_str(&offset.to_string());
    }
    out.push_str(",\"data\":");
    out.push_str(&event.data);
    if let Some(publisher) = &event.publisher {
        out.push_str(",\"author\":{\"user\":");
        push_string(&mut out, &publisher.user);
        out.push_str(",\"client\":");
        push_string(&mut out, &publisher.client);
        out.push('}');
    }
    out.push_str(",\"time\":\"");
    out.push_str(&rfc3339(event.time_ms));
    out.push_str("\"}");
    out
}

/// The answer to a long poll: `{"position", "gap"?, "events"}`, of events as [`event`] writes them. `position` is one position,
/// or several joined by commas.
pub fn poll<'a>(position: &str, gap: bool, events: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = String::from("{\"position\":");
    push_string(&mut out, position);
    out.push_str(if gap { ",\"gap\":true,\"events\":[" } else { ",\"events\":[" });
    for (index, event) in events.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(event);
    }
    out.push_str("]}");
    out
}

/// The last millisecond of the year 9999, the last that RFC 3339 can write.
const TIME_MS_MAX: i64 = 253_402_300_799_999;

/// A time in RFC 3339, UTC, with milliseconds: `2011-10-05T14:48:00.000Z`. Times before 1970 and after 9999 become the nearest
/// that is within.
pub fn rfc3339(time_ms: i64) -> String {
    let time_ms = time_ms.clamp(0, TIME_MS_MAX);
    let (days, ms) = (time_ms / 86_400_000, time_ms % 86_400_000);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    let mut out = String::with_capacity(24);
    let written = write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1000);
    debug_assert!(written.is_ok());
    out
}

/// Year, month and day of the Gregorian calendar, from days since 1970-01-01. Years are counted from 1 March, so that the leap
/// day is the last of its year; 719,468 days lie between 0000-03-01 and 1970-01-01.
fn date(days_since_1970: i64) -> (i64, i64, i64) {
    let days = days_since_1970 + 719_468;
    // 400 years have 146,097 days, 100 have 36,524 (the last of four has one more), 4 have 1,461.
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // From March on, five months always have 153 days.
    let months_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * months_from_march + 2) / 5 + 1;
    let month = if months_from_march < 10 { months_from_march + 3 } else { months_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::{Kind, Publisher};

    fn an_event() -> Event {
        Event {
            kind: Kind::Publication,
            channel: "a\"b".into(),
            offset: Some(3),
            data: "[1.0]".into(),
            publisher: None,
            time_ms: 1_317_826_080_007,
        }
    }

    #[test]
    fn an_event_has_its_shape() {
        assert_eq!(
            event(&an_event()),
            r#"{"event":"publication","channel":"a\"b","offset":3,"data":[1.0],"time":"2011-10-05T14:48:00.007Z"}"#
        );
        let signal = Event {
            kind: Kind::Viewers,
            offset: None,
            publisher: Some(Publisher { user: "u".into(), client: "c".into() }),
            ..an_event()
        };
        assert_eq!(
            event(&signal),
            r#"{"event":"viewers","channel":"a\"b","data":[1.0],"author":{"user":"u","client":"c"},"time":"2011-10-05T14:48:00.007Z"}"#
        );
    }

    #[test]
    fn a_poll_lists_events_and_tells_of_a_gap() {
        assert_eq!(poll("e:1", false, []), r#"{"position":"e:1","events":[]}"#);
        assert_eq!(poll("e:1,f:2", true, ["{}", "1"]), r#"{"position":"e:1,f:2","gap":true,"events":[{},1]}"#);
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (time_ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_709_251_199_001, "2024-02-29T23:59:59.001Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (TIME_MS_MAX, "9999-12-31T23:59:59.999Z"),
            (i64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(rfc3339(time_ms), text);
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut last = (1969, 12, 31);
        for days in 0..200_000 {
            let next = date(days);
            let (year, month, day) = last;
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = [31, 28 + i64::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][usize::try_from(month - 1).unwrap()];
            let expected = match (day == length, month == 12) {
                (false, _) => (year, month, day + 1),
                (true, false) => (year, month + 1, 1),
                (true, true) => (year + 1, 1, 1),
            };
            assert_eq!(next, expected);
            last = next;
        }
    }
}
