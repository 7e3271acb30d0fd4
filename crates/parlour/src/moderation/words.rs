//! A list of words and phrases, and whether a text has one of them, however it is written: case, punctuation, line breaks and
//! characters that nobody sees make no difference.

/// Words of one list at most.
pub const WORDS_MAX: usize = 1_000;
/// Characters of one word at most.
pub const WORD_CHARS_MAX: usize = 100;

/// Why a list was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordsFault {
    /// Longer than [`WORDS_MAX`].
    #[error("a list has at most {WORDS_MAX} words")]
    TooMany,
    /// Longer than [`WORD_CHARS_MAX`], or nothing that can be found.
    #[error("{0:?} is not a word of 1 to {WORD_CHARS_MAX} characters")]
    WordInvalid(String),
}

/// Words that are looked for: whole words or phrases, or, with `*` at the end, beginnings of words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(Vec<String>);

impl Words {
    /// Checks a list.
    ///
    /// # Errors
    /// [`WordsFault`].
    pub fn new<T: AsRef<str>>(list: &[T]) -> Result<Words, WordsFault> {
        if list.len() > WORDS_MAX {
            return Err(WordsFault::TooMany);
        }
        list.iter().map(|word| needle(word.as_ref())).collect::<Result<_, _>>().map(Words)
    }

    /// Whether `text` has one of the words.
    #[must_use]
    pub fn finds(&self, text: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let text = plain(text);
        self.0.iter().any(|word| text.contains(word.as_str()))
    }
}

/// A word as it is looked for: a space before it, and one behind it unless only its beginning counts.
fn needle(word: &str) -> Result<String, WordsFault> {
    let refused = || WordsFault::WordInvalid(word.chars().take(WORD_CHARS_MAX).collect());
    if word.chars().count() > WORD_CHARS_MAX {
        return Err(refused());
    }
    let (stem, is_beginning) = word.trim().strip_suffix('*').map_or((word, false), |stem| (stem, true));
    let mut needle = plain(stem);
    if needle.trim().is_empty() {
        return Err(refused());
    }
    if is_beginning {
        needle.truncate(needle.trim_end().len());
    }
    Ok(needle)
}

/// The letters and digits of a text in lower case, everything else one space, one at each end.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len() + 2);
    plain.push(' ');
    for character in text.chars().filter(|character| !is_unseen(*character)) {
        if character.is_alphanumeric() {
            plain.extend(character.to_lowercase());
        } else if !plain.ends_with(' ') {
            plain.push(' ');
        }
    }
    if !plain.ends_with(' ') {
        plain.push(' ');
    }
    plain
}

/// Characters that take no room between two letters: soft hyphen, zero width, joiners, marks of direction, selectors.
fn is_unseen(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn finds(word: &str, text: &str) -> bool {
        Words::new(&[word]).unwrap().finds(text)
    }

    #[test]
    fn a_word_is_found_whole_in_any_dress() {
        for text in ["casino", "a CASINO.", "(casino)", "ca\u{200b}si\u{ad}no!", "**casino**", "CASINO\nnow"] {
            assert!(finds("casino", text), "{text}");
        }
        for text in ["casinos", "mycasino", "cas ino", ""] {
            assert!(!finds("casino", text), "{text}");
        }
    }

    #[test]
    fn a_phrase_takes_any_gap_and_a_star_any_ending() {
        assert!(finds("cheap pills", "CHEAP -- pills"));
        assert!(!finds("cheap pills", "cheap blue pills"));
        assert!(finds("crypt*", "cryptocurrency") && finds("crypt*", "a crypt"));
        assert!(!finds("crypt*", "encrypted"));
        assert!(finds("über*", "ÜBERALL"));
    }

    #[test]
    fn what_cannot_be_found_is_refused() {
        for bad in ["", "  ", "*", "!!!"] {
            assert!(matches!(Words::new(&[bad]), Err(WordsFault::WordInvalid(_))), "{bad:?}");
        }
        assert!(Words::new(&["x".repeat(WORD_CHARS_MAX + 1)]).is_err());
        assert_eq!(Words::new(&vec!["x"; WORDS_MAX + 1]), Err(WordsFault::TooMany));
    }

    proptest! {
        #[test]
        fn any_text_is_looked_through(text in ".{0,200}", word in "[a-z]{1,8}") {
            let inside = format!("{text} {word} {text}");
            prop_assert!(finds(&word, &inside));
        }
    }
}
