//! Names that a reader takes for one another have the same likeness. So nobody can pass for somebody who is signed in, or for the
//! staff, by letters that look the same, by what cannot be seen, or by another case.
//!
//! Rests on the tables of Unicode: NFKC, and the confusables of UTS 39. It goes further than they do where a guest has other
//! names to choose from and a reader no second look: case, the marks on letters, and everything that is no letter do not count.

use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

/// Names that only staff may have, whatever the site; what the site adds comes on top.
const RESERVED: [&str; 12] = [
    "admin",
    "administrator",
    "author",
    "mod",
    "moderator",
    "moderation",
    "owner",
    "parlour",
    "root",
    "staff",
    "support",
    "system",
];

/// The longest likeness that is told apart, in characters: a name has at most 60.
const LIKENESS_CHARS_MAX: usize = 240;

/// What names that look alike have in common; empty for a name in which there is nothing to be seen.
#[must_use]
pub fn likeness(name: &str) -> String {
    // Capitals are drawn alike that small letters are not, and the other way round: both count.
    let drawn: String = skeleton(&name.nfkc().collect::<String>()).collect();
    let small: String = drawn.to_lowercase();
    let plain = small.nfkd().filter(|character| !is_mark(*character)).collect::<String>();
    let mut like = String::with_capacity(plain.len());
    for character in skeleton(&plain).flat_map(char::to_lowercase).take(LIKENESS_CHARS_MAX) {
        match character {
            // Drawn as one stroke.
            'i' | 'l' | '1' | '|' | '!' | 'ı' | 'ł' => like.push('l'),
            '0' => like.push('o'),
            '@' => like.push('a'),
            '$' => like.push('s'),
            '€' => like.push('e'),
            'w' => like.push_str("vv"),
            'm' => like.push_str("rn"),
            'ø' => like.push('o'),
            'đ' => like.push('d'),
            letter if letter.is_alphanumeric() => like.push(letter),
            // Emoji and letters of scripts without case are something; dots, dashes and spaces are not.
            other if !other.is_ascii() && !other.is_whitespace() && !is_mark(other) && !is_punctuation(other) => like.push(other),
            _ => {}
        }
    }
    like
}

/// Whether only staff may have a name that looks like this; `more` are the site's own reserved names.
#[must_use]
pub fn is_reserved<T: AsRef<str>>(like: &str, more: &[T]) -> bool {
    let mut reserved = RESERVED.into_iter().chain(more.iter().map(AsRef::as_ref));
    !like.is_empty() && reserved.any(|name| likeness(name) == like)
}

/// The marks that stand on letters of Latin, Greek and Cyrillic, and the overlays. Those of other scripts are letters to their
/// readers and stay.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}')
}

fn is_punctuation(character: char) -> bool {
    matches!(character, '\u{a1}'..='\u{bf}' | '\u{d7}' | '\u{f7}' | '\u{2b0}'..='\u{2ff}' | '\u{2000}'..='\u{206f}' | '\u{2500}'..='\u{25ff}' | '\u{3000}'..='\u{303f}' | '\u{fe00}'..='\u{fe0f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Fifty names that a reader would take for `Alice Miller`.
    fn of_alice() -> Vec<String> {
        serde_json::from_str(include_str!("look_alikes.json")).unwrap()
    }

    #[test]
    fn fifty_look_alikes_have_one_likeness() {
        let like = likeness("Alice Miller");
        assert_eq!(of_alice().len(), 50);
        let told_apart: Vec<String> = of_alice().into_iter().filter(|name| likeness(name) != like).collect();
        assert!(told_apart.is_empty(), "{told_apart:?}");
    }

    #[test]
    fn other_people_have_other_names() {
        let names = [
            "Alice Miller",
            "Alice",
            "Miller",
            "Bob",
            "Rob",
            "Anna",
            "Anne",
            "Hannah",
            "Tom",
            "Tim",
            "北京",
            "北海",
            "Иван",
            "Игорь",
            "राम",
            "रमा",
            "محمد",
            "أحمد",
            "Zoë",
            "Zora",
            "👍",
            "👎",
            "Jörg",
            "Jürg",
        ];
        for (index, one) in names.iter().enumerate() {
            for other in &names[index + 1..] {
                assert_ne!(likeness(one), likeness(other), "{one} {other}");
            }
        }
    }

    #[test]
    fn a_name_with_nothing_to_be_seen_is_like_nothing() {
        for name in ["", " ", "\u{200b}", "...", "\u{202e}\u{2069}", "\u{301}"] {
            assert_eq!(likeness(name), "", "{name:?}");
        }
    }

    #[test]
    fn staff_have_their_names_to_themselves() {
        for name in ["admin", "Admin", "ADMIN", "Аdmin", "adm1n", "a-d-m-i-n", "Ｍoderator", "rnoderator", "Parlour", "0wner"] {
            assert!(is_reserved(&likeness(name), &[] as &[&str]), "{name}");
        }
        assert!(is_reserved(&likeness("The Editors"), &["the editors"]));
        for name in ["Adam", "Modesta", "Stefan", "", "Authority"] {
            assert!(!is_reserved(&likeness(name), &[""]), "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_likeness_is_its_own_and_never_long(name in any::<String>()) {
            let like = likeness(&name);
            prop_assert!(like.chars().count() <= LIKENESS_CHARS_MAX * 2);
            prop_assert!(!like.chars().any(char::is_control));
        }
    }
}
