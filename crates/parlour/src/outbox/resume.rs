//! RESUME: where a Socket.IO client stands in all its channels, as one string that every event brings with it. With the client's
//! own `auth` it is all that a recovery needs, on any node; so it says nothing that would have to be believed: rights are asked
//! again, and a position that no log vouches for is a gap.
//!
//! It is `1`, and for each channel a space and `EPOCH:OFFSET:HEARING:CHANNEL`; names of channels have no space. Beyond
//! [`ITEMS_MAX`] channels it is `0`, which nothing can be recovered from.

use std::fmt::Write;

use parlour_wire::position::{Epoch, Position};

use crate::ring::{Audience, TONGUES};

/// Channels of a client that can be recovered.
pub const ITEMS_MAX: usize = 16;
/// Bytes of the longest RESUME that is read.
pub const BYTES_MAX: usize = 8 * 1024;
const GOOD: char = '1';
const TOO_MANY: &str = "0";

/// A reader's place.
#[derive(Clone, Copy)]
pub struct Item<'a> {
    /// The channel's name within its site.
    pub channel: &'a str,
    /// Of the log.
    pub epoch: &'a Epoch,
    /// Everything up to here was told.
    pub offset: u64,
    /// Which signals.
    pub audience: Audience,
    /// The number of the tongue.
    pub tongue: usize,
}

/// A place that a client said it had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Had {
    /// The channel, as sent.
    pub channel: String,
    /// Where it stood.
    pub position: Position,
    /// Which signals it asked for.
    pub audience: Audience,
    /// The number of the tongue.
    pub tongue: usize,
}

/// Writes it.
pub fn write<'a>(items: impl Iterator<Item = Item<'a>>) -> String {
    Around::new(items).text
}

/// A RESUME that lacks the one place which moves.
pub struct Around {
    text: String,
    items: usize,
}

impl Around {
    /// All places but one.
    pub fn new<'a>(items: impl Iterator<Item = Item<'a>>) -> Around {
        let mut around = Around { text: String::from(GOOD), items: 0 };
        for item in items {
            around.text = around.with(item);
            around.items += 1;
        }
        around
    }

    /// Whole, with the place that it lacked.
    pub fn with(&self, item: Item<'_>) -> String {
        if self.items >= ITEMS_MAX {
            return TOO_MANY.to_owned();
        }
        let Item { channel, epoch, offset, audience, tongue } = item;
        let hearing = tongue * Audience::COUNT + audience.index();
        let mut text = String::with_capacity(self.text.len() + channel.len() + epoch.as_str().len() + 24);
        text.push_str(&self.text);
        let written = write!(text, " {epoch}:{offset}:{hearing}:{channel}");
        debug_assert!(written.is_ok());
        text
    }
}

/// Reads it; `None` for what cannot be recovered from.
pub fn read(text: &str) -> Option<Vec<Had>> {
    let items = text.strip_prefix(GOOD).filter(|_| text.len() <= BYTES_MAX)?;
    let mut had = Vec::new();
    for item in items.split(' ').skip(1) {
        if had.len() == ITEMS_MAX {
            return None;
        }
        had.push(read_item(item)?);
    }
    (items.is_empty() || !had.is_empty()).then_some(had)
}

fn read_item(item: &str) -> Option<Had> {
    let mut parts = item.splitn(4, ':');
    let (epoch, offset, hearing, channel) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let position = Position { epoch: Epoch::new(epoch).ok()?, offset: offset.parse().ok()? };
    let hearing: usize = hearing.parse().ok()?;
    let (tongue, audience) = (hearing / Audience::COUNT, Audience::from_index(hearing % Audience::COUNT)?);
    (tongue < TONGUES).then(|| Had { channel: channel.to_owned(), position, audience, tongue })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read() {
        let epoch = Epoch::new("e1").unwrap();
        let audience = Audience::VIEWERS.with(Audience::TYPING);
        let items = [
            Item { channel: "a:b", epoch: &epoch, offset: 7, audience: Audience::EVERYONE, tongue: 0 },
            Item { channel: "ü", epoch: &epoch, offset: u64::MAX, audience, tongue: 4 },
        ];
        let text = write(items.iter().copied());
        assert_eq!(text, "1 e1:7:0:a:b e1:18446744073709551615:67:ü");
        let had = read(&text).unwrap();
        assert_eq!((had[0].channel.as_str(), had[0].position.to_string().as_str(), had[0].tongue), ("a:b", "e1:7", 0));
        assert_eq!((had[1].channel.as_str(), had[1].audience, had[1].tongue), ("ü", audience, 4));
        assert_eq!(read(&write([].into_iter())), Some(Vec::new()));
    }

    #[test]
    fn beyond_sixteen_channels_there_is_nothing_to_recover_from() {
        let epoch = Epoch::new("e").unwrap();
        let item = Item { channel: "c", epoch: &epoch, offset: 0, audience: Audience::EVERYONE, tongue: 0 };
        assert_eq!(read(&write((0..ITEMS_MAX).map(|_| item))).unwrap().len(), ITEMS_MAX);
        assert_eq!(write((0..=ITEMS_MAX).map(|_| item)), "0");
        assert_eq!(write((0..40).map(|_| item)), "0");
        assert_eq!(read("0"), None);
        assert_eq!(read(&format!("1{}", " e:0:0:c".repeat(ITEMS_MAX + 1))), None);
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["", "2", "1 ", "1  e:1:0:c", "1x", "1 e:1:0", "1 E:1:0:c", "1 e:-1:0:c", "1 e:1:80:c", "1 e:1:x:c"] {
            assert_eq!(read(text), None, "{text:?}");
        }
        assert_eq!(read(&format!("1 e:1:0:{}", "c".repeat(BYTES_MAX))), None);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[0-9a-z: é]{0,60}") {
            let _ = read(&text);
        }
    }
}
