//! A proof of work: a challenge that only this server can have made, for one member in one channel, and a number that took a
//! browser some thousand hashes to find.
//!
//! A challenge is `1.EXPIRES.BITS.SALT.SEAL`: Unix milliseconds, leading zero bits, a random salt, and the keyed hash of all that and
//! of whom it is for. It is solved by the text `CHALLENGE:NUMBER` whose SHA-256 begins with BITS zero bits. Nothing is remembered of
//! a challenge until it is solved; that it is spent once is the store's business ([`Challenge::salt`]).

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::channel::Key;
use crate::comment::letters;
use crate::identity::is_same;

/// How long a challenge may be solved, in milliseconds.
pub const CHALLENGE_LIFE_MS: i64 = 10 * 60_000;
/// A solution's length, in bytes: a challenge, a colon and a number.
pub const SOLUTION_BYTES_MAX: usize = 200;
/// Random bytes of a salt: 130 of their 136 bits are used.
pub const SALT_BYTES: usize = 17;

/// Why a solution was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// Not `CHALLENGE:NUMBER`, or one that this server did not make for this member and channel.
    #[error("not a solution of a challenge that was made for this member and channel")]
    Foreign,
    /// Too late.
    #[error("the challenge has expired")]
    Expired,
    /// The hash has too few zero bits.
    #[error("the number does not solve the challenge")]
    Wrong,
}

/// What somebody is to prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Until when, in Unix milliseconds.
    pub expires_ms: i64,
    /// Leading zero bits.
    pub bits: u8,
    /// What makes it unlike all others: a challenge is spent by its salt.
    pub salt: String,
}

impl Challenge {
    /// A new one, from random bytes that the caller drew.
    #[must_use]
    pub fn new(bits: u8, random: [u8; SALT_BYTES], now_ms: i64) -> Challenge {
        Challenge { expires_ms: now_ms.saturating_add(CHALLENGE_LIFE_MS), bits, salt: letters(&random, 26) }
    }

    /// The challenge as it is sent, sealed for this member in this channel.
    #[must_use]
    pub fn sealed(&self, secret: &[u8; 32], key: &Key, member: &str) -> String {
        let text = format!("1.{}.{}.{}", self.expires_ms, self.bits, self.salt);
        let seal = seal(secret, &text, key, member).finalize().into_bytes();
        format!("{text}.{}", letters(&seal, 26))
    }

    /// Checks a solution; what comes out is to be spent.
    ///
    /// # Errors
    /// [`ProofFault`].
    pub fn solved(text: &str, secret: &[u8; 32], key: &Key, member: &str, now_ms: i64) -> Result<Challenge, ProofFault> {
        if text.len() > SOLUTION_BYTES_MAX {
            return Err(ProofFault::Foreign);
        }
        let (sent, _) = text.split_once(':').ok_or(ProofFault::Foreign)?;
        let challenge = Challenge::read(sent).ok_or(ProofFault::Foreign)?;
        if !is_same(sent, &challenge.sealed(secret, key, member)) {
            return Err(ProofFault::Foreign);
        }
        if now_ms >= challenge.expires_ms {
            return Err(ProofFault::Expired);
        }
        if zero_bits(&Sha256::digest(text.as_bytes())) < u32::from(challenge.bits) {
            return Err(ProofFault::Wrong);
        }
        Ok(challenge)
    }

    fn read(sent: &str) -> Option<Challenge> {
        let mut parts = sent.split('.');
        let version = parts.next()?;
        let expires_ms = parts.next()?.parse().ok()?;
        let bits = parts.next()?.parse().ok()?;
        let salt = parts.next()?.to_owned();
        let is_whole = parts.next().is_some() && parts.next().is_none();
        (version == "1" && is_whole).then_some(Challenge { expires_ms, bits, salt })
    }
}

