//! Which texts are addresses that letters are sent to.

/// Whether a text is an address that letters are sent to: the plain form of RFC 5321, a dot in the host, no quotes, no comments, no
/// lists. What is refused here reaches no parser of addresses.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    let is_local = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    (1..=64).contains(&local.len())
        && local.bytes().all(is_local)
        && local.split('.').all(|part| !part.is_empty())
        && host.len() <= 189
        && host.contains('.')
        && host.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_is_one_person_at_one_host() {
        for good in ["a@example.org", "A.b+c@mail.example.org", "o'neil@example.co.uk", "x@xn--bcher-kva.example"] {
            assert!(is_address(good), "{good}");
        }
        let long = format!("{}@example.org", "a".repeat(65));
        for bad in [
            "",
            "a",
            "@example.org",
            "a@",
            "a@example",
            "a b@example.org",
            "a@b@example.org",
            "\"a\"@example.org",
            "a@[127.0.0.1]",
            "a@example.org,b@example.org",
            "a@example.org\r\nBcc: b@example.org",
            "<a@example.org>",
            "a..b@example.org",
            ".a@example.org",
            "a@-example.org",
            "a@example..org",
            "a@example.org.",
            "ü@example.org",
            "a@exämple.org",
            "a(b)@example.org",
            &long,
        ] {
            assert!(!is_address(bad), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_address_holds_what_ends_a_line(text in any::<String>()) {
            prop_assert!(!is_address(&text) || !text.contains(['\r', '\n', ' ', ',', '<', '"']));
        }
    }
}
