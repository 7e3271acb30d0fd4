//! The 128 partitions that every key belongs to, and the hash tags that put a partition's keys into one slot of a cluster.
//!
//! A tag was searched for each partition whose slot lies in the middle of the partition's share of all slots, so that any number
//! of masters with equal shares of the slots has an equal share of the partitions, give or take one. The number of partitions and the
//! table are part of what is stored: neither ever changes.

use crate::channel::Key;

/// Partitions of a store.
pub const PARTITIONS: u16 = 128;
/// Slots of a Redis Cluster.
pub const SLOTS: u16 = 16_384;

#[rustfmt::skip]
const TAGS: [&str; PARTITIONS as usize] = [
    "5n3", "d5m", "7me", "3xc", "a2j", "0i4", "cu4", "2jb", "5js", "92e", "bcu", "fvs", "4xr", "0mt", "cqt", "x3",
    "dhn", "530", "3ah", "70f", "047", "4e9", "ex", "6fo", "9of", "57p", "fox", "j7n", "00w", "4ay", "a8", "kag",
    "h8q", "1j7", "78o", "3ia", "4m0", "0x6", "6nf", "mq", "hx9", "1nw", "brw", "fgq", "4ip", "81f", "kin", "i1",
    "174", "her", "34b", "7el", "ekm", "403", "0r", "63e", "13t", "5bz", "n3j", "jbd", "8le", "44s", "42", "k4m",
    "7lu", "3ys", "hlk", "975", "k94", "9k", "a3z", "ebt", "7h5", "f3k", "5kc", "93u", "6z4", "2o2", "4yb", "0ld",
    "nc0", "71v", "9j6", "h1h", "dh", "kd7", "8x7", "any", "3d8", "756", "1gn", "5rh", "221", "cio", "01g", "aj9",
    "su7", "3hq", "h9a", "daw", "6ov", "la", "afp", "846", "7y7", "3l1", "5za", "1og", "6k6", "g0h", "ab0", "09n",
    "35r", "jg4", "l5l", "hdb", "1b", "62u", "8i5", "i2k", "312", "bjl", "12d", "5cj", "gmk", "665", "0dm", "45c",
];

/// What stands between braces in every key of the partition.
#[must_use]
pub fn tag(partition: u16) -> &'static str {
    TAGS[usize::from(partition % PARTITIONS)]
}

/// The cluster slot of the partition's keys.
#[must_use]
pub fn slot(partition: u16) -> u16 {
    crc16(tag(partition).bytes()) % SLOTS
}

/// The partition of a channel.
#[must_use]
pub fn partition(key: &Key) -> u16 {
    // No name contains a line feed, so no two keys read alike.
    let bytes = key.site.as_str().bytes().chain([b'\n']).chain(key.channel.as_str().bytes());
    crc16(bytes) % PARTITIONS
}

/// The partition of something named by a text, such as the hash of an API key.
#[must_use]
pub fn partition_of(text: &str) -> u16 {
    crc16(text.bytes()) % PARTITIONS
}

/// CRC-16/XMODEM, as the specification of Redis Cluster has it.
fn crc16(bytes: impl Iterator<Item = u8>) -> u16 {
    bytes.fold(0, |mut crc, byte| {
        crc ^= u16::from(byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
        }
        crc
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::{ChannelName, SiteName};

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(crc16("123456789".bytes()), 0x31c3);
        assert_eq!(crc16("foo".bytes()) % SLOTS, 12_182);
    }

    #[test]
    fn any_number_of_masters_has_an_equal_share_of_the_partitions() {
        for masters in 1..=64_usize {
            let mut shares = vec![0_u16; masters];
            for partition in 0..PARTITIONS {
                shares[usize::from(slot(partition)) * masters / usize::from(SLOTS)] += 1;
            }
            let (least, most) = (shares.iter().min().copied(), shares.iter().max().copied());
            assert!(most <= least.map(|least| least + 1), "{masters} masters: {shares:?}");
        }
    }

    #[test]
    fn channels_spread_over_the_partitions_and_stay_where_they_are() {
        let key = |name: &str| Key::new(SiteName::default(), ChannelName::parse(name).expect("a name"));
        let mut counts = vec![0; usize::from(PARTITIONS)];
        (0..12_800).for_each(|number| counts[usize::from(partition(&key(&format!("page:{number}"))))] += 1);
        assert!(counts.iter().all(|count| (30..300).contains(count)), "{counts:?}");
        assert_eq!(partition(&key("lobby")), 86, "a stored channel would be lost");
    }
}