fn seal(secret: &[u8; 32], text: &str, key: &Key, member: &str) -> Hmac<Sha256> {
    let mut mac = match Hmac::<Sha256>::new_from_slice(secret) {
        Ok(mac) => mac,
        Err(_) => unreachable!("a keyed hash takes a key of any length"),
    };
    // Lengths go first, so that no two lists of parts are the same bytes.
    for part in ["proof", text, key.site.as_str(), key.channel.as_str(), member] {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac
}

fn zero_bits(hash: &[u8]) -> u32 {
    let zeros = hash.iter().take_while(|byte| **byte == 0).count();
    zeros as u32 * 8 + hash.get(zeros).map_or(0, |byte| byte.leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::{ChannelName, SiteName};

    const SECRET: [u8; 32] = [7; 32];

    fn key(channel: &str) -> Key {
        Key::new(SiteName::parse("default").unwrap(), ChannelName::parse(channel).unwrap())
    }

    fn solve(challenge: &str, bits: u32) -> String {
        (0_u64..)
            .map(|number| format!("{challenge}:{number}"))
            .find(|text| zero_bits(&Sha256::digest(text.as_bytes())) >= bits)
            .unwrap()
    }

    #[test]
    fn a_solution_is_good_for_its_member_its_channel_and_its_time_alone() {
        let challenge = Challenge::new(8, [3; SALT_BYTES], 1_000);
        let text = solve(&challenge.sealed(&SECRET, &key("a"), "ana"), 8);
        assert_eq!(Challenge::solved(&text, &SECRET, &key("a"), "ana", 2_000), Ok(challenge));
        assert_eq!(Challenge::solved(&text, &SECRET, &key("b"), "ana", 2_000), Err(ProofFault::Foreign));
        assert_eq!(Challenge::solved(&text, &SECRET, &key("a"), "bob", 2_000), Err(ProofFault::Foreign));
        assert_eq!(Challenge::solved(&text, &[8; 32], &key("a"), "ana", 2_000), Err(ProofFault::Foreign));
        let late_ms = 1_000 + CHALLENGE_LIFE_MS;
        assert_eq!(Challenge::solved(&text, &SECRET, &key("a"), "ana", late_ms), Err(ProofFault::Expired));
        assert!(Challenge::solved(&text, &SECRET, &key("a"), "ana", late_ms - 1).is_ok());
    }

    #[test]
    fn less_work_than_asked_is_wrong_and_a_changed_challenge_foreign() {
        let sealed = Challenge::new(8, [3; SALT_BYTES], 1_000).sealed(&SECRET, &key("a"), "ana");
        let lazy = (0..).map(|number| format!("{sealed}:{number}")).find(|text| zero_bits(&Sha256::digest(text.as_bytes())) < 8);
        assert_eq!(Challenge::solved(&lazy.unwrap(), &SECRET, &key("a"), "ana", 2_000), Err(ProofFault::Wrong));
        let easier = sealed.replacen(".8.", ".0.", 1);
        assert_eq!(Challenge::solved(&format!("{easier}:0"), &SECRET, &key("a"), "ana", 2_000), Err(ProofFault::Foreign));
    }

    #[test]
    fn what_is_no_solution_is_refused() {
        for bad in ["", ":", "1.2.3.4.5", "1.2.3.4:5", "2.1.1.a.b:1", "1.x.1.a.b:1", "1.1.1.a.b.c:1", "1.1.999.a.b:1"] {
            assert_eq!(Challenge::solved(bad, &SECRET, &key("a"), "ana", 0), Err(ProofFault::Foreign), "{bad}");
        }
        assert_eq!(Challenge::solved(&"1".repeat(10_000), &SECRET, &key("a"), "ana", 0), Err(ProofFault::Foreign));
    }

    #[test]
    fn a_challenge_is_spent_by_a_salt_of_its_own() {
        let one = Challenge::new(8, [1; SALT_BYTES], 1);
        let other = Challenge::new(8, [2; SALT_BYTES], 1);
        assert!(one.salt != other.salt && one.salt.len() == 26);
    }
}
