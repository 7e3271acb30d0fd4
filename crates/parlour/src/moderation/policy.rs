//! A site's policy, and where each part of it comes from: the operator's options, which nothing overrides, else what was set in
//! the admin page, else the default.

use serde::{Deserialize, Serialize};

use super::{Words, WordsFault};

/// Links that a comment may have unless somebody said otherwise.
const LINKS_MAX: u32 = 2;
/// The longest pause between two lines of a chat, in seconds.
const SLOW_SECONDS_MAX: u64 = 3_600;

/// Whose comments wait for a moderator even if nothing else speaks against them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hold {
    /// Nobody's.
    Nothing,
    /// Those of whoever has no approved comment on this site yet.
    #[default]
    First,
    /// Everybody's.
    All,
}

impl Hold {
    /// Reads the option's word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Hold> {
        match text {
            "nothing" => Some(Hold::Nothing),
            "first" => Some(Hold::First),
            "all" => Some(Hold::All),
            _ => None,
        }
    }
}

/// A site's rules for what is shown at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whose comments wait.
    pub hold: Hold,
    /// Links in one comment; one more and it waits.
    pub links_max: u32,
    /// Words that make a comment wait.
    pub words: Words,
    /// The least time between two lines of one member in a chat, in milliseconds; 0 for none.
    pub slow_ms: u64,
    /// Leading zero bits that a proof of work needs; 0 asks for none.
    pub proof_bits: u8,
}

/// What the operator's options say; `None` where they are silent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyOptions {
    /// Whose comments wait.
    pub hold: Option<Hold>,
    /// Links in one comment.
    pub links_max: Option<u32>,
    /// Words, as written.
    pub words: Option<Vec<String>>,
    /// Seconds between two lines of a chat.
    pub slow_seconds: Option<u64>,
    /// Bits of a proof of work.
    pub proof_bits: u8,
}

/// What was set in the admin page: kept as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicySetting {
    /// Whose comments wait.
    pub hold: Hold,
    /// Links in one comment.
    pub links: Option<u32>,
    /// Words, as written.
    pub words: Vec<String>,
    /// Seconds between two lines of a chat.
    pub slow_seconds: u64,
}

impl PolicySetting {
    /// Checks what somebody wants to set.
    ///
    /// # Errors
    /// [`WordsFault`], for the words and for a pause that is too long.
    pub fn checked(self) -> Result<PolicySetting, WordsFault> {
        Words::new(&self.words)?;
        Ok(PolicySetting { slow_seconds: self.slow_seconds.min(SLOW_SECONDS_MAX), ..self })
    }
}

impl PolicyOptions {
    /// The policy in force with what was set.
    #[must_use]
    pub fn with(&self, setting: &PolicySetting) -> Policy {
        let words = self.words.as_ref().unwrap_or(&setting.words);
        Policy {
            hold: self.hold.unwrap_or(setting.hold),
            links_max: self.links_max.or(setting.links).unwrap_or(LINKS_MAX),
            // Both lists were checked when they were given.
            words: Words::new(words).unwrap_or_default(),
            slow_ms: self.slow_seconds.unwrap_or(setting.slow_seconds) * 1_000,
            proof_bits: self.proof_bits,
        }
    }

    /// The names of what options decide, so that the admin page shows them locked.
    #[must_use]
    pub fn locked(&self) -> Vec<&'static str> {
        let parts = [
            ("hold", self.hold.is_some()),
            ("links", self.links_max.is_some()),
            ("words", self.words.is_some()),
            ("slow_seconds", self.slow_seconds.is_some()),
        ];
        parts.into_iter().filter(|(_, is_locked)| *is_locked).map(|(name, _)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_beats_what_was_set_and_that_beats_the_default() {
        let set = PolicySetting { hold: Hold::All, links: Some(5), words: vec!["set".into()], slow_seconds: 3 };
        let silent = PolicyOptions::default();
        assert_eq!(silent.with(&PolicySetting::default()).hold, Hold::First);
        assert_eq!(silent.with(&PolicySetting::default()).links_max, LINKS_MAX);
        let policy = silent.with(&set);
        assert_eq!((policy.hold, policy.links_max, policy.slow_ms), (Hold::All, 5, 3_000));
        assert!(policy.words.finds("set"));
        let options = PolicyOptions { hold: Some(Hold::Nothing), words: Some(vec!["option".into()]), ..silent };
        let policy = options.with(&set);
        assert_eq!((policy.hold, policy.links_max), (Hold::Nothing, 5));
        assert!(policy.words.finds("option") && !policy.words.finds("set"));
        assert_eq!(options.locked(), ["hold", "words"]);
    }

    #[test]
    fn what_cannot_be_looked_for_is_not_set() {
        assert!(PolicySetting { words: vec!["*".into()], ..PolicySetting::default() }.checked().is_err());
        let long = PolicySetting { slow_seconds: u64::MAX, ..PolicySetting::default() }.checked().unwrap();
        assert_eq!(long.slow_seconds, SLOW_SECONDS_MAX);
    }
}
