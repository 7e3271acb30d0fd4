//! What lies under which key, and how a comment's id says where it is.
//!
//! Every key begins with its partition's [`at`](super::announce::at), so that a script may reach all of a partition and no cluster
//! splits them; the scripts make the rest of each name. NAME is SITE, a line feed and CHANNEL: neither contains one.
//!
//! | after `at` | kind | what |
//! | --- | --- | --- |
//! | nothing | hash | the epoch of channels that nobody appended to: `epoch`, `master`, `older` |
//! | `l:NAME` | hash | a channel: where its log stands (`epoch`, `master`, `older`, `top`, `whole`), counts, the thread; of another name only its `home` |
//! | `p:NAME` | stream | publications; the id is the offset |
//! | `n:NAME` | hash | nonces of the publications that are kept |
//! | `g:NAME` | sorted set | comments, and `-` for the thread, by the offset of their last change |
//! | `xt:NAME` `xb:NAME` | sorted sets | comments that everyone sees, by time and by score |
//! | `xr:NAME` `xs:NAME` `xp:NAME` | sorted sets | the roots of these that are not pinned, by time and by score; the pinned ones by time |
//! | any of these and a line feed | sorted set | held ones, for moderators; with a member's id behind it those of one author |
//! | `k:ID` `K:ID` | sorted sets | answers to a comment by time: seen, held |
//! | `m:NAME` | hash | nonces of comments |
//! | `c:ID` `t:ID` | hash, string | a comment: what is counted and changed, its nonce; its author and text |
//! | `e:ID` `f:ID` `y:ID` | hashes, set | its reactions by member, how many by guests' address; who reported it |
//! | `o:ID` | string | the partition of a comment that moved with its thread, where its id says that it is |
//! | `w:NAME` `pages:SITE` | set, sorted set | other names of a page; pages whose address is known, by their names |
//! | `s:SITE` `s:SITE\nMEMBER` `q:SITE\nSTATE` | sorted sets | comments in the order of their arrival: all, by author, those in a state but approved |
//! | `z:NAME` | hash | comments by author that their author alone believes to be shown |
//! | `withdrawn` | sorted set | what moderators took for spam or took back, by when |
//! | `u:SITE` | hash | approved comments by author |
//! | `v:SITE\nHASH` | bits | the partitions in which a member may have approved comments, under the SHA-256 of their id; in the member's own partition |
//! | `desk …:SITE` | | what moderators set, did and may look back on |
//! | `due` | sorted set | channels by the time of their oldest publication |
//!
//! The secret, the keys of applications and the shelf (`shelf`, `shelf names`, `shelf due`) are in partition 0.

use sha2::{Digest, Sha256};

use super::tag::PARTITIONS;
use crate::channel::{ChannelName, Key, SiteName};
use crate::comment::CommentId;

/// The first letter of an id that says its partition, and how long such an id is.
const MARK: char = 'p';
const MARKED_BYTES: usize = 23;
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// NAME of a channel.
pub(super) fn name(key: &Key) -> String {
    format!("{}\n{}", key.site, key.channel)
}

/// The channel of a NAME.
pub(super) fn named(name: &str) -> Option<Key> {
    let (site, channel) = name.split_once('\n')?;
    Some(Key::new(SiteName::parse(site).ok()?, ChannelName::parse(channel).ok()?))
}

/// An id with the partition in it: a mark, two letters for the partition, and what was drawn without its first letter.
pub(super) fn marked(partition: u16, drawn: &CommentId) -> CommentId {
    let letter = |value: u16| char::from(LETTERS[usize::from(value % 32)]);
    let text = format!("{MARK}{}{}{}", letter(partition / 32), letter(partition), drawn.as_str().get(1..).unwrap_or_default());
    CommentId::parse(&text).unwrap_or_else(|_| drawn.clone())
}

/// The partition that an id says. One that was given elsewhere, by an import or another store, may say none.
pub(super) fn partition_of(id: &CommentId) -> Option<u16> {
    let bytes = id.as_str().as_bytes();
    let value = |at: usize| LETTERS.iter().position(|letter| Some(letter) == bytes.get(at)).map(|value| value as u16);
    let is_marked = bytes.first() == Some(&(MARK as u8)) && bytes.len() == MARKED_BYTES;
    let partition = is_marked.then(|| Some(value(1)? * 32 + value(2)?))??;
    (partition < PARTITIONS).then_some(partition)
}

/// A short hash of several texts in hex, each with its length before it so that none runs into the next.
pub(super) fn hash(texts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comment::ID_BYTES;

    #[test]
    fn an_id_says_its_partition_and_others_say_none() {
        for partition in 0..PARTITIONS {
            let id = marked(partition, &CommentId::from_random([partition as u8; ID_BYTES]));
            assert_eq!(partition_of(&id), Some(partition), "{id}");
            assert!(CommentId::parse(id.as_str()).is_ok());
        }
        for text in ["c1", "p", "pzz45678901234567890123", "puu45678901234567890123", "p0045678901234567890"] {
            assert_eq!(partition_of(&CommentId::parse(text).unwrap()), None, "{text}");
        }
        assert_eq!(partition_of(&CommentId::from_random([0xff; ID_BYTES])), None);
    }

    #[test]
    fn a_name_is_read_as_it_was_written() {
        let key = Key::new(SiteName::default(), ChannelName::parse("page:a/b").unwrap());
        assert_eq!(named(&name(&key)), Some(key));
        assert_eq!((named("default"), named("A\nb"), named("a\n{b}")), (None, None, None));
    }
}
