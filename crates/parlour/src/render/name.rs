//! Names and titles as they may be shown: one line, and nothing in it that a reader cannot see or that turns the text around it.

/// `text` without control, bidi-override, bidi-isolate and zero-width characters, white space runs made one space, trimmed.
///
/// What remains is still text, not HTML: whoever shows it escapes it. Never longer than `text`.
#[must_use]
pub fn plain_name(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut space_is_due = false;
    for character in text.chars() {
        if character.is_whitespace() {
            space_is_due = !plain.is_empty();
        } else if !character.is_control() && !is_invisible(character) {
            if space_is_due {
                plain.push(' ');
                space_is_due = false;
            }
            plain.push(character);
        }
    }
    plain
}

/// Characters without a shape of their own: with them two names look alike, or a name reorders what follows it.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}'                        // soft hyphen
        | '\u{34f}'                     // grapheme joiner
        | '\u{61c}'                     // Arabic letter mark
        | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // Hangul fillers
        | '\u{17b4}' | '\u{17b5}'       // Khmer inherent vowels
        | '\u{180b}'..='\u{180f}'       // Mongolian selectors and separator
        | '\u{200b}'..='\u{200f}'       // zero-width space, joiners, direction marks
        | '\u{202a}'..='\u{202e}'       // embeddings and overrides
        | '\u{2060}'..='\u{206f}'       // word joiner, invisible operators, isolates
        | '\u{fe00}'..='\u{fe0f}'       // variation selectors
        | '\u{feff}'                    // zero-width no-break space
        | '\u{fff9}'..='\u{fffb}'       // interlinear annotation
        | '\u{e0000}'..='\u{e0fff}') // tags and more variation selectors
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_cannot_be_seen_is_taken_out() {
        let cases = [
            ("Ada", "Ada"),
            ("  Ada \t\n Lovelace  ", "Ada Lovelace"),
            ("Ada\u{202e}evil", "Adaevil"),
            ("\u{2066}Ada\u{2069}", "Ada"),
            ("ad\u{200b}min\u{feff}", "admin"),
            ("a\u{0}b\u{7f}c\u{9f}", "abc"),
            ("a\u{a0}\u{2003}b", "a b"),
            ("a\u{2028}b", "a b"),
            ("\u{200b} \u{200b}", ""),
            ("a \u{200b} b", "a b"),
            ("<b>&amp;", "<b>&amp;"),
            ("Zoë 北京 👍", "Zoë 北京 👍"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(plain_name(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_plain_name_stays_as_it_is(text in any::<String>()) {
            let plain = plain_name(&text);
            prop_assert_eq!(&plain_name(&plain), &plain);
            prop_assert_eq!(plain.trim(), &plain);
            prop_assert!(!plain.contains("  ") && !plain.chars().any(char::is_control));
            prop_assert!(plain.len() <= text.len());
        }
    }
}
